//! `get` and `has`: one key of one version.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::args::VersionArg;
use super::error::CliError;
use super::notation::NotationArg;
use super::output::Output;
use super::place::DirAndKey;

/// Prints the value of a key.
///
/// A key that is not there is an error.
#[derive(Args)]
#[command(
    override_usage = "treering get [OPTIONS] [DIR] <KEY>",
    after_help = "\
Example:
  treering get trees 6f616b
  treering get trees oak --utf8 --store forest --version 3"
)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    key: KeyArgs,
}

/// Prints whether a key is there: true or false.
///
/// Both answers are a success; a script reads the answer, and the exit code says whether there is one.
#[derive(Args)]
#[command(
    override_usage = "treering has [OPTIONS] [DIR] <KEY>",
    after_help = "\
Example:
  treering has trees 6f616b
  test \"$(treering has trees oak --utf8)\" = true && echo here"
)]
pub(crate) struct HasArgs {
    #[command(flatten)]
    key: KeyArgs,
}

#[derive(Args)]
struct KeyArgs {
    #[command(flatten)]
    place: DirAndKey,
    #[command(flatten)]
    at: VersionArg,
    #[command(flatten)]
    notation: NotationArg,
}

#[derive(Serialize)]
struct Found {
    key: String,
    value: String,
    version: u64,
}

#[derive(Serialize)]
struct Answer {
    key: String,
    #[serde(rename = "has")]
    is_there: bool,
    version: u64,
}

pub(crate) fn get(args: &GetArgs, output: &mut Output) -> Result<(), CliError> {
    let (place, word) = args.key.place.split()?;
    let keys = args.key.notation.keys();
    let key = keys.read_word("KEY", &word)?;
    let stores = place.open_to_read()?;
    let store = args.key.at.store_name(&stores)?;
    match args.key.at.value(&stores, &key)? {
        (Some(value), version) => {
            let value = args.key.notation.values().write("the value", &value)?;
            output.print(&Found { key: keys.write("the key", &key)?, value, version })
        }
        (None, version) => Err(CliError::KeyAbsent { key: word, store, version }),
    }
}

pub(crate) fn has(args: &HasArgs, output: &mut Output) -> Result<(), CliError> {
    let (place, word) = args.key.place.split()?;
    let keys = args.key.notation.keys();
    let key = keys.read_word("KEY", &word)?;
    let stores = place.open_to_read()?;
    let (value, version) = args.key.at.value(&stores, &key)?;
    output.print(&Answer { key: keys.write("the key", &key)?, is_there: value.is_some(), version })
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.is_there)
    }
}
