//! How large a proof may be that comes from outside. Larger ones are refused before memory is spent on them.

use crate::absence::{AbsenceProof, Neighbours};
use crate::existence::{ExistenceProof, MAX_LEVELS};
use crate::proof::Proof;

/// The longest key in an encoded proof: 64 KiB.
pub const MAX_KEY_LEN: usize = 64 << 10;

/// The longest value in an encoded proof: 16 MiB.
pub const MAX_VALUE_LEN: usize = 16 << 20;

/// The longest encoding of a proof, in our own form and in ICS-23: two neighbours and a key, each of
/// the longest, with the longest paths.
pub const MAX_PROOF_LEN: usize = 3 * MAX_KEY_LEN + 2 * (MAX_VALUE_LEN + MAX_LEVELS * 128);

/// A proof with a part that is over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The encoding as a whole is too long.
    #[error("the proof has {len} bytes, more than any proof can have")]
    Proof {
        /// Its length.
        len: usize,
    },
    /// A key is too long.
    #[error("a key in the proof has {len} bytes, more than 64 KiB")]
    Key {
        /// Its length.
        len: usize,
    },
    /// A value is too long.
    #[error("a value in the proof has {len} bytes, more than 16 MiB")]
    Value {
        /// Its length.
        len: usize,
    },
    /// A path has too many levels.
    #[error("a path in the proof has {levels} levels, more than the 128 allowed")]
    Levels {
        /// Its length.
        levels: usize,
    },
}

/// Data that comes from outside and has parts to be measured.
pub(crate) trait Limited {
    /// Measures every part.
    fn check_limits(&self) -> Result<(), LimitError>;
}

pub(crate) const fn check_encoding(bytes: &[u8]) -> Result<(), LimitError> {
    if bytes.len() > MAX_PROOF_LEN {
        return Err(LimitError::Proof { len: bytes.len() });
    }
    Ok(())
}

pub(crate) const fn check_key(key: &[u8]) -> Result<(), LimitError> {
    if key.len() > MAX_KEY_LEN {
        return Err(LimitError::Key { len: key.len() });
    }
    Ok(())
}

pub(crate) const fn check_levels(levels: usize) -> Result<(), LimitError> {
    if levels > MAX_LEVELS {
        return Err(LimitError::Levels { levels });
    }
    Ok(())
}

impl Limited for ExistenceProof {
    fn check_limits(&self) -> Result<(), LimitError> {
        check_key(&self.key)?;
        if self.value.len() > MAX_VALUE_LEN {
            return Err(LimitError::Value { len: self.value.len() });
        }
        check_levels(self.path.len())
    }
}

impl Limited for AbsenceProof {
    fn check_limits(&self) -> Result<(), LimitError> {
        check_key(&self.key)?;
        match &self.neighbours {
            Neighbours::EmptyTree => Ok(()),
            Neighbours::BeforeFirst(neighbour) | Neighbours::AfterLast(neighbour) => neighbour.check_limits(),
            Neighbours::Between { left, right } => {
                left.check_limits()?;
                right.check_limits()
            }
        }
    }
}

impl Limited for Proof {
    fn check_limits(&self) -> Result<(), LimitError> {
        match self {
            Self::Existence(proof) => proof.check_limits(),
            Self::Absence(proof) => proof.check_limits(),
        }
    }
}
