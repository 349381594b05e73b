//! Walks the stored nodes of a version and recomputes everything that can be, without keeping a tree in memory.
//!
//! It shares no code with the tree: the rules are written down a second time here.

use std::borrow::Cow;

use treering_proofs::{Hash, HashFunction, preimage};
use treering_tree::{ChildRecord, NodeKey, NodeRecord, NodeSource, TreeError};

use super::source::DiskSource;
use crate::error::{Error, Result};

/// A leaf that the walk came by.
pub(crate) struct WalkedLeaf {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) version: u64,
}

/// Leaves in key order; see the module. After an error the walk is over.
pub(crate) struct Walk<'a> {
    source: &'a DiskSource,
    store: &'a str,
    function: HashFunction,
    /// Nodes of this version and older ones are hashed, but not entered: they were walked with an older version.
    since: u64,
    pending: Vec<Pending>,
    /// Nodes newer than `since` so far.
    pub(crate) nodes: u64,
    /// Hashes recomputed so far.
    pub(crate) hashes: u64,
}

struct Pending {
    node: ChildRecord,
    parent_version: u64,
    /// The smallest key below, where a routing key says it.
    smallest: Option<Vec<u8>>,
    /// All keys below are smaller than this.
    end: Option<Vec<u8>>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        source: &'a DiskSource,
        store: &'a str,
        function: HashFunction,
        since: u64,
        version: u64,
        root: Option<ChildRecord>,
    ) -> Self {
        let pending = root.map(|node| Pending { node, parent_version: version, smallest: None, end: None }).into_iter().collect();
        Self { source, store, function, since, pending, nodes: 0, hashes: 0 }
    }

    fn damaged(&self, node: NodeKey, what: &str) -> Error {
        Error::Damaged { record: format!("node {node} of store {:?}", self.store), what: what.to_owned() }
    }

    fn advance(&mut self) -> Result<Option<WalkedLeaf>> {
        while let Some(at) = self.pending.pop() {
            let key = at.node.node;
            let load_error = |source| Error::Tree(TreeError::Load { node: key, source });
            let record = self.source.load(key).map_err(load_error)?.ok_or_else(|| self.damaged(key, "it is missing"))?;
            if key.version() > at.parent_version {
                return Err(self.damaged(key, "it is newer than its parent"));
            }
            self.hashes += 1;
            let known = key.version() <= self.since;
            self.nodes += u64::from(!known);
            match record {
                NodeRecord::Leaf { key: leaf_key, value } => {
                    self.check_leaf(&at, &leaf_key, &value)?;
                    if !known {
                        return Ok(Some(WalkedLeaf { key: leaf_key.into_owned(), value: value.into_owned(), version: key.version() }));
                    }
                }
                NodeRecord::Inner { key: routing_key, left, right } => {
                    self.check_inner(&at, &routing_key, &left, &right)?;
                    if !known {
                        self.enter(at, routing_key, left, right);
                    }
                }
            }
        }
        Ok(None)
    }

    fn check_leaf(&self, at: &Pending, key: &[u8], value: &[u8]) -> Result<()> {
        let node = at.node.node;
        let hash = preimage::leaf_hash(self.function, node.version(), key, &preimage::value_hash(self.function, value));
        self.check_against_parent(at, hash, 0, 1)?;
        if at.smallest.as_deref().is_some_and(|smallest| smallest != key) {
            return Err(self.damaged(node, "it should be the smallest leaf right of an inner node, but has another key than that node"));
        }
        if at.end.as_deref().is_some_and(|end| key >= end) {
            return Err(self.damaged(node, "its key is out of order"));
        }
        Ok(())
    }

    fn check_inner(&self, at: &Pending, key: &[u8], left: &ChildRecord, right: &ChildRecord) -> Result<()> {
        let node = at.node.node;
        if left.height.abs_diff(right.height) > 1 {
            return Err(self.damaged(node, "its children's heights differ by more than one"));
        }
        let height = left.height.max(right.height).checked_add(1).ok_or_else(|| self.damaged(node, "its height is over 255"))?;
        let size = left.size.checked_add(right.size).ok_or_else(|| self.damaged(node, "its size is over 2^64"))?;
        let hash = preimage::inner_hash(self.function, height, size, node.version(), &left.hash, &right.hash);
        self.check_against_parent(at, hash, height, size)?;
        if at.smallest.as_deref().is_some_and(|smallest| key <= smallest) || at.end.as_deref().is_some_and(|end| key >= end) {
            return Err(self.damaged(node, "its routing key is out of order"));
        }
        Ok(())
    }

    fn check_against_parent(&self, at: &Pending, hash: Hash, height: u8, size: u64) -> Result<()> {
        if hash != at.node.hash {
            let what = format!("it hashes to {hash}, its parent says {}", at.node.hash);
            return Err(self.damaged(at.node.node, &what));
        }
        if (height, size) != (at.node.height, at.node.size) {
            return Err(self.damaged(at.node.node, "its height or size is not what its parent says"));
        }
        Ok(())
    }

    fn enter(&mut self, at: Pending, routing_key: Cow<'_, [u8]>, left: ChildRecord, right: ChildRecord) {
        let parent_version = at.node.node.version();
        let key = routing_key.into_owned();
        self.pending.push(Pending { node: right, parent_version, smallest: Some(key.clone()), end: at.end });
        self.pending.push(Pending { node: left, parent_version, smallest: at.smallest, end: Some(key) });
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<WalkedLeaf>;

    fn next(&mut self) -> Option<Self::Item> {
        let leaf = self.advance().transpose();
        if matches!(leaf, Some(Err(_))) {
            self.pending.clear();
        }
        leaf
    }
}
