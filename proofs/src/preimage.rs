//! The bytes that are hashed, laid out here and nowhere else; trees and verifiers call the same functions.
//!
//! ```text
//! leaf  = H( varint(0) varint(1) varint(version) uvarint(len key) key 0x20 H(value) )
//! inner = H( varint(height) varint(size) varint(version) 0x20 left hash 0x20 right hash )
//! ```
//!
//! A leaf's first byte is `00` and an inner node's is not (its height is at least 1), so that
//! neither can pass for the other. The routing key of an inner node is not hashed.
//!
//! ```
//! use treering_proofs::HashFunction::Sha256;
//! use treering_proofs::preimage::{leaf_hash, value_hash};
//!
//! let mut bytes = vec![0x00, 0x02, 0x0e, 0x03];   // height 0, size 1, version 7, a key of 3 bytes
//! bytes.extend(b"oak");
//! bytes.push(0x20);
//! bytes.extend(value_hash(Sha256, b"tree").as_bytes());
//! assert_eq!(leaf_hash(Sha256, 7, b"oak", &value_hash(Sha256, b"tree")), Sha256.hash(&bytes));
//! ```

use alloc::vec::Vec;

use crate::hash::{Hash, HashFunction};
use crate::varint;

/// The largest version or size: they are signed 64-bit numbers in the preimages.
pub const MAX_VERSION: u64 = i64::MAX.cast_unsigned();

/// The byte before a hash: its length.
pub(crate) const HASH_LEN_BYTE: u8 = 0x20;

/// Keys up to this length are hashed from the stack.
const SHORT_KEY: usize = 128;

/// Around a key: height, size, version, length of the key; length of the value hash, value hash.
const LEAF_FRAME: usize = 2 + 2 * varint::MAX_LEN + 1 + Hash::LEN;

/// An inner node whole: height (two bytes at most), size, version, two hashes with their lengths.
const INNER_MAX: usize = 2 + 2 * varint::MAX_LEN + 2 * (1 + Hash::LEN);

/// The hash of a value, as a leaf holds it.
#[must_use]
pub fn value_hash(function: HashFunction, value: &[u8]) -> Hash {
    function.hash(value)
}

/// The hash of a leaf. `version` must not exceed [`MAX_VERSION`].
#[must_use]
pub fn leaf_hash(function: HashFunction, version: u64, key: &[u8], value_hash: &Hash) -> Hash {
    if key.len() <= SHORT_KEY {
        let mut buffer = Buffer::<{ LEAF_FRAME + SHORT_KEY }>::new();
        lay_leaf(&mut buffer, version, key, value_hash);
        function.hash(buffer.as_slice())
    } else {
        let mut buffer = Vec::with_capacity(LEAF_FRAME + key.len());
        lay_leaf(&mut buffer, version, key, value_hash);
        function.hash(&buffer)
    }
}

/// The hash of an inner node. `size` and `version` must not exceed [`MAX_VERSION`].
#[must_use]
pub fn inner_hash(function: HashFunction, height: u8, size: u64, version: u64, left: &Hash, right: &Hash) -> Hash {
    let mut buffer = Buffer::<INNER_MAX>::new();
    lay_header(&mut buffer, height, size, version);
    lay_hash(&mut buffer, left);
    lay_hash(&mut buffer, right);
    function.hash(buffer.as_slice())
}

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// The preimage of a node on the stack, laid out and not hashed yet: for those who hash several at a time.
pub struct Preimage {
    buffer: Buffer<{ Self::BLOCKS * BLOCK }>,
}

impl Preimage {
    /// Blocks of SHA-256 that the longest preimage here takes with its padding.
    pub const BLOCKS: usize = 3;

    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Buffer::new() }
    }

    /// Lays out a leaf; what [`leaf_hash`] hashes. Gives `false`, and holds nothing of use, if the key is too long for it.
    #[must_use]
    pub fn lay_leaf(&mut self, version: u64, key: &[u8], value_hash: &Hash) -> bool {
        if key.len() > SHORT_KEY {
            return false;
        }
        self.buffer.len = 0;
        lay_leaf(&mut self.buffer, version, key, value_hash);
        true
    }

    /// Lays out an inner node; what [`inner_hash`] hashes.
    pub fn lay_inner(&mut self, height: u8, size: u64, version: u64, left: &Hash, right: &Hash) {
        self.buffer.len = 0;
        lay_header(&mut self.buffer, height, size, version);
        lay_hash(&mut self.buffer, left);
        lay_hash(&mut self.buffer, right);
    }

    /// The bytes to hash.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.buffer.as_slice()
    }

    /// The bytes to hash as blocks, with the padding of SHA-256.
    #[must_use]
    pub fn sha256_blocks(&mut self) -> &[[u8; BLOCK]] {
        let len = self.buffer.len;
        let blocks = sha256_blocks(len);
        let (bytes, _) = self.buffer.bytes.as_chunks_mut::<BLOCK>();
        let used = bytes.get_mut(..blocks).unwrap_or_default();
        sha256_pad(used, len, len as u64);
        used
    }
}

impl Default for Preimage {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = assert!(LEAF_FRAME + SHORT_KEY + SHA256_PADDING <= Preimage::BLOCKS * BLOCK);
const _: () = assert!(INNER_MAX + SHA256_PADDING <= Preimage::BLOCKS * BLOCK);

/// The least that SHA-256 adds: a bit, and the length in eight bytes.
const SHA256_PADDING: usize = 1 + 8;

/// How many blocks of SHA-256 so many bytes take with their padding.
#[must_use]
pub const fn sha256_blocks(len: usize) -> usize {
    (len + SHA256_PADDING).div_ceil(BLOCK)
}

/// Pads a message whose last `used` bytes begin `blocks`, as SHA-256 does. `len` is the number of bytes of the whole message.
/// The padding ends with the last of the blocks, of which there must be [`sha256_blocks`]`(used)`; fewer are left as they are.
pub fn sha256_pad(blocks: &mut [[u8; BLOCK]], used: usize, len: u64) {
    let bytes = blocks.as_flattened_mut();
    if let Some((bit, rest)) = bytes.get_mut(used..).and_then(<[u8]>::split_first_mut)
        && let Some((zeros, bits)) = rest.split_last_chunk_mut::<8>()
    {
        *bit = 0x80;
        zeros.fill(0);
        *bits = (len << 3).to_be_bytes();
    }
}

/// What precedes the length of the key in a leaf: the prefix of an ICS-23 leaf op.
#[must_use]
pub fn leaf_prefix(version: u64) -> Vec<u8> {
    let mut out = Vec::new();
    lay_header(&mut out, 0, 1, version);
    out
}

/// What precedes the left child's hash in an inner node: the prefix of an ICS-23 inner op for a left child.
#[must_use]
pub fn prefix_of_left_child(height: u8, size: u64, version: u64) -> Vec<u8> {
    let mut out = Vec::new();
    lay_header(&mut out, height, size, version);
    out.push(HASH_LEN_BYTE);
    out
}

/// What follows the left child's hash in an inner node: the suffix of an ICS-23 inner op for a left child.
#[must_use]
pub fn suffix_of_left_child(right: &Hash) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + Hash::LEN);
    lay_hash(&mut out, right);
    out
}

/// What precedes the right child's hash in an inner node: the prefix of an ICS-23 inner op for a right child.
/// Nothing follows that hash.
#[must_use]
pub fn prefix_of_right_child(height: u8, size: u64, version: u64, left: &Hash) -> Vec<u8> {
    let mut out = Vec::new();
    lay_header(&mut out, height, size, version);
    lay_hash(&mut out, left);
    out.push(HASH_LEN_BYTE);
    out
}

fn lay_leaf(out: &mut impl Sink, version: u64, key: &[u8], value_hash: &Hash) {
    lay_header(out, 0, 1, version);
    lay_number(out, key.len() as u64);
    out.put(key);
    lay_hash(out, value_hash);
}

fn lay_header(out: &mut impl Sink, height: u8, size: u64, version: u64) {
    debug_assert!(size <= MAX_VERSION && version <= MAX_VERSION, "numbers in a preimage have 63 bits");
    for number in [u64::from(height), size, version] {
        // Zigzag of a number that is not negative; doubling the bits cannot lose the top one.
        lay_number(out, number << 1);
    }
}

fn lay_hash(out: &mut impl Sink, hash: &Hash) {
    out.put_array(&[HASH_LEN_BYTE]);
    out.put_array(hash.as_bytes());
}

/// Byte by byte: for the few bytes of a number that is faster than copying an encoded one.
fn lay_number(out: &mut impl Sink, mut number: u64) {
    while number >= 0x80 {
        out.put_array(&[(number & 0x7f) as u8 | 0x80]);
        number >>= 7;
    }
    out.put_array(&[(number & 0x7f) as u8]);
}

/// Where a preimage is laid out: a `Vec`, or a buffer on the stack.
trait Sink {
    fn put(&mut self, bytes: &[u8]);

    /// A fixed number of bytes, copied without a call.
    fn put_array<const M: usize>(&mut self, bytes: &[u8; M]) {
        self.put(bytes);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Bytes on the stack. The callers above size it for the most they can put.
struct Buffer<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Buffer<N> {
    const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    fn room(&mut self) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.len..)
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl<const N: usize> Sink for Buffer<N> {
    fn put(&mut self, bytes: &[u8]) {
        let room = self.room().and_then(|room| room.get_mut(..bytes.len()));
        assert!(room.is_some(), "the buffer is sized for the largest preimage");
        if let Some(room) = room {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn put_array<const M: usize>(&mut self, bytes: &[u8; M]) {
        let room = self.room().and_then(|room| room.first_chunk_mut::<M>());
        assert!(room.is_some(), "the buffer is sized for the largest preimage");
        if let Some(room) = room {
            *room = *bytes;
            self.len += M;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn the_largest_preimages_fit() {
        let hash = Hash::new([0xff; 32]);
        let inner = inner_hash(HashFunction::Sha256, u8::MAX, MAX_VERSION, MAX_VERSION, &hash, &hash);
        let mut bytes = prefix_of_left_child(u8::MAX, MAX_VERSION, MAX_VERSION);
        bytes.extend_from_slice(hash.as_ref());
        bytes.extend(suffix_of_left_child(&hash));
        assert_eq!(inner, HashFunction::Sha256.hash(&bytes));
        let mut bytes = prefix_of_right_child(u8::MAX, MAX_VERSION, MAX_VERSION, &hash);
        bytes.extend_from_slice(hash.as_ref());
        assert_eq!(inner, HashFunction::Sha256.hash(&bytes));
    }

    #[test]
    fn laid_out_preimages_are_what_is_hashed() {
        let (left, right) = (Hash::new([1; 32]), Hash::new([2; 32]));
        let mut preimage = Preimage::new();
        for number in [1, 63, 64, 300, MAX_VERSION] {
            preimage.lay_inner(u8::MAX, number, number, &left, &right);
            let expected = inner_hash(HashFunction::Blake3, u8::MAX, number, number, &left, &right);
            assert_eq!(HashFunction::Blake3.hash(preimage.bytes()), expected);
            for len in 0..=SHORT_KEY {
                let key = vec![9; len];
                assert!(preimage.lay_leaf(number, &key, &left));
                assert_eq!(HashFunction::Blake3.hash(preimage.bytes()), leaf_hash(HashFunction::Blake3, number, &key, &left));
                let (bytes, blocks) = (preimage.bytes().to_vec(), preimage.sha256_blocks().as_flattened().to_vec());
                let (message, padding) = blocks.split_at(bytes.len());
                assert_eq!(message, bytes);
                let zeros = blocks.len() - bytes.len() - SHA256_PADDING;
                assert!(zeros < BLOCK);
                assert_eq!(padding, [&[0x80][..], &vec![0; zeros], &(8 * bytes.len() as u64).to_be_bytes()].concat());
            }
        }
        assert!(!preimage.lay_leaf(1, &[0; SHORT_KEY + 1], &left));
    }

    #[test]
    fn short_and_long_keys_are_laid_out_alike() {
        for len in [0, 1, SHORT_KEY - 1, SHORT_KEY, SHORT_KEY + 1, 70_000] {
            let key = vec![7; len];
            let hash = value_hash(HashFunction::Blake3, b"value");
            let mut bytes = leaf_prefix(MAX_VERSION);
            varint::put_uvarint(&mut bytes, len as u64);
            bytes.extend_from_slice(&key);
            lay_hash(&mut bytes, &hash);
            assert_eq!(leaf_hash(HashFunction::Blake3, MAX_VERSION, &key, &hash), HashFunction::Blake3.hash(&bytes));
        }
    }
}
