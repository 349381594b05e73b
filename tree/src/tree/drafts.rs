//! What is done to all drafts at once: making them the branch's own, numbering them in pre-order, hashing them from the leaves up.
//!
//! Drafts of a subtree are listed level by level from its root. So the processor can fetch them ahead, each level can be hashed over
//! several threads, and what is done backwards meets children before their parents. On one thread a large tree is taken in subtrees, left
//! to right, each small enough that the way back finds its drafts in the cache.

use std::ops::Range;
use std::thread;

use treering_proofs::{Hash, HashFunction, preimage};

use super::Tree;
use crate::memory::{Child, Link, Node, State, Target};
use crate::{NodeKey, Side, TreeError, hashing};

/// With fewer nodes to hash, starting threads costs more than it saves (measured: a hash takes about 100 ns, a thread 30 us).
const MIN_NODES_PER_THREAD: usize = 1024;
/// So many nodes are hashed, then recorded, when there are several threads: they stay in the cache of one core.
const PIECE: usize = 2048;
/// How far ahead nodes are fetched into the cache.
const PREFETCH: usize = 8;
/// Leaves of a subtree that is settled at once: of a million keys, 10,000 of them changed, it has some 2,500 drafts.
const SUBTREE: u64 = 1 << 15;

/// The drafts of a subtree.
#[derive(Default)]
struct Drafts {
    list: Vec<Draft>,
    /// Where each level begins.
    levels: Vec<usize>,
}

#[derive(Clone, Copy)]
struct Draft {
    link: Link,
    /// The parent's slot, and its place in the list if it is there; nothing for the tree's root.
    parent: Option<u32>,
    above: Option<u32>,
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

    /// Numbers the drafts in pre-order, from `before` + 1. Gives the last number.
    fn number(&mut self, before: u32) -> Result<u32, TreeError> {
        let count = u32::try_from(self.list.len()).map_err(|_| TreeError::Full)?;
        let last = before.checked_add(count).ok_or(TreeError::Full)?;
        for place in (0..self.list.len()).rev() {
            let (above, rest) = self.list.split_at_mut(place);
            if let Some(draft) = rest.first()
                && let Some(parent) = draft.above.and_then(|parent| above.get_mut(parent as usize))
            {
                parent.number += draft.number;
            }
        }
        // Forwards: after the parent comes its left subtree, then the right one. A left sibling lies just before.
        let mut sibling: Option<(Option<u32>, u32)> = None;
        for place in 0..self.list.len() {
            let (above, rest) = self.list.split_at_mut(place);
            let Some(draft) = rest.first_mut() else { break };
            let parent = draft.above.and_then(|parent| above.get(parent as usize)).map_or(before, |parent| parent.number);
            let left = sibling.filter(|&(parent, _)| parent == draft.above).map_or(0, |(_, size)| size);
            sibling = Some((draft.above, draft.number));
            draft.number = parent + left + 1;
        }
        Ok(last)
    }
}

impl Tree {
    /// Brings all drafts to the state `end`: dirty ones are hashed, and to be saved they are given their numbers. Gives how many there are.
    ///
    /// Nothing is changed on failure: a tree that might run out of slots or numbers is settled in one piece, which is listed first.
    pub(super) fn settle_drafts(&mut self, version: u64, end: State) -> Result<u32, TreeError> {
        let Some(root) = self.root.filter(|root| root.state != State::Saved) else { return Ok(0) };
        let can_fail = self.branch.shares_drafts() || root.size > u64::from(u32::MAX / 2);
        let subtree = if can_fail || self.hash_threads > 1 { u64::MAX } else { SUBTREE };
        let mut drafts = Drafts::default();
        let mut top: Vec<Draft> = Vec::new();
        let mut pending = vec![(root.size, Draft::root(&root))];
        let mut last = 0;
        while let Some((size, mut draft)) = pending.pop() {
            if size <= subtree {
                self.list_own_drafts(draft, &mut drafts)?;
                last = drafts.number(last)?;
                self.settle(&drafts, version, end);
                continue;
            }
            last += 1;
            draft.number = last;
            draft.link = self.own_draft(draft.link);
            let Target::Inner(id) = draft.link.target() else { unreachable!("a leaf has size 1") };
            let node = self.memory().inner(id);
            for side in [Side::Right, Side::Left] {
                pending.extend(Draft::below(node, id, side).map(|draft| (node.child_size(side), draft)));
            }
            top.push(draft);
        }
        for draft in top.iter().rev() {
            self.settle_draft(draft, version, end);
        }
        if end == State::Saved {
            self.branch.forget_shared_drafts();
        }
        Ok(last)
    }

    /// Lists the drafts of a subtree, made this branch's own where it shares them with another.
    fn list_own_drafts(&mut self, root: Draft, drafts: &mut Drafts) -> Result<(), TreeError> {
        drafts.levels.clear();
        drafts.list.clear();
        drafts.list.push(root);
        let needs_slots = self.branch.shares_drafts();
        let mut level_end = 0;
        let mut place = 0;
        while let Some(&draft) = drafts.list.get(place) {
            if place == level_end {
                drafts.levels.push(place);
                level_end = drafts.list.len();
            }
            if let Some(soon) = drafts.list.get(place + PREFETCH) {
                self.memory().prefetch(soon.link);
            }
            if needs_slots {
                self.branch.reserve_copy(draft.link)?;
            }
            let link = self.own_draft(draft.link);
            if link != draft.link {
                self.change_child(&draft, |child| child.link = link);
                if let Some(draft) = drafts.list.get_mut(place) {
                    draft.link = link;
                }
            }
            if let Target::Inner(id) = link.target() {
                let node = self.memory().inner(id);
                let above = u32::try_from(place).map_err(|_| TreeError::Full)?;
                for side in [Side::Left, Side::Right] {
                    drafts.list.extend(Draft::below(node, id, side).map(|draft| Draft { above: Some(above), ..draft }));
                }
            }
            place += 1;
        }
        Ok(())
    }

    fn own_draft(&mut self, link: Link) -> Link {
        match link.target() {
            Target::Leaf(_) => self.branch.own_draft_leaf(link),
            _ => Link::inner(self.branch.own_inner(link, None).0),
        }
    }

    /// Changes what the parent (or the tree, of its root) knows of a draft.
    fn change_child(&mut self, draft: &Draft, change: impl FnOnce(&mut Child)) {
        if let Some(parent) = draft.parent {
            let parent = self.branch.inner_mut(parent);
            let mut child = parent.child(draft.side);
            change(&mut child);
            parent.set_child(draft.side, child);
        } else if let Some(root) = &mut self.root {
            change(root);
        }
    }

    fn settle(&mut self, drafts: &Drafts, version: u64, end: State) {
        if self.hash_threads > 1 {
            return self.settle_on_threads(drafts, version, end);
        }
        for (place, draft) in drafts.list.iter().enumerate().rev() {
            if let Some(soon) = place.checked_sub(PREFETCH).and_then(|place| drafts.list.get(place)) {
                self.memory().prefetch(soon.link);
            }
            self.settle_draft(draft, version, end);
        }
    }

    #[inline]
    fn settle_draft(&mut self, draft: &Draft, version: u64, end: State) {
        let hash = (draft.state == State::Dirty).then(|| self.hash_draft(draft, version));
        self.record(draft, hash, version, end);
    }

    /// The hash of a draft whose children are hashed.
    #[inline]
    fn hash_draft(&self, draft: &Draft, version: u64) -> Hash {
        let memory = self.memory();
        match memory.node(draft.link) {
            Node::Inner(inner) => hashing::inner_hash(memory.function, inner, version),
            Node::Leaf(leaf) => {
                let parent = draft.parent.map(|id| memory.inner(id).hash(draft.side));
                let value = parent.or(self.root.as_ref().map(|root| &root.hash)).copied().unwrap_or_default();
                preimage::leaf_hash(memory.function, version, leaf.key(), &value)
            }
        }
    }

    /// Notes, in a draft and its parent, how far it has come.
    #[inline]
    fn record(&mut self, draft: &Draft, hash: Option<Hash>, version: u64, end: State) {
        if end == State::Saved {
            self.branch.number(draft.link, NodeKey::new(version, draft.number));
        }
        if let Some(parent) = draft.parent {
            self.branch.inner_mut(parent).settle_child(draft.side, hash, end);
        } else if let Some(root) = &mut self.root {
            root.hash = hash.unwrap_or(root.hash);
            root.state = end;
        }
    }

    fn settle_on_threads(&mut self, drafts: &Drafts, version: u64, end: State) {
        let mut hashes = Vec::with_capacity(PIECE * self.hash_threads);
        for depth in (0..drafts.levels.len()).rev() {
            let Some(level) = drafts.list.get(drafts.level(depth)) else { continue };
            for piece in level.chunks(PIECE * self.hash_threads) {
                self.hash_piece(piece, version, &mut hashes);
                for (place, (draft, &hash)) in piece.iter().zip(&hashes).enumerate() {
                    if let Some(parent) = piece.get(place + PREFETCH).and_then(|soon| soon.parent) {
                        self.memory().prefetch(Link::inner(parent));
                    }
                    self.record(draft, hash, version, end);
                }
            }
        }
    }

    /// Hashes the dirty ones of some nodes, whose children are hashed, over several threads if there are enough.
    fn hash_piece(&self, piece: &[Draft], version: u64, hashes: &mut Vec<Option<Hash>>) {
        hashes.clear();
        hashes.resize(piece.len(), None);
        let threads = self.hash_threads.min(piece.len() / MIN_NODES_PER_THREAD).max(1);
        let share = piece.len().div_ceil(threads);
        thread::scope(|scope| {
            let mut parts = piece.chunks(share).zip(hashes.chunks_mut(share));
            let first = parts.next();
            let mut refused = Vec::new();
            for (nodes, hashes) in parts {
                let (give, take) = std::sync::mpsc::channel();
                let work = move || {
                    if let Ok((nodes, hashes)) = take.recv() {
                        self.hash_part(nodes, version, hashes);
                    }
                };
                // The work is handed over afterwards, so that it is still at hand when the system refuses the thread.
                match thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(_) => refused.extend(give.send((nodes, hashes)).err().map(|unsent| unsent.0)),
                    Err(_) => refused.push((nodes, hashes)),
                }
            }
            for (nodes, hashes) in first.into_iter().chain(refused) {
                self.hash_part(nodes, version, hashes);
            }
        });
    }

    fn hash_part(&self, nodes: &[Draft], version: u64, hashes: &mut [Option<Hash>]) {
        for (place, (draft, hash)) in nodes.iter().zip(hashes).enumerate() {
            if let Some(soon) = nodes.get(place + PREFETCH) {
                self.memory().prefetch(soon.link);
            }
            if draft.state == State::Dirty {
                *hash = Some(self.hash_draft(draft, version));
            }
        }
    }

    /// Marks every draft dirty: the version that it will carry is another one now.
    pub(super) fn invalidate_drafts(&mut self) -> Result<(), TreeError> {
        let Some(root) = self.root.filter(|root| root.state != State::Saved) else { return Ok(()) };
        let mut drafts = Drafts::default();
        self.list_own_drafts(Draft::root(&root), &mut drafts)?;
        for draft in &drafts.list {
            let value = match self.memory().node(draft.link) {
                Node::Leaf(leaf) => Some(preimage::value_hash(self.memory().function, leaf.value())),
                Node::Inner(_) => None,
            };
            self.change_child(draft, |child| {
                child.hash = value.unwrap_or(child.hash);
                child.state = State::Dirty;
            });
        }
        Ok(())
    }
}

impl Draft {
    fn root(root: &Child) -> Self {
        Self { link: root.link, parent: None, above: None, side: Side::Left, state: root.state, number: 1 }
    }

    /// A child of the node in slot `id`, if it is a draft.
    fn below(node: &crate::memory::Inner, id: u32, side: Side) -> Option<Self> {
        let state = node.state(side);
        (state != State::Saved).then(|| Self { link: node.link(side), parent: Some(id), above: None, side, state, number: 1 })
    }
}

pub(super) fn hash_node(function: HashFunction, node: Node<'_>, version: u64) -> Hash {
    match node {
        Node::Inner(inner) => hashing::inner_hash(function, inner, version),
        Node::Leaf(leaf) => hashing::leaf_hash(function, leaf, version),
    }
}
