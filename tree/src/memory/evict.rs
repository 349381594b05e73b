//! Giving up nodes that were not used lately, of a memory that has one branch only.
//!
//! A node is given up with all below it, and leaves a stub in its parent. What goes is chosen by *rank*: nodes used longer ago first, and
//! lower ones first; what was used since the last unloading goes last. Twice as many paths lie on a node as on one a level below, so one
//! level weighs as much as half the age. (By age alone, the low nodes of the last few versions' paths, which no other path is likely to
//! need, took the place of high ones.) Within one rank a share of the nodes goes, chosen by their slots' numbers. So the choice is as
//! fine as it must be even when all nodes are of one age.
//!
//! Invariants
//! 1. Only nodes that are in storage go: saved ones whose version is flushed. All below such a node are no newer than it.
//! 2. A leaf has no time of its own: it goes with its parent.
//! 3. Nothing hangs on the clock but the choice: a parent that seems to be used less lately than its child takes the child with it.
//!
//! What is used is counted in one pass over the slots in the order of memory; then one pass from the root, level by level so that the
//! nodes of a level are fetched ahead of each other, visits what stays. On that way, links through a stub whose node is loaded are
//! made straight: a stub is 32 bytes, and one more place to fetch on every later walk.

use std::cmp::Ordering;
use std::sync::atomic;

use super::{Child, Inner, Link, Memory, Pools, SlotId, Stub, Target, leaf};
use crate::{NodeKey, Side, TreeError};

/// Nodes of the walk that are fetched ahead.
const PREFETCH: usize = 12;
/// Ranks that are told apart.
const RANKS: usize = 640;
/// The height of the highest tree that can be: one of 2^63 keys has no more.
const MOST_HEIGHT: usize = 92;
/// The rank of the lowest node that was used lately, though not since the last unloading. From there on it is four ranks to each
/// level and to each doubling of the age.
const LATELY: usize = 5 * MOST_HEIGHT;
/// Nodes used less than so many ticks ago hardly differ in what their age tells.
const GRACE: u32 = 8;
/// With less than this part of the limit resident beyond it, nothing is packed and given back: it takes longer than unloading itself.
const TOLERANCE: u64 = 16;
/// What an inner node takes with its routing key.
const INNER_BYTES: u64 = 128 + 48;

/// Nodes with a higher rank go first: used `age` ticks ago, and so high above the leaves. What was used since the last unloading goes last.
fn rank(age: u32, height: u8) -> usize {
    let height = usize::from(height).min(MOST_HEIGHT);
    if age == 0 {
        return MOST_HEIGHT - height;
    }
    let age = age.saturating_add(GRACE);
    let doublings = age.ilog2();
    let quarters = 4 * (doublings - GRACE.ilog2()) + (age >> (doublings - 2) & 3);
    LATELY + 1 + quarters as usize - 4 * height
}

/// Bytes by rank.
struct Census {
    bytes: Vec<u64>,
    all: u64,
}

/// What goes.
struct Choice {
    now: u32,
    flushed: u64,
    /// Nodes of higher ranks go.
    rank: usize,
    /// Of the nodes of just that rank, those whose slot's number maps below this go.
    share: u32,
}

/// A node that the walk is to visit, and where it hangs.
#[derive(Clone, Copy)]
struct Visit {
    id: u32,
    parent: Option<(u32, Side)>,
}

impl Choice {
    /// What must go for `bytes` of all `held` ones to become free.
    fn of(census: &Census, now: u32, flushed: u64, bytes: u64, held: u64) -> Self {
        // The census does not see all: leaves behind stubs, long keys and values. They are taken to lie evenly.
        let scaled = u128::from(bytes) * u128::from(census.all) / u128::from(held.max(1));
        let mut rest = u64::try_from(scaled).unwrap_or(u64::MAX);
        for (rank, &bytes) in census.bytes.iter().enumerate().rev() {
            if rest < bytes {
                let share = u128::from(rest) * u128::from(u32::MAX) / u128::from(bytes);
                return Self { now, flushed, rank, share: u32::try_from(share).unwrap_or(u32::MAX) };
            }
            rest -= bytes;
        }
        // All that can.
        Self { now, flushed, rank: 0, share: u32::MAX }
    }

    fn takes(&self, id: u32, node: &Inner) -> bool {
        if !is_evictable(node, self.flushed) {
            return false;
        }
        match rank(self.now.wrapping_sub(node.used()), node.height()).cmp(&self.rank) {
            Ordering::Greater => true,
            Ordering::Equal => id.wrapping_mul(0x9E37_79B1) <= self.share,
            Ordering::Less => false,
        }
    }
}

fn is_evictable(node: &Inner, flushed: u64) -> bool {
    node.node_key().is_some_and(|key| key.version() <= flushed)
}

impl Memory {
    /// Gives up nodes below `root` whose versions are at most `flushed` when the budget needs it. `epoch` is that of the only branch.
    ///
    /// # Errors
    /// As of [`Memory::evict`].
    pub(super) fn make_room(&mut self, root: Option<&mut Child>, flushed: u64, epoch: u64, pools: &mut Pools) -> Result<(), TreeError> {
        self.account.set_idle(self.idle_bytes());
        let excess = self.account.excess();
        let Some(root) = root.filter(|_| excess > 0) else {
            if self.budget().is_roomy() {
                self.shortcuts.resume();
            }
            return Ok(());
        };
        // Nodes will go and move; and what shortcuts take is better used for nodes.
        self.shortcuts.suspend();
        let outcome = self.evict(root, excess, flushed, epoch, pools);
        self.give_back(pools);
        let (overshoot, idle) = (self.budget().overshoot(), self.idle_bytes());
        if overshoot > self.budget().limit() / TOLERANCE && idle >= self.bytes() / 8 {
            self.pack(root);
            self.trim(overshoot);
        }
        self.account.set_idle(self.idle_bytes());
        outcome
    }

    /// Gives memory in which nothing lies back to the system, `bytes` at most.
    fn trim(&mut self, bytes: u64) {
        let mut rest = bytes - self.inners.trim(bytes);
        rest -= self.keys.trim(rest);
        rest -= self.stubs.trim(rest);
        self.leaves.trim(rest);
    }

    /// Bytes that are resident though nothing lies there.
    fn idle_bytes(&self) -> u64 {
        self.inners.idle_bytes() + self.keys.idle_bytes() + self.stubs.idle_bytes() + self.leaves.idle_bytes()
    }

    /// Ends a period between two calls for unloading, and ticks the clock if what it says matters.
    pub(super) fn tick(&self) {
        self.account.settle();
        if self.budget().limit() != u64::MAX {
            self.clock.fetch_add(1, atomic::Ordering::Relaxed);
        }
    }

    /// Gives up about `bytes` of nodes below `root`, whose versions are at most `flushed`. `epoch` is that of the only branch.
    ///
    /// # Errors
    /// [`TreeError::Full`] when there is no slot for a stub; the tree is whole, and what was given up until then stays given up.
    pub(super) fn evict(&mut self, root: &mut Child, bytes: u64, flushed: u64, epoch: u64, pools: &mut Pools) -> Result<(), TreeError> {
        let now = self.now();
        let census = self.take_census(now, flushed);
        let choice = Choice::of(&census, now, flushed, bytes, self.bytes());
        root.link = self.straighten(root.link, pools).unwrap_or(root.link);
        let Target::Inner(id) = root.link.target() else { return Ok(()) };
        let mut level = vec![Visit { id, parent: None }];
        while !level.is_empty() {
            let mut next = Vec::with_capacity(level.len());
            for (at, &visit) in level.iter().enumerate() {
                if let Some(soon) = level.get(at + PREFETCH) {
                    self.prefetch(Link::inner(soon.id));
                }
                if choice.takes(visit.id, self.inner(visit.id)) {
                    let stub = self.replace_by_stub(visit.id, epoch, pools)?;
                    match visit.parent {
                        Some((parent, side)) => self.relink(parent, side, stub),
                        None => root.link = stub,
                    }
                    continue;
                }
                self.visit_children(visit.id, &mut next, pools);
            }
            level = next;
        }
        Ok(())
    }

    /// Counts what could go.
    fn take_census(&mut self, now: u32, flushed: u64) -> Census {
        let mut census = Census { bytes: vec![0; RANKS], all: 0 };
        self.inners.for_each(|_, node| {
            if node.epoch == u64::MAX {
                return; // Vacant.
            }
            let below = [Side::Left, Side::Right].map(|side| match node.link(side).target() {
                Target::Inner(_) => 0,
                Target::Leaf(id) => leaf::slot_bytes(id),
                Target::Stub(_) => size_of::<Stub>() as u64,
            });
            let bytes = INNER_BYTES + below.iter().sum::<u64>();
            census.all += bytes;
            let rank = rank(now.wrapping_sub(node.used()), node.height());
            if let Some(sum) = census.bytes.get_mut(rank).filter(|_| is_evictable(node, flushed)) {
                *sum += bytes;
            }
        });
        census
    }

    fn visit_children(&mut self, id: u32, next: &mut Vec<Visit>, pools: &mut Pools) {
        for side in [Side::Left, Side::Right] {
            let mut link = self.inner(id).link(side);
            if let Some(straight) = self.straighten(link, pools) {
                self.relink(id, side, straight);
                link = straight;
            }
            if let Target::Inner(child) = link.target() {
                next.push(Visit { id: child, parent: Some((id, side)) });
            }
        }
    }

    /// The link to the loaded node of a stub, which is given up: the caller links to the node instead.
    fn straighten(&mut self, link: Link, pools: &mut Pools) -> Option<Link> {
        let Target::Stub(stub) = link.target() else { return None };
        let loaded = self.resident(stub)?;
        self.vacate(SlotId::Stub(stub), pools);
        Some(loaded)
    }

    /// Gives up a saved inner node and all below it; gives the link to the stub that stands for it.
    fn replace_by_stub(&mut self, id: u32, epoch: u64, pools: &mut Pools) -> Result<Link, TreeError> {
        if pools.stubs.is_empty() {
            self.stubs.take(1, &mut pools.stubs);
        }
        let slot = pools.stubs.pop().ok_or(TreeError::Full)?;
        let node = self.inner(id);
        let Some(name) = NodeKey::of_saved(node.version, node.nonce) else { unreachable!("only saved nodes are chosen") };
        let older = self.free_made_since(0, vec![Link::inner(id)], pools);
        debug_assert!(older.is_empty(), "the only branch shares nothing");
        Ok(self.fill_stub(slot, name, epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_grow_with_age_and_fall_with_height_and_are_within_bounds() {
        let ages: Vec<u32> =
            (0..300).chain((9..32).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1])).chain([u32::MAX]).collect();
        for height in 1..=92 {
            assert!(ages.is_sorted_by_key(|&age| rank(age, height)));
            assert!(ages.iter().all(|&age| rank(age, height) < rank(age, height - 1)));
            assert!(ages.iter().all(|&age| rank(age, height) < RANKS));
        }
        assert_eq!(rank(1, 5), rank(GRACE + 2, 6));
        assert_eq!(rank(1, 5), rank(7 * GRACE + 8, 8));
        assert!(rank(2, 5) < rank(4, 5));
        assert!(rank(0, 0) < rank(1, 92));
    }

    #[test]
    fn those_of_the_highest_rank_go_first() {
        let mut census = Census { bytes: vec![0; RANKS], all: 0 };
        for (rank, bytes) in [(10, 500), (11, 100), (300, 200), (304, 100), (310, 100)] {
            census.bytes[rank] = bytes;
            census.all += bytes;
        }
        let chosen = |bytes| {
            let Choice { rank, share, .. } = Choice::of(&census, 0, 0, bytes, census.all);
            (rank, u64::from(share) * 100 / u64::from(u32::MAX))
        };
        assert_eq!(chosen(50), (310, 49));
        assert_eq!(chosen(150), (304, 49));
        assert_eq!(chosen(250), (300, 24));
        assert_eq!(chosen(450), (11, 49));
        assert_eq!(chosen(750), (10, 49));
        assert_eq!(chosen(1000), (0, 100));
    }
}
