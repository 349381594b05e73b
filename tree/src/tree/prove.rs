//! Proofs of what a saved tree says about a key.

use std::cmp::Ordering;

use treering_proofs::{AbsenceProof, ExistenceProof, Hash, Neighbours, PathStep, Proof, Sibling};

use super::Tree;
use crate::memory::{Along, Child, Inner, InnerView, Leaf, Node, Place, Seen, View, prefix_of};
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
        let leaf = self.follow(Place::Known(root), &mut path, Along::to(key), |node| node.route(prefix, key))?;
        let order = match leaf.view(self.memory()) {
            View::Leaf(leaf) => leaf.key.cmp(key),
            View::Inner(_) => unreachable!("a path ends at a leaf"),
        };
        let proof = self.existence(&path, leaf);
        Ok(match order {
            Ordering::Equal => Proof::Existence(proof),
            Ordering::Less => absent(match self.prove_neighbour(path, key, Side::Right)? {
                Some(right) => Neighbours::Between { left: proof, right },
                None => Neighbours::AfterLast(proof),
            }),
            Ordering::Greater => absent(match self.prove_neighbour(path, key, Side::Left)? {
                Some(left) => Neighbours::Between { left, right: proof },
                None => Neighbours::BeforeFirst(proof),
            }),
        })
    }

    /// Walks from `place` to the leaf to which `turn` leads, that of `along` or its neighbour; adds the nodes passed to `path`.
    fn follow<'a>(
        &'a self,
        mut place: Place,
        path: &mut Path<'a>,
        mut along: Along<'_>,
        turn: impl Fn(InnerView<'_>) -> Side,
    ) -> Result<Seen<'a>, TreeError> {
        let memory = self.memory();
        loop {
            let seen = match memory.see_along(&place, &mut along)? {
                Seen::Resident(Node::Leaf(leaf)) => return Ok(Seen::Resident(Node::Leaf(leaf))),
                Seen::Resident(Node::Inner(node)) => match self.follow_resident(node, path, &turn) {
                    Ok(leaf) => return Ok(Seen::Resident(Node::Leaf(leaf))),
                    Err(missing) => {
                        place = Place::Known(missing);
                        continue;
                    }
                },
                passing @ Seen::Passing(_) => passing,
            };
            let View::Inner(node) = seen.view(memory) else { return Ok(seen) };
            let side = turn(node);
            place = node.child(side);
            path.push((seen, side));
        }
    }

    /// The part of the walk that is in memory, by links alone: what the nodes know of their children need not be copied. Gives the child
    /// that is missing if it does not come to a leaf.
    fn follow_resident<'a>(
        &'a self,
        mut node: &'a Inner,
        path: &mut Path<'a>,
        turn: &impl Fn(InnerView<'_>) -> Side,
    ) -> Result<Leaf<'a>, Child> {
        let memory = self.memory();
        let now = memory.now();
        loop {
            node.touch(now);
            let side = turn(InnerView::Resident { memory, node });
            path.push((Seen::Resident(Node::Inner(node)), side));
            match memory.loaded_link(node.link(side)).map(|link| memory.node(link)) {
                Some(Node::Inner(below)) => node = below,
                Some(Node::Leaf(leaf)) => return Ok(leaf),
                None => return Err(node.child(side)),
            }
        }
    }

    /// The existence proof of the leaf at the end of a path.
    fn existence(&self, path: &Path<'_>, leaf: Seen<'_>) -> ExistenceProof {
        let memory = self.memory();
        let mut steps = Vec::with_capacity(path.len());
        for (seen, side) in path.iter().rev() {
            match seen.view(memory) {
                View::Inner(InnerView::Resident { node, .. }) => steps.push(resident_step(node, *side)),
                View::Inner(node) => steps.push(step(node, *side)),
                View::Leaf(_) => unreachable!("leaves are below the path"),
            }
        }
        let version = match leaf.view(memory) {
            View::Leaf(leaf) => leaf.version,
            View::Inner(node) => node.version(),
        };
        let (key, value) = leaf.into_entry().unwrap_or_default();
        ExistenceProof { key, value, version, path: steps }
    }

    /// The proof of the next leaf on the `side` of the one at the end of `path`; `None` at the edge.
    fn prove_neighbour<'a>(&'a self, mut path: Path<'a>, key: &[u8], side: Side) -> Result<Option<ExistenceProof>, TreeError> {
        // Up to the last fork where the other way was taken, there the other way, then always back towards the leaf.
        let Some(fork) = path.iter().rposition(|&(_, turn)| turn != side) else { return Ok(None) };
        path.truncate(fork + 1);
        let Some((seen, turn)) = path.last_mut() else { return Ok(None) };
        *turn = side;
        let View::Inner(node) = seen.view(self.memory()) else { return Ok(None) };
        let place = node.child(side);
        // Beyond the fork the way to the key itself leads to the same side as the way to its neighbour: the nearest.
        let leaf = self.follow(place, &mut path, Along::to(key), |_| side.opposite())?;
        Ok(Some(self.existence(&path, leaf)))
    }
}

/// What a proof says of a node from which the way to the leaf goes on to `side`.
fn step(node: InnerView<'_>, side: Side) -> PathStep {
    let sibling = sibling(*node.hash(side.opposite()), side);
    PathStep { height: node.height(), size: node.size(), version: node.version(), sibling }
}

/// [`step`] of a node in memory, which is nearly all of them.
fn resident_step(node: &Inner, side: Side) -> PathStep {
    let sibling = sibling(*node.hash(side.opposite()), side);
    PathStep { height: node.height(), size: node.size(), version: node.version, sibling }
}

/// The hash that the way to `side` leaves beside it.
fn sibling(hash: Hash, side: Side) -> Sibling {
    match side {
        Side::Left => Sibling::Right(hash),
        Side::Right => Sibling::Left(hash),
    }
}
