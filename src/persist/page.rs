//! Pages: the nodes of a version as they are stored, up to 32 together.
//!
//! ```text
//! key   = store (4 bytes) || version (8) || number (4)          it holds the nodes with the nonces 32 * number to 32 * number + 31
//! page  = present (4 bytes) || entry*                           bit i: the node at place i, nonce 32 * number + i, is there
//! entry = 0x00 || len(key) key || len(value) value              leaf
//!       | 0x01 || len(key) key                                  leaf, its value apart
//!       | 0x80 + flags || [len(key) key] || child || child      inner node: left, then right; key is the routing key
//! flags = 1: the left child is near, 2: the right one is, 4 and 8: what is known of it is stored nevertheless, 16: the key is left
//!         out, since it is that of the smallest leaf below the right child, and from that child to the leaf all are near
//! child = place (1 byte) [|| known]                             near: it is in this page, its value not apart
//!       | age || nonce || known                                 its version is that of the page less its age
//! known = hash (32 bytes) || height (1) || size
//! ```
//!
//! Nonces count in pre-order, so a page holds whole paths and small subtrees. What follows from other nodes of the page is not stored: hash,
//! height and size of most near children, and most routing keys of small subtrees. A new version of a large tree is mostly paths, of
//! whose hashes that is nearly one half; with a record for each node a database with all versions was a third larger. Of a near child from which more than
//! [`MOST_WORK`] would have to be hashed anew they are stored: where all of them were, a proof of what is not in memory took 1.4 times as long as
//! with a record for each node.
//!
//! A value longer than [`LONGEST_INSIDE`] has a record of its own beside the page (key: that of the page || place), so that reading a node
//! never reads long values of others.
//!
//! A node's hash and size follow from what its page holds, and its parent has them too, so a page cannot be wrong unnoticed; the checksum of
//! the [frame](super::frame) covers what the hash does not: routing keys and names of nodes.
//!
//! Invariants
//! 1. The places of near children are behind that of their parent, as their nonces are.
//! 2. With a node all below it are there which its version made: whoever removes nodes from a page removes parents not after their children.

mod decode;
mod encode;
mod entry;
#[cfg(test)]
mod tests;

use treering_tree::NodeKey;

use super::keys::{self, StoreId};

pub(crate) use decode::{Found, Page};
pub(crate) use encode::PageWriter;

/// Nodes of a page at most.
const PLACES: u32 = u32::BITS;

/// Bytes of the longest value that stands in a page.
const LONGEST_INSIDE: usize = 1024;

/// How much is hashed anew at most to know a near child: a leaf, with its value, counts as two inner nodes.
const MOST_WORK: u8 = 4;
const WORK_OF_LEAF: u8 = 2;
const WORK_OF_INNER: u8 = 1;

const LEAF: u8 = 0;
const LEAF_APART: u8 = 1;
const INNER: u8 = 0x80;
/// Of the left child, and of the right one.
const NEAR: [u8; 2] = [1, 2];
const KNOWN: [u8; 2] = [4, 8];
const KEY_BELOW: u8 = 16;

/// Which page of a store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PageName {
    version: u64,
    number: u32,
}

impl PageName {
    /// The page of a node, and the node's place in it.
    pub(crate) fn of(node: NodeKey) -> (Self, u32) {
        (Self { version: node.version(), number: node.nonce() / PLACES }, node.nonce() % PLACES)
    }

    pub(crate) fn key(self, store: StoreId) -> [u8; keys::PAGE] {
        keys::page(store, self.version, self.number)
    }

    fn node(self, place: u32) -> NodeKey {
        NodeKey::new(self.version, self.number * PLACES + place)
    }
}

/// The key of a value apart.
pub(crate) fn value_key(page: &[u8], place: u32) -> Vec<u8> {
    [page, &[u8::try_from(place).unwrap_or(u8::MAX)]].concat()
}

/// Whether a key is that of a page, not of a value beside one.
pub(crate) fn is_page(key: &[u8]) -> bool {
    key.len() == keys::PAGE
}
