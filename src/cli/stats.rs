//! `stats`: what the database holds, by kind of record.

use std::fmt;

use serde::Serialize;

use super::error::CliError;
use super::notation::{grouped, sized};
use super::output::{Form, Output};
use super::place::DirArg;

/// Counts the records in the database and their bytes, by engine and kind.
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
struct Line<'a> {
    engine: &'a str,
    kind: &'static str,
    count: u64,
    bytes: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_read()?;
    let all = stores.stats()?;
    let is_several = all.len() > 1;
    for (engine, kinds) in all {
        if is_several && output.form() == Form::Text {
            output.text(&format!("{engine}:\n"))?;
        }
        for kind in kinds {
            output.print(&Line { engine: &engine, kind: kind.kind, count: kind.count, bytes: kind.bytes })?;
        }
    }
    Ok(())
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<14} {:>14} records {:>12}", self.kind, grouped(self.count), sized(self.bytes))
    }
}
