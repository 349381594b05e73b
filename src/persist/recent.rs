//! What changed after a store's newest checkpoint, from the log alone: together with the index it tells the newest value of a key before the
//! tree is computed anew.

use std::collections::HashMap;

use super::keys::{self, StoreId};
use super::log::Operation;
use super::{Disk, StoreState};
use crate::engine::Keyspace;
use crate::error::Result;

/// A value with the version that set it.
pub(crate) type Dated = (Vec<u8>, u64);

/// The last operation on each key since a checkpoint.
pub(crate) struct Recent {
    /// By key.
    changes: HashMap<Vec<u8>, Change>,
}

/// The version that changed a key last, and the value that it has since, if it has one.
pub(super) type Change = (u64, Option<Vec<u8>>);

impl Recent {
    /// The last change of a key, if it was changed.
    pub(super) fn change(&self, key: &[u8]) -> Option<&Change> {
        self.changes.get(key)
    }
}

impl Disk {
    /// Whether the log of the versions above a checkpoint has more than so many bytes. Reads no more of it than that.
    pub(crate) fn log_is_longer(&self, store: &StoreState, checkpoint: u64, than: usize) -> Result<bool> {
        let Some((newest, _)) = store.newest else { return Ok(false) };
        let mut bytes = 0;
        for row in self.version_rows(store.id, checkpoint + 1, newest) {
            let at = keys::log(row?.record.commit, store.id);
            bytes += self.backend.get(Keyspace::Log, &at)?.map_or(0, |log| log.len());
            if bytes > than {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What changed above a checkpoint. O(operations).
    pub(crate) fn recent(&self, store: &StoreState, checkpoint: u64) -> Result<Recent> {
        let mut changes = HashMap::new();
        let newest = store.newest.map_or(0, |(version, _)| version);
        for row in self.version_rows(store.id, checkpoint + 1, newest) {
            let row = row?;
            self.operations(store.id, row.record.commit, |operation| {
                match operation {
                    Operation::Set(key, value) => changes.insert(key.to_vec(), (row.version, Some(value.to_vec()))),
                    Operation::Delete(key) => changes.insert(key.to_vec(), (row.version, None)),
                };
            })?;
        }
        Ok(Recent { changes })
    }

    /// The value of a key in a store's newest version. The index has all changes up to the checkpoint, and maybe some that came after, which
    /// `recent` has too.
    pub(crate) fn newest_value(&self, store: StoreId, recent: &Recent, key: &[u8]) -> Result<Option<Dated>> {
        match recent.changes.get(key) {
            Some((version, value)) => Ok(value.clone().map(|value| (value, *version))),
            None => self.latest_with_version(store, key),
        }
    }
}
