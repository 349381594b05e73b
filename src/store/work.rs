//! What a transaction has done so far: a branch of the tree, and what was written and read.

use std::ops::{Bound, ControlFlow};

use im::Vector;
use treering_tree::Order;

use super::branch::Branch;
use super::history::{Bytes, Writes};
use super::traits::Visit;
use crate::error::Result;

/// One write of a transaction, to be done again where the store has changed meanwhile.
#[derive(Clone)]
pub(super) struct Write {
    pub(super) key: Bytes,
    /// The new value; `None` removes the key.
    pub(super) value: Option<Bytes>,
    /// Whether it changed the branch: removing an absent key does not.
    pub(super) is_effective: bool,
}

/// A branch with changes. O(1) to clone: that is what savepoints and nested transactions are.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) branch: Branch,
    /// The last write of each key.
    pub(super) writes: Writes,
    /// All writes in order: the shape of the tree, and so its root hash, depends on them.
    pub(super) operations: Vector<Write>,
}

impl Work {
    pub(super) fn new(branch: Branch) -> Self {
        Self { branch, writes: Writes::new(), operations: Vector::new() }
    }

    pub(super) fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.branch.database.disk.check_key(key)?;
        self.branch.tree.set(key, value)?;
        self.note(key, Some(Bytes::from(value)), true);
        Ok(())
    }

    pub(super) fn delete(&mut self, key: &[u8]) -> Result<()> {
        let was_there = self.branch.tree.remove(key)?;
        let key = self.note(key, None, was_there);
        if was_there {
            self.branch.removed.insert(key, self.branch.tree.next_version().unwrap_or(u64::MAX));
        }
        Ok(())
    }

    fn note(&mut self, key: &[u8], value: Option<Bytes>, is_effective: bool) -> Bytes {
        let key = Bytes::from(key);
        self.writes.insert(Bytes::clone(&key), value.clone());
        self.operations.push_back(Write { key: Bytes::clone(&key), value, is_effective });
        key
    }
}

/// Visits the keys of a branch. Gives the key at which the visitor stopped, if it did.
pub(super) fn visit(
    branch: &Branch,
    (start, end): (Bound<&[u8]>, Bound<&[u8]>),
    order: Order,
    visitor: Visit<'_>,
) -> Result<Option<Vec<u8>>> {
    for entry in branch.tree.range_between(start.map(<[u8]>::to_vec), end.map(<[u8]>::to_vec), order) {
        let (key, value) = entry?;
        if let ControlFlow::Break(()) = visitor(key, value) {
            return Ok(Some(key.to_vec()));
        }
    }
    Ok(None)
}
