//! What is done to all drafts at once: making them the branch's own, hashing them from the leaves up, numbering them in pre-order.
//!
//! Drafts are listed level by level from the root. So the processor can fetch them ahead, each level can be hashed over
//! several threads, and what is done backwards meets children before their parents.

use std::ops::Range;
use std::thread;

use treering_proofs::{Hash, HashFunction};

use super::Tree;
use crate::memory::{Child, Link, Memory, Node, State, Target};
use crate::{NodeKey, Side, TreeError, hashing};

/// With fewer nodes to hash, starting threads costs more than it saves (measured: a hash takes about 100 ns, a thread 30 us).
const MIN_NODES_PER_THREAD: usize = 1024;
/// So many nodes are hashed, then recorded: they stay in the cache of one core.
const PIECE: usize = 2048;
/// How far ahead nodes are fetched into the cache.
const PREFETCH: usize = 8;

/// All drafts of a tree.
#[derive(Default)]
pub(super) struct Drafts {
    list: Vec<Draft>,
    /// Where each level begins.
    levels: Vec<usize>,
}

struct Draft {
    link: Link,
    /// The parent's place in the list; nothing for the root.
    parent: Option<usize>,
    side: Side,
    state: State,
    /// First how many drafts the subtree has, then the number in pre-order, from 1.
    number: u32,
}

impl Drafts {
    fn level(&self, depth: usize) -> Range<usize> {
        let start = self.levels.get(depth).copied().unwrap_or_default();
        start..self.levels.get(depth + 1).copied().unwrap_or(self.list.len())
    }

    fn parent(&self, draft: &Draft) -> Option<u32> {
        match self.list.get(draft.parent?)?.link.target() {
            Target::Inner(id) => Some(id),
            _ => None,
        }
    }

    fn prefetch(&self, memory: &Memory, place: usize) {
        if let Some(draft) = self.list.get(place) {
            memory.prefetch(draft.link);
        }
    }

    /// Numbers the drafts in pre-order, from 1. Gives how many there are.
    pub(super) fn number(&mut self) -> Result<u32, TreeError> {
        let count = u32::try_from(self.list.len()).map_err(|_| TreeError::Full)?;
        for place in (0..self.list.len()).rev() {
            let (above, rest) = self.list.split_at_mut(place);
            if let Some(draft) = rest.first()
                && let Some(parent) = draft.parent.and_then(|parent| above.get_mut(parent))
            {
                parent.number += draft.number;
            }
        }
        // Forwards: after the parent comes its left subtree, then the right one. A left sibling lies just before.
        let mut before: Option<(Option<usize>, u32)> = None;
        for place in 0..self.list.len() {
            let (above, rest) = self.list.split_at_mut(place);
            let Some(draft) = rest.first_mut() else { break };
            let parent = draft.parent.and_then(|parent| above.get(parent)).map_or(0, |parent| parent.number);
            let left = before.filter(|&(parent, _)| parent == draft.parent).map_or(0, |(_, size)| size);
            before = Some((draft.parent, draft.number));
            draft.number = parent + left + 1;
        }
        Ok(count)
    }
}

impl Tree {
    /// All drafts, made this branch's own where it shares them with another.
    pub(super) fn own_drafts(&mut self) -> Result<Drafts, TreeError> {
        let mut drafts = Drafts::default();
        if let Some(root) = self.root.filter(|root| root.state != State::Saved) {
            drafts.list.push(Draft { link: root.link, parent: None, side: Side::Left, state: root.state, number: 1 });
        }
        let mut level_end = 0;
        let mut place = 0;
        while let Some(draft) = drafts.list.get(place) {
            if place == level_end {
                drafts.levels.push(place);
                level_end = drafts.list.len();
            }
            drafts.prefetch(self.memory(), place + PREFETCH);
            self.branch.reserve(1)?;
            let shared = draft.link;
            let link = self.own_draft(shared);
            if link != shared {
                self.change_child(&drafts, draft, |child| child.link = link);
                if let Some(draft) = drafts.list.get_mut(place) {
                    draft.link = link;
                }
            }
            if let Target::Inner(id) = link.target() {
                let node = self.memory().inner(id);
                for side in [Side::Left, Side::Right] {
                    let state = node.state(side);
                    if state != State::Saved {
                        drafts.list.push(Draft { link: node.link(side), parent: Some(place), side, state, number: 1 });
                    }
                }
            }
            place += 1;
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
    fn change_child(&mut self, drafts: &Drafts, draft: &Draft, change: impl FnOnce(&mut Child)) {
        if let Some(parent) = drafts.parent(draft) {
            let parent = self.branch.inner_mut(parent);
            let mut child = parent.child(draft.side);
            change(&mut child);
            parent.set_child(draft.side, child);
        } else if let Some(root) = &mut self.root {
            change(root);
        }
    }

    /// Brings all drafts to the state `end`: dirty ones are hashed, and to be saved they are given their numbers.
    pub(super) fn finish(&mut self, drafts: &Drafts, version: u64, end: State) {
        let mut hashes = Vec::with_capacity(PIECE);
        for depth in (0..drafts.levels.len()).rev() {
            let Some(level) = drafts.list.get(drafts.level(depth)) else { continue };
            for piece in level.chunks(PIECE * self.hash_threads) {
                hash_piece(self.memory(), piece, version, self.hash_threads, &mut hashes);
                for (place, (draft, &hash)) in piece.iter().zip(&hashes).enumerate() {
                    if let Some(parent) = piece.get(place + PREFETCH).and_then(|soon| soon.parent) {
                        drafts.prefetch(self.memory(), parent);
                    }
                    if end == State::Saved {
                        self.branch.number(draft.link, NodeKey::new(version, draft.number));
                    }
                    self.change_child(drafts, draft, |child| {
                        child.hash = if draft.state == State::Dirty { hash } else { child.hash };
                        child.state = end;
                    });
                }
            }
        }
    }

    /// Marks every draft dirty: the version that it will carry is another one now.
    pub(super) fn invalidate_drafts(&mut self) -> Result<(), TreeError> {
        let drafts = self.own_drafts()?;
        for draft in &drafts.list {
            self.change_child(&drafts, draft, |child| child.state = State::Dirty);
        }
        Ok(())
    }
}

/// Hashes the dirty ones of some nodes, whose children are hashed, over several threads if there are enough.
fn hash_piece(memory: &Memory, piece: &[Draft], version: u64, threads: usize, hashes: &mut Vec<Hash>) {
    hashes.clear();
    hashes.resize(piece.len(), Hash::default());
    let threads = threads.min(piece.len() / MIN_NODES_PER_THREAD).max(1);
    if threads == 1 {
        return hash_part(memory, piece, version, hashes);
    }
    let share = piece.len().div_ceil(threads);
    thread::scope(|scope| {
        let mut parts = piece.chunks(share).zip(hashes.chunks_mut(share));
        let first = parts.next();
        for (nodes, hashes) in parts {
            scope.spawn(move || hash_part(memory, nodes, version, hashes));
        }
        if let Some((nodes, hashes)) = first {
            hash_part(memory, nodes, version, hashes);
        }
    });
}

fn hash_part(memory: &Memory, nodes: &[Draft], version: u64, hashes: &mut [Hash]) {
    for (place, (draft, hash)) in nodes.iter().zip(hashes).enumerate() {
        if let Some(soon) = nodes.get(place + PREFETCH) {
            memory.prefetch(soon.link);
        }
        if draft.state == State::Dirty {
            *hash = hash_node(memory.function, memory.node(draft.link), version);
        }
    }
}

pub(super) fn hash_node(function: HashFunction, node: Node<'_>, version: u64) -> Hash {
    match node {
        Node::Inner(inner) => hashing::inner_hash(function, inner, version),
        Node::Leaf(leaf) => hashing::leaf_hash(function, leaf, version),
    }
}
