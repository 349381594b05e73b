//! Proofs of what a saved tree says about a key.

use std::cmp::Ordering;

use treering_proofs::{AbsenceProof, ExistenceProof, Neighbours, PathStep, Proof, Sibling};

use super::Tree;
use crate::memory::{Child, Node, prefix_of};
use crate::{Side, TreeError};

impl Tree {
    /// The proof that `key` has its value, or that it is absent. O(log n).
    ///
    /// # Errors
    /// [`TreeError::Unsaved`] with changes since the last save, and when a node must be loaded and can't be.
    pub fn prove(&self, key: &[u8]) -> Result<Proof, TreeError> {
        let absent = |neighbours| Proof::Absence(AbsenceProof { key: key.to_vec(), neighbours });
        let Some(root) = self.root else { return Ok(absent(Neighbours::EmptyTree)) };
        if self.memory().node_key(&root).is_none() {
            return Err(TreeError::Unsaved);
        }
        let mut path = Vec::with_capacity(usize::from(root.height));
        let prefix = prefix_of(key);
        let (proof, order) = self.prove_leaf(root, &mut path, |node| self.memory().route(node, prefix, key), key)?;
        match order {
            Ordering::Equal => Ok(Proof::Existence(proof)),
            Ordering::Less => Ok(absent(match self.prove_neighbour(root, &path, Side::Right)? {
                Some(right) => Neighbours::Between { left: proof, right },
                None => Neighbours::AfterLast(proof),
            })),
            Ordering::Greater => Ok(absent(match self.prove_neighbour(root, &path, Side::Left)? {
                Some(left) => Neighbours::Between { left, right: proof },
                None => Neighbours::BeforeFirst(proof),
            })),
        }
    }

    /// The existence proof of the leaf to which `turn` leads, with the turns taken, and how its key compares with `key`.
    fn prove_leaf(
        &self,
        root: Child,
        turns: &mut Vec<Side>,
        mut turn: impl FnMut(&crate::memory::Inner) -> Side,
        key: &[u8],
    ) -> Result<(ExistenceProof, Ordering), TreeError> {
        let mut path = Vec::with_capacity(usize::from(root.height));
        let mut child = root;
        loop {
            match self.memory().enter(&child)? {
                Node::Leaf(leaf) => {
                    path.reverse();
                    let order = leaf.key().cmp(key);
                    let proof = ExistenceProof { key: leaf.key().to_vec(), value: leaf.value().to_vec(), version: leaf.head.version, path };
                    return Ok((proof, order));
                }
                Node::Inner(node) => {
                    let side = turn(node);
                    turns.push(side);
                    let sibling = *node.hash(side.opposite());
                    let sibling = match side {
                        Side::Left => Sibling::Right(sibling),
                        Side::Right => Sibling::Left(sibling),
                    };
                    path.push(PathStep { height: node.height(), size: node.size(), version: node.version, sibling });
                    child = node.child(side);
                }
            }
        }
    }

    /// The proof of the next leaf on the `side` of the one to which `turns` lead; `None` at the edge.
    fn prove_neighbour(&self, root: Child, turns: &[Side], side: Side) -> Result<Option<ExistenceProof>, TreeError> {
        let Some(fork) = turns.iter().rposition(|&turn| turn != side) else { return Ok(None) };
        // Up to the last fork where the other way was taken, there the other way, then always back towards the leaf.
        let mut way = turns.iter().copied().take(fork).chain([side]);
        let turn = |_: &crate::memory::Inner| way.next().unwrap_or(side.opposite());
        let (proof, _) = self.prove_leaf(root, &mut Vec::new(), turn, b"")?;
        Ok(Some(proof))
    }
}
