//! What of a store is not stored yet.

use std::sync::Arc;

use im::OrdMap;
use treering_tree::{NodeKey, SavedVersion, Tree};

use super::Job;
use crate::persist::keys::StoreId;

/// Keys that were removed, each with the version that removed it last. O(1) to clone.
pub(crate) type Removed = OrdMap<Arc<[u8]>, u64>;

/// Bytes of memory that a new node holds until it is stored, with its share of keys and values.
const BYTES_PER_NODE: u64 = 160;

/// How far a store is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stored {
    /// The newest checkpoint, 0 for none.
    pub(crate) checkpoint: u64,
    /// The newest version up to which the index has every change: that checkpoint, or after a crash an earlier one.
    pub(crate) indexed: u64,
}

/// A store's versions above its newest checkpoint.
pub(crate) struct Lag {
    /// The newest checkpoint that is stored and up to which the index has every change, 0 for none.
    flushed: u64,
    /// Whether a crash has set the index back behind the newest checkpoint. While it is so, nothing is queued.
    is_index_behind: bool,
    /// The newest one that is stored or queued.
    queued: u64,
    /// The newest version's tree, while it is not stored.
    tree: Option<Tree>,
    /// Stored nodes that versions above `queued` gave up.
    orphans: Vec<NodeKey>,
    removed: Removed,
    /// Nodes made by versions above `queued`.
    nodes: u64,
}

impl Lag {
    pub(super) fn new(stored: Stored) -> Self {
        let Stored { checkpoint: queued, indexed: flushed } = stored;
        let is_index_behind = flushed < queued;
        Self { flushed, is_index_behind, queued, tree: None, orphans: Vec::new(), removed: Removed::new(), nodes: 0 }
    }

    /// How far the store is stored, if a crash has set its index back.
    pub(crate) fn index_behind(&self) -> Option<Stored> {
        self.is_index_behind.then_some(Stored { checkpoint: self.queued, indexed: self.flushed })
    }

    /// The index has every change up to the newest checkpoint again.
    pub(crate) fn is_indexed(&mut self) {
        if self.is_index_behind {
            self.is_index_behind = false;
            self.flushed = self.queued;
        }
    }

    /// The newest checkpoint that is stored and up to which the index has every change, 0 for none.
    pub(crate) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// The newest version's tree, while it is not stored.
    pub(super) fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// The newest version's tree, if it is this version, and the keys removed since the newest checkpoint, which is named.
    pub(crate) fn newest(&self, version: u64) -> Option<(Tree, Removed, u64)> {
        let tree = self.tree.as_ref().filter(|tree| tree.version() == version)?;
        let removed = self.removed.iter().filter(|&(_, &version)| version > self.flushed);
        Some((tree.clone(), removed.map(|(key, &version)| (Arc::clone(key), version)).collect(), self.flushed))
    }

    /// A version was committed, or computed anew.
    pub(crate) fn add(&mut self, saved: &SavedVersion) {
        self.nodes += u64::from(saved.new_nodes);
        // Nodes made since are not stored: those that are gone by the next checkpoint never will be.
        self.orphans.extend(saved.orphans.iter().filter(|node| node.version() <= self.queued));
    }

    /// The newest version now.
    pub(crate) fn set_newest(&mut self, tree: Tree, removed: Removed) {
        self.tree = Some(tree);
        self.removed = removed;
    }

    pub(super) fn is_flushed(&mut self, version: u64) {
        self.flushed = version;
        if self.tree.as_ref().is_some_and(|tree| tree.version() <= version) {
            self.tree = None;
            self.removed = Removed::new();
        }
    }

    pub(super) fn is_due(&self, interval: u64) -> bool {
        self.tree.as_ref().is_some_and(|tree| tree.version() >= self.queued.saturating_add(interval))
    }

    /// What there is to write for the newest version; `None` when it is stored or queued.
    pub(super) fn take_job(&mut self, store: StoreId) -> Option<Job> {
        let tree = self.tree.as_ref().filter(|tree| tree.version() > self.queued)?.clone();
        let since = std::mem::replace(&mut self.queued, tree.version());
        let orphans = std::mem::take(&mut self.orphans);
        let bytes = std::mem::take(&mut self.nodes).saturating_mul(BYTES_PER_NODE);
        Some(Job { store, version: tree.version(), since, tree, orphans, removed: self.removed.clone(), bytes })
    }
}
