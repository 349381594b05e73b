//! The walk to all keys of a block, level by level, so that the processor fetches the nodes of a level side by side.

use std::ops::Range;

use treering_proofs::Hash;

use super::{Batch, Kind};
use crate::memory::{Branch, Child, Link, Memory, Node, State, Target, UNHASHED};
use crate::{Side, TreeError, hashing};

/// How far ahead nodes are fetched into the cache, and routing keys where a node's prefix does not tell the side.
const PREFETCH: usize = 12;
const PREFETCH_KEY: usize = 5;

/// A node to visit.
#[derive(Clone)]
struct Visit {
    link: Link,
    /// Slot of the parent, which is an own draft if this visit makes one. [`Visit::ROOT`] for the tree's root.
    parent: u32,
    side: Side,
    /// Whether a key below is set, so that the node changes.
    makes_draft: bool,
    /// Slot of the routing key of the last node from which the way went to the right: the key of the leaf where it ends if from here on
    /// it goes to the left. [`Visit::ROOT`] when it never did.
    leaf_key: u32,
    /// The groups whose keys lead here.
    groups: Range<u32>,
}

impl Visit {
    const ROOT: u32 = u32::MAX;
}

/// A leaf that was replaced, and whose value is not hashed yet.
struct NewLeaf<'a> {
    parent: u32,
    side: Side,
    value: &'a [u8],
}

/// See the module's documentation.
pub(super) struct Walk<'b, 'a> {
    batch: &'b Batch<'a>,
    root: Child,
    /// A level of the tree, or a part of it, and what was found of the next one.
    level: Vec<Visit>,
    next: Vec<Visit>,
    unhashed: Option<NewLeaf<'a>>,
    /// Groups that insert or remove keys.
    left: Vec<u32>,
    /// Groups that remove keys that are not there.
    absent: Vec<u32>,
    failure: Option<TreeError>,
}

impl<'b, 'a> Walk<'b, 'a> {
    /// A walk from the root of a tree to all keys.
    pub(super) fn new(batch: &'b Batch<'a>, root: Child) -> Self {
        let groups = 0..u32::try_from(batch.groups().len()).unwrap_or(u32::MAX);
        let makes_draft = batch.sets_any(groups.clone());
        let first = Visit { link: root.link, parent: Visit::ROOT, side: Side::Left, makes_draft, leaf_key: Visit::ROOT, groups };
        Self::over(batch, root, vec![first])
    }

    fn over(batch: &'b Batch<'a>, root: Child, level: Vec<Visit>) -> Self {
        Self { batch, root, level, next: Vec::new(), unhashed: None, left: Vec::new(), absent: Vec::new(), failure: None }
    }

    /// Walks down until a level has `width` nodes, or to the end.
    pub(super) fn descend(&mut self, branch: &mut Branch, width: usize) -> Result<(), TreeError> {
        while !self.level.is_empty() && self.level.len() < width {
            self.visit_level(branch)?;
        }
        self.hash_last(branch);
        Ok(())
    }

    /// What the tree knows of its root now.
    pub(super) fn root(&self) -> Child {
        self.root
    }

    /// Takes what is left to visit apart, in about so many pieces. No two of them visit children of one node.
    pub(super) fn pieces(&mut self, count: usize) -> Vec<Self> {
        let (batch, root) = (self.batch, self.root);
        let size = self.level.len().div_ceil(count.max(1));
        let mut pieces: Vec<Self> = Vec::with_capacity(count);
        for visit in self.level.drain(..) {
            match pieces.last_mut() {
                Some(piece) if piece.level.len() < size || piece.level.last().is_some_and(|last| last.parent == visit.parent) => {
                    piece.level.push(visit);
                }
                _ => pieces.push(Self::over(batch, root, vec![visit])),
            }
        }
        pieces
    }

    /// Walks to the end. A failure is kept for [`Walk::outcome`].
    pub(super) fn finish(&mut self, branch: &mut Branch) {
        self.failure = self.descend(branch, usize::MAX).err();
    }

    /// The groups that insert or remove keys, and those that remove keys that are not there.
    pub(super) fn outcome(self) -> Result<(Vec<u32>, Vec<u32>), TreeError> {
        self.failure.map_or(Ok((self.left, self.absent)), Err)
    }

    fn visit_level(&mut self, branch: &mut Branch) -> Result<(), TreeError> {
        let level = std::mem::take(&mut self.level);
        for (place, visit) in level.iter().enumerate() {
            if let Some(soon) = level.get(place + PREFETCH) {
                branch.memory().prefetch(soon.link);
            }
            if let Some(soon) = level.get(place + PREFETCH_KEY) {
                self.prefetch_key(branch.memory(), soon);
            }
            self.visit(branch, visit)?;
        }
        self.level = std::mem::replace(&mut self.next, level);
        self.next.clear();
        Ok(())
    }

    #[inline]
    fn prefetch_key(&self, memory: &Memory, visit: &Visit) {
        if let Target::Inner(id) = visit.link.target() {
            let node = memory.inner(id);
            if self.batch.is_tied(visit.groups.clone(), node) {
                memory.prefetch_key(node);
            }
        }
    }

    #[inline]
    fn visit(&mut self, branch: &mut Branch, visit: &Visit) -> Result<(), TreeError> {
        if let Some((key, value)) = self.update_of_missing(branch.memory(), visit) {
            return self.replace(branch, visit, key, value);
        }
        let memory = branch.memory();
        let known = || if visit.parent == Visit::ROOT { self.root } else { memory.inner(visit.parent).child(visit.side) };
        let link = memory.resolve(visit.link, known)?;
        match link.target() {
            Target::Inner(id) => {
                let id = if visit.makes_draft { self.make_draft(branch, visit)? } else { id };
                self.fan_out(branch, visit, id);
                Ok(())
            }
            Target::Leaf(_) => self.arrive(branch, visit, link),
            Target::Stub(_) => unreachable!("the link is resolved"),
        }
    }

    /// The key and new value when the visit is to a leaf that is not in memory, and that is only replaced: then it need not be loaded. The
    /// routing keys say which key a leaf has, as each is the smallest key to its right.
    #[inline]
    fn update_of_missing(&self, memory: &Memory, visit: &Visit) -> Option<(&'a [u8], &'a [u8])> {
        if memory.loaded_link(visit.link).is_some() || visit.leaf_key == Visit::ROOT || visit.groups.len() != 1 {
            return None;
        }
        let group = self.batch.groups().get(visit.groups.start as usize)?;
        let is_leaf = memory.inner(visit.parent).child_height(visit.side) == 0;
        let is_update = is_leaf && group.kind == Kind::Sets && memory.key_in(visit.leaf_key) == group.key;
        group.value.filter(|_| is_update).map(|value| (group.key, value))
    }

    /// Makes an inner node an own draft, which its parent has marked dirty already.
    #[inline]
    fn make_draft(&mut self, branch: &mut Branch, visit: &Visit) -> Result<u32, TreeError> {
        branch.reserve(1)?;
        let (id, _) = branch.own_inner(visit.link, None);
        let link = Link::inner(id);
        if visit.parent == Visit::ROOT {
            (self.root.link, self.root.state) = (link, State::Dirty);
        } else if link != visit.link {
            branch.inner_mut(visit.parent).set_link(visit.side, link);
        }
        Ok(id)
    }

    /// Goes on to the children to which keys lead.
    #[inline]
    fn fan_out(&mut self, branch: &mut Branch, visit: &Visit, id: u32) {
        let Range { start, end } = visit.groups;
        let node = branch.memory().inner(id);
        let split = self.batch.split(start..end, branch.memory(), node);
        let mut dirty = [None; 2];
        for (mark, (side, groups)) in dirty.iter_mut().zip([(Side::Left, start..split), (Side::Right, split..end)]) {
            if groups.is_empty() {
                continue;
            }
            let makes_draft = visit.makes_draft && self.batch.sets_any(groups.clone());
            // Of a leaf it is not known yet whether it is replaced.
            *mark = (makes_draft && node.child_height(side) > 0).then_some(side);
            let leaf_key = if side == Side::Right { node.key } else { visit.leaf_key };
            self.next.push(Visit { link: node.link(side), parent: id, side, makes_draft, leaf_key, groups });
        }
        for side in dirty.into_iter().flatten() {
            branch.inner_mut(id).set_state(side, State::Dirty);
        }
    }

    /// Sorts out the keys that lead to a leaf, and replaces it when it has one of them that is updated.
    #[inline]
    fn arrive(&mut self, branch: &mut Branch, visit: &Visit, link: Link) -> Result<(), TreeError> {
        let batch = self.batch;
        let mut update = None;
        {
            let Node::Leaf(leaf) = branch.memory().node(link) else { unreachable!("the walk arrives at leaves") };
            for group in visit.groups.clone() {
                let Some(operations) = batch.groups().get(group as usize) else { continue };
                match (operations.kind, operations.value, leaf.key() == operations.key) {
                    (Kind::Sets, Some(value), true) => update = Some((operations.key, value)),
                    (Kind::Removals, _, false) => self.absent.push(group),
                    _ => self.left.push(group),
                }
            }
        }
        update.map_or(Ok(()), |(key, value)| self.replace(branch, visit, key, value))
    }

    /// Puts a new leaf in the place of one with the same key. Its value's hash follows when there is another one to hash beside it.
    #[inline]
    fn replace(&mut self, branch: &mut Branch, visit: &Visit, key: &[u8], value: &'a [u8]) -> Result<(), TreeError> {
        branch.reserve_leaf(key.len() + value.len())?;
        branch.give_up_leaf(visit.link);
        let link = branch.add_leaf(key, value);
        let child = Child { link, hash: UNHASHED, height: 0, size: 1, state: State::Dirty };
        let Visit { parent, side, .. } = *visit;
        if parent == Visit::ROOT {
            self.root = Child { hash: hashing::value_hash(branch.memory().function, value), ..child };
            return Ok(());
        }
        branch.inner_mut(parent).set_child(side, child);
        let leaf = NewLeaf { parent, side, value };
        match self.unhashed.take() {
            None => self.unhashed = Some(leaf),
            Some(other) => {
                let [first, second] = hashing::hash_two(branch.memory().function, [other.value, value]);
                other.set_value_hash(branch, first);
                leaf.set_value_hash(branch, second);
            }
        }
        Ok(())
    }

    fn hash_last(&mut self, branch: &mut Branch) {
        if let Some(leaf) = self.unhashed.take() {
            let hash = hashing::value_hash(branch.memory().function, leaf.value);
            leaf.set_value_hash(branch, hash);
        }
    }
}

impl NewLeaf<'_> {
    #[inline]
    fn set_value_hash(&self, branch: &mut Branch, hash: Hash) {
        branch.inner_mut(self.parent).settle_child(self.side, Some(hash), State::Dirty);
    }
}
