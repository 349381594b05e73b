//! The operations that made a version: its change feed.

use super::Snapshot;
use crate::error::Result;
use crate::persist::log::Operation;

/// Called with each key and its new value; without one where the key was removed.
pub type EachChange<'e> = &'e mut dyn FnMut(&[u8], Option<&[u8]>);

impl Snapshot {
    /// Gives the operations that made this version out of the one before it, in the order in which they were done: each key with its new
    /// value, or without one where it was removed. Applied to the version before, they give this version's root hash. O(operations).
    ///
    /// ```
    /// # use treering::{Database, CreateOptions, OpenOptions};
    /// # let folder = tempfile::tempdir()?;
    /// # let database = Database::create(folder.path().join("db"), &CreateOptions::default(), &OpenOptions::default())?;
    /// let mut forest = database.store_or_new("forest")?;
    /// forest.set(b"oak", b"200 rings")?;
    /// forest.delete(b"oak")?;
    /// forest.save_version()?;
    /// let mut changes = Vec::new();
    /// database.snapshot("forest", None)?.changes(&mut |key, value| changes.push((key.to_vec(), value.map(<[u8]>::to_vec))))?;
    /// assert_eq!(changes, [(b"oak".to_vec(), Some(b"200 rings".to_vec())), (b"oak".to_vec(), None)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged), [`Error::Engine`](crate::Error::Engine).
    pub fn changes(&self, each: EachChange<'_>) -> Result<()> {
        self.database.disk.operations(self.store, self.record.commit, |operation| match operation {
            Operation::Set(key, value) => each(key, Some(value)),
            Operation::Delete(key) => each(key, None),
        })
    }
}
