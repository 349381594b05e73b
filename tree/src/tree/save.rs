//! Saving a version: new nodes are numbered in pre-order and hashed from the leaves up.

use std::borrow::Cow;
use std::thread;

use treering_proofs::{Hash, HashFunction};

use super::Tree;
use crate::memory::{Child, Link, Memory, Node, Target};
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

/// A draft on the way to being saved.
struct Draft {
    link: Link,
    /// The parent's number in pre-order, counted from 0, and the side.
    parent: Option<(usize, Side)>,
    height: u8,
    dirty: bool,
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
        self.hash_drafts(&drafts, version);
        for (draft, nonce) in drafts.iter().zip(1..=new_nodes) {
            let node = NodeKey::new(version, nonce);
            match draft.link.target() {
                Target::Inner(id) => self.branch.number_inner(id, node),
                _ => self.branch.number_leaf(draft.link, node),
            }
        }
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
        self.hash_drafts(&drafts, version);
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
        let mut pending: Vec<(Child, Option<(usize, Side)>)> = self.root.into_iter().map(|root| (root, None)).collect();
        while let Some((child, parent)) = pending.pop() {
            if self.memory().node_key(&child).is_some() {
                continue;
            }
            self.branch.reserve(1)?;
            let link = self.own_draft(child.link);
            if link != child.link {
                self.link_draft(&drafts, parent, Child { link, ..child });
            }
            let number = drafts.len();
            drafts.push(Draft { link, parent, height: child.height, dirty: child.dirty });
            if let Target::Inner(id) = link.target() {
                let node = self.memory().inner(id);
                pending.push((node.child(Side::Right), Some((number, Side::Right))));
                pending.push((node.child(Side::Left), Some((number, Side::Left))));
            }
        }
        Ok(drafts)
    }

    fn own_draft(&mut self, link: Link) -> Link {
        match link.target() {
            Target::Leaf(_) => self.branch.own_draft_leaf(link),
            _ => Link::inner(self.branch.own_inner(link, None)),
        }
    }

    /// Puts a draft into its parent (or the root).
    fn link_draft(&mut self, drafts: &[Draft], parent: Option<(usize, Side)>, child: Child) {
        match parent.and_then(|(number, side)| Some((drafts.get(number)?.link.target(), side))) {
            Some((Target::Inner(id), side)) => self.branch.inner_mut(id).set_child(side, child),
            _ => self.root = Some(child),
        }
    }

    /// Hashes the dirty drafts, level by level from the leaves up.
    fn hash_drafts(&mut self, drafts: &[Draft], version: u64) {
        let top = drafts.first().map_or(0, |root| usize::from(root.height));
        let mut levels: Vec<Vec<&Draft>> = vec![Vec::new(); top + 1];
        for draft in drafts.iter().filter(|draft| draft.dirty) {
            if let Some(level) = levels.get_mut(usize::from(draft.height)) {
                level.push(draft);
            }
        }
        let mut hashes = Vec::new();
        for level in levels {
            hash_level(self.memory(), &level, version, self.hash_threads, &mut hashes);
            for (draft, &hash) in level.iter().zip(&hashes) {
                self.record_hash(drafts, draft.parent, hash);
            }
        }
    }

    fn record_hash(&mut self, drafts: &[Draft], parent: Option<(usize, Side)>, hash: Hash) {
        match parent.and_then(|(number, side)| Some((drafts.get(number)?.link.target(), side))) {
            Some((Target::Inner(id), side)) => self.branch.inner_mut(id).set_hash(side, hash),
            _ => self.root = self.root.map(|root| Child { hash, dirty: false, ..root }),
        }
    }

    /// Marks every draft dirty: the version that it will carry is another one now.
    pub(super) fn invalidate_drafts(&mut self) {
        let Ok(drafts) = self.own_drafts() else { return };
        for draft in &drafts {
            match draft.parent.and_then(|(number, side)| Some((drafts.get(number)?.link.target(), side))) {
                Some((Target::Inner(id), side)) => {
                    let child = self.memory().inner(id).child(side);
                    self.branch.inner_mut(id).set_child(side, Child { dirty: true, ..child });
                }
                _ => self.root = self.root.map(|root| Child { dirty: true, ..root }),
            }
        }
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
