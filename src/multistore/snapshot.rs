//! A version of all stores, to read and to prove from.

use std::collections::BTreeMap;

use treering_proofs::Hash;

use super::MultiStore;
use super::versions::{MultiVersion, record_in};
use crate::error::{Error, Result};
use crate::persist::multi::MultiRecord;
use crate::store::{Database, HeldVersion, SharedStore, Snapshot};

/// A saved version of all stores. `Send + Sync`; it never changes, and pruning spares its version while it lives.
pub struct MultiSnapshot {
    pub(super) info: MultiVersion,
    stores: BTreeMap<String, Snapshot>,
}

/// A store's part of a version of the whole.
struct HeldStore {
    /// Its name at the time.
    name: String,
    store: SharedStore,
    database: Database,
    version: HeldVersion,
}

impl MultiStore {
    /// A version of all stores to read; `None` for the newest. It is kept while the snapshot lives. Waits for nobody who saves. O(stores).
    ///
    /// # Errors
    /// [`Error::NoMultiVersion`], [`Error::NoVersion`] if a store was pruned alone, [`Error::StoreDeleted`], [`Error::AllClosed`].
    pub fn snapshot(&self, version: Option<u64>) -> Result<MultiSnapshot> {
        let (record, held) = self.hold(version)?;
        let mut stores = BTreeMap::new();
        for HeldStore { name, store, database, version } in held {
            let open = || {
                store.wait_for(version.version())?;
                version.open(database.shared())
            };
            stores.insert(name.clone(), open().map_err(|error| error.about_store(&name))?);
        }
        Ok(MultiSnapshot { info: record.into(), stores })
    }

    /// Holds the versions that a version of the whole lists, before their trees are there: that may take long.
    fn hold(&self, version: Option<u64>) -> Result<(MultiRecord, Vec<HeldStore>)> {
        let inner = self.inner();
        let saved = inner.saved()?;
        let record = record_in(saved.home()?, version.unwrap_or(saved.newest))?;
        let mut stores = Vec::with_capacity(record.stores.len());
        for part in &record.stores {
            let members = inner.members();
            let deleted = || Error::StoreDeleted { version: record.version, store: part.name.clone() };
            let (name, member) = members.iter().find(|(_, member)| member.place == part.place).ok_or_else(deleted)?;
            let database = saved.database_of(&part.place)?;
            let inner_name = if part.place.is_home() { name.clone() } else { part.place.number.to_string() };
            let version = database.shared().hold(&inner_name, Some(part.version)).map_err(|error| error.about_store(&part.name))?;
            let (store, database) = (member.store.clone(), database.clone());
            stores.push(HeldStore { name: part.name.clone(), store, database, version });
        }
        Ok((record, stores))
    }
}

impl MultiSnapshot {
    /// The version's number.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.info.version
    }

    /// The app hash.
    #[must_use]
    pub fn app_hash(&self) -> Hash {
        self.info.app_hash
    }

    /// All that is recorded of the version.
    #[must_use]
    pub fn info(&self) -> &MultiVersion {
        &self.info
    }

    /// A store as it was in this version, under the name that it had then.
    ///
    /// # Errors
    /// [`Error::NoStore`], which lists the stores that the version has.
    pub fn store(&self, name: &str) -> Result<&Snapshot> {
        let no_store = || Error::NoStore { name: name.to_owned(), stores: self.stores.keys().cloned().collect() };
        self.stores.get(name).ok_or_else(no_store)
    }

    /// All stores, by name.
    pub fn stores(&self) -> impl Iterator<Item = (&str, &Snapshot)> {
        self.stores.iter().map(|(name, store)| (name.as_str(), store))
    }
}
