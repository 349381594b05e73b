//! Looking up single keys.

use super::Tree;
use super::iterate::Entry;
use crate::memory::{Child, Inner, Node, Target, prefix_of};
use crate::{NodeKey, Side, TreeError};

/// What is known of a key without reading from storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resident<'a> {
    /// The key's value.
    Value(&'a [u8]),
    /// The key is not in the tree.
    Absent,
    /// The key lies below a node that is not in memory. Nothing below it was changed since the last save.
    Unknown,
}

impl Tree {
    /// The value of `key`. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, TreeError> {
        let Some(root) = self.root else { return Ok(None) };
        let memory = self.memory();
        let prefix = prefix_of(key);
        let mut link = memory.resolve(root.link, || root)?;
        loop {
            match link.target() {
                Target::Inner(id) => {
                    let node: &Inner = memory.inner(id);
                    let side = memory.route(node, prefix, key);
                    link = memory.resolve(node.link(side), || node.child(side))?;
                }
                Target::Leaf(id) => {
                    let leaf = memory.leaf(id);
                    return Ok((leaf.key() == key).then(|| leaf.value()));
                }
                Target::Stub(_) => unreachable!("the link is resolved"),
            }
        }
    }

    /// The value of `key`, and the saved version that set it (0 for a change not saved yet). O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn get_with_version(&self, key: &[u8]) -> Result<Option<(&[u8], u64)>, TreeError> {
        let Some(mut child) = self.root else { return Ok(None) };
        let prefix = prefix_of(key);
        loop {
            match self.memory().enter(&child)? {
                Node::Inner(node) => child = node.child(self.memory().route(node, prefix, key)),
                Node::Leaf(leaf) => {
                    return Ok((leaf.key() == key).then(|| (leaf.value(), leaf.node_key().map_or(0, NodeKey::version))));
                }
            }
        }
    }

    /// What is known of `key` without reading from storage.
    #[must_use]
    pub fn get_resident(&self, key: &[u8]) -> Resident<'_> {
        let Some(mut child) = self.root else { return Resident::Absent };
        let memory = self.memory();
        let prefix = prefix_of(key);
        loop {
            match memory.peek(&child) {
                None => return Resident::Unknown,
                Some(Node::Inner(node)) => child = node.child(memory.route(node, prefix, key)),
                Some(Node::Leaf(leaf)) if leaf.key() == key => return Resident::Value(leaf.value()),
                Some(Node::Leaf(_)) => return Resident::Absent,
            }
        }
    }

    /// Whether `key` is in the tree. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn has(&self, key: &[u8]) -> Result<bool, TreeError> {
        Ok(self.get(key)?.is_some())
    }

    /// The smallest key and its value. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn first(&self) -> Result<Option<Entry<'_>>, TreeError> {
        self.outermost(Side::Left)
    }

    /// The largest key and its value. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn last(&self) -> Result<Option<Entry<'_>>, TreeError> {
        self.outermost(Side::Right)
    }

    fn outermost(&self, side: Side) -> Result<Option<Entry<'_>>, TreeError> {
        let Some(mut child): Option<Child> = self.root else { return Ok(None) };
        loop {
            match self.memory().enter(&child)? {
                Node::Inner(node) => child = node.child(side),
                Node::Leaf(leaf) => return Ok(Some((leaf.key(), leaf.value()))),
            }
        }
    }
}
