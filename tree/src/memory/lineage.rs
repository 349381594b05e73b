//! When may a replaced slot be used again? Branches of a tree share nodes without counting references; this file keeps the books.
//!
//! The history of a tree is a tree of *segments*: taking a branch closes a segment and opens two below it. A slot is stamped with the
//! epoch of the segment that made it, and epochs grow. A branch that stops using a slot records the death in its segment.
//!
//! Invariants
//! 1. A living branch sits on a segment without children; a closed segment has at least two (with one left, the two are merged).
//! 2. A segment spans the epochs from its `floor` on, as far as its own line of descent is concerned.
//! 3. A slot made within a segment (epoch >= floor) and dead within it is reachable by nobody: it is free at once.
//! 4. A slot made earlier and dead in a segment is still seen by the branches beside it; it is free as soon as merging
//!    moves the floor down to its epoch, that is, when the last of them is gone.
//! 5. A branch makes and changes slots of epochs from its floor to its own epoch. Every later floor in its line of descent is at most that
//!    floor, or is a new epoch above them all. So no floor ever comes to lie between two slots of one line that belong together
//!    (a node and its child, its routing key or its stub), whichever of the two is younger, unless the older one was there at the fork.
//!
//! Why these orderings suffice: segments change under one lock only. A branch that ends does its last read of shared slots before it takes that
//! lock, and whoever lowers a floor does so (`Release`) under the lock afterwards; the branch left over reads its floor with `Acquire` before it
//! writes or frees what was shared. So the last read happens before the first write. A stale floor is higher than the true one, which
//! only makes a branch copy, or wait with freeing, more than it must.
//!
//! ```text
//!     #0 ---- #1 ---- #3   the working tree            dropping the snapshot at #4 merges #1 and #3:
//!      \       \                                       what #1 made and #3 stopped using is free
//!       #2      #4                                     (a node made at c and dropped at o, with no
//!       snapshot  snapshot                              branch left in [c, o): the rule of pruning)
//! ```

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A slot that some branch stopped using.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dead {
    pub(crate) slot: SlotId,
    /// The epoch in which it was made.
    pub(crate) epoch: u64,
}

/// A slot of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotId {
    Inner(u32),
    Leaf(u32),
    Key(u32),
    Stub(u32),
    /// A leaf's stub, with the leaf if it is loaded by the time: other branches may load what this one gave up without having seen it.
    LeafStub(u32),
}

/// A branch's place in the lineage.
pub(crate) struct Segment {
    /// Stamps what the branch makes.
    pub(crate) epoch: u64,
    /// What has this epoch or a later one was made by this branch alone. Moves down only, when other branches go.
    pub(crate) floor: Arc<AtomicU64>,
}

/// What a fork gives.
pub(crate) struct Forked {
    /// Where the branch goes on.
    pub(crate) mine: Segment,
    /// Where the new branch starts.
    pub(crate) other: Segment,
    /// Slots that nobody can reach any more.
    pub(crate) free: Vec<Dead>,
}

struct Record {
    parent: Option<u64>,
    children: Vec<u64>,
    floor: Arc<AtomicU64>,
    dead: Vec<Dead>,
}

/// All segments of one memory.
pub(crate) struct Lineage {
    next_epoch: u64,
    segments: HashMap<u64, Record>,
}

impl Lineage {
    /// A lineage with one branch.
    pub(crate) fn new() -> (Self, Segment) {
        let mut lineage = Self { next_epoch: 0, segments: HashMap::new() };
        let first = lineage.open(None);
        (lineage, first)
    }

    fn open(&mut self, parent: Option<u64>) -> Segment {
        let epoch = self.next_epoch;
        self.next_epoch += 1;
        let floor = Arc::new(AtomicU64::new(epoch));
        self.segments.insert(epoch, Record { parent, children: Vec::new(), floor: Arc::clone(&floor), dead: Vec::new() });
        Segment { epoch, floor }
    }

    /// Closes the segment of a branch that recorded `dead`, and opens one for it and one for its new sibling.
    pub(crate) fn fork(&mut self, epoch: u64, mut dead: Vec<Dead>) -> Forked {
        let mine = self.open(Some(epoch));
        let other = self.open(Some(epoch));
        let mut free = Vec::new();
        if let Some(record) = self.segments.get_mut(&epoch) {
            // The floor may have moved down since they died.
            let floor = record.floor.load(Ordering::Acquire);
            free.extend(dead.extract_if(.., |dead| dead.epoch >= floor));
            record.dead.append(&mut dead);
            record.children = vec![mine.epoch, other.epoch];
        }
        Forked { mine, other, free }
    }

    /// Ends a branch. What it recorded as dead lives on in others and is forgotten. Gives the slots that nobody can reach any more.
    pub(crate) fn close(&mut self, epoch: u64) -> Vec<Dead> {
        let Some(parent) = self.segments.remove(&epoch).and_then(|record| record.parent) else { return Vec::new() };
        let Some(record) = self.segments.get_mut(&parent) else { return Vec::new() };
        record.children.retain(|&child| child != epoch);
        match record.children.as_slice() {
            &[only] => self.merge(parent, only),
            _ => Vec::new(),
        }
    }

    /// Takes the closed segment `upper` into its only child.
    fn merge(&mut self, upper: u64, only: u64) -> Vec<Dead> {
        let Some(upper_record) = self.segments.remove(&upper) else { return Vec::new() };
        if let Some(siblings) = upper_record.parent.and_then(|grandparent| self.segments.get_mut(&grandparent)) {
            for child in siblings.children.iter_mut().filter(|child| **child == upper) {
                *child = only;
            }
        }
        let Some(record) = self.segments.get_mut(&only) else { return Vec::new() };
        let floor = upper_record.floor.load(Ordering::Acquire);
        record.floor.store(floor, Ordering::Release);
        record.parent = upper_record.parent;
        // What died in `upper` and is recorded there was made before it, so it stays; that list may be long, and is not walked.
        let free = record.dead.extract_if(.., |dead| dead.epoch >= floor).collect();
        let mut kept = std::mem::replace(&mut record.dead, upper_record.dead);
        record.dead.append(&mut kept);
        free
    }

    /// Whether there is one branch only.
    pub(crate) fn is_single(&self) -> bool {
        self.segments.len() == 1
    }

    /// How many branches there are.
    pub(crate) fn branches(&self) -> usize {
        self.segments.values().filter(|record| record.children.is_empty()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(id: u32, epoch: u64) -> Dead {
        Dead { slot: SlotId::Inner(id), epoch }
    }

    #[test]
    fn a_slot_is_free_when_the_last_snapshot_that_sees_it_goes() {
        let (mut lineage, main) = Lineage::new();
        let Forked { mine: main, other: old, .. } = lineage.fork(main.epoch, vec![]);
        // Slot 7 was made in epoch 0 and dies in the working tree, after the first snapshot and before the second.
        let Forked { mine: main, other: new, .. } = lineage.fork(main.epoch, vec![dead(7, 0)]);
        assert_eq!(lineage.close(new.epoch), vec![]);
        assert_eq!(lineage.close(old.epoch), vec![dead(7, 0)]);
        assert_eq!(main.floor.load(Ordering::Relaxed), 0);
        assert!(lineage.is_single());
    }

    #[test]
    fn dropping_the_newest_snapshot_frees_what_only_it_saw() {
        let (mut lineage, main) = Lineage::new();
        let Forked { mine: main, other: _old, .. } = lineage.fork(main.epoch, vec![]);
        let made_between = main.epoch;
        let Forked { mine: main, other: new, .. } = lineage.fork(main.epoch, vec![]);
        let Forked { other: newest, .. } = lineage.fork(main.epoch, vec![dead(1, 0), dead(2, made_between)]);
        assert_eq!(lineage.close(newest.epoch), vec![]);
        assert_eq!(lineage.close(new.epoch), vec![dead(2, made_between)]);
    }

    #[test]
    fn deaths_of_a_dropped_branch_are_forgotten() {
        let (mut lineage, main) = Lineage::new();
        let Forked { mine: main, other: branch, .. } = lineage.fork(main.epoch, vec![]);
        let Forked { mine: branch, other: inner, .. } = lineage.fork(branch.epoch, vec![dead(3, 0)]);
        assert_eq!(lineage.close(inner.epoch), vec![]);
        assert_eq!(lineage.close(branch.epoch), vec![]);
        assert_eq!(lineage.branches(), 1);
        assert_eq!(main.floor.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_died_before_the_floor_moved_down_is_free_at_the_next_fork() {
        let (mut lineage, main) = Lineage::new();
        let Forked { mine: main, other: old, .. } = lineage.fork(main.epoch, vec![]);
        assert_eq!(lineage.close(old.epoch), vec![]);
        let forked = lineage.fork(main.epoch, vec![dead(5, 0)]);
        assert_eq!(forked.free, vec![dead(5, 0)]);
    }
}
