//! The 32-byte hash and the two hash functions a database can be made with.

use core::fmt;
use core::str::FromStr;

use sha2::Digest;

/// A 32-byte hash, of a node, a value or a tree.
///
/// Text forms (`Display`, `FromStr`, JSON) are 64 digits of lower hex.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "borsh", derive(borsh::BorshSerialize, borsh::BorshDeserialize))]
pub struct Hash([u8; 32]);

impl Hash {
    /// Bytes in a hash.
    pub const LEN: usize = 32;

    /// A hash of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a text or a slice is not a [`struct@Hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashParseError {
    /// A slice of another length.
    #[error("a hash has 32 bytes, not {len}")]
    Length {
        /// The length found.
        len: usize,
    },
    /// A text that is not 64 digits of hex.
    #[error("a hash is written as 64 hex digits")]
    Hex,
    /// A name that is none of the hash functions'.
    #[error("the hash functions are sha256 and blake3")]
    Function,
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashParseError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashParseError> {
        let len = bytes.len();
        bytes.try_into().map(Self).map_err(|_| HashParseError::Length { len })
    }
}

impl FromStr for Hash {
    type Err = HashParseError;

    fn from_str(text: &str) -> Result<Self, HashParseError> {
        let mut bytes = [0; Self::LEN];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashParseError::Hex)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = alloc::string::String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

/// The hash function of a database, chosen when it is made and never changed.
///
/// Only [`Sha256`](HashFunction::Sha256) gives the hashes and proofs of cosmos/iavl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum HashFunction {
    /// SHA-256, as cosmos/iavl.
    #[default]
    Sha256,
    /// BLAKE3 with 256 bits: faster where the CPU has no SHA instructions, but not compatible.
    Blake3,
}

impl HashFunction {
    /// Hashes one contiguous piece of bytes.
    ///
    /// There is no way to hash in parts on purpose: for the hundred bytes of a node, feeding a
    /// hasher piece by piece costs far more than putting the pieces side by side first.
    #[must_use]
    pub fn hash(self, bytes: &[u8]) -> Hash {
        match self {
            Self::Sha256 => Hash(sha2::Sha256::digest(bytes).into()),
            Self::Blake3 => Hash(blake3::hash(bytes).into()),
        }
    }

    /// The root hash of a tree without leaves: the hash of no bytes.
    #[must_use]
    pub fn empty_root(self) -> Hash {
        self.hash(&[])
    }

    /// The name as `Display` and `FromStr` have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
        }
    }
}

impl fmt::Display for HashFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for HashFunction {
    type Err = HashParseError;

    fn from_str(name: &str) -> Result<Self, HashParseError> {
        [Self::Sha256, Self::Blake3].into_iter().find(|function| function.name() == name).ok_or(HashParseError::Function)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn empty_roots_are_the_hashes_of_nothing() {
        assert_eq!(HashFunction::Sha256.empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(HashFunction::Blake3.empty_root().to_string(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    }

    #[test]
    fn text_forms_come_back() {
        let hash = HashFunction::Sha256.hash(b"tree");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!("ab".parse::<Hash>(), Err(HashParseError::Hex));
        assert_eq!(Hash::try_from(&[0_u8; 31][..]), Err(HashParseError::Length { len: 31 }));
        assert_eq!("blake3".parse(), Ok(HashFunction::Blake3));
        assert_eq!("SHA256".parse::<HashFunction>(), Err(HashParseError::Function));
    }
}
