//! SHA-256 by the processor's own instructions, several messages at a time.
//!
//! A round takes the result of the one before, so one message leaves most of the processor idle; two that take turns fill it. Measured on
//! the 90,000 hashes of a block's nodes: 108 ns each by the `sha2` crate, some 35 ns in pairs. Four at a time took as long as two: their
//! words no longer fit the registers. Where the processor has no such instructions, [`hash_many`] gives nothing and the caller hashes the
//! common way.

#![expect(unsafe_code, reason = "instructions that the processor is asked for at run time; see the measurement above")]

use treering_proofs::Hash;
use treering_proofs::preimage::{sha256_blocks, sha256_pad};

/// Bytes of a block.
const BLOCK: usize = 64;

/// A padded message: blocks that lie whole in it, and those at its end, which were put together with the padding.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a> {
    pub(super) whole: &'a [[u8; BLOCK]],
    pub(super) end: &'a [[u8; BLOCK]],
}

impl<'a> Blocks<'a> {
    #[inline]
    fn count(self) -> usize {
        self.whole.len() + self.end.len()
    }

    #[inline]
    fn get(self, place: usize) -> Option<&'a [u8; BLOCK]> {
        self.whole.get(place).or_else(|| self.end.get(place - self.whole.len()))
    }
}

/// The last bytes of a message with their padding.
pub(super) struct End {
    blocks: [[u8; BLOCK]; 2],
}

impl End {
    pub(super) const fn new() -> Self {
        Self { blocks: [[0; BLOCK]; 2] }
    }

    /// The blocks of `message`.
    #[inline]
    pub(super) fn pad<'a>(&'a mut self, message: &'a [u8]) -> Blocks<'a> {
        let (whole, rest) = message.as_chunks::<BLOCK>();
        let end = self.blocks.get_mut(..sha256_blocks(rest.len())).unwrap_or_default();
        for (place, byte) in end.as_flattened_mut().iter_mut().zip(rest) {
            *place = *byte;
        }
        sha256_pad(end, rest.len(), message.len() as u64);
        Blocks { whole, end }
    }
}

/// Whether the processor has the instructions.
#[inline]
pub(super) fn is_there() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1") && is_x86_feature_detected!("ssse3");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// The hashes of some messages, or `None` where the processor has no such instructions.
#[inline]
pub(super) fn hash_many<const N: usize>(messages: [Blocks<'_>; N]) -> Option<[Hash; N]> {
    #[cfg(target_arch = "x86_64")]
    if is_there() {
        // SAFETY: the processor was just asked for all features that the function is compiled for.
        return Some(unsafe { x86::hash_many(messages) });
    }
    let _ = messages;
    None
}

/// The hash of a message, or `None` where the processor has no such instructions.
#[inline]
pub(super) fn hash_one(message: Blocks<'_>) -> Option<Hash> {
    #[cfg(target_arch = "x86_64")]
    if is_there() {
        // SAFETY: as in `hash_many`.
        return Some(unsafe { x86::hash_one(message) });
    }
    let _ = message;
    None
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128, _mm_sha256msg1_epu32,
        _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_storeu_si128,
    };

    use std::ptr;

    use treering_proofs::Hash;

    use super::{BLOCK, Blocks};

    /// The round constants (FIPS 180-4, 4.2.2), four rounds a row.
    #[rustfmt::skip]
    const ROUNDS: [[u32; 4]; 16] = [
        [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5], [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
        [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3], [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
        [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc], [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
        [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7], [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
        [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13], [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
        [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3], [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
        [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5], [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
        [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208], [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
    ];

    /// The words A to H of a state, in the order that the instructions take them: A B E F and C D G H, the first one on top.
    #[derive(Clone, Copy)]
    struct State {
        abef: __m128i,
        cdgh: __m128i,
    }

    impl State {
        /// The initial words (FIPS 180-4, 5.3.3).
        #[inline]
        #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
        fn initial() -> Self {
            const ABEF: [u32; 4] = [0x9b05_688c, 0x510e_527f, 0xbb67_ae85, 0x6a09_e667];
            const CDGH: [u32; 4] = [0x5be0_cd19, 0x1f83_d9ab, 0xa54f_f53a, 0x3c6e_f372];
            Self { abef: load(&ABEF), cdgh: load(&CDGH) }
        }

        #[inline]
        #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
        fn to_hash(self) -> Hash {
            let (feba, dchg) = (_mm_shuffle_epi32::<0x1B>(self.abef), _mm_shuffle_epi32::<0xB1>(self.cdgh));
            let halves = [_mm_blend_epi16::<0xF0>(feba, dchg), _mm_alignr_epi8::<8>(dchg, feba)];
            let mut bytes = [0; Hash::LEN];
            let (places, _) = bytes.as_chunks_mut::<16>();
            for (place, half) in places.iter_mut().zip(halves) {
                let half = _mm_shuffle_epi8(half, big_endian());
                // SAFETY: the place has 16 bytes, and the store needs no alignment.
                unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), half) };
            }
            Hash::new(bytes)
        }
    }

    /// Turns the bytes of four words round.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn big_endian() -> __m128i {
        _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203)
    }

    /// Sixteen bytes as they lie in memory.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load<T>(sixteen: &T) -> __m128i {
        const { assert!(size_of::<T>() == 16) };
        // SAFETY: these are 16 bytes, and the load needs no alignment.
        unsafe { _mm_loadu_si128(ptr::from_ref(sixteen).cast()) }
    }

    /// Takes a block into each of `N` states, whose rounds take turns.
    #[inline]
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn compress<const N: usize>(states: &mut [State; N], blocks: [&[u8; BLOCK]; N]) {
        let before = *states;
        let mut words = [[_mm_setzero_si128(); 4]; N];
        // A loop and not `map`: closures are not inlined into functions that ask for instructions.
        for (words, block) in words.iter_mut().zip(blocks) {
            for (word, part) in words.iter_mut().zip(block.as_chunks::<16>().0) {
                *word = _mm_shuffle_epi8(load(part), big_endian());
            }
        }
        macro_rules! rounds {
            ($($four:literal)*) => { $(
                let constants = load(&ROUNDS[$four]);
                for (state, words) in states.iter_mut().zip(&mut words) {
                    if $four >= 4 {
                        let last = words[($four + 3) % 4];
                        let sum = _mm_sha256msg1_epu32(words[$four % 4], words[($four + 1) % 4]);
                        let sum = _mm_add_epi32(sum, _mm_alignr_epi8::<4>(last, words[($four + 2) % 4]));
                        words[$four % 4] = _mm_sha256msg2_epu32(sum, last);
                    }
                    let sum = _mm_add_epi32(words[$four % 4], constants);
                    state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, sum);
                    state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32::<0x0E>(sum));
                }
            )* };
        }
        rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for (state, before) in states.iter_mut().zip(before) {
            state.abef = _mm_add_epi32(state.abef, before.abef);
            state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
        }
    }

    /// As many blocks as all messages have are hashed side by side, what one has more of by itself.
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    pub(super) fn hash_many<const N: usize>(messages: [Blocks<'_>; N]) -> [Hash; N] {
        let shared = messages.iter().map(|message| message.count()).min().unwrap_or_default();
        let mut states = [State::initial(); N];
        let mut blocks = [&[0; BLOCK]; N];
        for place in 0..shared {
            for (block, message) in blocks.iter_mut().zip(messages) {
                *block = message.get(place).unwrap_or(*block);
            }
            compress(&mut states, blocks);
        }
        let mut hashes = [Hash::default(); N];
        for ((hash, state), message) in hashes.iter_mut().zip(states).zip(messages) {
            *hash = finish(state, message, shared);
        }
        hashes
    }

    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    pub(super) fn hash_one(message: Blocks<'_>) -> Hash {
        finish(State::initial(), message, 0)
    }

    /// Takes in what is left of a message from block `start` on.
    #[inline]
    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn finish(state: State, message: Blocks<'_>, start: usize) -> Hash {
        let mut state = [state];
        for place in start..message.count() {
            if let Some(block) = message.get(place) {
                compress(&mut state, [block]);
            }
        }
        let [state] = state;
        state.to_hash()
    }
}

#[cfg(test)]
mod tests {
    use treering_proofs::HashFunction;

    use super::*;

    fn message(len: usize, seed: u8) -> Vec<u8> {
        (0..len).map(|i| (i % 251).to_le_bytes()[0].wrapping_mul(31).wrapping_add(seed)).collect()
    }

    #[test]
    fn every_pair_of_lengths_hashes_as_sha2_does() {
        let expected: Vec<Hash> = (0..=300).map(|len| HashFunction::Sha256.hash(&message(len, 7))).collect();
        let messages: Vec<Vec<u8>> = (0..=300).map(|len| message(len, 7)).collect();
        let mut ends = [const { End::new() }; 2];
        for (first, second) in (0..=300).flat_map(|first| (0..=300).map(move |second| (first, second))) {
            let [one, two] = &mut ends;
            let found = hash_many([one.pad(&messages[first]), two.pad(&messages[second])]);
            assert_eq!(found, is_there().then_some([expected[first], expected[second]]), "{first} and {second} bytes");
        }
        for (message, hash) in messages.iter().zip(expected) {
            assert_eq!(hash_one(ends[0].pad(message)), is_there().then_some(hash), "{} bytes", message.len());
        }
    }

    #[test]
    fn four_messages_hash_as_sha2_does() {
        let mut ends = [const { End::new() }; 4];
        for (first, step) in [(0, 0), (0, 13), (55, 1), (70, 0), (300, 64), (119, 1)] {
            let messages = [0, 1, 2, 3].map(|place| message(first + step * place, 3));
            let mut padded = ends.iter_mut().zip(&messages).map(|(end, message)| end.pad(message));
            let blocks = [(); 4].map(|()| padded.next().unwrap());
            assert_eq!(hash_many(blocks), is_there().then(|| messages.map(|message| HashFunction::Sha256.hash(&message))));
        }
    }

    #[test]
    fn long_messages_hash_as_sha2_does() {
        let mut ends = [const { End::new() }; 2];
        for (first, second) in [(70_000, 3), (4096, 4095), (64 * 7, 64 * 7 - 9), (1, 1 << 20)] {
            let messages = [message(first, 1), message(second, 2)];
            let [one, two] = &mut ends;
            let found = hash_many([one.pad(&messages[0]), two.pad(&messages[1])]);
            assert_eq!(found, is_there().then(|| messages.map(|message| HashFunction::Sha256.hash(&message))));
        }
    }
}
