//! Saving a version, and the nodes that it made. The work on the drafts is in `drafts`.

use std::borrow::Cow;

use treering_proofs::Hash;

use super::Tree;
use crate::memory::{Child, Inner, Link, Memory, Node, State};
use crate::{ChildRecord, NodeKey, NodeRecord, RootRecord, Side, TreeError};

/// A version that was saved in the tree; a storage makes it durable.
#[derive(Clone, Debug)]
#[must_use = "the version is in memory only; its new nodes and orphans are for the storage to keep"]
pub struct SavedVersion {
    /// Its number.
    pub version: u64,
    /// The root hash; that of the empty string for an empty tree.
    pub root_hash: Hash,
    /// The root; `None` for an empty tree.
    pub root: Option<RootRecord>,
    /// How many nodes are new. They are numbered 1 to this.
    pub new_nodes: u32,
    /// Saved nodes that this version no longer uses, each once, in any order: sorting them is left to who stores them, see
    /// [`NodeKey::sort`].
    pub orphans: Vec<NodeKey>,
}

impl Tree {
    /// Makes what changed since the last save a new version: the next one after the newest, or the initial version.
    /// Saving without changes keeps the root. O(changed nodes).
    ///
    /// # Errors
    /// [`TreeError::VersionsExhausted`], and [`TreeError::Full`] when over 2^32 nodes are new; nothing is saved then.
    pub fn save(&mut self) -> Result<SavedVersion, TreeError> {
        let version = self.next_version()?;
        let new_nodes = self.settle_drafts(version, State::Saved)?;
        self.version = version;
        self.save_shortcuts();
        let orphans = self.branch.take_orphans();
        self.branch.reclaim();
        let root_hash = self.root.map_or_else(|| self.hash_function().empty_root(), |root| root.hash);
        Ok(SavedVersion { version, root_hash, root: self.root_record(), new_nodes, orphans })
    }

    /// The root hash that the next save would give. Hashes what is dirty; the tree stays changeable.
    ///
    /// # Errors
    /// [`TreeError::VersionsExhausted`] and [`TreeError::Full`].
    pub fn working_hash(&mut self) -> Result<Hash, TreeError> {
        let version = self.next_version()?;
        self.settle_drafts(version, State::Hashed)?;
        Ok(self.root.map_or_else(|| self.hash_function().empty_root(), |root| root.hash))
    }

    /// The new nodes of the newest version, in the order of their keys.
    #[must_use]
    pub fn new_nodes(&self) -> NewNodes<'_> {
        self.nodes_since(self.version.saturating_sub(1))
    }

    /// The nodes in memory that were made after `version`, each before its children: for storing several versions at once, or (since 0)
    /// an imported tree. Those of one version are in the order of their keys; leaves are in the order of theirs.
    #[must_use]
    pub fn nodes_since(&self, version: u64) -> NewNodes<'_> {
        NewNodes { memory: self.memory(), since: version, pending: self.root.into_iter().collect() }
    }

    /// The same nodes as of [`nodes_since`](Self::nodes_since) in the order of their keys. Some 24 bytes a node are kept for it.
    #[must_use]
    pub fn sorted_nodes_since(&self, version: u64) -> SortedNodes<'_> {
        let mut walk = self.nodes_since(version);
        let mut nodes: Vec<_> = std::iter::from_fn(|| walk.step()).collect();
        // Those of one version are sorted already, and few versions are sorted quickly.
        nodes.sort_by_key(|(key, _)| key.version());
        SortedNodes { memory: self.memory(), nodes: nodes.into_iter() }
    }
}

/// Saved nodes as records, in pre-order; see [`Tree::nodes_since`].
pub struct NewNodes<'a> {
    memory: &'a Memory,
    /// Nodes of this version and older ones, and with them all below, are left out.
    since: u64,
    pending: Vec<Child>,
}

impl<'a> Iterator for NewNodes<'a> {
    type Item = (NodeKey, NodeRecord<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (key, link) = self.step()?;
            if let Some(record) = record(self.memory, link) {
                return Some((key, record));
            }
        }
    }
}

impl NewNodes<'_> {
    /// The next node.
    fn step(&mut self) -> Option<(NodeKey, Link)> {
        loop {
            let child = self.pending.pop()?;
            let Some(key) = self.memory.node_key(&child).filter(|key| key.version() > self.since) else { continue };
            let Some(link) = self.memory.loaded_link(child.link) else { continue };
            if let Node::Inner(node) = self.memory.node(link) {
                let (left, right) = (node.child(Side::Left), node.child(Side::Right));
                self.pending.extend([right, left]);
                self.prefetch_below(&left);
                self.prefetch_below(&right);
            }
            return Some((key, link));
        }
    }

    /// Has the processor fetch the children of a node that will be given soon: its record names them.
    fn prefetch_below(&self, child: &Child) {
        let is_given = self.memory.node_key(child).is_some_and(|key| key.version() > self.since);
        if is_given && let Some(Node::Inner(node)) = self.memory.peek(child) {
            prefetch_for_record(self.memory, node);
        }
    }
}

/// Saved nodes as records, in the order of their keys; see [`Tree::sorted_nodes_since`].
pub struct SortedNodes<'a> {
    memory: &'a Memory,
    nodes: std::vec::IntoIter<(NodeKey, Link)>,
}

/// How many nodes ahead a node is fetched, and what its record names.
const NODES_AHEAD: usize = 16;
const NAMED_AHEAD: usize = 8;

impl<'a> Iterator for SortedNodes<'a> {
    type Item = (NodeKey, NodeRecord<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (key, link) = self.nodes.next()?;
            if let Some(&(_, link)) = self.nodes.as_slice().get(NODES_AHEAD) {
                self.memory.prefetch(link);
            }
            if let Some(&(_, link)) = self.nodes.as_slice().get(NAMED_AHEAD)
                && let Node::Inner(node) = self.memory.node(link)
            {
                prefetch_for_record(self.memory, node);
            }
            if let Some(record) = record(self.memory, link) {
                return Some((key, record));
            }
        }
    }
}

/// Has the processor fetch what the record of a node names.
fn prefetch_for_record(memory: &Memory, node: &Inner) {
    memory.prefetch(node.link(Side::Left));
    memory.prefetch(node.link(Side::Right));
    memory.prefetch_key(node);
}

/// The record of a node in memory. A saved node has saved children only.
fn record(memory: &Memory, link: Link) -> Option<NodeRecord<'_>> {
    let of_child = |child: &Child| {
        let node = memory.node_key(child)?;
        Some(ChildRecord { node, hash: child.hash, height: child.height, size: child.size })
    };
    Some(match memory.node(link) {
        Node::Leaf(leaf) => NodeRecord::Leaf { key: Cow::Borrowed(leaf.key()), value: Cow::Borrowed(leaf.value()) },
        Node::Inner(node) => {
            let (left, right) = (of_child(&node.child(Side::Left))?, of_child(&node.child(Side::Right))?);
            NodeRecord::Inner { key: Cow::Borrowed(memory.routing_key(node)), left, right }
        }
    })
}
