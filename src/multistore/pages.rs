//! Versions of the whole, a page at a time.

use super::MultiStore;
use super::versions::{MultiVersion, kept_edges};
use crate::error::Result;

impl MultiStore {
    /// The versions of all stores below `below` (`None`: all), the newest first, at most `most` of them. O(most x stores).
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed), [`Error::Damaged`](crate::Error::Damaged), [`Error::Engine`](crate::Error::Engine).
    pub fn versions_below(&self, below: Option<u64>, most: usize) -> Result<Vec<MultiVersion>> {
        let saved = self.inner().saved()?;
        saved.home()?.disk().multi_versions_below(below).take(most).map(|record| record.map(MultiVersion::from)).collect()
    }

    /// The oldest and the newest version of all stores that are kept; `None` when none was saved. O(log versions).
    ///
    /// # Errors
    /// As [`MultiStore::versions_below`].
    pub fn version_window(&self) -> Result<Option<(u64, u64)>> {
        kept_edges(self.inner().saved()?.home()?)
    }
}
