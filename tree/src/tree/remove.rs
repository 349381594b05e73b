//! Removing a key.

use std::cmp::Ordering;

use super::Tree;
use super::rebalance::HandedKey;
use crate::memory::Child;
use crate::{Side, TreeError};

/// Slots beside those of the path: a level copies itself, and when it rotates at most two more nodes.
const SLOTS_PER_LEVEL: usize = 3;

impl Tree {
    /// Removes `key`. Gives whether it was there; an absent key changes nothing. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be; nothing is changed then.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool, TreeError> {
        let Some(root) = self.root else { return Ok(false) };
        let end = self.descend(root, key)?;
        if end.order != Ordering::Equal {
            return Ok(false);
        }
        let Some(parent) = self.path.pop() else {
            self.branch.give_up_leaf(end.leaf.link);
            self.branch.note_removed(key);
            self.root = None;
            return Ok(true);
        };
        let place = Child { link: parent.link, ..end.leaf };
        let Some(node) = self.loaded(&place) else { unreachable!("the path is loaded") };
        let (prefix, slot) = (node.prefix, node.key);
        let sibling = node.child(parent.side.opposite());
        self.load_for_rotations(sibling.height)?;
        self.branch.reserve(SLOTS_PER_LEVEL * (self.path.len() + 1))?;

        self.branch.give_up_leaf(end.leaf.link);
        self.branch.note_removed(key);
        self.branch.give_up_inner(parent.link);
        let handed = match parent.side {
            // The parent's key is the smallest one left of its right subtree.
            Side::Left => Some(HandedKey { prefix, slot }),
            // The parent's key was the removed one.
            Side::Right => {
                self.branch.give_up_key(slot);
                None
            }
        };
        self.rebuild_along_path(sibling, handed);
        Ok(true)
    }

    /// Whether any saved node was given up since the last save.
    pub(super) fn branch_has_orphans(&self) -> bool {
        self.branch.has_orphans()
    }
}
