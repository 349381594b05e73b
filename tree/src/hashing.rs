//! Hashes of nodes, as the tree needs them. The preimages themselves are in [`treering_proofs::preimage`].

use treering_proofs::{Hash, HashFunction, MAX_VERSION, preimage};

use crate::memory::{Child, Inner, Leaf};
use crate::{MAX_KEY_LEN, MAX_VALUE_LEN, NodeKey, NodeRecord, Side, TreeError};

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
