//! Proofs of a treering database and their strict verification.
//!
//! A treering database is a cosmos/iavl tree, bit for bit. With nothing but a trusted root hash, this crate
//! checks what such a tree says about a key: which value it has, or that it is absent. It has no storage, does
//! no I/O, needs no `std`, and uses no unsafe code, so that it can be put into light clients and contracts.
//!
//! | form of a proof | write | read | proves | feature |
//! |---|---|---|---|---|
//! | own bytes ([`codec`]) | [`Proof::to_bytes`] | [`Proof::from_bytes`] | everything | `borsh` |
//! | JSON, or any other of serde | `serde_json::to_string` | `serde_json::from_str` | everything | `serde` |
//! | ICS-23 protobuf ([`ics23`]) | [`ics23::to_ics23`] | [`ics23::from_ics23`] | not: empty keys, values, trees; BLAKE3 | `ics23` |
//!
//! All three hold the same claims, and the same strict verifier checks them. It is stricter than those of
//! ICS-23: what it accepts in that form they accept, but not the other way round. The preimages of nodes are in [`preimage`],
//! the app hash over several stores in [`apphash`].
//!
//! # Example
//! A tree with the keys `ash` and `oak`, made in version 1. Its root is trusted, the proof is not.
//! ```
//! use treering_proofs::preimage::{inner_hash, leaf_hash, value_hash};
//! use treering_proofs::{Evidence, ExistenceProof, HashFunction, PathStep, Proof, Sibling};
//!
//! let function = HashFunction::Sha256;
//! let ash = leaf_hash(function, 1, b"ash", &value_hash(function, b"grey"));
//! let oak = leaf_hash(function, 1, b"oak", &value_hash(function, b"brown"));
//! let root = inner_hash(function, 1, 2, 1, &ash, &oak);
//!
//! let proof = Proof::Existence(ExistenceProof {
//!     key: b"oak".to_vec(),
//!     value: b"brown".to_vec(),
//!     version: 1,
//!     path: vec![PathStep { height: 1, size: 2, version: 1, sibling: Sibling::Left(ash) }],
//! });
//!
//! let Evidence::Present(oak) = proof.verify(function, &root, b"oak")? else { panic!("oak is in the tree") };
//! assert_eq!(oak.value(), b"brown");
//! assert_eq!((oak.index(), oak.tree_size()), (1, 2));
//!
//! assert!(proof.verify(function, &root, b"elm").is_err());      // it says nothing about another key
//! # Ok::<(), treering_proofs::VerifyError>(())
//! ```
//!
//! # Features
//! `std` (default) only makes hashing faster: the hash crates may look at the CPU at run time.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod absence;
pub mod apphash;
#[cfg(feature = "borsh")]
pub mod codec;
pub mod error;
pub mod evidence;
pub mod existence;
pub mod hash;
#[cfg(feature = "serde")]
mod hex_bytes;
#[cfg(feature = "ics23")]
pub mod ics23;
#[cfg(any(feature = "borsh", feature = "ics23"))]
pub mod limits;
pub mod preimage;
pub mod proof;
pub mod varint;

pub use absence::{AbsenceProof, Neighbours, verify_absence};
pub use apphash::{MultiStoreProof, StoreEvidence, StoreProof, StoreProofError, app_hash, prove_store};
#[cfg(feature = "borsh")]
pub use codec::CodecError;
pub use error::{Neighbour, VerifyError};
pub use evidence::{Absence, Evidence, Existence};
pub use existence::{ExistenceProof, PathStep, Sibling, verify_existence};
pub use hash::{Hash, HashFunction, HashParseError};
#[cfg(feature = "ics23")]
pub use ics23::{Ics23Error, from_ics23, to_ics23};
#[cfg(any(feature = "borsh", feature = "ics23"))]
pub use limits::LimitError;
pub use preimage::MAX_VERSION;
pub use proof::Proof;
