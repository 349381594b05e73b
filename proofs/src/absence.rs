//! The proof that a key is absent: the leaves on both sides of it, and that they are adjacent.
//!
//! ```text
//!            root          The two paths share their upper end. Where they part, the left one
//!           /    \         goes left and the right one right; below that the left one keeps
//!         ..      ..       right and the right one keeps left. So nothing is in between.
//!           \    /
//!         left  right
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::{Neighbour, VerifyError};
use crate::evidence::{Absence, Existence};
use crate::existence::{ExistenceProof, PathStep, Sibling};
use crate::hash::{Hash, HashFunction};

/// The claim that a tree does not hold `key`, with all that is needed to check it. Untrusted data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct AbsenceProof {
    /// The absent key.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex_bytes"))]
    pub key: Vec<u8>,
    /// The leaves around it.
    pub neighbours: Neighbours,
}

/// The leaves on both sides of an absent key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub enum Neighbours {
    /// There are none: the tree is empty, which its root hash says.
    EmptyTree,
    /// The key is before the first leaf, which this is.
    BeforeFirst(ExistenceProof),
    /// The key is after the last leaf, which this is.
    AfterLast(ExistenceProof),
    /// The key is between two adjacent leaves.
    Between {
        /// The last leaf before the key.
        left: ExistenceProof,
        /// The first leaf after the key.
        right: ExistenceProof,
    },
}

impl AbsenceProof {
    /// Checks that the tree with this root does not hold the key of the proof.
    ///
    /// It does not compare the key with one that the caller has in mind: [`verify_absence`] does.
    ///
    /// # Errors
    /// Which check failed, and at which level.
    pub fn verify(&self, function: HashFunction, root: &Hash) -> Result<Absence, VerifyError> {
        let prove = |neighbour, proof: &ExistenceProof| prove_neighbour(function, root, &self.key, neighbour, proof);
        let (left, right, tree_size) = match &self.neighbours {
            Neighbours::EmptyTree => {
                if *root != function.empty_root() {
                    return Err(VerifyError::TreeNotEmpty { root: *root });
                }
                (None, None, 0)
            }
            Neighbours::BeforeFirst(proof) => {
                let first = prove(Neighbour::Right, proof)?;
                check_edge(Neighbour::Right, &proof.path)?;
                let tree_size = first.tree_size;
                (None, Some(first), tree_size)
            }
            Neighbours::AfterLast(proof) => {
                let last = prove(Neighbour::Left, proof)?;
                check_edge(Neighbour::Left, &proof.path)?;
                let tree_size = last.tree_size;
                (Some(last), None, tree_size)
            }
            Neighbours::Between { left: left_proof, right: right_proof } => {
                let left = prove(Neighbour::Left, left_proof)?;
                let right = prove(Neighbour::Right, right_proof)?;
                check_adjacent(&left_proof.path, &right_proof.path)?;
                check_indexes(&left, &right)?;
                let tree_size = left.tree_size;
                (Some(left), Some(right), tree_size)
            }
        };
        Ok(Absence { key: self.key.clone(), left, right, tree_size })
    }
}

/// Checks that the tree with this root does not hold `key`.
///
/// # Errors
/// Which check failed, and at which level.
pub fn verify_absence(function: HashFunction, root: &Hash, key: &[u8], proof: &AbsenceProof) -> Result<Absence, VerifyError> {
    if proof.key != key {
        return Err(VerifyError::KeyMismatch);
    }
    proof.verify(function, root)
}

/// The neighbour is in the tree, on the side of the key where it is said to be.
fn prove_neighbour(
    function: HashFunction,
    root: &Hash,
    key: &[u8],
    neighbour: Neighbour,
    proof: &ExistenceProof,
) -> Result<Existence, VerifyError> {
    let placed = match neighbour {
        Neighbour::Left => proof.key.as_slice() < key,
        Neighbour::Right => proof.key.as_slice() > key,
    };
    if !placed {
        return Err(VerifyError::NeighbourMisplaced { neighbour });
    }
    proof.verify(function, root).map_err(|error| VerifyError::InNeighbour { neighbour, error: Box::new(error) })
}

/// The leaf of this path is the first of the tree (a right neighbour), or the last (a left one).
fn check_edge(neighbour: Neighbour, path: &[PathStep]) -> Result<(), VerifyError> {
    match path.iter().zip(1..).find(|(step, _)| !keeps_inward(neighbour, step)) {
        Some((_, level)) => Err(VerifyError::NeighbourNotOutermost { neighbour, level }),
        None => Ok(()),
    }
}

/// The path takes the child on the absent key's side, so that nothing in this node lies between.
fn keeps_inward(neighbour: Neighbour, step: &PathStep) -> bool {
    match neighbour {
        Neighbour::Left => matches!(step.sibling, Sibling::Left(_)),
        Neighbour::Right => matches!(step.sibling, Sibling::Right(_)),
    }
}

/// The leaves of the two paths are next to each other, seen from the root down.
fn check_adjacent(left: &[PathStep], right: &[PathStep]) -> Result<(), VerifyError> {
    let shared = left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count();
    let not_adjacent = |level| VerifyError::NeighboursNotAdjacent { level };
    let (left_fork, left_below) = split_at_fork(left, shared).ok_or(not_adjacent(shared + 1))?;
    let (right_fork, right_below) = split_at_fork(right, shared).ok_or(not_adjacent(shared + 1))?;
    if !is_fork(left_fork, right_fork) {
        return Err(not_adjacent(shared + 1));
    }
    for (neighbour, below) in [(Neighbour::Left, left_below), (Neighbour::Right, right_below)] {
        let astray = below.iter().rev().zip(shared + 2..).find(|(step, _)| !keeps_inward(neighbour, step));
        if let Some((_, level)) = astray {
            return Err(not_adjacent(level));
        }
    }
    Ok(())
}

/// The node below the `shared` uppermost ones, and the path below it.
fn split_at_fork(path: &[PathStep], shared: usize) -> Option<(&PathStep, &[PathStep])> {
    path.get(..path.len().checked_sub(shared)?)?.split_last()
}

/// One node, seen by a path that goes left in it and by one that goes right.
fn is_fork(left: &PathStep, right: &PathStep) -> bool {
    let same_node = (left.height, left.size, left.version) == (right.height, right.size, right.version);
    same_node && matches!((left.sibling, right.sibling), (Sibling::Right(_), Sibling::Left(_)))
}

/// A second net under [`check_adjacent`]: the proven sizes must tell the same.
fn check_indexes(left: &Existence, right: &Existence) -> Result<(), VerifyError> {
    if left.index + 1 != right.index || left.tree_size != right.tree_size {
        return Err(VerifyError::NeighbourIndexes { left: left.index, right: right.index });
    }
    Ok(())
}
