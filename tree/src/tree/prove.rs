//! Proofs of what a saved tree says about a key.

use std::cmp::Ordering;

use treering_proofs::{AbsenceProof, ExistenceProof, Neighbours, PathStep, Proof, Sibling};

use super::Tree;
use crate::memory::{InnerView, Node, Place, Seen, View, prefix_of};
use crate::{Side, TreeError};

/// The nodes on the way to a leaf, and where it went on from each.
type Path<'a> = Vec<(Seen<'a>, Side)>;

impl Tree {
    /// The proof that `key` has its value, or that it is absent. Reads as [`Tree::get_copy`] does. O(log n).
    ///
    /// # Errors
    /// [`TreeError::Unsaved`] with changes since the last save, and when a node must be read and can't be.
    pub fn prove(&self, key: &[u8]) -> Result<Proof, TreeError> {
        let absent = |neighbours| Proof::Absence(AbsenceProof { key: key.to_vec(), neighbours });
        let Some(root) = self.root else { return Ok(absent(Neighbours::EmptyTree)) };
        if self.memory().node_key(&root).is_none() {
            return Err(TreeError::Unsaved);
        }
        let prefix = prefix_of(key);
        let mut path = Vec::with_capacity(usize::from(root.height));
        let leaf = self.follow(Place::Known(root), &mut path, |node| node.route(prefix, key))?;
        let order = match leaf.view(self.memory()) {
            View::Leaf(leaf) => leaf.key.cmp(key),
            View::Inner(_) => unreachable!("a path ends at a leaf"),
        };
        let proof = self.existence(&path, leaf);
        Ok(match order {
            Ordering::Equal => Proof::Existence(proof),
            Ordering::Less => absent(match self.prove_neighbour(path, Side::Right)? {
                Some(right) => Neighbours::Between { left: proof, right },
                None => Neighbours::AfterLast(proof),
            }),
            Ordering::Greater => absent(match self.prove_neighbour(path, Side::Left)? {
                Some(left) => Neighbours::Between { left, right: proof },
                None => Neighbours::BeforeFirst(proof),
            }),
        })
    }

    /// Walks from `place` to the leaf to which `turn` leads; adds the nodes passed to `path`.
    fn follow<'a>(&'a self, mut place: Place, path: &mut Path<'a>, turn: impl Fn(InnerView<'_>) -> Side) -> Result<Seen<'a>, TreeError> {
        let now = self.memory().now();
        loop {
            let seen = self.memory().see(&place)?;
            if let Seen::Resident(Node::Inner(node)) = &seen {
                node.touch(now);
            }
            let View::Inner(node) = seen.view(self.memory()) else { return Ok(seen) };
            let side = turn(node);
            place = node.child(side);
            path.push((seen, side));
        }
    }

    /// The existence proof of the leaf at the end of a path.
    fn existence(&self, path: &Path<'_>, leaf: Seen<'_>) -> ExistenceProof {
        let memory = self.memory();
        let steps = path.iter().rev().filter_map(|(seen, side)| match seen.view(memory) {
            View::Inner(node) => Some(step(node, *side)),
            View::Leaf(_) => None,
        });
        let path = steps.collect();
        let version = match leaf.view(memory) {
            View::Leaf(leaf) => leaf.version,
            View::Inner(node) => node.version(),
        };
        let (key, value) = leaf.into_entry().unwrap_or_default();
        ExistenceProof { key, value, version, path }
    }

    /// The proof of the next leaf on the `side` of the one at the end of `path`; `None` at the edge.
    fn prove_neighbour<'a>(&'a self, mut path: Path<'a>, side: Side) -> Result<Option<ExistenceProof>, TreeError> {
        // Up to the last fork where the other way was taken, there the other way, then always back towards the leaf.
        let Some(fork) = path.iter().rposition(|&(_, turn)| turn != side) else { return Ok(None) };
        path.truncate(fork + 1);
        let Some((seen, turn)) = path.last_mut() else { return Ok(None) };
        *turn = side;
        let View::Inner(node) = seen.view(self.memory()) else { return Ok(None) };
        let place = node.child(side);
        let leaf = self.follow(place, &mut path, |_| side.opposite())?;
        Ok(Some(self.existence(&path, leaf)))
    }
}

/// What a proof says of a node from which the way to the leaf goes on to `side`.
fn step(node: InnerView<'_>, side: Side) -> PathStep {
    let sibling = *node.hash(side.opposite());
    let sibling = match side {
        Side::Left => Sibling::Right(sibling),
        Side::Right => Sibling::Left(sibling),
    };
    PathStep { height: node.height(), size: node.size(), version: node.version(), sibling }
}
