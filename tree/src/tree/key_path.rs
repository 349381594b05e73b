//! The way from the root to a key, for people to look at.

use treering_proofs::Hash;

use super::Tree;
use crate::memory::{Along, Place, Seen, View, prefix_of};
use crate::{NodeKey, Side, TreeError};

/// A node on the way to a key, or beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathNode {
    /// Its name in storage. The version in it is the one that made the node.
    pub node: NodeKey,
    /// On which side of the node above it is; `None` for the root.
    pub side: Option<Side>,
    /// 0 for a leaf.
    pub height: u8,
    /// Number of keys below; 1 for a leaf.
    pub size: u64,
    /// Its hash.
    pub hash: Hash,
    /// Of a leaf its key, of an inner node the smallest key on the right side.
    pub key: Vec<u8>,
    /// Of a leaf its value; `None` for an inner node.
    pub value: Option<Vec<u8>>,
}

/// The nodes on the way to a key; see [`Tree::path`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyPath {
    /// From the root to the leaf; empty of an empty tree.
    pub nodes: Vec<PathNode>,
    /// The sibling of each node but the root, in the same order: one less than nodes.
    pub siblings: Vec<PathNode>,
    /// Whether the leaf at the end is that of the key. Otherwise it is one of the neighbours between which the key would be.
    pub is_found: bool,
}

impl Tree {
    /// The nodes on the way from the root to `key`, or to where it would be, and their siblings: all of which a proof is made. Reads as
    /// [`Tree::get_copy`] does. O(log n).
    ///
    /// # Errors
    /// [`TreeError::Unsaved`] with changes since the last save, and when a node must be read and can't be.
    pub fn path(&self, key: &[u8]) -> Result<KeyPath, TreeError> {
        let mut path = KeyPath::default();
        let Some(root) = self.root else { return Ok(path) };
        let (memory, prefix) = (self.memory(), prefix_of(key));
        let (mut place, mut along) = (Place::Known(root), Along::to(key));
        let mut side = None;
        loop {
            let seen = memory.see_along(&place, &mut along)?;
            path.nodes.push(self.path_node(&place, side, &seen)?);
            let (below, beside, turn) = match seen.view(memory) {
                View::Leaf(leaf) => {
                    path.is_found = leaf.key == key;
                    return Ok(path);
                }
                View::Inner(node) => {
                    let turn = node.route(prefix, key);
                    (node.child(turn), node.child(turn.opposite()), turn)
                }
            };
            path.siblings.push(self.path_node(&beside, Some(turn.opposite()), &memory.see(&beside)?)?);
            (place, side) = (below, Some(turn));
        }
    }

    /// The node at a place, as it was seen.
    fn path_node(&self, place: &Place, side: Option<Side>, seen: &Seen<'_>) -> Result<PathNode, TreeError> {
        let node = self.memory().name_of(place).ok_or(TreeError::Unsaved)?;
        let known = place.expected();
        let (key, value) = match seen.view(self.memory()) {
            View::Leaf(leaf) => (leaf.key, Some(leaf.value.to_vec())),
            View::Inner(node) => (node.key(), None),
        };
        Ok(PathNode { node, side, height: known.height, size: known.size, hash: known.hash, key: key.to_vec(), value })
    }
}
