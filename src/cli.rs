//! The command line: one file a command, over the public interface of the library only.
//!
//! A command parses its words into a struct of arguments (clap), does its work, and prints records: text for people, or with `--json`
//! one JSON object a line. Results go to standard output, everything else (progress, notes, errors) to standard error.

mod args;
mod error;
mod input;
mod merkle_proof;
mod notation;
mod output;
mod place;
mod progress;
mod proof_form;
mod queue;
mod saved;
mod work;

mod apply;
mod audit;
mod bench;
mod check;
mod create;
mod demo;
mod engines;
mod events;
mod get;
mod import_csv;
mod init;
mod prove;
mod prune;
mod rollback;
mod scan;
mod serve;
mod stats;
mod stores;
mod system;
mod token;
mod tree;
mod verify;
mod versions;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::CliError;
use output::Output;

/// What a Unix shell reports for a program that stopped because nobody reads its output any more (128 + SIGPIPE).
const EXIT_PIPE_CLOSED: u8 = 141;

/// An authenticated, versioned key-value store, bit for bit compatible with cosmos/iavl.
///
/// A database is a folder. It holds stores, each with its versions; every version has a root hash of 32 bytes, against which
/// any key, or its absence, can be proven. All stores can be saved together as one version, which has an app hash.
#[derive(Parser)]
#[command(name = "treering", version, max_term_width = 110, after_help = EXAMPLE)]
struct Cli {
    /// Prints one JSON object a line instead of text for people.
    #[arg(long, global = true, display_order = 900)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "\
DIR, the folder of the database, may be left out of every command when TREERING_DIR names it.
Keys and values are hex (with or without 0x), or plain text with --utf8.
The exit code is 0 only on success.

Example:
  treering demo                      see it work, in a temporary folder
  treering init trees
  echo '{\"op\":\"set\",\"key\":\"6f616b\",\"value\":\"323030\"}
  {\"op\":\"save\"}' | treering apply trees - --store forest
  treering get trees oak --utf8
  treering prove trees 6f616b --format ics23 --out oak.proof
  treering verify --root \"$(treering root trees)\" \\
    --proof oak.proof --format ics23 --key 6f616b --value 323030
  treering serve trees               look at it in a browser

Example with several stores:
  treering init chain && treering create chain bank && treering create chain gov
  echo '{\"op\":\"set\",\"store\":\"bank\",\"key\":\"alice\",\"value\":\"64\"}
  {\"op\":\"save\"}' | treering apply chain - --utf8
  treering prove chain alice --utf8 --store bank --app --out alice.proof
  treering verify --app-hash \"$(treering app-hash chain)\" \\
    --store bank --proof alice.proof --key alice --value 64 --utf8";

#[derive(Subcommand)]
enum Command {
    Init(init::Args),
    Create(create::CreateArgs),
    Delete(create::DeleteArgs),
    Rename(create::RenameArgs),
    Stores(stores::StoresArgs),
    Apply(apply::Args),
    ImportCsv(import_csv::Args),
    Get(get::GetArgs),
    Has(get::HasArgs),
    Scan(scan::Args),
    Versions(versions::VersionsArgs),
    Root(versions::RootArgs),
    AppHash(stores::AppHashArgs),
    Prove(prove::Args),
    Verify(verify::Args),
    Rollback(rollback::Args),
    Prune(prune::Args),
    Events(events::Args),
    Check(check::Args),
    Audit(audit::Args),
    Token(token::Args),
    Stats(stats::Args),
    Tree(tree::Args),
    Engines(engines::EnginesArgs),
    Config(engines::ConfigArgs),
    Serve(serve::Args),
    System(system::Args),
    Bench(bench::Args),
    Demo(demo::Args),
}

/// Runs the command that the process was started with.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    raise_open_files();
    let mut output = Output::new(cli.json);
    let done = cli.command.run(&mut output).and_then(|()| output.flush());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::from(EXIT_PIPE_CLOSED),
        Err(error) => {
            // What was done before the error is printed before it.
            let _ = output.flush();
            error::report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Lets this process have as many files open as the system lets it: a long history is one of many files, a server has many connections.
fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // With fewer everything works, only slower.
        let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit });
    }
}

impl Command {
    fn run(self, output: &mut Output) -> Result<(), CliError> {
        match self {
            Self::Init(args) => init::run(&args, output),
            Self::Create(args) => create::create(&args, output),
            Self::Delete(args) => create::delete(&args, output),
            Self::Rename(args) => create::rename(&args, output),
            Self::Stores(args) => stores::stores(&args, output),
            Self::Apply(args) => apply::run(&args, output),
            Self::ImportCsv(args) => import_csv::run(&args, output),
            Self::Get(args) => get::get(&args, output),
            Self::Has(args) => get::has(&args, output),
            Self::Scan(args) => scan::run(&args, output),
            Self::Versions(args) => versions::versions(&args, output),
            Self::Root(args) => versions::root(&args, output),
            Self::AppHash(args) => stores::app_hash(&args, output),
            Self::Prove(args) => prove::run(&args, output),
            Self::Verify(args) => verify::run(&args, output),
            Self::Rollback(args) => rollback::run(&args, output),
            Self::Prune(args) => prune::run(&args, output),
            Self::Events(args) => events::run(&args, output),
            Self::Check(args) => check::run(&args, output),
            Self::Audit(args) => audit::run(&args, output),
            Self::Token(args) => token::run(&args, output),
            Self::Stats(args) => stats::run(&args, output),
            Self::Tree(args) => tree::run(&args, output),
            Self::Engines(args) => engines::engines(&args, output),
            Self::Config(args) => engines::config(&args, output),
            Self::Serve(args) => serve::run(&args, output),
            Self::System(args) => system::run(&args, output),
            Self::Bench(args) => bench::run(&args, output),
            Self::Demo(args) => demo::run(&args, output),
        }
    }
}
