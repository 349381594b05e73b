//! Keys by their place in the order, counted from 0.

use super::Tree;
use super::copies::OwnedEntry;
use super::iterate::Entry;
use crate::memory::{Node, Place, View, prefix_of};
use crate::{Side, TreeError};

impl Tree {
    /// The key with `index` smaller keys, and its value. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn get_by_index(&self, index: u64) -> Result<Option<Entry<'_>>, TreeError> {
        let Some(mut child) = self.root.filter(|root| index < root.size) else { return Ok(None) };
        let mut rest = index;
        loop {
            match self.memory().enter(&child)? {
                Node::Leaf(leaf) => return Ok(Some((leaf.key(), leaf.value()))),
                Node::Inner(node) => {
                    let left = node.child_size(Side::Left);
                    child = match rest.checked_sub(left) {
                        None => node.child(Side::Left),
                        Some(beyond) => {
                            rest = beyond;
                            node.child(Side::Right)
                        }
                    };
                }
            }
        }
    }

    /// How many keys are smaller than `key`: as `Ok` the index of a key of the tree, as `Err` where an absent key would be.
    /// Reads as [`Tree::get_copy`] does. O(log n).
    ///
    /// # Errors
    /// When a node must be read and can't be.
    pub fn index_of(&self, key: &[u8]) -> Result<Result<u64, u64>, TreeError> {
        let Some(mut place) = self.root.map(Place::Known) else { return Ok(Err(0)) };
        let prefix = prefix_of(key);
        let mut smaller = 0;
        loop {
            let seen = self.memory().see(&place)?;
            match seen.view(self.memory()) {
                View::Leaf(leaf) => {
                    return Ok(match leaf.key.cmp(key) {
                        std::cmp::Ordering::Equal => Ok(smaller),
                        std::cmp::Ordering::Less => Err(smaller + 1),
                        std::cmp::Ordering::Greater => Err(smaller),
                    });
                }
                View::Inner(node) => {
                    let side = node.route(prefix, key);
                    if side == Side::Right {
                        smaller += node.child_size(Side::Left);
                    }
                    place = node.child(side);
                }
            }
        }
    }

    /// A copy of the key with `index` smaller keys, and of its value. Reads as [`Tree::get_copy`] does. O(log n).
    ///
    /// # Errors
    /// When a node must be read and can't be.
    pub fn get_copy_by_index(&self, index: u64) -> Result<Option<OwnedEntry>, TreeError> {
        let Some(root) = self.root.filter(|root| index < root.size) else { return Ok(None) };
        let (mut place, mut rest) = (Place::Known(root), index);
        loop {
            let seen = self.memory().see(&place)?;
            let View::Inner(node) = seen.view(self.memory()) else { return Ok(seen.into_entry()) };
            let beyond = rest.checked_sub(node.child_size(Side::Left));
            rest = beyond.unwrap_or(rest);
            place = node.child(if beyond.is_some() { Side::Right } else { Side::Left });
        }
    }
}
