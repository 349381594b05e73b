//! A tree as a stream of nodes, in post-order: left subtree, right subtree, node. It is the form in which cosmos/iavl exports.

use super::Tree;
use crate::memory::{Child, Node};
use crate::{Side, TreeError};

/// One node of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportNode {
    /// The key of a leaf, the routing key of an inner node.
    pub key: Vec<u8>,
    /// The value of a leaf; `None` for an inner node.
    pub value: Option<Vec<u8>>,
    /// The version that made the node.
    pub version: u64,
    /// 0 for a leaf.
    pub height: u8,
}

/// The stream; see [`Tree::export`]. After an error it is over.
pub struct Export<'a> {
    tree: &'a Tree,
    pending: Vec<Step>,
}

enum Step {
    Enter(Child),
    Give(ExportNode),
}

impl Tree {
    /// All nodes in post-order; [`Importer`](crate::Importer) makes the same tree of them again. Holds O(height) in memory beside
    /// the nodes that it loads.
    ///
    /// # Errors
    /// [`TreeError::Unsaved`] with changes since the last save: their nodes have no version yet.
    pub fn export(&self) -> Result<Export<'_>, TreeError> {
        if self.root.is_some_and(|root| self.memory().node_key(&root).is_none()) {
            return Err(TreeError::Unsaved);
        }
        Ok(Export { tree: self, pending: self.root.map(Step::Enter).into_iter().collect() })
    }
}

impl Export<'_> {
    fn advance(&mut self) -> Result<Option<ExportNode>, TreeError> {
        while let Some(step) = self.pending.pop() {
            let child = match step {
                Step::Give(node) => return Ok(Some(node)),
                Step::Enter(child) => child,
            };
            match self.tree.memory().enter(&child)? {
                Node::Leaf(leaf) => {
                    let value = Some(leaf.value().to_vec());
                    return Ok(Some(ExportNode { key: leaf.key().to_vec(), value, version: leaf.head.version, height: 0 }));
                }
                Node::Inner(node) => {
                    let key = self.tree.memory().routing_key(node).to_vec();
                    let given = ExportNode { key, value: None, version: node.version, height: node.height() };
                    let (left, right) = (node.child(Side::Left), node.child(Side::Right));
                    self.pending.extend([Step::Give(given), Step::Enter(right), Step::Enter(left)]);
                }
            }
        }
        Ok(None)
    }
}

impl Iterator for Export<'_> {
    type Item = Result<ExportNode, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if matches!(item, Some(Err(_))) {
            self.pending.clear();
        }
        item
    }
}
