//! A tree as a stream of nodes, in post-order: left subtree, right subtree, node. It is the form in which cosmos/iavl exports.

use super::Tree;
use super::ahead::Ahead;
use crate::memory::{Place, View};
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
    ahead: Ahead,
}

enum Step {
    Enter(Place),
    Give(ExportNode),
}

impl Tree {
    /// All nodes in post-order; [`Importer`](crate::Importer) makes the same tree of them again. Reads ahead and keeps
    /// nodes as [`Tree::scan_copies`] does.
    ///
    /// # Errors
    /// [`TreeError::Unsaved`] with changes since the last save: their nodes have no version yet.
    pub fn export(&self) -> Result<Export<'_>, TreeError> {
        if self.root.is_some_and(|root| self.memory().node_key(&root).is_none()) {
            return Err(TreeError::Unsaved);
        }
        let pending = self.root.map(|root| Step::Enter(Place::Known(root))).into_iter().collect();
        Ok(Export { tree: self, pending, ahead: Ahead::new() })
    }
}

impl Export<'_> {
    fn advance(&mut self) -> Result<Option<ExportNode>, TreeError> {
        while let Some(step) = self.pending.pop() {
            let place = match step {
                Step::Give(node) => return Ok(Some(node)),
                Step::Enter(place) => place,
            };
            let seen = self.ahead.see(self.tree, &place, |_, _| true)?;
            match seen.view(self.tree.memory()) {
                View::Leaf(leaf) => {
                    let version = leaf.version;
                    let entry = seen.into_entry();
                    return Ok(entry.map(|(key, value)| ExportNode { key, value: Some(value), version, height: 0 }));
                }
                View::Inner(node) => {
                    let given = ExportNode { key: node.key().to_vec(), value: None, version: node.version(), height: node.height() };
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
