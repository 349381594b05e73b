//! What a version says beside another one, since when, and by which nodes.

use std::iter::FusedIterator;
use std::ops::Bound;

use treering_tree::{Diff, DiffStep, Difference, KeyPath, Settled};

use super::Snapshot;
use crate::error::{Error, Result};

/// The keys about which two versions do not say the same, in order; see [`Snapshot::diff`]. After an error the walk is over.
pub struct SnapshotDiff<'a> {
    diff: Diff<'a>,
}

impl Snapshot {
    /// The keys within bounds about which this version and `other` do not say the same, in order, lazily: `old` is what this one says. What the
    /// two have in common is neither walked nor read: O(log n) for each key that was set or removed in between.
    ///
    /// ```
    /// # use treering::{Database, CreateOptions, OpenOptions};
    /// # use std::ops::Bound::Unbounded;
    /// # let folder = tempfile::tempdir()?;
    /// # let database = Database::create(folder.path().join("db"), &CreateOptions::default(), &OpenOptions::default())?;
    /// let mut forest = database.store_or_new("forest")?;
    /// forest.set(b"oak", b"200 rings")?;
    /// forest.set(b"pine", b"80 rings")?;
    /// forest.save_version()?;
    /// forest.delete(b"pine")?;
    /// forest.save_version()?;
    /// let (first, second) = (database.snapshot("forest", Some(1))?, database.snapshot("forest", Some(2))?);
    /// let found: Vec<_> = first.diff(&second, Unbounded, Unbounded).collect::<Result<_, _>>()?;
    /// assert_eq!((found.len(), &*found[0].key, &found[0].new), (1, &b"pine"[..], &None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn diff<'a>(&'a self, other: &'a Self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>) -> SnapshotDiff<'a> {
        SnapshotDiff { diff: self.tree.diff(&other.tree, start, end) }
    }

    /// The nodes on the way to `key`, or to where it would be, and their siblings. O(log n).
    ///
    /// # Errors
    /// When a node cannot be read, or is damaged.
    pub fn path(&self, key: &[u8]) -> Result<KeyPath> {
        Ok(self.tree.path(key)?)
    }

    /// What this version says about `key`, and since which version all say so: of a key that is there, the version that set it. O(log n).
    ///
    /// # Errors
    /// When a node cannot be read, or is damaged.
    pub fn settled(&self, key: &[u8]) -> Result<Settled> {
        Ok(self.tree.settled(key)?)
    }
}

impl SnapshotDiff<'_> {
    /// Goes one step, for callers that want to do something else between: looks at one node of each version at most.
    ///
    /// # Errors
    /// When a node cannot be read, or is damaged; the walk is over then.
    pub fn step(&mut self) -> Result<DiffStep> {
        Ok(self.diff.step()?)
    }
}

impl Iterator for SnapshotDiff<'_> {
    type Item = Result<Difference>;

    fn next(&mut self) -> Option<Self::Item> {
        self.diff.next().map(|difference| difference.map_err(Error::from))
    }
}

impl FusedIterator for SnapshotDiff<'_> {}
