//! Arguments that several commands share: the folder of the database, the store, the version.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::TempDir;
use treering::{Database, OpenOptions, Snapshot, TreeStore};

use super::error::CliError;

/// Names the folder of the database where the command line does not.
const DIR_VARIABLE: &str = "TREERING_DIR";

/// The folder of the database, as the only word.
#[derive(Args)]
pub(crate) struct DirArg {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    dir: Option<PathBuf>,
}

/// The folder of the database and a key. With one word only, the word is the key and the folder comes from `TREERING_DIR`.
///
/// Two optional words that are told apart here and not by clap, whose rule for a missing first word depends on where the options stand.
#[derive(Args)]
pub(crate) struct DirAndKey {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    #[arg(value_name = "DIR")]
    first: Option<OsString>,
    /// The key, as hex or with --utf8 as text.
    #[arg(value_name = "KEY")]
    second: Option<OsString>,
}

/// The folder of the database and a file, as [`DirAndKey`].
#[derive(Args)]
pub(crate) struct DirAndFile {
    /// Folder of the database; may be left out when `TREERING_DIR` names it.
    #[arg(value_name = "DIR")]
    first: Option<OsString>,
    /// The file to read, `-` for standard input.
    #[arg(value_name = "FILE")]
    second: Option<OsString>,
}

/// The store that a command is about.
#[derive(Args)]
pub(crate) struct StoreArg {
    /// The store; may be left out when the database has one only.
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
}

/// The saved version of a store that a command reads.
#[derive(Args)]
pub(crate) struct VersionArg {
    #[command(flatten)]
    store: StoreArg,
    /// The version to read, the newest when left out.
    #[arg(long, value_name = "N")]
    version: Option<u64>,
}

impl DirArg {
    pub(crate) fn path(&self) -> Result<PathBuf, CliError> {
        self.dir.clone().map_or_else(dir_of_environment, Ok)
    }
}

impl DirAndKey {
    pub(crate) fn split(&self) -> Result<(PathBuf, String), CliError> {
        let (dir, key) = split(self.first.as_ref(), self.second.as_ref(), "KEY")?;
        let key = key.into_string().map_err(|word| CliError::KeyNotText { word })?;
        Ok((dir, key))
    }
}

impl DirAndFile {
    pub(crate) fn split(&self) -> Result<(PathBuf, PathBuf), CliError> {
        split(self.first.as_ref(), self.second.as_ref(), "FILE").map(|(dir, file)| (dir, PathBuf::from(file)))
    }
}

fn split(first: Option<&OsString>, second: Option<&OsString>, what: &'static str) -> Result<(PathBuf, OsString), CliError> {
    match (first, second) {
        (Some(dir), Some(word)) => Ok((PathBuf::from(dir), word.clone())),
        (Some(word), None) => Ok((dir_of_environment()?, word.clone())),
        (None, _) => Err(CliError::MissingWord { what }),
    }
}

fn dir_of_environment() -> Result<PathBuf, CliError> {
    match std::env::var_os(DIR_VARIABLE) {
        Some(dir) if !dir.is_empty() => Ok(PathBuf::from(dir)),
        _ => Err(CliError::NoDir),
    }
}

impl StoreArg {
    /// The name as it was given, or that of the only store.
    pub(crate) fn name(&self, database: &Database) -> Result<String, CliError> {
        if let Some(name) = &self.store {
            return Ok(name.clone());
        }
        let mut names = database.store_names();
        match (names.pop(), names.is_empty()) {
            (None, _) => Err(CliError::NoStore { dir: database.path().to_owned() }),
            (Some(name), true) => Ok(name),
            (Some(name), false) => {
                names.push(name);
                Err(CliError::WhichStore { names: names.join(", ") })
            }
        }
    }
}

impl VersionArg {
    /// The store that was asked for.
    pub(crate) fn store_name(&self, database: &Database) -> Result<String, CliError> {
        self.store.name(database)
    }

    /// The version that was asked for.
    pub(crate) fn snapshot(&self, database: &Database) -> Result<Snapshot, CliError> {
        Ok(database.snapshot(&self.store_name(database)?, self.version)?)
    }
}

/// A folder for a database that nobody wants to keep.
pub(crate) fn temporary_folder(prefix: &str) -> Result<TempDir, CliError> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map_err(|source| CliError::Write { path: "a temporary folder (--dir names another)".to_owned(), source })
}

/// Opens a database for a command that changes nothing, so that it also works beside a process that writes.
pub(crate) fn open_to_read(dir: &Path) -> Result<Database, CliError> {
    Ok(Database::open(dir, &OpenOptions { read_only: true, ..OpenOptions::default() })?)
}

/// Opens a database for a command that writes: no other process may have it open for that.
pub(crate) fn open_to_write(dir: &Path) -> Result<Database, CliError> {
    Ok(Database::open(dir, &OpenOptions::default())?)
}

/// Closes a store and the database that it belongs to.
pub(crate) fn close(store: TreeStore, database: Database) -> Result<(), CliError> {
    drop(store);
    Ok(database.close()?)
}
