//! A copy-on-write branch of a store's working state.

use std::sync::Arc;

use treering_tree::{Resident, Tree};

use super::database::Shared;
use crate::error::Result;
use crate::persist::Pin;
use crate::persist::flush::Removed;
use crate::persist::keys::StoreId;
use crate::persist::records::VersionRecord;

/// A branch: a tree of its own, and what keeps the version below it from being removed. O(1) to clone.
#[derive(Clone)]
pub(super) struct Branch {
    pub(super) tree: Tree,
    /// Keys removed since version `index_from`, each with the version that did it: the flat index may still have them.
    pub(super) removed: Removed,
    /// The tree has in memory what changed after this version: with it and `removed`, the index is right if it is that of this version.
    pub(super) index_from: u64,
    /// Held, not looked at.
    pub(super) _pin: Option<Arc<Pin>>,
    pub(super) base: Option<(u64, VersionRecord)>,
    pub(super) store: StoreId,
    /// Fields are dropped in order: the tree goes first.
    pub(super) database: Arc<Shared>,
}

impl Branch {
    /// The value of `key`: from memory, or from the flat index where that cannot be newer than the branch's base, or from the tree.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.get_with_version(key)?.map(|(value, _)| value))
    }

    /// The same, with the saved version that set it; 0 for a change that is not saved yet.
    pub(super) fn get_with_version(&self, key: &[u8]) -> Result<Option<(Vec<u8>, u64)>> {
        match self.tree.get_resident_with_version(key) {
            Resident::Value((value, version)) => return Ok(Some((value.to_vec(), version))),
            Resident::Absent => return Ok(None),
            // A key is removed without its neighbours, below which it would be, being in memory.
            Resident::Unknown if self.removed.contains_key(key) => return Ok(None),
            Resident::Unknown => {}
        }
        let base = self.base.map_or(0, |(version, _)| version);
        match self.database.disk.latest_until(self.store, key, base, self.index_from)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.tree.get_copy_with_version(key)?),
        }
    }
}
