//! `check`: reads everything and recomputes every hash.

use std::fmt;

use serde::Serialize;

use super::error::CliError;
use super::notation::{counted, grouped};
use super::output::Output;
use super::place::DirArg;
use super::progress::Progress;

/// Walks every kept version of every store, recomputes every hash, and compares the indexes with the trees.
///
/// The first thing that is wrong is named and ends the check with an error.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering check trees")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    stores: u64,
    versions: u64,
    nodes: u64,
    hashes: u64,
    index_entries: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_read()?;
    let progress = Progress::of("versions", Some(0));
    let summary = stores.check(&mut |step| {
        progress.set_total(step.total);
        progress.set(step.done);
    })?;
    drop(progress);
    output.print(&Checked {
        ok: true,
        stores: summary.stores,
        versions: summary.versions,
        nodes: summary.nodes,
        hashes: summary.hashes,
        index_entries: summary.index_entries,
    })
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stores, versions, nodes, hashes, index_entries, .. } = *self;
        let (stores, versions, nodes) = (counted(stores, "store"), counted(versions, "version"), counted(nodes, "node"));
        let (hashes, entries) = (grouped(hashes), grouped(index_entries));
        write!(f, "all is well: {stores}, {versions}, {nodes}; {hashes} hashes recomputed, {entries} index entries compared")
    }
}
