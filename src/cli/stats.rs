//! `stats`: what the database holds, by kind of record.

use std::fmt;

use serde::Serialize;

use super::args::{DirArg, open_to_read};
use super::error::CliError;
use super::notation::{grouped, sized};
use super::output::Output;

/// Counts the records in the database and their bytes, by kind.
///
/// Bytes are those of keys and values before compression.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering stats trees")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    count: u64,
    bytes: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let database = open_to_read(&args.dir.path()?)?;
    for kind in database.stats()? {
        output.print(&Line { kind: kind.kind, count: kind.count, bytes: kind.bytes })?;
    }
    Ok(())
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<14} {:>14} records {:>12}", self.kind, grouped(self.count), sized(self.bytes))
    }
}
