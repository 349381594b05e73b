//! `create`, `delete` and `rename`: which stores there are.

use std::fmt;

use clap::Args;
use serde::Serialize;
use treering::config::{Config, Value};
use treering::{Store, Versioned};

use super::error::CliError;
use super::notation::{counted, grouped};
use super::output::Output;
use super::place::{DirAndName, DirAndNames};

/// Makes an empty store.
///
/// Its first version is the next one that is saved: of it alone, or of all stores together.
#[derive(Args)]
#[command(
    override_usage = "treering create [OPTIONS] [DIR] <NAME>",
    after_help = "\
Names are up to 128 bytes of UTF-8, without /, \\ and control characters.
`treering config` lists the keys for --set: those of scope store. They are kept with the store, and go before the settings of its engine.

Example:
  treering create chain bank
  treering create chain receipts --engine fjall
  treering create chain blocks --set max_versions=1000 --set keep_every=10000"
)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    place: DirAndName,
    /// The engine that keeps the store; the home engine of the database when left out, or the defaultEngine of --config.
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// A setting of this store alone; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, Value)>,
}

/// Removes a store with all its versions.
///
/// Versions of all stores that had it stay listed with their app hashes, but cannot be rolled back to or proven from any more.
#[derive(Args)]
#[command(
    override_usage = "treering delete [OPTIONS] [DIR] <NAME>",
    after_help = "\
A store without versions goes at once; one with versions needs --yes, since nothing brings them back.

Example:
  treering delete chain bank --yes"
)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    place: DirAndName,
    /// Yes, with all its versions.
    #[arg(long)]
    yes: bool,
}

/// Gives a store another name.
///
/// Its versions, roots and proofs stay; app hashes, which hold the names, change with the next version of all stores.
#[derive(Args)]
#[command(
    override_usage = "treering rename [OPTIONS] [DIR] <FROM> <TO>",
    after_help = "\
Example:
  treering rename chain bank vault"
)]
pub(crate) struct RenameArgs {
    #[command(flatten)]
    place: DirAndNames,
}

#[derive(Serialize)]
struct Created {
    store: String,
    engine: String,
}

#[derive(Serialize)]
struct Deleted {
    store: String,
    versions: u64,
}

#[derive(Serialize)]
struct Renamed {
    from: String,
    to: String,
}

fn setting(word: &str) -> Result<(String, Value), String> {
    match word.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), Value::from_argument(value))),
        _ => Err("it must be KEY=VALUE, such as max_versions=100".to_owned()),
    }
}

pub(crate) fn create(args: &CreateArgs, output: &mut Output) -> Result<(), CliError> {
    let (place, name) = args.place.split()?;
    let stores = place.open_to_write()?;
    let mut config = Config::new();
    for (key, value) in &args.set {
        if config.get(key).is_some() {
            return Err(CliError::Options(format!("--set {key} is there twice: say it once")));
        }
        config.set(key, value.clone());
    }
    let store = stores.create_store(&name, args.engine.as_deref(), &config)?;
    let engine = store.engine();
    let is_kept = store.capabilities().persistence;
    drop(store);
    stores.close_all()?;
    if !is_kept {
        super::output::note(&format!("note: {engine} keeps nothing on the disk: what is in this store is gone when a process ends"));
    }
    output.print(&Created { store: name, engine })
}

pub(crate) fn delete(args: &DeleteArgs, output: &mut Output) -> Result<(), CliError> {
    let (place, name) = args.place.split()?;
    let stores = place.open_to_write()?;
    let versions = stores.get_store(&name)?.list_versions()?;
    if let Some(newest) = versions.last().filter(|_| !args.yes) {
        let count = counted(versions.len() as u64, "version");
        let versions = format!("{count} (the newest is {}, with {})", grouped(newest.version), counted(newest.size, "key"));
        return Err(CliError::NeedsYes { store: name, versions });
    }
    stores.delete_store(&name)?;
    stores.close_all()?;
    output.print(&Deleted { store: name, versions: versions.len() as u64 })
}

pub(crate) fn rename(args: &RenameArgs, output: &mut Output) -> Result<(), CliError> {
    let (place, from, to) = args.place.split()?;
    let stores = place.open_to_write()?;
    stores.rename_store(&from, &to)?;
    stores.close_all()?;
    output.print(&Renamed { from, to })
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "made the empty store {} on {}", self.store, self.engine)
    }
}

impl fmt::Display for Deleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deleted the store {} with {}", self.store, counted(self.versions, "version"))
    }
}

impl fmt::Display for Renamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store {} is {} from now on", self.from, self.to)
    }
}
