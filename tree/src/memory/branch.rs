//! A branch's access to the memory: making, copying, changing and giving up slots.

mod standing;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treering_proofs::HashFunction;

use super::leaf::{self, Head};
use super::lineage::{Dead, Forked, Segment, SlotId};
use super::node::{Child, Inner, Link, RoutingKey, State, Target, prefix_of};
use super::shared_list::SharedList;
use super::{Memory, Pools};
use crate::{Budget, NodeKey, NodeSource, Side, TreeError};
use standing::Standing;

/// How many slot numbers a branch takes at a time.
const POOL_REFILL: u32 = 256;

/// How many slots ahead those to be written are fetched into the cache. Measured: with a snapshot held, so that every node is copied, the
/// operations of a block take 10.5 instead of 15 ms.
const PREFETCH_VACANT: usize = 8;

/// One line of descent. Forking it takes O(1); its changes are its own.
pub(crate) struct Branch {
    memory: Arc<Memory>,
    place: Mutex<Place>,
    pools: Pools,
    standing: Standing,
}

/// What forking changes, though it needs only `&self`.
struct Place {
    segment: Segment,
    /// Slots given up since the last fork that branches beside this one may still see.
    dead: Vec<Dead>,
    /// Saved nodes given up since the last save; a storage deletes them once no version uses them.
    orphans: SharedList<NodeKey>,
    /// Hashes of keys removed since the last save.
    removed: SharedList<u32>,
    /// Whether another branch may see drafts of this one.
    shares_drafts: bool,
}

impl Place {
    fn new(segment: Segment, shares_drafts: bool) -> Self {
        Self { segment, dead: Vec::new(), orphans: SharedList::default(), removed: SharedList::default(), shares_drafts }
    }

    fn floor(&self) -> u64 {
        self.segment.floor.load(Ordering::Acquire)
    }
}

#[expect(unsafe_code, reason = "writes of arena slots; see the invariants of the parent module")]
impl Branch {
    /// The only branch of a new memory.
    pub(crate) fn new(function: HashFunction, source: Arc<dyn NodeSource>, budget: Arc<Budget>) -> Self {
        let (memory, segment) = Memory::new(function, source, budget);
        Self { memory, place: Mutex::new(Place::new(segment, false)), pools: Pools::default(), standing: Standing::FIRST }
    }

    #[inline]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The lock's data is never left half changed, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn place(&mut self) -> &mut Place {
        self.place.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new branch that sees what this one sees. From now on neither changes what both see. O(1).
    /// `root` is the state of its root.
    pub(crate) fn fork(&self, root: State) -> Self {
        let mut place = self.lock();
        place.shares_drafts |= root != State::Saved;
        let dead = std::mem::take(&mut place.dead);
        let Forked { mine, other, free } = self.memory.lineage().fork(place.segment.epoch, dead);
        place.segment = mine;
        self.memory.free(free);
        let (orphans, removed) = (place.orphans.share(), place.removed.share());
        Self {
            memory: Arc::clone(&self.memory),
            place: Mutex::new(Place { orphans, removed, ..Place::new(other, place.shares_drafts) }),
            pools: Pools::default(),
            standing: self.standing,
        }
    }

    /// Another pair of hands, that works under this branch's epoch and keeps books of its own until [`Branch::absorb`].
    pub(super) fn helper(&mut self) -> Self {
        let (memory, standing) = (Arc::clone(&self.memory), self.standing);
        let place = self.place();
        let segment = Segment { epoch: place.segment.epoch, floor: Arc::clone(&place.segment.floor) };
        Self { memory, place: Mutex::new(Place::new(segment, place.shares_drafts)), pools: Pools::default(), standing }
    }

    /// Takes over the books of a helper.
    pub(super) fn absorb(&mut self, mut helper: Self) {
        let theirs = helper.place.get_mut().unwrap_or_else(PoisonError::into_inner);
        let place = self.place();
        place.dead.append(&mut theirs.dead);
        place.orphans.recent.append(&mut theirs.orphans.recent);
        place.removed.recent.append(&mut theirs.removed.recent);
        self.standing.is_unchanged &= helper.standing.is_unchanged;
        self.memory.give_back(&mut helper.pools);
    }

    /// Whether another branch may see drafts of this one.
    pub(crate) fn shares_drafts(&mut self) -> bool {
        self.place().shares_drafts
    }

    /// All drafts were saved: there are none that another branch might see.
    pub(crate) fn forget_shared_drafts(&mut self) {
        self.place().shares_drafts = false;
    }

    /// Sees to it that an operation can make a leaf with so many bytes of key and value without running out of slots.
    pub(crate) fn reserve_leaf(&mut self, bytes: usize) -> Result<(), TreeError> {
        let (memory, size) = (&self.memory, leaf::size_for(bytes));
        fill(self.pools.leaves_of(size), 1, |count, pool| memory.leaves.take(size, count, pool))
    }

    /// Sees to it that the node at `link`, which is in memory, can be copied.
    pub(crate) fn reserve_copy(&mut self, link: Link) -> Result<(), TreeError> {
        match link.target() {
            Target::Leaf(id) => {
                let leaf = self.memory.leaf(id);
                self.reserve_leaf(leaf.key().len() + leaf.value().len())
            }
            _ => self.reserve(1),
        }
    }

    /// Sees to it that an operation can make this many inner nodes and a key without running out of slots.
    pub(crate) fn reserve(&mut self, inners: usize) -> Result<(), TreeError> {
        let memory = &self.memory;
        fill(&mut self.pools.inners, inners, |count, pool| memory.inners.take(count, pool))?;
        fill(&mut self.pools.keys, 1, |count, pool| memory.keys.take(count, pool))
    }

    /// A slot number from a pool that [`Branch::reserve`] filled.
    fn vacant(pool: &mut Vec<u32>) -> u32 {
        let Some(id) = pool.pop() else { unreachable!("every operation reserves the slots that it fills") };
        id
    }

    /// Has the processor fetch the slot in which the inner node after some more copies will be put.
    #[inline]
    fn prefetch_vacant(&self) {
        if let Some(&id) = self.pools.inners.len().checked_sub(PREFETCH_VACANT).and_then(|place| self.pools.inners.get(place)) {
            self.memory.inners.prefetch(id);
        }
    }

    /// A new draft.
    pub(crate) fn add_inner(&mut self, mut node: Inner) -> u32 {
        node.epoch = self.place().segment.epoch;
        node.nonce = 0;
        node.touch(self.memory.now());
        let id = Self::vacant(&mut self.pools.inners);
        // SAFETY: the number comes from this branch's pool, so nobody else uses the slot.
        unsafe { *self.memory.inners.get_mut(id) = node };
        id
    }

    /// A new draft.
    pub(crate) fn add_leaf(&mut self, key: &[u8], value: &[u8]) -> Link {
        self.standing.is_unchanged = false;
        let head = Head::draft(self.place().segment.epoch);
        let id = Self::vacant(self.pools.leaves_of(leaf::size_for(key.len() + value.len())));
        // SAFETY: the number comes from this branch's pool, so nobody else uses the slot.
        self.memory.count_bytes(unsafe { self.memory.leaves.fill(id, head, key, value) });
        Link::leaf(id)
    }

    /// A new inner node with the routing key `key`, which is the smallest below `right`.
    pub(crate) fn add_fork(&mut self, key: &[u8], left: Child, right: Child) -> u32 {
        let routing_key = RoutingKey::new(key, self.place().segment.epoch);
        self.memory.count_bytes(routing_key.heap_bytes());
        let slot = Self::vacant(&mut self.pools.keys);
        // SAFETY: the number comes from this branch's pool, so nobody else uses the slot.
        unsafe { *self.memory.keys.get_mut(slot) = routing_key };
        self.add_inner(Inner::new(prefix_of(key), slot, left, right))
    }

    /// Whether this branch may change the node in place: it is a draft that no other branch sees.
    #[inline]
    fn is_own_draft(&mut self, epoch: u64, nonce: u32) -> bool {
        nonce == 0 && epoch >= self.place().floor()
    }

    /// The inner node at `link` as an own draft, to change: itself, or else a copy in its place. The node must be in memory.
    /// A saved node that no other branch sees becomes a draft where it is. The child on the side `replaced` was given up already; the
    /// caller puts another one there.
    #[inline]
    pub(crate) fn own_inner(&mut self, link: Link, replaced: Option<Side>) -> (u32, &mut Inner) {
        let (mut id, stub) = self.loaded_inner(link);
        let floor = self.place().floor();
        let node = self.memory.inner(id);
        let (epoch, saved) = (node.epoch, node.node_key());
        if saved.is_some() || epoch < floor {
            id = self.redraft(id, epoch, replaced);
        }
        if let Some(stub) = stub {
            self.bury(SlotId::Stub(stub), epoch);
        }
        // SAFETY: made by this branch after its last fork (checked here or, a copy, made by `redraft`), so only this branch reaches the
        // slot, and it is borrowed mutably.
        (id, unsafe { self.memory.inners.get_mut(id) })
    }

    /// Makes an own draft of an inner node that is none: in place if no other branch sees it, else a copy.
    fn redraft(&mut self, id: u32, epoch: u64, replaced: Option<Side>) -> u32 {
        let (links, saved) = {
            let node = self.memory.inner(id);
            ([Side::Left, Side::Right].map(|side| (side, node.link(side))), node.node_key())
        };
        let place = self.place();
        place.orphans.recent.extend(saved);
        let own = if epoch >= place.floor() {
            id
        } else {
            let stamp = place.segment.epoch;
            place.dead.push(Dead { slot: SlotId::Inner(id), epoch });
            let copy = Self::vacant(&mut self.pools.inners);
            self.prefetch_vacant();
            // SAFETY: the number comes from this branch's pool, so nobody else uses the slot, and it is not `id`.
            let node = unsafe { self.memory.inners.get_mut(copy) };
            node.clone_from(self.memory.inner(id));
            node.epoch = stamp;
            copy
        };
        // SAFETY: this branch's own, as `own_inner` says; no other reference to the slot lives.
        let node = unsafe { self.memory.inners.get_mut(own) };
        node.nonce = 0;
        node.touch(self.memory.now());
        for (side, link) in links {
            if replaced != Some(side) && matches!(link.target(), Target::Stub(_)) {
                self.shorten(own, side, link);
            }
        }
        own
    }

    /// The draft at `link` as an own one: itself, or else a copy in its place.
    pub(crate) fn own_draft(&mut self, link: Link) -> Link {
        match link.target() {
            Target::Leaf(_) => self.own_draft_leaf(link),
            _ => Link::inner(self.own_inner(link, None).0),
        }
    }

    /// The draft leaf at `link` as an own one: itself, or else a copy in its place.
    pub(crate) fn own_draft_leaf(&mut self, link: Link) -> Link {
        let Target::Leaf(id) = link.target() else { unreachable!("drafts are never behind a stub") };
        let Head { epoch, nonce, .. } = *self.memory.leaf(id).head;
        if self.is_own_draft(epoch, nonce) {
            return link;
        }
        let memory = Arc::clone(&self.memory);
        let leaf = memory.leaf(id);
        let copy = self.add_leaf(leaf.key(), leaf.value());
        self.give_up_leaf(link);
        copy
    }

    fn loaded_inner(&self, link: Link) -> (u32, Option<u32>) {
        match link.target() {
            Target::Inner(id) => (id, None),
            Target::Stub(stub) => match self.memory.resident(stub).map(Link::target) {
                Some(Target::Inner(id)) => (id, Some(stub)),
                _ => unreachable!("an operation loads the inner nodes that it changes"),
            },
            Target::Leaf(_) => unreachable!("the link of an inner node leads to a leaf"),
        }
    }

    /// Lets an own draft lead straight to a loaded node instead of through its stub.
    fn shorten(&mut self, id: u32, side: Side, link: Link) {
        let Target::Stub(stub) = link.target() else { return };
        if let Some(loaded) = self.memory.resident(stub) {
            self.inner_mut(id).set_link(side, loaded);
            self.bury(SlotId::Stub(stub), self.memory.stub(stub).epoch);
        }
    }

    /// An own draft, to change.
    ///
    /// # Panics
    /// When the node is not this branch's own draft: then another branch might see the change.
    pub(crate) fn inner_mut(&mut self, id: u32) -> &mut Inner {
        let node = self.memory.inner(id);
        let (epoch, nonce) = (node.epoch, node.nonce);
        assert!(self.is_own_draft(epoch, nonce), "a node that others may see is never changed");
        // SAFETY: made by this branch after its last fork, so only this branch reaches the slot, and it is borrowed mutably.
        unsafe { self.memory.inners.get_mut(id) }
    }

    /// The head of an own draft, to change. Panics as [`Branch::inner_mut`] does.
    fn leaf_head_mut(&mut self, id: u32) -> &mut Head {
        let Head { epoch, nonce, .. } = *self.memory.leaf(id).head;
        assert!(self.is_own_draft(epoch, nonce), "a node that others may see is never changed");
        // SAFETY: as in `inner_mut`.
        unsafe { self.memory.leaves.head(id) }
    }

    /// Gives an own draft of an imported leaf its version; its number comes later.
    pub(crate) fn set_leaf_version(&mut self, link: Link, version: u64) {
        if let Target::Leaf(id) = link.target() {
            self.leaf_head_mut(id).version = version;
        }
    }

    /// Numbers an own draft: from now on it is the saved node `node`.
    pub(crate) fn number(&mut self, link: Link, node: NodeKey) {
        let id = match link.target() {
            Target::Leaf(id) => id,
            Target::Inner(id) => {
                let inner = self.inner_mut(id);
                (inner.version, inner.nonce) = (node.version(), node.nonce());
                return;
            }
            Target::Stub(_) => unreachable!("drafts are never behind a stub"),
        };
        let leaf = self.leaf_head_mut(id);
        (leaf.version, leaf.nonce) = (node.version(), node.nonce());
    }

    /// Gives up an inner node that is removed for good, without its routing key.
    pub(crate) fn give_up_inner(&mut self, link: Link) {
        let (id, stub) = self.loaded_inner(link);
        let epoch = self.memory.inner(id).epoch;
        self.give_up_inner_node(id);
        if let Some(stub) = stub {
            self.bury(SlotId::Stub(stub), epoch);
        }
    }

    fn give_up_inner_node(&mut self, id: u32) {
        let node = self.memory.inner(id);
        let (epoch, saved) = (node.epoch, node.node_key());
        self.place().orphans.recent.extend(saved);
        self.bury(SlotId::Inner(id), epoch);
    }

    /// Gives up a leaf that is replaced or removed. It need not be in memory.
    pub(crate) fn give_up_leaf(&mut self, link: Link) {
        self.standing.is_unchanged = false;
        let (slot, epoch, saved) = match link.target() {
            Target::Leaf(id) => {
                let leaf = self.memory.leaf(id);
                (SlotId::Leaf(id), leaf.head.epoch, leaf.node_key())
            }
            Target::Stub(id) => {
                let stub = self.memory.stub(id);
                (SlotId::LeafStub(id), stub.epoch, Some(stub.node))
            }
            Target::Inner(_) => unreachable!("the link of a leaf leads to an inner node"),
        };
        self.place().orphans.recent.extend(saved);
        self.bury(slot, epoch);
    }

    /// Gives up the routing key in slot `id`.
    pub(crate) fn give_up_key(&mut self, id: u32) {
        let epoch = self.memory.key_slot(id).epoch;
        self.bury(SlotId::Key(id), epoch);
    }

    /// Frees a slot now if no other branch can see it, else once none can.
    fn bury(&mut self, slot: SlotId, epoch: u64) {
        let place = self.place();
        if epoch >= place.floor() {
            self.memory.vacate(slot, &mut self.pools);
        } else {
            place.dead.push(Dead { slot, epoch });
        }
    }

    /// Frees what was given up while branches beside this one saw it, as far as they are gone.
    pub(crate) fn reclaim(&mut self) {
        let place = self.place();
        let floor = place.floor();
        let free: Vec<Dead> = place.dead.extract_if(.., |dead| dead.epoch >= floor).collect();
        for dead in free {
            self.memory.vacate(dead.slot, &mut self.pools);
        }
        self.memory.give_back(&mut self.pools);
    }

    /// The saved nodes given up since the last save, in any order. From now on there are none.
    pub(crate) fn take_orphans(&mut self) -> Vec<NodeKey> {
        self.place().orphans.take()
    }

    /// Whether any saved node was given up since the last save.
    pub(crate) fn has_orphans(&self) -> bool {
        let place = self.lock();
        !place.orphans.is_empty()
    }

    /// Whether no other branch shares the memory. One that ends on another thread counts until it is done with what it frees.
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.memory) == 1
    }

    /// How many branches share the memory.
    pub(crate) fn branches(&self) -> usize {
        self.memory.lineage().branches()
    }

    /// A link to a saved node that is not in memory.
    pub(crate) fn stub(&mut self, child: &crate::ChildRecord) -> Result<Child, TreeError> {
        let epoch = self.place().segment.epoch;
        self.memory.stub_for(child, epoch)
    }

    /// Gives up saved nodes of versions up to `flushed`, as the budget needs it, if this is the only branch.
    pub(crate) fn unload(&mut self, root: Option<&mut Child>, flushed: u64) -> Result<(), TreeError> {
        self.reclaim();
        let epoch = self.place().segment.epoch;
        // Only the one who has the whole memory relinks nodes and goes over all slots: other branches read them, and free them as they end.
        let outcome = Arc::get_mut(&mut self.memory).map_or(Ok(()), |memory| memory.make_room(root, flushed, epoch, &mut self.pools));
        self.memory.tick();
        outcome
    }

    /// Ends the branch: frees what only it reaches from `root`. Takes time by what the branch made, not by the tree's size.
    ///
    /// The walk comes before the books are closed: as long as the branch is in them, no other one writes or frees what it reads.
    /// When another branch ends meanwhile, this one may be left alone with more; the walk goes on there.
    pub(crate) fn close(&mut self, root: Option<Link>) {
        let Self { memory, place, pools, .. } = self;
        let place = place.get_mut().unwrap_or_else(PoisonError::into_inner);
        if memory.lineage().is_single() {
            return; // The memory goes with its last branch.
        }
        let mut shared: Vec<Link> = root.into_iter().collect();
        let free = loop {
            let floor = place.floor();
            shared = memory.free_made_since(floor, shared, pools);
            let mut lineage = memory.lineage();
            if place.floor() == floor {
                break lineage.close(place.segment.epoch);
            }
        };
        for dead in free {
            memory.vacate(dead.slot, pools);
        }
        self.reclaim();
    }
}

/// Fills a pool up to `need` numbers, some more at a time.
fn fill(pool: &mut Vec<u32>, need: usize, mut take: impl FnMut(u32, &mut Vec<u32>)) -> Result<(), TreeError> {
    while pool.len() < need {
        let before = pool.len();
        take(POOL_REFILL, pool);
        if pool.len() == before {
            return Err(TreeError::Full);
        }
    }
    Ok(())
}
