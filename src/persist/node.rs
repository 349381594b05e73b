//! The bytes of tree nodes.
//!
//! ```text
//! leaf  = 0 || len(key) key || value
//! inner = 1 || len(key) key || child || child           left, then right; key is the routing key
//! child = version || nonce || hash (32 bytes) || height (1 byte) || size
//! ```
//!
//! A node's own version is in its key. Hash and size of a node follow from what its record holds, and its parent has them too, so a
//! record cannot be wrong unnoticed; the checksum of the [frame](super::frame) covers what the hash does not: routing key and node keys.

use std::borrow::Cow;

use treering_proofs::Hash;
use treering_tree::{ChildRecord, NodeKey, NodeRecord};

use super::frame::{Reader, Writer};
use super::keys::{self, StoreId};
use crate::engine::Keyspace;
use crate::error::Result;

const LEAF: u8 = 0;
const INNER: u8 = 1;
/// About what two children take.
const CHILDREN: usize = 2 * (Hash::LEN + 16);

/// The record of a node, and its key.
pub(crate) fn encode(store: StoreId, node: NodeKey, record: &NodeRecord<'_>) -> (Vec<u8>, Vec<u8>) {
    let at = keys::node(store, node);
    let mut writer;
    match record {
        NodeRecord::Leaf { key, value } => {
            writer = Writer::with_capacity(key.len() + value.len() + 4);
            writer.byte(LEAF).bytes(key).raw(value);
        }
        NodeRecord::Inner { key, left, right } => {
            writer = Writer::with_capacity(key.len() + CHILDREN);
            writer.byte(INNER).bytes(key);
            for child in [left, right] {
                writer.node_key(child.node).hash(&child.hash).byte(child.height).number(child.size);
            }
        }
    }
    let record = writer.seal(Keyspace::Nodes, &at);
    (at, record)
}

/// The inverse of [`encode`].
pub(crate) fn decode(at: &[u8], record: &[u8]) -> Result<NodeRecord<'static>> {
    let mut reader = Reader::open(Keyspace::Nodes, at, record)?;
    match reader.byte()? {
        LEAF => {
            let key = Cow::Owned(reader.bytes()?.to_vec());
            Ok(NodeRecord::Leaf { key, value: Cow::Owned(reader.rest().to_vec()) })
        }
        INNER => {
            let key = Cow::Owned(reader.bytes()?.to_vec());
            let (left, right) = (child(&mut reader)?, child(&mut reader)?);
            reader.finish()?;
            Ok(NodeRecord::Inner { key, left, right })
        }
        _ => Err(reader.damaged("it is neither leaf nor inner node")),
    }
}

fn child(reader: &mut Reader<'_>) -> Result<ChildRecord> {
    Ok(ChildRecord { node: reader.node_key()?, hash: reader.hash()?, height: reader.byte()?, size: reader.number()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(record: &NodeRecord<'_>) {
        let (at, bytes) = encode(StoreId(3), NodeKey::new(9, 2), record);
        assert_eq!(&decode(&at, &bytes).unwrap(), record);
        for length in 0..bytes.len() {
            assert!(decode(&at, &bytes[..length]).is_err());
        }
    }

    #[test]
    fn nodes_round_trip() {
        let child = |version| ChildRecord { node: NodeKey::new(version, 4), hash: Hash::new([5; 32]), height: 3, size: u64::MAX };
        round_trip(&NodeRecord::Leaf { key: Cow::Borrowed(b""), value: Cow::Borrowed(b"") });
        round_trip(&NodeRecord::Leaf { key: Cow::Borrowed(b"key"), value: Cow::Owned(vec![7; 1000]) });
        round_trip(&NodeRecord::Inner { key: Cow::Borrowed(b"key"), left: child(1), right: child(u64::MAX) });
    }
}
