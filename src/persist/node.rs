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

use treering_tree::{ChildRecord, NodeRecord};

use super::frame::{Reader, Writer};
use crate::engine::Keyspace;
use crate::error::Result;

const LEAF: u8 = 0;
const INNER: u8 = 1;

/// Writes the record of a node, to be stored under `at`, over an earlier one: a version has tens of thousands.
pub(crate) fn encode(at: &[u8], record: &NodeRecord<'_>, earlier: Vec<u8>) -> Vec<u8> {
    let mut writer = Writer::reuse(earlier);
    match record {
        NodeRecord::Leaf { key, value } => {
            writer.byte(LEAF).bytes(key).raw(value);
        }
        NodeRecord::Inner { key, left, right } => {
            writer.byte(INNER).bytes(key);
            for child in [left, right] {
                writer.node_key(child.node).hash(&child.hash).byte(child.height).number(child.size);
            }
        }
    }
    writer.seal(Keyspace::Nodes, at)
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
    use treering_proofs::Hash;
    use treering_tree::NodeKey;

    use super::super::keys::{self, StoreId};
    use super::*;

    fn round_trip(record: &NodeRecord<'_>) {
        let at = keys::node(StoreId(3), NodeKey::new(9, 2));
        let bytes = encode(&at, record, vec![7; 9]);
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
