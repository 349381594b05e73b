//! Versions of a shared store, and their proofs.

use std::sync::Arc;

use treering_proofs::{Hash, Proof};

use super::{Saved, SharedStore};
use crate::error::Result;
use crate::event::{VersionLoaded, VersionPruned, VersionRolledBack, VersionSaved};
use crate::persist::prune::{Keep, PruneReport};
use crate::store::database::Shared;
use crate::store::prepared::{PreparedVersion, Promise};
use crate::store::traits::{Provable, Store, Versioned};
use crate::store::{Snapshot, VersionInfo};

impl Versioned for SharedStore {
    /// Under one lock: others wait instead of meeting a prepared version.
    fn save_version(&self) -> Result<VersionInfo> {
        let mut working = self.core.write()?;
        self.core.changeable(&working)?;
        self.core.save(&mut working)
    }

    fn prepare(&self) -> Result<PreparedVersion> {
        let mut locked = self.lock()?;
        locked.changeable()?;
        let store = locked.store()?;
        store.database().disk.writable()?;
        let version = store.next_version()?;
        store.saved_already().map_err(|error| self.core.told(error))?;
        let root_hash = store.working_hash()?;
        let promise = Arc::new(Promise);
        locked.keep(&promise);
        Ok(PreparedVersion::new(Arc::clone(&self.core), promise, version, root_hash))
    }

    fn load_version(&self, version: u64) -> Result<()> {
        self.core.change(|store, history| {
            store.load_version(version)?;
            history.replaced("another version was loaded");
            self.core.events.publish_with(|| VersionLoaded { store: self.name(), version });
            Ok(())
        })
    }

    fn discard_changes(&self) -> Result<()> {
        self.core.change(|store, history| {
            store.discard_changes()?;
            history.replaced("its changes were discarded");
            Ok(())
        })
    }

    fn list_versions(&self) -> Result<Vec<VersionInfo>> {
        let saved = self.core.source()?;
        let disk = &saved.database.disk;
        let Some(store) = disk.stores().remove(&saved.name) else { return Ok(Vec::new()) };
        let versions = disk.versions(store.id)?;
        Ok(versions.iter().map(|(version, record)| VersionInfo::new(*version, record)).collect())
    }

    fn current_version(&self) -> Result<u64> {
        match self.core.opening.get() {
            Some(unopened) => Ok(unopened.newest().map_or(0, |newest| newest.version)),
            None => self.core.look(|store| Ok(store.current_version())),
        }
    }

    fn working_hash(&self) -> Result<Hash> {
        let mut working = self.core.write()?;
        let store = working.store.as_mut().ok_or_else(|| self.core.closed())?;
        store.working_hash()
    }

    fn snapshot(&self, version: Option<u64>) -> Result<Snapshot> {
        self.core.ready_for(version)?;
        let Saved { database, name } = self.core.source()?;
        Shared::snapshot(&database, &name, version).map_err(|error| self.core.told(error))
    }

    fn prune(&self, keep: &Keep) -> Result<PruneReport> {
        // Pruning works beside the working state, which goes on meanwhile.
        let Saved { database, name: inner_name } = self.core.source()?;
        let report = database.disk.prune(&inner_name, keep).map_err(|error| self.core.told(error))?;
        if report.versions > 0 {
            let oldest = database.disk.oldest_version(&inner_name)?;
            let PruneReport { versions, nodes, .. } = report;
            self.core.events.publish_with(|| VersionPruned { store: self.name(), versions, nodes, oldest });
        }
        Ok(report)
    }

    fn rollback_to(&self, version: u64) -> Result<()> {
        self.core.change(|store, history| {
            store.rollback_to(version)?;
            history.replaced("it was rolled back");
            self.core.events.publish_with(|| VersionRolledBack { store: self.name(), version });
            Ok(())
        })
    }
}

impl Provable for SharedStore {
    fn prove(&self, key: &[u8]) -> Result<Proof> {
        self.snapshot(None)?.prove(key)
    }

    fn prove_at(&self, key: &[u8], version: u64) -> Result<Proof> {
        self.snapshot(Some(version))?.prove(key)
    }
}

/// The event of a saved version.
pub(crate) fn saved_event(store: String, info: &VersionInfo) -> VersionSaved {
    let VersionInfo { version, root_hash, size, height, time, .. } = *info;
    VersionSaved { store, version, root_hash, size, height, time }
}
