//! A saved node as storage sees it. How a record becomes bytes is the storage's affair.

use std::borrow::Cow;

use treering_proofs::Hash;

use crate::{NodeKey, SourceError};

/// What is saved of a node under its [`NodeKey`]; the key's version is the node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRecord<'a> {
    /// A key and its value.
    Leaf {
        /// The key.
        key: Cow<'a, [u8]>,
        /// The value.
        value: Cow<'a, [u8]>,
    },
    /// A fork. Its height is 1 + that of the higher child, its size the sum of the children's.
    Inner {
        /// The smallest key below `right`.
        key: Cow<'a, [u8]>,
        /// Keys smaller than `key`.
        left: ChildRecord,
        /// Keys from `key` on.
        right: ChildRecord,
    },
}

/// What an inner node records of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildRecord {
    /// Its name in storage.
    pub node: NodeKey,
    /// Its hash.
    pub hash: Hash,
    /// 0 for a leaf.
    pub height: u8,
    /// Leaves below, 1 for a leaf.
    pub size: u64,
}

/// What a [`NodeSource`] answers: a node, that there is none, or why it can't say.
pub type Loaded = Result<Option<NodeRecord<'static>>, SourceError>;

/// Where a tree reads saved nodes from.
///
/// What it gives is not trusted: the tree hashes every node and compares with the parent's record.
pub trait NodeSource: Send + Sync {
    /// The node saved under `node`, or `None` when there is none.
    ///
    /// # Errors
    /// Whatever keeps the storage from answering; it reaches the caller in [`TreeError::Load`](crate::TreeError::Load).
    fn load(&self, node: NodeKey) -> Loaded;

    /// The nodes saved under `nodes`, which are in ascending order: one answer each, in the same order.
    ///
    /// Trees ask for many nodes at a time where they can. A storage that reads several faster than one after another should say how;
    /// this one loads them one by one.
    fn load_many(&self, nodes: &[NodeKey]) -> Vec<Loaded> {
        nodes.iter().map(|&node| self.load(node)).collect()
    }
}

/// The source of a tree that lives in memory only: it has no nodes, and is never asked for one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSource;

impl NodeSource for NoSource {
    fn load(&self, _node: NodeKey) -> Loaded {
        Ok(None)
    }
}
