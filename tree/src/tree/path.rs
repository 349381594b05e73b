//! The path of an operation from the root to a leaf.

use super::Tree;
use crate::memory::{Child, Inner, Link, Node, prefix_of};
use crate::{Side, TreeError};

/// An inner node on the path, and where the path goes on.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) link: Link,
    pub(super) side: Side,
}

/// The leaf at a path's end.
pub(super) struct PathEnd {
    pub(super) leaf: Child,
    /// How its key compares with the key looked for.
    pub(super) order: std::cmp::Ordering,
}

impl Tree {
    /// Walks to the leaf where `key` is or would be, and notes the path. Loads what it meets; changes nothing.
    pub(super) fn descend(&mut self, root: Child, key: &[u8]) -> Result<PathEnd, TreeError> {
        self.path.clear();
        let prefix = prefix_of(key);
        let memory = self.branch.memory();
        let mut link = root.link;
        // What the last node on the path knows of the next one is copied when it is asked for: its hash lies in another cache line.
        let mut last: Option<(&Inner, Side)> = None;
        let child = |last: Option<(&Inner, Side)>| last.map_or(root, |(node, side)| node.child(side));
        loop {
            match memory.node(memory.resolve(link, || child(last))?) {
                Node::Leaf(leaf) => return Ok(PathEnd { leaf: child(last), order: leaf.key().cmp(key) }),
                Node::Inner(node) => {
                    let side = memory.route(node, prefix, key);
                    self.path.push(Step { link, side });
                    link = node.link(side);
                    last = Some((node, side));
                }
            }
        }
    }

    /// The loaded inner node at `link`, which may be that of a stub.
    pub(super) fn loaded(&self, child: &Child) -> Option<&Inner> {
        match self.memory().peek(child) {
            Some(Node::Inner(node)) => Some(node),
            _ => None,
        }
    }
}
