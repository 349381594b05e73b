//! `prune`: removes old versions and what only they use.

use std::fmt;

use serde::Serialize;
use treering::{Keep, Versioned};

use super::args::{Scope, ScopeArg};
use super::error::CliError;
use super::notation::counted;
use super::output::Output;
use super::place::DirArg;

/// Removes old versions, and every node that only they use.
///
/// The newest version always stays, and so do a store's versions that the newest version of all stores has.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering prune trees --keep 100                  the newest 100 versions stay
  treering prune trees --to 3 --store forest       versions 1 to 3 go")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    scope: ScopeArg,
    #[command(flatten)]
    what: What,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// How many of the newest versions stay.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    keep: Option<u64>,
    /// The last version that is removed.
    #[arg(long, value_name = "N")]
    to: Option<u64>,
}

#[derive(Serialize)]
struct Pruned {
    versions: u64,
    nodes: u64,
    deferred: Vec<u64>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let keep = match (args.what.keep, args.what.to) {
        (Some(newest), _) => Keep::Last(newest),
        (None, Some(to)) => Keep::From(to.saturating_add(1)),
        (None, None) => return Err(CliError::Options("give --keep N or --to N".to_owned())),
    };
    let stores = args.dir.place()?.open_to_write()?;
    let report = match args.scope.scope(&stores)? {
        Scope::One(store) => store.prune(&keep)?,
        Scope::All => stores.prune(&keep)?,
    };
    output.print(&Pruned { versions: report.versions, nodes: report.nodes, deferred: report.deferred })?;
    Ok(stores.close_all()?)
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "removed {} and {}", counted(self.versions, "version"), counted(self.nodes, "node"))?;
        if !self.deferred.is_empty() {
            write!(f, "; still read, to be removed later: versions {:?}", self.deferred)?;
        }
        Ok(())
    }
}
