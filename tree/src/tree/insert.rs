//! Setting a key.

use std::cmp::Ordering;

use super::Tree;
use crate::memory::{Child, State};
use crate::{MAX_KEY_LEN, MAX_VALUE_LEN, TreeError, hashing};

/// Slots beside those of the path: the new fork, and what rotations copy.
const SPARE_SLOTS: usize = 4;

impl Tree {
    /// Sets `key` to `value`. Gives whether the key was there before. Setting the value that it has is a change too. O(log n).
    ///
    /// # Errors
    /// [`TreeError::KeyTooLong`] and [`TreeError::ValueTooLong`], and when a node must be loaded and can't be; nothing is changed then.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<bool, TreeError> {
        if key.len() > MAX_KEY_LEN {
            return Err(TreeError::KeyTooLong { length: key.len() });
        }
        if value.len() > MAX_VALUE_LEN {
            return Err(TreeError::ValueTooLong { length: value.len() });
        }
        let Some(root) = self.root else {
            self.branch.reserve_leaf(key.len() + value.len())?;
            self.root = Some(self.new_leaf(key, value));
            return Ok(false);
        };
        let end = self.descend(root, key)?;
        self.branch.reserve(self.path.len() + SPARE_SLOTS)?;
        self.branch.reserve_leaf(key.len() + value.len())?;
        if end.order == Ordering::Equal {
            self.branch.give_up_leaf(end.leaf.link);
            let leaf = self.new_leaf(key, value);
            self.replace_along_path(leaf);
            return Ok(true);
        }
        let leaf = self.new_leaf(key, value);
        let fork = self.new_fork(key, leaf, end.leaf, end.order)?;
        self.rebuild_along_path(fork, None);
        Ok(false)
    }

    fn new_leaf(&mut self, key: &[u8], value: &[u8]) -> Child {
        let link = self.branch.add_leaf(key, value);
        // Now the value is in the cache; when the version is saved it would have to be fetched again.
        let hash = hashing::value_hash(self.memory().function, value);
        Child { link, hash, height: 0, size: 1, state: State::Dirty }
    }

    /// The inner node over an old leaf and a new one; `order` is that of the old key to the new one. The larger key routes.
    fn new_fork(&mut self, key: &[u8], new: Child, old: Child, order: Ordering) -> Result<Child, TreeError> {
        let id = if order == Ordering::Less {
            self.branch.add_fork(key, old, new)
        } else {
            let old_key = self.leaf_key(&old)?;
            self.branch.add_fork(&old_key, new, old)
        };
        Ok(self.draft(id))
    }

    fn leaf_key(&self, leaf: &Child) -> Result<Vec<u8>, TreeError> {
        match self.memory().enter(leaf)? {
            crate::memory::Node::Leaf(leaf) => Ok(leaf.key().to_vec()),
            crate::memory::Node::Inner(_) => unreachable!("a path ends at a leaf"),
        }
    }

    /// Puts the updated leaf at the path's end into copies of the path. The shape stays, so the way up ends at the first node
    /// that is an own draft already and whose child was dirty already: all above it are too.
    fn replace_along_path(&mut self, leaf: Child) {
        let mut child = leaf;
        while let Some(step) = self.path.pop() {
            let (id, node) = self.branch.own_inner(step.link, Some(step.side));
            let settled = node.state(step.side) == State::Dirty && crate::memory::Link::inner(id) == step.link;
            node.set_child(step.side, child);
            if settled {
                return;
            }
            child = node.as_draft(id);
        }
        self.root = Some(child);
    }
}
