//! The name of a saved node.

use std::fmt;

/// Names a saved node: the version that made it, and its number among that version's new nodes in pre-order, from 1.
///
/// The order is that of the numbers, and that of the twelve bytes, so nodes of one version lie together in storage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    version: u64,
    nonce: u32,
}

impl NodeKey {
    /// Bytes of [`NodeKey::to_bytes`].
    pub const LEN: usize = 12;
    pub(crate) const VACANT: Self = Self { version: 0, nonce: 0 };

    /// The node with number `nonce` of `version`.
    #[must_use]
    pub const fn new(version: u64, nonce: u32) -> Self {
        Self { version, nonce }
    }

    /// `None` for a draft, which has no nonce yet.
    pub(crate) fn of_saved(version: u64, nonce: u32) -> Option<Self> {
        (nonce != 0).then_some(Self { version, nonce })
    }

    /// Sorts names, most of which were given close together, as single numbers: faster than by comparing two fields.
    pub(crate) fn sort(keys: &mut [Self]) {
        let oldest = keys.iter().map(|key| key.version).min().unwrap_or_default();
        let newest = keys.iter().map(|key| key.version).max().unwrap_or_default();
        if newest - oldest > u64::from(u32::MAX) {
            return keys.sort_unstable();
        }
        let mut packed: Vec<u64> = keys.iter().map(|key| (key.version - oldest) << 32 | u64::from(key.nonce)).collect();
        packed.sort_unstable();
        for (key, packed) in keys.iter_mut().zip(packed) {
            let nonce = packed & u64::from(u32::MAX);
            *key = Self { version: oldest + (packed >> 32), nonce: u32::try_from(nonce).unwrap_or(u32::MAX) };
        }
    }

    /// The version that made the node.
    #[must_use]
    pub const fn version(self) -> u64 {
        self.version
    }

    /// The node's number among the new nodes of its version; the root has 1 when it is new.
    #[must_use]
    pub const fn nonce(self) -> u32 {
        self.nonce
    }

    /// Version (8 bytes), then nonce (4 bytes), both big endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (version, nonce) = bytes.split_at_mut(8);
        version.copy_from_slice(&self.version.to_be_bytes());
        nonce.copy_from_slice(&self.nonce.to_be_bytes());
        bytes
    }

    /// The inverse of [`NodeKey::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let ([version @ .., _, _, _, _], [_, _, _, _, _, _, _, _, nonce @ ..]) = (bytes, bytes);
        Self { version: u64::from_be_bytes(*version), nonce: u32::from_be_bytes(*nonce) }
    }
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.version, self.nonce)
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_close_together_and_far_apart_are_sorted() {
        for versions in [[5, 3, 4, 5], [u64::MAX, 0, 1 << 40, 7], [1 << 32, 0, 1, 0]] {
            let mut keys: Vec<NodeKey> = versions.into_iter().zip([9, u32::MAX, 1, 2]).map(|(v, n)| NodeKey::new(v, n)).collect();
            let mut expected = keys.clone();
            expected.sort_unstable();
            NodeKey::sort(&mut keys);
            assert_eq!(keys, expected);
        }
        NodeKey::sort(&mut []);
    }

    #[test]
    fn bytes_round_trip_and_sort_like_the_key() {
        let keys = [NodeKey::new(1, 1), NodeKey::new(1, 256), NodeKey::new(2, 1), NodeKey::new(u64::MAX, u32::MAX)];
        for pair in keys.windows(2) {
            assert!(pair[0].to_bytes() < pair[1].to_bytes());
        }
        for key in keys {
            assert_eq!(NodeKey::from_bytes(&key.to_bytes()), key);
        }
    }
}
