//! Hashes of nodes, as the tree needs them. The preimages themselves are in [`treering_proofs::preimage`].

use treering_proofs::{Hash, HashFunction, preimage};

use crate::memory::{Child, Inner, Leaf};
use crate::{NodeKey, NodeRecord, Side, TreeError};

/// The hash of a leaf made in `version`.
pub(crate) fn leaf_hash(function: HashFunction, leaf: &Leaf, version: u64) -> Hash {
    let value = preimage::value_hash(function, leaf.value());
    preimage::leaf_hash(function, version, leaf.key(), &value)
}

/// The hash of an inner node made in `version`, whose children are hashed.
#[inline]
pub(crate) fn inner_hash(function: HashFunction, node: &Inner, version: u64) -> Hash {
    preimage::inner_hash(function, node.height(), node.size(), version, node.hash(Side::Left), node.hash(Side::Right))
}

/// Checks a record read from storage against all that its parent says of it.
pub(crate) fn check_record(function: HashFunction, node: NodeKey, record: &NodeRecord<'_>, expected: &Child) -> Result<(), TreeError> {
    let malformed = |what| TreeError::Malformed { node, what };
    let (height, size, found) = match record {
        NodeRecord::Leaf { key, value } => {
            let value = preimage::value_hash(function, value);
            (0, 1, preimage::leaf_hash(function, node.version(), key, &value))
        }
        NodeRecord::Inner { left, right, .. } => {
            let height = left.height.max(right.height).checked_add(1).ok_or_else(|| malformed("its height is over 255"))?;
            let size = left.size.checked_add(right.size).ok_or_else(|| malformed("its size is over 2^64"))?;
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
