//! Proofs as ICS-23 has them: the protobuf bytes of `cosmos.ics23.v1.CommitmentProof`.
//!
//! A proof about a key takes the IAVL spec, a proof about a store in the app hash the Tendermint spec.
//! Encoding gives the bytes that the Go implementation gives. Decoding accepts these bytes only: fields in
//! order, shortest lengths, nothing unknown, nothing left over, and every op must be one that a tree can
//! have, so that the claims it makes fit into [`Proof`] and [`StoreProof`].
//!
//! | message | fields |
//! |---|---|
//! | `CommitmentProof` | 1 exist, or 2 nonexist |
//! | `ExistenceProof` | 1 key, 2 value, 3 leaf, 4 path, from the leaf up |
//! | `NonExistenceProof` | 1 key, 2 left, 3 right, each an `ExistenceProof` |
//! | `LeafOp` | 1 hash = 1 (SHA-256), 3 `prehash_value` = 1, 4 length = 1 (`VAR_PROTO`), 5 prefix |
//! | `InnerOp` | 1 hash = 1, 2 prefix, 3 suffix |
//!
//! | op | prefix | suffix |
//! |---|---|---|
//! | IAVL leaf | varint(0) varint(1) varint(version) | |
//! | IAVL, path goes left | varint(height) varint(size) varint(version) `20` | `20` right hash |
//! | IAVL, path goes right | varint(height) varint(size) varint(version) `20` left hash `20` | |
//! | Tendermint leaf | `00` | |
//! | Tendermint, path goes left | `01` | right hash |
//! | Tendermint, path goes right | `01` left hash | |
//!
//! What ICS-23 cannot prove, since its verifiers refuse it, though our own form can: leaves with an empty
//! key or value (as neighbours neither), anything about an empty tree, trees that are not hashed with SHA-256,
//! and nodes whose size and version together need more than ten bytes.

mod iavl;
mod ops;
mod tendermint;
mod wire;

use alloc::vec::Vec;

use crate::apphash::StoreProof;
use crate::hash::HashFunction;
use crate::limits::{self, LimitError, Limited};
use crate::proof::Proof;
use crate::varint::VarintError;

/// Why a proof has no ICS-23 form, or bytes are not the ICS-23 form of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ics23Error {
    /// The tree is not hashed as the IAVL spec says.
    #[error("ICS-23 proofs of these trees need sha256, the tree has {function}; its own proof form can prove it")]
    HashFunction {
        /// The tree's hash function.
        function: HashFunction,
    },
    /// The leaf, or a neighbour, has an empty key.
    #[error("ICS-23 cannot prove a leaf with an empty key, also as a neighbour; the own proof form can")]
    EmptyKey,
    /// The leaf, or a neighbour, has an empty value.
    #[error("ICS-23 cannot prove a leaf with an empty value, also as a neighbour; the own proof form can")]
    EmptyValue,
    /// The tree is empty.
    #[error("ICS-23 cannot prove anything about an empty tree; the own proof form can")]
    EmptyTree,
    /// An inner op that would be right but too long for the bounds of the IAVL spec.
    #[error("an inner op's prefix has {len} bytes, ICS-23 takes 12; the own proof form can prove it")]
    LongPrefix {
        /// Its length.
        len: usize,
    },
    /// A number in the proof is not a 63-bit one.
    #[error("a version or size does not fit in 63 bits")]
    NumberOutOfRange,
    /// The message ends early.
    #[error("the ICS-23 proof ends early")]
    Truncated,
    /// A number is not in the form it must have.
    #[error("the ICS-23 proof has a malformed number: {0}")]
    Varint(#[from] VarintError),
    /// A field is missing.
    #[error("{message} lacks the field {field}")]
    MissingField {
        /// The protobuf message.
        message: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// After the known fields in their order, something else follows.
    #[error("{message} has {len} bytes of unknown, repeated or misplaced fields")]
    UnexpectedBytes {
        /// The protobuf message.
        message: &'static str,
        /// How many bytes were not understood.
        len: usize,
    },
    /// A field is written out although it is empty, which the encoding never does.
    #[error("{message} has the field {field} written out although it is empty")]
    EmptyField {
        /// The protobuf message.
        message: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// A leaf op that is not the spec's.
    #[error("the leaf op is not one of the spec: {field}")]
    LeafOp {
        /// The field that is wrong.
        field: &'static str,
    },
    /// An inner op that no node gives.
    #[error("the inner op at level {level} is not one of the spec: {field}")]
    InnerOp {
        /// Counted from the leaf's parent (1) upwards.
        level: usize,
        /// The field that is wrong.
        field: &'static str,
    },
    /// A store's name is not UTF-8, or its root does not have 32 bytes.
    #[error("the store proof's {field} is not that of a store")]
    Store {
        /// The field that is wrong.
        field: &'static str,
    },
    /// Something is too long.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

/// The ICS-23 form of a proof from a tree with this hash function.
///
/// # Errors
/// When ICS-23 cannot prove it; see the [module](self).
pub fn to_ics23(function: HashFunction, proof: &Proof) -> Result<Vec<u8>, Ics23Error> {
    if function != HashFunction::Sha256 {
        return Err(Ics23Error::HashFunction { function });
    }
    proof.check_limits()?;
    iavl::encode(proof)
}

/// Reads the ICS-23 form of a proof. That it can be read says nothing about its truth: verify it with SHA-256.
///
/// # Errors
/// When the bytes are not exactly what [`to_ics23`] gives for a proof.
pub fn from_ics23(bytes: &[u8]) -> Result<Proof, Ics23Error> {
    limits::check_encoding(bytes)?;
    let proof = iavl::decode(bytes)?;
    proof.check_limits()?;
    Ok(proof)
}

impl StoreProof {
    /// The ICS-23 form of the proof (Tendermint spec).
    ///
    /// # Errors
    /// When the store has no name, which ICS-23 cannot prove, or a part is over the [limits].
    pub fn to_ics23(&self) -> Result<Vec<u8>, Ics23Error> {
        self.check_limits()?;
        tendermint::encode(self)
    }

    /// Reads the ICS-23 form of a store proof (Tendermint spec). That it can be read says nothing about its truth.
    ///
    /// # Errors
    /// When the bytes are not exactly what [`to_ics23`](StoreProof::to_ics23) gives for a proof.
    pub fn from_ics23(bytes: &[u8]) -> Result<Self, Ics23Error> {
        limits::check_encoding(bytes)?;
        let proof = tendermint::decode(bytes)?;
        proof.check_limits()?;
        Ok(proof)
    }
}
