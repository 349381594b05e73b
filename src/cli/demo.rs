//! `demo`: what treering does, shown on Ethereum's genesis allocation. Every claim in the story is checked while it is told.

mod evidence;
mod genesis;
mod narrator;
mod story;
mod transfers;
mod wei;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use treering::proofs::Hash;

use super::args::temporary_folder;
use super::error::CliError;
use super::output::Output;
use narrator::Narrator;
use story::Story;

/// Shows what treering does, on Ethereum's genesis allocation.
///
/// Imports 8,893 real accounts as versions of a store, adds them up, moves some ether, proves a balance and an absence against a
/// root hash of 32 bytes, has forgeries refused, opens the database again, looks into the past and prunes it.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering demo
  treering demo --dir demo-trees
  treering scan demo-trees --limit 5 --utf8-values")]
pub(crate) struct Args {
    /// A new folder for the database, which stays; without it a temporary one.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What was shown, for scripts.
#[derive(Serialize)]
struct Shown {
    accounts: u64,
    total_wei: String,
    genesis_version: u64,
    genesis_root: Hash,
    version: u64,
    root: Hash,
    proof_bytes: usize,
    seconds: f64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let began = Instant::now();
    let temporary;
    let dir = if let Some(dir) = &args.dir {
        dir.clone()
    } else {
        temporary = temporary_folder("treering-demo-")?;
        temporary.path().join("database")
    };
    let mut narrator = Narrator::new(output);
    narrator.title("treering: versions of a store, every key provable against 32 bytes, hash for hash as cosmos/iavl")?;
    let mut shown = tell(&dir, &mut narrator)?;
    shown.seconds = began.elapsed().as_secs_f64();
    let kept = args.dir.is_some().then_some(dir.as_path());
    epilogue(&mut narrator, kept, &shown)?;
    narrator.finish(&shown)
}

fn tell(dir: &Path, narrator: &mut Narrator<'_>) -> Result<Shown, CliError> {
    let mut story = Story::begin(dir, narrator)?;
    let genesis = story.import(narrator)?;
    let total = story.add_up(narrator)?;
    let newest = story.transfer(narrator, total)?;
    let snapshot = story.at(newest.version)?;
    let proof_bytes = evidence::prove_balance(&snapshot, narrator)?;
    evidence::prove_absence(&snapshot, narrator)?;
    evidence::refuse_forgeries(&snapshot, &story.at(genesis.version)?, narrator)?;
    drop(snapshot);
    let mut story = story.reopen(dir, narrator, &newest)?;
    story.look_back(narrator, &genesis, &newest)?;
    story.prune(narrator, &newest)?;
    story.end()?;
    Ok(Shown {
        accounts: genesis.size,
        total_wei: total.0.to_string(),
        genesis_version: genesis.version,
        genesis_root: genesis.root_hash,
        version: newest.version,
        root: newest.root_hash,
        proof_bytes,
        seconds: 0.0,
    })
}

fn epilogue(narrator: &mut Narrator<'_>, kept: Option<&Path>, shown: &Shown) -> Result<(), CliError> {
    narrator.line("")?;
    narrator.title(&format!("Done in {:.1} seconds, every claim above checked.", shown.seconds))?;
    if let Some(dir) = kept {
        let dir = dir.display();
        narrator.line(&format!("The database stays in {dir}. Look around:"))?;
        narrator.say(&format!("treering versions {dir}"))?;
        narrator.say(&format!("treering scan {dir} --limit 5 --utf8-values"))?;
        narrator.say(&format!("treering tree {dir} --depth 3"))
    } else {
        narrator.line("The temporary database is removed. To keep one and look around:")?;
        narrator.say("treering demo --dir demo-trees")?;
        narrator.say("treering scan demo-trees --limit 5 --utf8-values")
    }
}
