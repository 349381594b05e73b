//! Saving a version: new nodes are numbered in pre-order and hashed from the leaves up.

use std::borrow::Cow;
use std::thread;

use treering_proofs::{Hash, HashFunction};

use super::Tree;
use crate::memory::{Child, Link, Memory, Node, State, Target};
use crate::{ChildRecord, NodeKey, NodeRecord, RootRecord, Side, TreeError, hashing};

/// With fewer dirty nodes of one height, starting threads costs more than it saves (measured: a hash takes about 100 ns, a thread 30 us).
const MIN_NODES_PER_THREAD: usize = 1024;

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
    /// Saved nodes that this version no longer uses, in order.
    pub orphans: Vec<NodeKey>,
}

/// How far ahead nodes are fetched into the cache.
const PREFETCH: usize = 8;

/// A draft on the way to being saved. It lies in its parent, or is the root.
struct Draft {
    link: Link,
    /// The parent's slot, and the side.
    parent: Option<(u32, Side)>,
    height: u8,
}

impl Tree {
    /// Makes what changed since the last save a new version: the next one after the newest, or the initial version.
    /// Saving without changes keeps the root. O(changed nodes).
    ///
    /// # Errors
    /// [`TreeError::VersionsExhausted`], and [`TreeError::Full`] when over 2^32 nodes are new; nothing is saved then.
    pub fn save(&mut self) -> Result<SavedVersion, TreeError> {
        let version = self.next_version()?;
        let drafts = self.own_drafts()?;
        let new_nodes = u32::try_from(drafts.len()).map_err(|_| TreeError::Full)?;
        self.finish(&drafts, version, State::Saved);
        self.version = version;
        let orphans = self.branch.orphans();
        self.branch.forget_orphans();
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
        let drafts = self.own_drafts()?;
        self.finish(&drafts, version, State::Hashed);
        Ok(self.root.map_or_else(|| self.hash_function().empty_root(), |root| root.hash))
    }

    /// The new nodes of the newest version, in the order of their keys.
    #[must_use]
    pub fn new_nodes(&self) -> NewNodes<'_> {
        NewNodes { memory: self.memory(), only: Some(self.version), pending: self.root.into_iter().collect() }
    }

    /// All nodes in memory that are saved, each before its children. For storing an imported tree, which has nodes of many versions.
    #[must_use]
    pub fn all_nodes(&self) -> NewNodes<'_> {
        NewNodes { memory: self.memory(), only: None, pending: self.root.into_iter().collect() }
    }

    /// All drafts in pre-order, made this branch's own where it shares them with another.
    fn own_drafts(&mut self) -> Result<Vec<Draft>, TreeError> {
        let mut drafts: Vec<Draft> = Vec::new();
        let mut pending: Vec<Draft> = Vec::new();
        if let Some(root) = self.root.filter(|root| root.state != State::Saved) {
            pending.push(Draft { link: root.link, parent: None, height: root.height });
        }
        while let Some(mut draft) = pending.pop() {
            self.branch.reserve(1)?;
            let link = self.own_draft(draft.link);
            if link != draft.link {
                draft.link = link;
                self.change_child(&draft, |child| child.link = link);
            }
            if let Target::Inner(id) = link.target() {
                let node = self.memory().inner(id);
                for side in [Side::Right, Side::Left] {
                    if node.state(side) != State::Saved {
                        self.memory().prefetch(node.link(side));
                        pending.push(Draft { link: node.link(side), parent: Some((id, side)), height: node.child_height(side) });
                    }
                }
            }
            drafts.push(draft);
        }
        Ok(drafts)
    }

    fn own_draft(&mut self, link: Link) -> Link {
        match link.target() {
            Target::Leaf(_) => self.branch.own_draft_leaf(link),
            _ => Link::inner(self.branch.own_inner(link, None)),
        }
    }

    /// Changes what the parent (or the tree, of its root) knows of a draft.
    #[inline]
    fn change_child(&mut self, draft: &Draft, change: impl FnOnce(&mut Child)) {
        if let Some((id, side)) = draft.parent {
            let parent = self.branch.inner_mut(id);
            let mut child = parent.child(side);
            change(&mut child);
            parent.set_child(side, child);
        } else if let Some(root) = &mut self.root {
            change(root);
        }
    }

    fn is_dirty(&self, draft: &Draft) -> bool {
        match draft.parent {
            Some((id, side)) => self.memory().inner(id).state(side) == State::Dirty,
            None => self.root.is_some_and(|root| root.is_dirty()),
        }
    }

    /// Brings all drafts, which come in pre-order, to the state `end`: dirty ones are hashed, and to be saved they are numbered.
    ///
    /// Backwards, so that children come before their parents and shortly before them.
    fn finish(&mut self, drafts: &[Draft], version: u64, end: State) {
        if self.hash_threads > 1 {
            self.hash_by_level(drafts, version);
        }
        for (place, draft) in drafts.iter().enumerate().rev() {
            if let Some(soon) = place.checked_sub(PREFETCH).and_then(|place| drafts.get(place)) {
                self.memory().prefetch(soon.link);
            }
            let hash = self.is_dirty(draft).then(|| hash_node(self.memory().function, self.memory().node(draft.link), version));
            if end == State::Saved {
                // That there are fewer than 2^32 was seen to before.
                let nonce = u32::try_from(place + 1).unwrap_or(u32::MAX);
                self.branch.number(draft.link, NodeKey::new(version, nonce));
            }
            self.change_child(draft, |child| {
                child.hash = hash.unwrap_or(child.hash);
                child.state = end;
            });
        }
    }

    /// Hashes the dirty drafts, level by level from the leaves up, each level over several threads.
    fn hash_by_level(&mut self, drafts: &[Draft], version: u64) {
        let top = drafts.first().map_or(0, |root| usize::from(root.height));
        let mut levels: Vec<Vec<&Draft>> = vec![Vec::new(); top + 1];
        for draft in drafts.iter().filter(|draft| self.is_dirty(draft)) {
            if let Some(level) = levels.get_mut(usize::from(draft.height)) {
                level.push(draft);
            }
        }
        let mut hashes = Vec::new();
        for level in levels {
            hash_level(self.memory(), &level, version, self.hash_threads, &mut hashes);
            for (draft, &hash) in level.iter().zip(&hashes) {
                self.change_child(draft, |child| (child.hash, child.state) = (hash, State::Hashed));
            }
        }
    }

    /// Marks every draft dirty: the version that it will carry is another one now.
    pub(super) fn invalidate_drafts(&mut self) -> Result<(), TreeError> {
        for draft in &self.own_drafts()? {
            self.change_child(draft, |child| child.state = State::Dirty);
        }
        Ok(())
    }
}

/// Hashes nodes of one height, whose children are hashed, over several threads if there are enough.
fn hash_level(memory: &Memory, level: &[&Draft], version: u64, threads: usize, hashes: &mut Vec<Hash>) {
    hashes.clear();
    hashes.resize(level.len(), Hash::default());
    let threads = threads.min(level.len() / MIN_NODES_PER_THREAD).max(1);
    let share = level.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let mut parts = level.chunks(share).zip(hashes.chunks_mut(share));
        let first = parts.next();
        for (nodes, hashes) in parts {
            scope.spawn(move || hash_part(memory, nodes, version, hashes));
        }
        if let Some((nodes, hashes)) = first {
            hash_part(memory, nodes, version, hashes);
        }
    });
}

fn hash_part(memory: &Memory, nodes: &[&Draft], version: u64, hashes: &mut [Hash]) {
    for (draft, hash) in nodes.iter().zip(hashes) {
        *hash = hash_node(memory.function, memory.node(draft.link), version);
    }
}

pub(super) fn hash_node(function: HashFunction, node: Node<'_>, version: u64) -> Hash {
    match node {
        Node::Inner(inner) => hashing::inner_hash(function, inner, version),
        Node::Leaf(leaf) => hashing::leaf_hash(function, leaf, version),
    }
}

/// Saved nodes as records, in pre-order; see [`Tree::new_nodes`].
pub struct NewNodes<'a> {
    memory: &'a Memory,
    /// Nodes of other versions, and all below them, are left out.
    only: Option<u64>,
    pending: Vec<Child>,
}

impl<'a> Iterator for NewNodes<'a> {
    type Item = (NodeKey, NodeRecord<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let child = self.pending.pop()?;
            let Some(key) = self.memory.node_key(&child) else { continue };
            if self.only.is_some_and(|version| version != key.version()) {
                continue;
            }
            match self.memory.peek(&child) {
                None => {}
                Some(Node::Leaf(leaf)) => {
                    return Some((key, NodeRecord::Leaf { key: Cow::Borrowed(leaf.key()), value: Cow::Borrowed(leaf.value()) }));
                }
                Some(Node::Inner(node)) => {
                    let (left, right) = (node.child(Side::Left), node.child(Side::Right));
                    self.pending.extend([right, left]);
                    let (Some(left), Some(right)) = (self.record(&left), self.record(&right)) else { continue };
                    return Some((key, NodeRecord::Inner { key: Cow::Borrowed(self.memory.routing_key(node)), left, right }));
                }
            }
        }
    }
}

impl NewNodes<'_> {
    /// What a parent's record says of a child. A saved node has saved children only.
    fn record(&self, child: &Child) -> Option<ChildRecord> {
        let node = self.memory.node_key(child)?;
        Some(ChildRecord { node, hash: child.hash, height: child.height, size: child.size })
    }
}
