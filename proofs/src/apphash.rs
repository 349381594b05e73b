//! Several stores under one hash: the app hash, as the Cosmos SDK's `rootmulti` computes it.
//!
//! ```text
//! app hash = root of the RFC 6962 tree over the stores in the order of their names
//! leaf     = SHA-256( 00  len(name) name  20 SHA-256(store root) )       lengths as unsigned LEB128
//! inner    = SHA-256( 01  left right )       split at the largest power of two below the number of leaves
//! empty    = SHA-256( )
//! ```
//!
//! It is SHA-256 whatever hash function the stores' own trees have.

mod multi_store;
mod store_proof;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

pub use multi_store::MultiStoreProof;
pub use store_proof::{StoreEvidence, StoreProof, StoreProofError};

use crate::existence::Sibling;
use crate::hash::{Hash, HashFunction};
use crate::preimage::HASH_LEN_BYTE;
use crate::varint::put_uvarint;

/// First byte of a hashed leaf.
pub(crate) const LEAF_TAG: u8 = 0;

/// First byte of a hashed inner node.
pub(crate) const INNER_TAG: u8 = 1;

/// The app hash of stores, given by name and root hash in any order. Of two with one name the later counts.
#[must_use]
pub fn app_hash<'a>(stores: impl IntoIterator<Item = (&'a str, Hash)>) -> Hash {
    let stores: BTreeMap<_, _> = stores.into_iter().collect();
    let leaves: Vec<_> = stores.iter().map(|(name, root)| store_hash(name, root)).collect();
    merkle_root(&leaves)
}

/// The proof that a store has its root under the app hash of these stores; `None` when it is not among them.
#[must_use]
pub fn prove_store<'a>(stores: impl IntoIterator<Item = (&'a str, Hash)>, name: &str) -> Option<StoreProof> {
    let stores: BTreeMap<_, _> = stores.into_iter().collect();
    let root = *stores.get(name)?;
    let index = stores.range(..name).count();
    let leaves: Vec<_> = stores.iter().map(|(name, root)| store_hash(name, root)).collect();
    let mut path = Vec::new();
    merkle_path(&leaves, index, &mut path);
    Some(StoreProof { name: name.into(), root, path })
}

/// The hash of a leaf: a store's name bound to its root.
fn store_hash(name: &str, root: &Hash) -> Hash {
    let mut bytes = Vec::with_capacity(name.len() + 2 * Hash::LEN);
    bytes.push(LEAF_TAG);
    put_uvarint(&mut bytes, name.len() as u64);
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(HASH_LEN_BYTE);
    bytes.extend_from_slice(HashFunction::Sha256.hash(root.as_ref()).as_ref());
    HashFunction::Sha256.hash(&bytes)
}

fn join(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [INNER_TAG; 1 + 2 * Hash::LEN];
    let hashes = left.as_bytes().iter().chain(right.as_bytes());
    bytes.iter_mut().skip(1).zip(hashes).for_each(|(slot, byte)| *slot = *byte);
    HashFunction::Sha256.hash(&bytes)
}

fn merkle_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => HashFunction::Sha256.empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split_point(leaves.len()));
            join(&merkle_root(left), &merkle_root(right))
        }
    }
}

/// Collects the siblings of the leaf with this number, from the leaf up.
fn merkle_path(leaves: &[Hash], index: usize, path: &mut Vec<Sibling>) {
    if leaves.len() < 2 {
        return;
    }
    let split = split_point(leaves.len());
    let (left, right) = leaves.split_at(split);
    if index < split {
        merkle_path(left, index, path);
        path.push(Sibling::Right(merkle_root(right)));
    } else {
        merkle_path(right, index - split, path);
        path.push(Sibling::Left(merkle_root(left)));
    }
}

/// The largest power of two below `len`, which is at least 2.
const fn split_point(len: usize) -> usize {
    1 << (len - 1).ilog2()
}
