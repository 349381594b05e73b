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

/// The nodes on the way to a key, from one that was asked for; see [`NodeSource::load_paths`].
pub type LoadedPath = Result<Vec<(NodeKey, NodeRecord<'static>)>, SourceError>;

/// A node to read, and where the way goes on from there.
#[derive(Clone, Copy, Debug)]
pub struct Step<'k> {
    /// The node.
    pub node: NodeKey,
    /// The way leads to this key.
    pub key: &'k [u8],
    /// Whether the leaf at its end is of use.
    pub with_leaf: bool,
}

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

    /// The nodes of `steps`, which are in ascending order of their nodes, and with each as many of those that follow on the way to its key as
    /// come with it at no cost: one answer each, in the same order. A node that is not there has an answer without nodes.
    ///
    /// Storages that keep nodes of a path together should give them; this one gives the nodes alone.
    fn load_paths(&self, steps: &[Step<'_>]) -> Vec<LoadedPath> {
        let nodes: Vec<NodeKey> = steps.iter().map(|step| step.node).collect();
        let found = self.load_many(&nodes).into_iter().zip(nodes);
        found.map(|(record, node)| Ok(record?.map(|record| (node, record)).into_iter().collect())).collect()
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
