//! Walks a whole tree and recomputes everything that can be: order, routing keys, sizes, heights, balance and hashes.

use treering_proofs::Hash;

use super::Tree;
use super::settle::hash_node;
use crate::memory::{Child, Node, State, prefix_of};
use crate::{NodeKey, Side, TreeError};

/// What a check found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Leaves.
    pub leaves: u64,
    /// Inner nodes.
    pub inner_nodes: u64,
    /// Hashes recomputed: all but those of nodes changed since the last save.
    pub hashes: u64,
}

/// What a check found to be wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A node could not be loaded, or is not the one that its parent vouches for.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A node breaks a rule.
    #[error("node {}: {what}", name(*node))]
    Broken {
        /// The node; `None` for one not saved yet.
        node: Option<NodeKey>,
        /// The rule.
        what: &'static str,
    },
}

fn name(node: Option<NodeKey>) -> String {
    node.map_or_else(|| "not yet saved".to_owned(), |node| node.to_string())
}

/// What a walk knows of a subtree when it is done with it.
struct Checked {
    smallest: Vec<u8>,
    largest: Vec<u8>,
    hash: Option<Hash>,
}

impl Tree {
    /// Checks every node of the tree, loading those that are not in memory. O(n).
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<CheckReport, CheckError> {
        let mut report = CheckReport::default();
        if let Some(root) = self.root {
            let checked = self.check_subtree(&root, u64::MAX, &mut report)?;
            let known = (!root.is_dirty()).then_some(root.hash);
            if checked.hash != known {
                return Err(CheckError::Broken { node: self.memory().node_key(&root), what: "its hash is not the root hash" });
            }
        }
        Ok(report)
    }

    /// Depth is bounded: a child's height is smaller than its parent's, which is checked on the way down.
    fn check_subtree(&self, child: &Child, parent_version: u64, report: &mut CheckReport) -> Result<Checked, CheckError> {
        let memory = self.memory();
        let node_key = memory.node_key(child);
        let broken = |what| CheckError::Broken { node: node_key, what };
        let version = node_key.map_or_else(|| self.next_version(), |node| Ok(node.version()))?;
        if version > parent_version {
            return Err(broken("it is newer than its parent"));
        }
        if node_key.is_some() != (child.state == State::Saved) {
            return Err(broken("its parent does not know whether it is saved"));
        }
        let node = memory.enter(child)?;
        let (smallest, largest) = match node {
            Node::Leaf(leaf) => {
                if (child.height, child.size) != (0, 1) {
                    return Err(broken("its parent does not know it for a leaf"));
                }
                report.leaves += 1;
                (leaf.key().to_vec(), leaf.key().to_vec())
            }
            Node::Inner(inner) => {
                if inner.balance().abs() > 1 {
                    return Err(broken("its children's heights differ by more than one"));
                }
                if (inner.height(), inner.size()) != (child.height, child.size) {
                    return Err(broken("its height or size is not what its parent says"));
                }
                if [Side::Left, Side::Right].into_iter().any(|side| inner.state(side) as u8 > child.state as u8) {
                    return Err(broken("a child of it has come less far than it"));
                }
                report.inner_nodes += 1;
                let left = self.check_subtree(&inner.child(Side::Left), version, report)?;
                let right = self.check_subtree(&inner.child(Side::Right), version, report)?;
                let key = memory.routing_key(inner);
                if left.largest.as_slice() >= key {
                    return Err(broken("a key in its left subtree is not smaller than its routing key"));
                }
                if right.smallest != key {
                    return Err(broken("its routing key is not the smallest key of its right subtree"));
                }
                if inner.prefix != prefix_of(key) {
                    return Err(broken("its prefix is not that of its routing key"));
                }
                for (side, hash) in [(Side::Left, left.hash), (Side::Right, right.hash)] {
                    if hash.is_some_and(|hash| hash != *inner.hash(side)) {
                        return Err(broken("a child does not hash to what it says"));
                    }
                }
                (left.smallest, right.largest)
            }
        };
        let hash = (!child.is_dirty()).then(|| hash_node(memory.function, node, version));
        report.hashes += u64::from(hash.is_some());
        Ok(Checked { smallest, largest, hash })
    }
}
