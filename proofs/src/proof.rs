//! A proof about one key: that it is there, or that it is not.

use crate::absence::{AbsenceProof, verify_absence};
use crate::error::VerifyError;
use crate::evidence::Evidence;
use crate::existence::ExistenceProof;
use crate::hash::{Hash, HashFunction};

/// A proof about one key. Untrusted data: [`verify`](Proof::verify) turns it into evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Proof {
    /// The key is in the tree.
    Existence(ExistenceProof),
    /// The key is not in the tree.
    Absence(AbsenceProof),
}

impl Proof {
    /// The key that the proof claims something about.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Existence(proof) => &proof.key,
            Self::Absence(proof) => &proof.key,
        }
    }

    /// Checks what the tree with this root says about `key`.
    ///
    /// # Errors
    /// Which check failed, and at which level.
    pub fn verify(&self, function: HashFunction, root: &Hash, key: &[u8]) -> Result<Evidence, VerifyError> {
        if self.key() != key {
            return Err(VerifyError::KeyMismatch);
        }
        match self {
            Self::Existence(proof) => proof.verify(function, root).map(Evidence::Present),
            Self::Absence(proof) => verify_absence(function, root, key, proof).map(Evidence::Absent),
        }
    }
}

impl From<ExistenceProof> for Proof {
    fn from(proof: ExistenceProof) -> Self {
        Self::Existence(proof)
    }
}

impl From<AbsenceProof> for Proof {
    fn from(proof: AbsenceProof) -> Self {
        Self::Absence(proof)
    }
}
