//! The proof that a store has a certain root under the app hash.

use alloc::string::String;
use alloc::vec::Vec;

use super::{join, store_hash};
use crate::error::VerifyError;
use crate::existence::{MAX_LEVELS, Sibling};
use crate::hash::Hash;
#[cfg(any(feature = "borsh", feature = "ics23"))]
use crate::limits::{self, LimitError, Limited};

/// The claim that the store `name` has the root `root` under an app hash. Untrusted data.
///
/// Which number the store has among the others is not proven, nor how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct StoreProof {
    /// The store's name.
    pub name: String,
    /// The root hash of the store's tree.
    pub root: Hash,
    /// The siblings on the way to the app hash, from the store up.
    pub path: Vec<Sibling>,
}

/// A store whose root is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "its root is what proofs about the store's keys are verified against"]
pub struct StoreEvidence {
    name: String,
    root: Hash,
}

/// Why a proof about a store, or about a key in one of several, does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreProofError {
    /// The proof is about another store.
    #[error("the proof is about another store than the one asked for")]
    NameMismatch,
    /// The path is longer than any that stores can have.
    #[error("the store proof has {levels} levels, more than the 128 allowed")]
    TooManyLevels {
        /// The length of the path.
        levels: usize,
    },
    /// The store and its path do not hash to the trusted app hash.
    #[error("the store proof leads to the app hash {computed}, the trusted one is {expected}")]
    AppHashMismatch {
        /// The trusted app hash.
        expected: Hash,
        /// The one that the proof gives.
        computed: Hash,
    },
    /// The store's root is proven, but not the key in it.
    #[error("the proof of the key in the store does not hold: {0}")]
    Key(#[from] VerifyError),
}

impl StoreProof {
    /// Checks that the store `name` has the root that the proof gives, under this app hash.
    ///
    /// # Errors
    /// Which check failed.
    pub fn verify(&self, app_hash: &Hash, name: &str) -> Result<StoreEvidence, StoreProofError> {
        if self.name != name {
            return Err(StoreProofError::NameMismatch);
        }
        if self.path.len() > MAX_LEVELS {
            return Err(StoreProofError::TooManyLevels { levels: self.path.len() });
        }
        let leaf = store_hash(&self.name, &self.root);
        let computed = self.path.iter().fold(leaf, |below, sibling| match sibling {
            Sibling::Left(left) => join(left, &below),
            Sibling::Right(right) => join(&below, right),
        });
        if computed != *app_hash {
            return Err(StoreProofError::AppHashMismatch { expected: *app_hash, computed });
        }
        Ok(StoreEvidence { name: self.name.clone(), root: self.root })
    }
}

impl StoreEvidence {
    /// The store's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The root hash of the store's tree.
    #[must_use]
    pub const fn root(&self) -> &Hash {
        &self.root
    }
}

#[cfg(any(feature = "borsh", feature = "ics23"))]
impl Limited for StoreProof {
    fn check_limits(&self) -> Result<(), LimitError> {
        limits::check_key(self.name.as_bytes())?;
        limits::check_levels(self.path.len())
    }
}
