//! `versions` and `root`: what was saved, and its root hash.

use std::fmt;

use clap::Args;
use serde::Serialize;
use treering::proofs::Hash;
use treering::{MultiStore, SharedStore, VersionInfo, Versioned};

use super::args::{Scope, ScopeArg, VersionArg};
use super::error::CliError;
use super::notation::Utc;
use super::output::Output;
use super::place::DirArg;
use super::saved::{Saved, SavedTogether};

/// Lists the saved versions of a store, or of all stores together, the oldest first.
#[derive(Args)]
#[command(after_help = "\
Example:
  treering versions chain
  treering versions trees --store forest")]
pub(crate) struct VersionsArgs {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    scope: ScopeArg,
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
struct Dated<T> {
    #[serde(flatten)]
    saved: T,
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
    let stores = args.dir.place()?.open_to_read()?;
    match args.scope.scope(&stores)? {
        Scope::One(store) => of_one(&store, args.version, output),
        Scope::All => of_all(&stores, args.version, output),
    }
}

fn of_one(store: &SharedStore, version: Option<u64>, output: &mut Output) -> Result<(), CliError> {
    let versions = match version {
        Some(version) => vec![*store.snapshot(Some(version))?.info()],
        None => store.list_versions()?,
    };
    versions.iter().try_for_each(|info| output.print(&Dated { saved: Saved::from(info), time: info.time }))
}

fn of_all(stores: &MultiStore, version: Option<u64>, output: &mut Output) -> Result<(), CliError> {
    let versions = match version {
        Some(version) => vec![stores.version(version)?],
        None => stores.list_versions()?,
    };
    versions.iter().try_for_each(|info| output.print(&Dated { saved: SavedTogether::from(info), time: info.time }))
}

pub(crate) fn root(args: &RootArgs, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_read()?;
    let snapshot = args.at.snapshot(&stores)?;
    let VersionInfo { version, root_hash, size, height, .. } = *snapshot.info();
    output.print(&Printed { version, root: root_hash, size, height })
}

impl fmt::Display for Dated<Saved> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.saved, Utc(self.time))
    }
}

impl fmt::Display for Dated<SavedTogether> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.saved.write(f, Some(Utc(self.time)))
    }
}

/// The hash alone, for `$(treering root ..)`.
impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)
    }
}
