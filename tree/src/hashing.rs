//! Hashes of nodes, as the tree needs them. The preimages themselves are in [`treering_proofs::preimage`].

mod sha256;

use treering_proofs::preimage::Preimage;
use treering_proofs::{Hash, HashFunction, MAX_VERSION, preimage};

use crate::memory::{Child, Inner, Leaf};
use crate::{MAX_KEY_LEN, MAX_VALUE_LEN, NodeKey, NodeRecord, Side, TreeError};
use sha256::{Blocks, End};

/// The hashes of two messages, found side by side where the processor can.
#[inline]
pub(crate) fn hash_two(function: HashFunction, messages: [&[u8]; 2]) -> [Hash; 2] {
    let [mut first, mut second] = [const { End::new() }; 2];
    let [one, two] = messages;
    let found = match function {
        HashFunction::Sha256 if sha256::is_there() => sha256::hash_many([first.pad(one), second.pad(two)]),
        _ => None,
    };
    found.unwrap_or_else(|| messages.map(|message| function.hash(message)))
}

/// How many nodes are hashed side by side.
pub(crate) const LANES: usize = 2;

/// The hashes of some nodes, found side by side where the processor can.
#[inline]
pub(crate) fn hash_nodes(function: HashFunction, preimages: &mut [Preimage; LANES], count: usize) -> [Hash; LANES] {
    let mut hashes = [Hash::default(); LANES];
    if function == HashFunction::Sha256 && sha256::is_there() {
        if count == LANES {
            let blocks = preimages.each_mut().map(|preimage| Blocks { whole: preimage.sha256_blocks(), end: &[] });
            return sha256::hash_many(blocks).unwrap_or(hashes);
        }
        for (hash, preimage) in hashes.iter_mut().zip(preimages).take(count) {
            let blocks = Blocks { whole: preimage.sha256_blocks(), end: &[] };
            *hash = sha256::hash_one(blocks).unwrap_or_default();
        }
        return hashes;
    }
    for (hash, preimage) in hashes.iter_mut().zip(preimages).take(count) {
        *hash = function.hash(preimage.bytes());
    }
    hashes
}

/// The hash of a value.
#[inline]
pub(crate) fn value_hash(function: HashFunction, value: &[u8]) -> Hash {
    let found = match function {
        HashFunction::Sha256 if sha256::is_there() => sha256::hash_one(End::new().pad(value)),
        _ => None,
    };
    found.unwrap_or_else(|| preimage::value_hash(function, value))
}

/// The hash of a leaf made in `version`.
pub(crate) fn leaf_hash(function: HashFunction, leaf: Leaf<'_>, version: u64) -> Hash {
    let value = preimage::value_hash(function, leaf.value());
    preimage::leaf_hash(function, version, leaf.key(), &value)
}

/// The hash of an inner node made in `version`, whose children are hashed.
#[inline]
pub(crate) fn inner_hash(function: HashFunction, node: &Inner, version: u64) -> Hash {
    preimage::inner_hash(function, node.height(), node.size(), version, node.hash(Side::Left), node.hash(Side::Right))
}

/// Checks a record read from storage against all that its parent says of it.
///
/// Two things no hash covers: the routing key, and which of two children is the higher one. A storage protects them with a checksum of its
/// own; [`Tree::check`](crate::Tree::check) finds them wrong. Sizes are proven by the pair: their sum is hashed, and the child that
/// is entered must have its own.
pub(crate) fn check_record(function: HashFunction, node: NodeKey, record: &NodeRecord<'_>, expected: &Child) -> Result<(), TreeError> {
    let malformed = |what| TreeError::Malformed { node, what };
    if node.nonce() == 0 || node.version() == 0 || node.version() > MAX_VERSION {
        return Err(malformed("no saved node has this name"));
    }
    let (height, size, found) = match record {
        NodeRecord::Leaf { key, value } => {
            if key.len() > MAX_KEY_LEN || value.len() > MAX_VALUE_LEN {
                return Err(malformed("its key or value is longer than allowed"));
            }
            let value = preimage::value_hash(function, value);
            (0, 1, preimage::leaf_hash(function, node.version(), key, &value))
        }
        NodeRecord::Inner { key, left, right } => {
            if key.len() > MAX_KEY_LEN {
                return Err(malformed("its key is longer than allowed"));
            }
            if left.height.abs_diff(right.height) > 1 {
                return Err(malformed("its children's heights differ by more than one"));
            }
            let height = left.height.max(right.height).checked_add(1).ok_or_else(|| malformed("its height is over 255"))?;
            let size = left.size.checked_add(right.size).filter(|&size| size <= MAX_VERSION);
            let size = size.ok_or_else(|| malformed("its size is over 2^63 - 1"))?;
            (height, size, preimage::inner_hash(function, height, size, node.version(), &left.hash, &right.hash))
        }
    };
    if found != expected.hash {
        return Err(TreeError::HashMismatch { node, expected: expected.hash, found });
    }
    if height != expected.height {
        return Err(malformed("its height is not the one that its parent says"));
    }
    if size != expected.size {
        return Err(malformed("its size is not the one that its parent says"));
    }
    Ok(())
}
