//! `rollback`: makes an older version the newest one again.

use std::fmt;

use serde::Serialize;
use treering::{MultiStore, SharedStore, Versioned};

use super::args::{Scope, ScopeArg};
use super::error::CliError;
use super::notation::counted;
use super::output::Output;
use super::place::DirArg;
use super::saved::{Saved, SavedTogether};

/// Makes an older version the newest one and removes the versions above it, for good.
///
/// Of all stores together it brings back the stores and names that the version has. A single store cannot go back behind the newest
/// version of all stores.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering rollback chain --to 3
  treering rollback trees --to 3 --store forest")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    scope: ScopeArg,
    /// The version that will be the newest.
    #[arg(long, value_name = "N", alias = "version")]
    to: u64,
}

#[derive(Serialize)]
struct RolledBack<T> {
    #[serde(flatten)]
    newest: T,
    /// Versions that were removed.
    removed: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_write()?;
    match args.scope.scope(&stores)? {
        Scope::One(store) => one(&store, args.to, output)?,
        Scope::All => all(&stores, args.to, output)?,
    }
    Ok(stores.close_all()?)
}

fn one(store: &SharedStore, to: u64, output: &mut Output) -> Result<(), CliError> {
    let before = store.list_versions()?.len();
    store.rollback_to(to)?;
    let versions = store.list_versions()?;
    match versions.last() {
        Some(newest) => output.print(&RolledBack { newest: Saved::from(newest), removed: (before - versions.len()) as u64 }),
        None => Ok(()),
    }
}

fn all(stores: &MultiStore, to: u64, output: &mut Output) -> Result<(), CliError> {
    let before = stores.list_versions()?.len();
    stores.rollback_to(to)?;
    let removed = (before - stores.list_versions()?.len()) as u64;
    output.print(&RolledBack { newest: SavedTogether::from(&stores.version(to)?), removed })
}

impl<T: fmt::Display> fmt::Display for RolledBack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; removed {} above it", self.newest, counted(self.removed, "version"))
    }
}
