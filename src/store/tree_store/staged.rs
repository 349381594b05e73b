//! Changes that are done in two steps, so that several stores change together or none does; and what is known of a key's value.

use treering_tree::{Resident, Tree};

use super::TreeStore;
use crate::error::Result;
use crate::persist::log::Operation;
use crate::store::history::Bytes;

/// Operations done on a branch, to become part of the working state they were done on.
pub(crate) struct StagedOperations {
    tree: Tree,
    /// Whether the key of each was there before.
    were_there: Vec<bool>,
}

impl TreeStore {
    /// Does operations on a branch: the first step. Nothing changes yet, and all that can fail is done.
    ///
    /// # Errors
    /// As [`TreeStore::apply`].
    pub(crate) fn stage_operations(&self, operations: &[(&[u8], Option<&[u8]>)]) -> Result<StagedOperations> {
        self.database.disk.writable()?;
        for (key, _) in operations.iter().filter(|(_, value)| value.is_some()) {
            self.database.disk.check_key(key)?;
        }
        let mut tree = self.tree.clone();
        if !tree.is_resident() {
            tree.fetch(operations.iter().map(|(key, _)| *key))?;
        }
        let were_there = tree.apply(operations)?;
        Ok(StagedOperations { tree, were_there })
    }

    /// Makes them part of the working state, which must not have changed since: the second step.
    pub(crate) fn adopt_operations(&mut self, operations: &[(&[u8], Option<&[u8]>)], staged: StagedOperations) {
        self.tree = staged.tree;
        for (&(key, value), was_there) in operations.iter().zip(staged.were_there) {
            match value {
                Some(value) => self.log.push(Operation::Set(key, value)),
                None if was_there => {
                    self.note_removed(Bytes::from(key));
                    self.log.push(Operation::Delete(key));
                }
                None => {}
            }
        }
    }

    /// The value of `key` in the working state, and the saved version that set it; `None` for a change that is not saved yet.
    ///
    /// # Errors
    /// When a record cannot be read, or is damaged.
    pub(crate) fn get_with_version(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Option<u64>)>> {
        let found = match self.resident(key) {
            Resident::Value((value, set_at)) => return Ok(Some((value.to_vec(), set_at))),
            Resident::Absent => return Ok(None),
            Resident::Unknown if self.is_at_newest() => self.database.disk.latest_with_version(self.state.id, key)?,
            Resident::Unknown => self.tree.get_copy_with_version(key)?,
        };
        Ok(found.map(|(value, version)| (value, saved_version(version))))
    }

    /// The same as far as it is known without reading from storage.
    pub(crate) fn resident(&self, key: &[u8]) -> Resident<(&[u8], Option<u64>)> {
        match self.tree.get_resident_with_version(key) {
            Resident::Value((value, version)) => Resident::Value((value, saved_version(version))),
            // A key is removed without its neighbours, below which it would be, being in memory.
            Resident::Unknown if !self.removed.contains_key(key) => Resident::Unknown,
            Resident::Absent | Resident::Unknown => Resident::Absent,
        }
    }
}

/// The version that set a value; `None` for 0, which stands for a change that is not saved yet.
pub(crate) fn saved_version(version: u64) -> Option<u64> {
    (version > 0).then_some(version)
}
