//! `rollback`: makes an older version the newest one again.

use std::fmt;

use serde::Serialize;

use super::args::{DirArg, StoreArg, close, open_to_write};
use super::error::CliError;
use super::notation::counted;
use super::output::Output;
use super::saved::Saved;

/// Makes an older version the newest one and removes the versions above it, for good.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering rollback trees --to 3 --store forest")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    store: StoreArg,
    /// The version that will be the newest.
    #[arg(long, value_name = "N", alias = "version")]
    to: u64,
}

#[derive(Serialize)]
struct RolledBack {
    #[serde(flatten)]
    newest: Saved,
    /// Versions that were removed.
    removed: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let database = open_to_write(&args.dir.path()?)?;
    let name = args.store.name(&database)?;
    let before = database.versions(&name)?.len();
    let mut store = database.store(&name)?;
    store.rollback_to(args.to)?;
    let versions = database.versions(&name)?;
    if let Some(newest) = versions.last() {
        output.print(&RolledBack { newest: Saved::from(newest), removed: (before - versions.len()) as u64 })?;
    }
    close(store, database)
}

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; removed {} above it", self.newest, counted(self.removed, "version"))
    }
}
