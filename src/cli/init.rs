//! `init`: makes an empty database.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use treering::MultiStore;
use treering::engine::Registry;
use treering::proofs::HashFunction;

use super::error::CliError;
use super::output::Output;
use super::place::DirArg;

/// Makes an empty database in a new folder.
#[derive(clap::Args)]
#[command(after_help = "\
Only sha256 gives the hashes and proofs of cosmos/iavl; blake3 is faster where the CPU has no SHA instructions.

The home engine keeps what is known of all stores, and the stores that name no other engine. It is that of --engine, or else the \
defaultEngine of --config, or else rocksdb, and cannot be changed later. `treering engines` lists them all.
The settings of a configuration file are not kept: they hold for the command that gets --config.

Example:
  treering init trees
  treering init chain --initial-version 100
  treering init --config treering.toml")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    /// The hash function of all trees in it: sha256 or blake3.
    #[arg(long, value_name = "NAME", default_value_t)]
    hash: HashFunction,
    /// The home engine.
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// The number of the first version that is saved in each store.
    #[arg(long, value_name = "N", default_value_t = 1)]
    initial_version: u64,
}

#[derive(Serialize)]
struct Made {
    database: PathBuf,
    engine: String,
    hash: HashFunction,
    initial_version: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let place = args.dir.place()?;
    let (config, _) = place.config();
    let engine = args.engine.as_ref().unwrap_or(&config.default_engine);
    let kind = Registry::with_compiled_in().get(engine).map_err(treering::Error::from)?;
    if !kind.capabilities().persistence {
        return Err(CliError::HomeWouldBeGone { engine: engine.clone() });
    }
    let stores =
        MultiStore::builder(config.clone()).home(engine).hash_function(args.hash).initial_version(args.initial_version).create()?;
    stores.close_all()?;
    let (database, engine, hash) = (place.dir().to_owned(), engine.clone(), args.hash);
    output.print(&Made { database, engine, hash, initial_version: args.initial_version })
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "made the empty database {} on {}, hashed with {}", self.database.display(), self.engine, self.hash)?;
        if self.initial_version != 1 {
            write!(f, ", first version {}", self.initial_version)?;
        }
        Ok(())
    }
}
