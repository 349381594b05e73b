//! The drafts of a subtree, listed level by level from its root: so the processor can fetch them ahead, and what is done backwards meets
//! children before their parents.

use treering_proofs::preimage::Preimage;
use treering_proofs::{Hash, preimage};

use crate::hashing::{self, LANES};
use crate::memory::shortcuts::{self, Found};
use crate::memory::{Branch, Child, Inner, Link, Node, State, Target};
use crate::{NodeKey, Side, TreeError};

/// How far ahead nodes are fetched into the cache.
const PREFETCH: usize = 8;

/// The drafts of a subtree, the parent before its children; the first one is the subtree's root.
#[derive(Default)]
pub(super) struct Drafts {
    list: Vec<Draft>,
    /// The leaves that were saved, of this list and those before it.
    leaves: Vec<Found>,
}

#[derive(Clone, Copy)]
struct Draft {
    link: Link,
    /// The parent's place in the list. That of the root is [`Draft::NONE`].
    above: u32,
    /// First how many drafts the subtree has, then the number in pre-order, from 1.
    number: u32,
    side: Side,
    state: State,
}

impl Draft {
    const NONE: u32 = u32::MAX;
}

/// What is to become of the drafts.
#[derive(Clone, Copy)]
pub(super) struct Goal {
    pub(super) version: u64,
    /// [`State::Hashed`], or [`State::Saved`]: then they are numbered too.
    pub(super) end: State,
}

impl Drafts {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Lists the drafts of the subtree at `root`, made the branch's own where it shares them with another.
    ///
    /// # Errors
    /// [`TreeError::Full`], only when the branch shares drafts or the list gets longer than numbers go.
    pub(super) fn list_own(&mut self, branch: &mut Branch, root: &mut Child) -> Result<(), TreeError> {
        self.list.clear();
        self.list.push(Draft { link: root.link, above: Draft::NONE, number: 1, side: Side::Left, state: root.state });
        let needs_slots = branch.shares_drafts();
        let mut place = 0;
        while let Some(&draft) = self.list.get(place) {
            if let Some(soon) = self.list.get(place + PREFETCH) {
                branch.memory().prefetch(soon.link);
            }
            let link = if needs_slots { self.own(branch, place, root)? } else { draft.link };
            if let Target::Inner(id) = link.target() {
                let above = u32::try_from(place).ok().filter(|&place| place != Draft::NONE).ok_or(TreeError::Full)?;
                let node = branch.memory().inner(id);
                for side in [Side::Left, Side::Right] {
                    let state = node.state(side);
                    if state != State::Saved {
                        self.list.push(Draft { link: node.link(side), above, number: 1, side, state });
                    }
                }
            }
            place += 1;
        }
        Ok(())
    }

    /// Makes the draft at a place of the list, which another branch may see, the branch's own.
    fn own(&mut self, branch: &mut Branch, place: usize, root: &mut Child) -> Result<Link, TreeError> {
        let Some(&draft) = self.list.get(place) else { return Err(TreeError::Full) };
        branch.reserve_copy(draft.link)?;
        let link = branch.own_draft(draft.link);
        if link != draft.link {
            match self.parent(&draft) {
                Some(parent) => branch.inner_mut(parent).set_link(draft.side, link),
                None => root.link = link,
            }
            if let Some(draft) = self.list.get_mut(place) {
                draft.link = link;
            }
        }
        Ok(link)
    }

    /// The slot of a draft's parent; `None` for the subtree's root.
    #[inline]
    fn parent(&self, draft: &Draft) -> Option<u32> {
        match self.list.get(draft.above as usize)?.link.target() {
            Target::Inner(id) => Some(id),
            Target::Leaf(_) | Target::Stub(_) => unreachable!("above a draft are inner nodes that are drafts"),
        }
    }

    /// Has the parent of a draft know its state, and its hash if there is a new one.
    #[inline]
    fn tell_parent(&self, branch: &mut Branch, root: &mut Child, draft: &Draft, hash: Option<Hash>, state: State) {
        if let Some(parent) = self.parent(draft) {
            branch.inner_mut(parent).settle_child(draft.side, hash, state);
        } else {
            root.hash = hash.unwrap_or(root.hash);
            root.state = state;
        }
    }

    /// Numbers the drafts in pre-order, from `before` + 1. Gives the last number.
    pub(super) fn number(&mut self, before: u32) -> Result<u32, TreeError> {
        let count = u32::try_from(self.list.len()).map_err(|_| TreeError::Full)?;
        let last = before.checked_add(count).ok_or(TreeError::Full)?;
        for place in (0..self.list.len()).rev() {
            let (above, rest) = self.list.split_at_mut(place);
            if let Some(draft) = rest.first()
                && let Some(parent) = above.get_mut(draft.above as usize)
            {
                parent.number += draft.number;
            }
        }
        // Forwards: after the parent comes its left subtree, then the right one. A left sibling lies just before.
        let mut sibling = (Draft::NONE, 0);
        for place in 0..self.list.len() {
            let (above, rest) = self.list.split_at_mut(place);
            let Some(draft) = rest.first_mut() else { break };
            let parent = above.get(draft.above as usize).map_or(before, |parent| parent.number);
            let left = if sibling.0 == draft.above { sibling.1 } else { 0 };
            sibling = (draft.above, draft.number);
            draft.number = parent + left + 1;
        }
        Ok(last)
    }

    /// Brings the drafts to the goal. `root` is what the parent of the subtree knows of it.
    pub(super) fn settle(&mut self, branch: &mut Branch, root: &mut Child, goal: Goal) {
        let leaves = std::mem::take(&mut self.leaves);
        let mut settling = Settling { drafts: self, branch, root, goal, leaves };
        let mut lanes = Lanes { preimages: [const { Preimage::new() }; LANES], places: [0; LANES], count: 0 };
        for (place, draft) in self.list.iter().enumerate().rev() {
            if let Some(soon) = place.checked_sub(PREFETCH).and_then(|place| self.list.get(place)) {
                settling.prefetch(soon);
            }
            if draft.state != State::Dirty {
                settling.record(draft, None);
                continue;
            }
            if lanes.hold_a_child_of(place, self) {
                settling.hash(&mut lanes);
            }
            let Some(preimage) = lanes.preimages.get_mut(lanes.count) else { unreachable!("full lanes are hashed") };
            if !settling.lay(draft, preimage) {
                let hash = settling.hash_long_leaf(draft);
                settling.record(draft, Some(hash));
                continue;
            }
            lanes.push(place);
            if lanes.count == LANES {
                settling.hash(&mut lanes);
            }
        }
        settling.hash(&mut lanes);
        self.leaves = settling.leaves;
    }

    /// Moves the leaves that were saved to `all`.
    pub(super) fn give_leaves(&mut self, all: &mut Vec<Found>) {
        all.append(&mut self.leaves);
    }

    /// Marks the drafts dirty: the version that they will carry is another one now.
    pub(super) fn invalidate(&self, branch: &mut Branch, root: &mut Child) {
        for draft in &self.list {
            let memory = branch.memory();
            let value = match memory.node(draft.link) {
                Node::Leaf(leaf) => Some(hashing::value_hash(memory.function, leaf.value())),
                Node::Inner(_) => None,
            };
            self.tell_parent(branch, root, draft, value, State::Dirty);
        }
    }
}

/// Drafts whose preimages are laid out, until there are enough to hash them side by side.
struct Lanes {
    preimages: [Preimage; LANES],
    /// Where they are in the list.
    places: [usize; LANES],
    count: usize,
}

impl Lanes {
    fn places(&self) -> &[usize] {
        self.places.get(..self.count).unwrap_or_default()
    }

    fn push(&mut self, place: usize) {
        if let Some(free) = self.places.get_mut(self.count) {
            *free = place;
            self.count += 1;
        }
    }

    #[inline]
    fn hold_a_child_of(&self, parent: usize, drafts: &Drafts) -> bool {
        self.places().iter().any(|&place| drafts.list.get(place).is_some_and(|draft| draft.above as usize == parent))
    }
}

/// The drafts of a subtree being settled.
struct Settling<'a> {
    drafts: &'a Drafts,
    branch: &'a mut Branch,
    root: &'a mut Child,
    goal: Goal,
    leaves: Vec<Found>,
}

impl Settling<'_> {
    /// Has the processor fetch a draft, and its parent, to which its hash goes.
    #[inline]
    fn prefetch(&self, soon: &Draft) {
        let memory = self.branch.memory();
        memory.prefetch(soon.link);
        if let Some(parent) = self.drafts.parent(soon) {
            memory.prefetch(Link::inner(parent));
        }
    }

    /// Lays out what is hashed of a draft whose children are hashed. Gives `false` for a leaf with a key too long for that.
    #[inline]
    fn lay(&self, draft: &Draft, preimage: &mut Preimage) -> bool {
        match self.branch.memory().node(draft.link) {
            Node::Inner(node) => {
                lay_inner(preimage, node, self.goal.version);
                true
            }
            Node::Leaf(leaf) => preimage.lay_leaf(self.goal.version, leaf.key(), &self.value_hash(draft)),
        }
    }

    /// The hash of a leaf's value, which stands where that of the leaf will.
    #[inline]
    fn value_hash(&self, leaf: &Draft) -> Hash {
        self.drafts.parent(leaf).map_or(self.root.hash, |id| *self.branch.memory().inner(id).hash(leaf.side))
    }

    #[cold]
    fn hash_long_leaf(&self, draft: &Draft) -> Hash {
        let memory = self.branch.memory();
        let key = match memory.node(draft.link) {
            Node::Leaf(leaf) => leaf.key(),
            Node::Inner(_) => unreachable!("the preimage of an inner node is short"),
        };
        preimage::leaf_hash(memory.function, self.goal.version, key, &self.value_hash(draft))
    }

    /// Hashes what is laid out.
    #[inline]
    fn hash(&mut self, lanes: &mut Lanes) {
        let hashes = hashing::hash_nodes(self.branch.memory().function, &mut lanes.preimages, lanes.count);
        for (draft, hash) in lanes.places().iter().filter_map(|&place| self.drafts.list.get(place)).zip(hashes) {
            self.record(draft, Some(hash));
        }
        lanes.count = 0;
    }

    /// Notes, in a draft and its parent, how far it has come.
    #[inline]
    fn record(&mut self, draft: &Draft, hash: Option<Hash>) {
        let Goal { version, end } = self.goal;
        if end == State::Saved {
            self.branch.number(draft.link, NodeKey::new(version, draft.number));
            if let Target::Leaf(leaf) = draft.link.target() {
                self.leaves.push(Found { hash: shortcuts::hash_of(self.branch.memory().leaf(leaf).key()), leaf });
            }
        }
        self.drafts.tell_parent(self.branch, self.root, draft, hash, end);
    }
}

#[inline]
fn lay_inner(preimage: &mut Preimage, node: &Inner, version: u64) {
    preimage.lay_inner(node.height(), node.size(), version, node.hash(Side::Left), node.hash(Side::Right));
}
