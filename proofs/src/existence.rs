//! The proof that a key has a value, and the climb from its leaf to the root.
//!
//! Invariants of a proof that verifies:
//! 1. Every field of every node goes into the root hash; the value's hash is computed, never taken from the proof.
//! 2. A sibling is on the left or on the right, by type: a node cannot hold an unhashed extra child.
//! 3. Towards the root heights grow by 1 or 2, sizes grow within what balance allows, versions never fall.

use alloc::vec::Vec;

use crate::error::VerifyError;
use crate::evidence::Existence;
use crate::hash::{Hash, HashFunction};
use crate::preimage::{self, MAX_VERSION};

/// The most levels above a leaf that a proof may have.
pub const MAX_LEVELS: usize = 128;

/// The claim that a tree holds `key` with `value`, with all that is needed to check it. Untrusted data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct ExistenceProof {
    /// The key of the leaf.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex_bytes"))]
    pub key: Vec<u8>,
    /// The value of the leaf.
    #[cfg_attr(feature = "serde", serde(with = "crate::hex_bytes"))]
    pub value: Vec<u8>,
    /// The version in which the leaf was made.
    pub version: u64,
    /// The nodes above the leaf, from its parent to the root.
    pub path: Vec<PathStep>,
}

/// An inner node on the way from a leaf to the root, without the child on that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct PathStep {
    /// The node's height; leaves have height 0.
    pub height: u8,
    /// The number of leaves below the node.
    pub size: u64,
    /// The version in which the node was made.
    pub version: u64,
    /// The other child.
    pub sibling: Sibling,
}

/// The child of a node that is not on the path, and the side it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Sibling {
    /// The sibling is the left child; the path goes right.
    Left(Hash),
    /// The sibling is the right child; the path goes left.
    Right(Hash),
}

impl ExistenceProof {
    /// Checks that the tree with this root holds the key and value of the proof.
    ///
    /// It does not compare the key with one that the caller has in mind: [`verify_existence`] does.
    ///
    /// # Errors
    /// Which check failed, and at which level.
    pub fn verify(&self, function: HashFunction, root: &Hash) -> Result<Existence, VerifyError> {
        let top = self.climb(function)?;
        if top.hash != *root {
            return Err(VerifyError::RootMismatch { expected: *root, computed: top.hash });
        }
        Ok(Existence { key: self.key.clone(), value: self.value.clone(), version: self.version, index: top.index, tree_size: top.size })
    }

    /// The root of the tree that the proof would prove something about: nothing is proven by it alone.
    ///
    /// # Errors
    /// When no tree at all can have such a path.
    pub fn root(&self, function: HashFunction) -> Result<Hash, VerifyError> {
        self.climb(function).map(|top| top.hash)
    }

    fn climb(&self, function: HashFunction) -> Result<Climber, VerifyError> {
        if self.path.len() > MAX_LEVELS {
            return Err(VerifyError::TooManyLevels { levels: self.path.len() });
        }
        check_version(0, self.version)?;
        let value_hash = preimage::value_hash(function, &self.value);
        let leaf = Climber {
            hash: preimage::leaf_hash(function, self.version, &self.key, &value_hash),
            height: 0,
            size: 1,
            version: self.version,
            index: 0,
        };
        self.path.iter().zip(1..).try_fold(leaf, |below, (step, level)| {
            below.check(level, step)?;
            Ok(below.up(function, step))
        })
    }
}

/// Checks that the tree with this root holds `key` with `value`.
///
/// # Errors
/// Which check failed, and at which level.
pub fn verify_existence(
    function: HashFunction,
    root: &Hash,
    key: &[u8],
    value: &[u8],
    proof: &ExistenceProof,
) -> Result<Existence, VerifyError> {
    if proof.key != key {
        return Err(VerifyError::KeyMismatch);
    }
    if proof.value != value {
        return Err(VerifyError::ValueMismatch);
    }
    proof.verify(function, root)
}

/// The node reached so far, all of it computed or checked.
struct Climber {
    hash: Hash,
    height: u8,
    size: u64,
    version: u64,
    /// The number of leaves below the node that are before the proof's leaf.
    index: u64,
}

impl Climber {
    /// Can a node as `step` says be the parent of this one?
    fn check(&self, level: usize, step: &PathStep) -> Result<(), VerifyError> {
        let PathStep { height, size, version, sibling: _ } = *step;
        check_version(level, version)?;
        if version < self.version {
            return Err(VerifyError::VersionBelowChild { level, version, child: self.version });
        }
        if height <= self.height {
            return Err(VerifyError::HeightNotGrowing { level, height, child: self.height });
        }
        if height - self.height > 2 {
            return Err(VerifyError::HeightOutOfBalance { level, height, child: self.height });
        }
        if size <= self.size {
            return Err(VerifyError::SizeNotGrowing { level, size, child: self.size });
        }
        if !size_is_possible(height, size) {
            return Err(VerifyError::SizeImpossible { level, size, height });
        }
        Ok(())
    }

    /// The parent. `step` has been checked.
    fn up(self, function: HashFunction, step: &PathStep) -> Self {
        let PathStep { height, size, version, sibling } = *step;
        let (left, right, leaves_before) = match sibling {
            Sibling::Left(left) => (left, self.hash, size - self.size),
            Sibling::Right(right) => (self.hash, right, 0),
        };
        Self {
            hash: preimage::inner_hash(function, height, size, version, &left, &right),
            height,
            size,
            version,
            index: self.index + leaves_before,
        }
    }
}

fn check_version(level: usize, version: u64) -> Result<(), VerifyError> {
    if version > MAX_VERSION {
        return Err(VerifyError::VersionOutOfRange { level, version });
    }
    Ok(())
}

/// Whether an AVL tree of this height can have that many leaves: at most 2^height, and at least
/// a Fibonacci number, since the smallest one has subtrees of the two heights below.
fn size_is_possible(height: u8, size: u64) -> bool {
    let most = 1_u64.checked_shl(height.into()).unwrap_or(u64::MAX);
    let mut least = (1_u64, 2_u64);
    for _ in 0..height {
        least = (least.1, least.0.saturating_add(least.1));
    }
    // No height fits once the Fibonacci numbers have left the range of sizes.
    (least.0..=most.min(MAX_VERSION)).contains(&size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_balanced_trees() {
        for (height, least, most) in [(0, 1, 1), (1, 2, 2), (2, 3, 4), (3, 5, 8), (4, 8, 16), (10, 144, 1024)] {
            assert!(size_is_possible(height, least) && size_is_possible(height, most));
            assert!(!size_is_possible(height, least - 1) && !size_is_possible(height, most + 1));
        }
        assert!(size_is_possible(64, MAX_VERSION) && !size_is_possible(64, MAX_VERSION + 1));
        assert!(!size_is_possible(255, MAX_VERSION));
    }
}
