//! Random choices that a seed repeats.

use crate::engine::{Durability, Keyspace};

/// Bytes of keys: few, so that keys meet again and are prefixes of each other; with those at both ends of the order.
const ALPHABET: [u8; 6] = [0x00, 0x01, b'a', b'b', 0xfe, 0xff];
/// Bytes of a key at most.
const LONGEST_KEY: usize = 5;
/// Bytes of a common value at most.
const COMMON_VALUE: usize = 300;
/// Bytes of a large value.
const LARGE_VALUE: usize = 1 << 20;

/// A source of numbers (splitmix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Each as likely, the first when there are none.
    fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let place = self.below(from.len());
        from.get(place).copied().unwrap_or_default()
    }

    pub(super) fn key(&mut self) -> Vec<u8> {
        let length = self.below(LONGEST_KEY + 1);
        (0..length).map(|_| self.pick(&ALPHABET)).collect()
    }

    pub(super) fn value(&mut self) -> Vec<u8> {
        let length = match self.below(400) {
            0 => LARGE_VALUE,
            1..80 => 0,
            _ => self.below(COMMON_VALUE),
        };
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    pub(super) fn keyspace(&mut self) -> Keyspace {
        let place = self.below(Keyspace::ALL.len());
        Keyspace::ALL.get(place).copied().unwrap_or(Keyspace::Meta)
    }

    /// Mostly buffered, which is faster.
    pub(super) fn durability(&mut self) -> Durability {
        if self.once_in(8) { Durability::Synced } else { Durability::Buffered }
    }
}
