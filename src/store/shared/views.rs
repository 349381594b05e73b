//! Reading more of a shared store than its traits say: the working state as a whole, since when keys are as they are, which versions are kept.

use std::ops::Bound;

use treering_tree::Order;

use super::SharedStore;
use crate::error::Result;
use crate::store::branch::Branch;
use crate::store::traits::{RangeQueryable, Visit};
use crate::store::tree_store::StagedOperations;
use crate::store::work::visit;
use crate::store::{Locked, Scan, VersionInfo};

/// The working state of a store at a moment, to read: what is changed later is not seen. `Send + Sync`. While it lives, changes copy what
/// it sees, so it is to be read and dropped.
pub struct WorkingView {
    branch: Branch,
}

/// One operation: a key with its new value, or without one where it is to be removed.
pub(crate) type KeyChange<'a> = (&'a [u8], Option<&'a [u8]>);

impl SharedStore {
    /// The working state as it is now. O(1).
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub fn working(&self) -> Result<WorkingView> {
        Ok(WorkingView { branch: self.core.branch()? })
    }

    /// The value of `key` in the working state, and the saved version that set it: `None` for a change that is not saved yet. O(log n), mostly
    /// one read of the flat index.
    ///
    /// # Errors
    /// As [`Store::get`](crate::Store::get).
    pub fn get_with_version(&self, key: &[u8]) -> Result<Option<(Vec<u8>, Option<u64>)>> {
        match self.core.opening.get() {
            Some(unopened) => Ok(self.core.early(&unopened, key)?.map(|(value, version)| (value, Some(version)))),
            None => self.core.look(|store| store.get_with_version(key)),
        }
    }

    /// The newest saved version that is not above `most`, if one is kept. O(log versions).
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed), [`Error::Damaged`](crate::Error::Damaged), [`Error::Engine`](crate::Error::Engine).
    pub fn version_up_to(&self, most: u64) -> Result<Option<VersionInfo>> {
        let saved = self.core.source()?;
        let disk = &saved.database.disk;
        let Some(store) = disk.stores().remove(&saved.name) else { return Ok(None) };
        Ok(disk.version_up_to(store.id, most)?.map(|(version, record)| VersionInfo::new(version, &record)))
    }

    /// The oldest and the newest version that are kept; `None` when none was saved. O(log versions).
    ///
    /// # Errors
    /// As [`SharedStore::version_up_to`].
    pub fn version_window(&self) -> Result<Option<(u64, u64)>> {
        let saved = self.core.source()?;
        let disk = &saved.database.disk;
        let Some(store) = disk.stores().remove(&saved.name) else { return Ok(None) };
        disk.version_window(store.id)
    }
}

impl RangeQueryable for SharedStore {
    fn iterate_range(&self, start: Bound<&[u8]>, end: Bound<&[u8]>, order: Order, visitor: Visit<'_>) -> Result<()> {
        // On a branch, so that no lock is held while the visitor works.
        let branch = self.core.branch()?;
        visit(&branch, (start, end), order, visitor).map(drop)
    }
}

impl WorkingView {
    /// The value of `key`. O(log n).
    ///
    /// # Errors
    /// When a record cannot be read, or is damaged.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.branch.get(key)
    }

    /// The keys within bounds and their values, in order. Reads as [`Snapshot::scan`](crate::Snapshot::scan) does.
    #[must_use]
    pub fn scan(&self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>, order: Order) -> Scan<'_> {
        Scan::of(&self.branch.tree, start, end, order)
    }
}

impl Locked<'_> {
    /// The first of two steps: all that can fail of doing these operations.
    pub(crate) fn stage_operations(&mut self, operations: &[KeyChange<'_>]) -> Result<StagedOperations> {
        self.changeable()?;
        let name = self.core.name();
        self.store()?.stage_operations(operations).map_err(|error| error.about_store(&name))
    }

    /// The second step.
    pub(crate) fn adopt_operations(&mut self, operations: &[KeyChange<'_>], staged: StagedOperations) -> Result<()> {
        for (key, _) in operations {
            self.working.history.changed_key(key);
        }
        self.store()?.adopt_operations(operations, staged);
        Ok(())
    }
}
