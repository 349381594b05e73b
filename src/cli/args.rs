//! Arguments that several commands share: the store, the version.

use clap::Args;
use tempfile::TempDir;
use treering::{MultiStore, SharedStore, Snapshot, Store, Versioned};

use super::error::CliError;

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
    pub(crate) version: Option<u64>,
}

/// A store, or all of them together.
#[derive(Args)]
pub(crate) struct ScopeArg {
    /// The store; when left out, all stores together, if versions of all were saved, or else the only store.
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
}

/// What a command is about.
pub(crate) enum Scope {
    One(SharedStore),
    All,
}

impl StoreArg {
    /// The name as it was given, if it was.
    pub(crate) fn given(&self) -> Option<&str> {
        self.store.as_deref()
    }

    /// The name as it was given, or that of the only store.
    pub(crate) fn name(&self, stores: &MultiStore) -> Result<String, CliError> {
        self.store.clone().map_or_else(|| only_store(stores), Ok)
    }
}

/// The only store there is.
pub(crate) fn only_store(stores: &MultiStore) -> Result<String, CliError> {
    let mut names = names(stores);
    match (names.pop(), names.is_empty()) {
        (None, _) => Err(CliError::NoStore { dir: stores.path().to_owned() }),
        (Some(name), true) => Ok(name),
        (Some(name), false) => {
            names.push(name);
            Err(CliError::WhichStore { names: names.join(", ") })
        }
    }
}

/// The names of all stores.
pub(crate) fn names(stores: &MultiStore) -> Vec<String> {
    stores.list_stores().into_iter().map(|store| store.name).collect()
}

impl VersionArg {
    /// The store that was asked for.
    pub(crate) fn store_name(&self, stores: &MultiStore) -> Result<String, CliError> {
        self.store.name(stores)
    }

    /// The version that was asked for.
    pub(crate) fn snapshot(&self, stores: &MultiStore) -> Result<Snapshot, CliError> {
        Ok(stores.get_store(&self.store_name(stores)?)?.snapshot(self.version)?)
    }

    /// The value of a key in the version that was asked for, which is given too. That of the newest one is there before the tree is.
    pub(crate) fn value(&self, stores: &MultiStore, key: &[u8]) -> Result<(Option<Vec<u8>>, u64), CliError> {
        let store = stores.get_store(&self.store_name(stores)?)?;
        if let (None, Some(newest)) = (self.version, store.newest_version()?) {
            // Nothing was changed in this process.
            return Ok((store.get(key)?, newest.version));
        }
        let snapshot = store.snapshot(self.version)?;
        Ok((snapshot.get(key)?, snapshot.version()))
    }
}

impl ScopeArg {
    /// What was asked for.
    pub(crate) fn scope(&self, stores: &MultiStore) -> Result<Scope, CliError> {
        if let Some(name) = &self.store {
            return Ok(Scope::One(stores.get_store(name)?));
        }
        if stores.newest_version()?.is_some() {
            return Ok(Scope::All);
        }
        Ok(Scope::One(stores.get_store(&only_store(stores)?)?))
    }
}

/// A folder for a database that nobody wants to keep.
pub(crate) fn temporary_folder(prefix: &str) -> Result<TempDir, CliError> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map_err(|source| CliError::Write { path: "a temporary folder (--dir names another)".to_owned(), source })
}
