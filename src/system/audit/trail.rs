//! The audit log on the disk, to read.

use std::sync::Arc;

use super::entry::AuditEntry;
use crate::engine::Backend;
use crate::error::{Error, Result};
use crate::multistore::MultiStore;
use crate::store::{CreateOptions, Database, OpenOptions, Snapshot, VersionInfo};

/// The folder beside those of the engines.
const FOLDER: &str = "audit";
/// The store in its database.
pub(super) const STORE: &str = "audit";
/// Memory of its database: the newest entries are what is read and written.
const CACHE_SIZE: u64 = 16 << 20;
/// Groups of entries from one whose nodes are stored to the next.
const CHECKPOINT_INTERVAL: u64 = 16;

/// The entries of an audit log. Cheap to clone: clones are the same.
#[derive(Clone)]
pub struct AuditTrail {
    database: Database,
}

impl AuditTrail {
    /// Opens the audit log of the stores to read it; `None` if they have none. Of a process that writes them meanwhile, what it adds later is not
    /// seen.
    ///
    /// # Errors
    /// Those of opening a database.
    pub fn open(stores: &MultiStore) -> Result<Option<Self>> {
        let database = stores.open_beside(FOLDER, CACHE_SIZE, &OpenOptions { read_only: true, ..options() })?;
        Ok(database.map(|database| Self { database }))
    }

    /// Opens it to write, or makes it.
    pub(super) fn open_to_write(stores: &MultiStore) -> Result<Self> {
        // There is none only where nothing may be written.
        let database = stores.open_beside(FOLDER, CACHE_SIZE, &options())?.ok_or(Error::ReadOnly)?;
        database.disk().writable()?;
        Ok(Self { database })
    }

    /// Opens the one on a backend of your own, or makes it.
    ///
    /// # Errors
    /// As [`Database::open_on`].
    pub fn open_on(backend: Arc<dyn Backend>) -> Result<Self> {
        let opened = Database::open_on(Arc::clone(&backend), &options());
        let database = match opened {
            Err(Error::NoDatabase { .. }) => {
                Database::create_on(&*backend, &CreateOptions::default())?;
                Database::open_on(backend, &options())?
            }
            opened => opened?,
        };
        Ok(Self { database })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// All entries as they stand on the disk; `None` when there is none yet. O(1).
    pub(super) fn snapshot(&self) -> Result<Option<Snapshot>> {
        match self.database.snapshot(STORE, None) {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(Error::NoStore { .. } | Error::NoVersion { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The versions of the log, each a group of entries that were written together. O(versions).
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn versions(&self) -> Result<Vec<VersionInfo>> {
        match self.database.versions(STORE) {
            Err(Error::NoStore { .. }) => Ok(Vec::new()),
            versions => versions,
        }
    }

    /// The entry `number`, if there is one. O(log n).
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Tree`], [`Error::Engine`].
    pub fn entry(&self, number: u64) -> Result<Option<AuditEntry>> {
        let Some(snapshot) = self.snapshot()? else { return Ok(None) };
        let value = snapshot.get(&AuditEntry::key(number))?;
        value.map(|value| decoded(number, &value)).transpose()
    }
}

/// Always synced: what stands beside versions of the stores must not be lost where they are not.
fn options() -> OpenOptions {
    OpenOptions {
        sync_writes: true,
        cache_size: CACHE_SIZE,
        hash_threads: 1,
        checkpoint_interval: CHECKPOINT_INTERVAL,
        ..OpenOptions::default()
    }
}

/// An entry out of its value.
pub(super) fn decoded(number: u64, value: &[u8]) -> Result<AuditEntry> {
    AuditEntry::decode(value)
        .map_err(|error| Error::Damaged { record: format!("entry {number} of the audit log"), what: error.to_string() })
}
