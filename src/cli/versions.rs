//! `versions` and `root`: what was saved, and its root hash.

use std::fmt;

use clap::Args;
use serde::Serialize;
use treering::VersionInfo;
use treering::proofs::Hash;

use super::args::{DirArg, StoreArg, VersionArg, open_to_read};
use super::error::CliError;
use super::notation::Utc;
use super::output::Output;
use super::saved::Saved;

/// Lists the saved versions of a store, the oldest first.
#[derive(Args)]
#[command(after_help = "\
Example:
  treering versions trees --store forest")]
pub(crate) struct VersionsArgs {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    store: StoreArg,
    /// Only this version.
    #[arg(long, value_name = "N")]
    version: Option<u64>,
}

/// Prints the root hash of a version.
#[derive(Args)]
#[command(after_help = "\
Example:
  treering root trees
  treering root trees --store forest --version 3 --json")]
pub(crate) struct RootArgs {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    at: VersionArg,
}

#[derive(Serialize)]
struct Dated {
    #[serde(flatten)]
    saved: Saved,
    /// Seconds since 1970.
    time: u64,
}

#[derive(Serialize)]
struct Printed {
    version: u64,
    root: Hash,
    size: u64,
    height: u8,
}

pub(crate) fn versions(args: &VersionsArgs, output: &mut Output) -> Result<(), CliError> {
    let database = open_to_read(&args.dir.path()?)?;
    let store = args.store.name(&database)?;
    let versions = match args.version {
        Some(version) => vec![*database.snapshot(&store, Some(version))?.info()],
        None => database.versions(&store)?,
    };
    for info in versions {
        output.print(&Dated { saved: Saved::from(&info), time: info.time })?;
    }
    Ok(())
}

pub(crate) fn root(args: &RootArgs, output: &mut Output) -> Result<(), CliError> {
    let database = open_to_read(&args.dir.path()?)?;
    let snapshot = args.at.snapshot(&database)?;
    let VersionInfo { version, root_hash, size, height, .. } = *snapshot.info();
    output.print(&Printed { version, root: root_hash, size, height })
}

impl fmt::Display for Dated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.saved, Utc(self.time))
    }
}

/// The hash alone, for `$(treering root ..)`.
impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)
    }
}
