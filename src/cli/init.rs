//! `init`: makes an empty database.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use treering::proofs::HashFunction;
use treering::{CreateOptions, Database, OpenOptions};

use super::args::DirArg;
use super::error::CliError;
use super::output::Output;

/// Makes an empty database in a new folder.
#[derive(clap::Args)]
#[command(after_help = "\
Only sha256 gives the hashes and proofs of cosmos/iavl; blake3 is faster where the CPU has no SHA instructions.

Example:
  treering init trees
  treering init chain --initial-version 100")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    /// The hash function of all trees in it: sha256 or blake3.
    #[arg(long, value_name = "NAME", default_value_t)]
    hash: HashFunction,
    /// The number of the first version that is saved in each store.
    #[arg(long, value_name = "N", default_value_t = 1)]
    initial_version: u64,
}

#[derive(Serialize)]
struct Made {
    database: PathBuf,
    hash: HashFunction,
    initial_version: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let dir = args.dir.path()?;
    let create = CreateOptions { hash_function: args.hash, initial_version: args.initial_version };
    Database::create(&dir, &create, &OpenOptions::default())?.close()?;
    output.print(&Made { database: dir, hash: args.hash, initial_version: args.initial_version })
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "made the empty database {}, hashed with {}", self.database.display(), self.hash)?;
        if self.initial_version != 1 {
            write!(f, ", first version {}", self.initial_version)?;
        }
        Ok(())
    }
}
