//! The two-step proof that light clients take: a key in a store, the store under the app hash.

use super::{StoreProof, StoreProofError};
use crate::evidence::Evidence;
use crate::hash::{Hash, HashFunction};
#[cfg(any(feature = "borsh", feature = "ics23"))]
use crate::limits::{LimitError, Limited};
use crate::proof::Proof;

/// A proof about a key in one of several stores. Untrusted data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct MultiStoreProof {
    /// The store's root under the app hash.
    pub store: StoreProof,
    /// The key under the store's root.
    pub proof: Proof,
}

impl MultiStoreProof {
    /// Checks what the store `name` under this app hash says about `key`. `function` is that of the store's tree.
    ///
    /// # Errors
    /// Which of the two steps failed, and why.
    pub fn verify(&self, function: HashFunction, app_hash: &Hash, name: &str, key: &[u8]) -> Result<Evidence, StoreProofError> {
        let store = self.store.verify(app_hash, name)?;
        Ok(self.proof.verify(function, store.root(), key)?)
    }
}

#[cfg(any(feature = "borsh", feature = "ics23"))]
impl Limited for MultiStoreProof {
    fn check_limits(&self) -> Result<(), LimitError> {
        self.store.check_limits()?;
        self.proof.check_limits()
    }
}
