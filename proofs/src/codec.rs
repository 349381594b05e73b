//! Our own form of a proof as bytes: one format byte, then borsh.
//!
//! | bytes | meaning |
//! |---|---|
//! | `01` | the format; another byte is refused |
//! | `00` / `01` | of a [`Proof`]: existence / absence |
//! | existence | u32 length, key; u32 length, value; u64 version; u32 number of steps, steps |
//! | step | u8 height, u64 size, u64 version, `00` / `01` (the sibling is left / right), 32 bytes of its hash |
//! | absence | u32 length, key; `00` empty tree / `01` before the first / `02` after the last / `03` between; 0 to 2 existences |
//! | store proof | u32 length, name; 32 bytes of the store's root; u32 number of siblings, each a side byte and 32 bytes |
//! | multi-store proof | a store proof, then a proof as above, without the format byte |
//!
//! Numbers are little-endian. A proof has exactly one encoding: bytes that are left over, lengths over
//! the [limits] and unknown tags are refused.

use alloc::vec::Vec;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::apphash::{MultiStoreProof, StoreProof};
use crate::limits::{self, LimitError, Limited};
use crate::proof::Proof;

/// The format that this version of the software writes and reads.
pub const FORMAT: u8 = 1;

/// Why bytes are not a proof, or a proof cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// No bytes at all.
    #[error("there are no bytes to decode a proof from")]
    Empty,
    /// A format of the future, or no proof.
    #[error("proof format {format} is not known here: it was made by a newer version, or is not a proof")]
    UnknownFormat {
        /// The first byte.
        format: u8,
    },
    /// The bytes end early, or have a tag that does not exist.
    #[error("the bytes are not a proof: they end early or have an unknown tag")]
    Malformed,
    /// Bytes are left after the proof.
    #[error("{len} bytes are left over after the proof")]
    TrailingBytes {
        /// How many.
        len: usize,
    },
    /// Something is too long.
    #[error(transparent)]
    Limit(#[from] LimitError),
}

fn encode<T: BorshSerialize + Limited>(proof: &T) -> Result<Vec<u8>, CodecError> {
    proof.check_limits()?;
    // Within the limits every length fits its u32, and writing to memory does not fail.
    borsh::to_vec(&(FORMAT, proof)).map_err(|_| CodecError::Malformed)
}

fn decode<T: BorshDeserialize + Limited>(bytes: &[u8]) -> Result<T, CodecError> {
    limits::check_encoding(bytes)?;
    let (&format, mut rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if format != FORMAT {
        return Err(CodecError::UnknownFormat { format });
    }
    let proof = T::deserialize(&mut rest).map_err(|_| CodecError::Malformed)?;
    if !rest.is_empty() {
        return Err(CodecError::TrailingBytes { len: rest.len() });
    }
    proof.check_limits()?;
    Ok(proof)
}

macro_rules! own_form {
    ($type:ty) => {
        impl $type {
            /// The proof in our own form; see [`codec`](crate::codec).
            ///
            /// # Errors
            /// When a part is over the [limits].
            pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
                encode(self)
            }

            /// Reads a proof in our own form. That it can be read says nothing about its truth.
            ///
            /// # Errors
            /// When the bytes are not exactly one proof of a known format, within the limits.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
                decode(bytes)
            }
        }
    };
}

own_form!(Proof);
own_form!(StoreProof);
own_form!(MultiStoreProof);
