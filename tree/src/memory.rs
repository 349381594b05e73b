//! Where nodes live: slots in arenas, shared by all branches of a tree, written only by the branch that made them.
//!
//! Invariants
//! 1. A branch writes a slot only if it made it after its last fork ([`Branch::inner_mut`] asserts it, [`Branch::own_inner`] sees to it),
//!    so no other branch can see the write.
//! 2. What a branch can reach from its root is not freed while the branch lives (see [`lineage`]).
//! 3. Hence whoever holds `&Branch` may read all that it reaches: writing needs `&mut` of the only branch that reaches the slot.
//! 4. While helpers of a branch are at work, each of them, the branch included, touches only nodes of the subtree handed to it, and no two
//!    of these subtrees share a node (see [`helpers`]). So for a node they are one at a time, as invariants 1 to 3 want it.
//! 5. A leaf is also reached by a shortcut, under the invariants of [`shortcuts`].
//! 6. Each routing key slot belongs to one inner node (and its later copies) in each line of descent.

mod account;
pub(crate) mod arena;
pub(crate) mod branch;
#[cfg(test)]
mod census;
mod evict;
mod helpers;
mod leaf;
pub(crate) mod lineage;
pub(crate) mod node;
mod pack;
mod passage;
mod shared_list;
pub(crate) mod shortcuts;

pub(crate) use branch::Branch;
pub(crate) use leaf::Leaf;
pub(crate) use node::{Child, Inner, Link, State, Target, UNHASHED, prefix_of};
pub(crate) use passage::{Along, Expected, InnerView, LeafView, Place, Seen, View};

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treering_proofs::HashFunction;

use crate::{Budget, ChildRecord, Loaded, NodeKey, NodeRecord, NodeSource, Side, TreeError, hashing};
use account::Account;
use arena::{Arena, Slot};
use leaf::{Head, Leaves};
use lineage::{Dead, Lineage, Segment, SlotId};
use node::{RoutingKey, Stub};
use shortcuts::Shortcuts;

/// Locks that keep two readers from loading one node twice; a stub is under the lock of its number's remainder.
const LOAD_LOCKS: usize = 64;

/// The slots of a tree and all its branches.
pub(crate) struct Memory {
    inners: Arena<Inner>,
    leaves: Leaves,
    keys: Arena<RoutingKey>,
    stubs: Arena<Stub>,
    /// From keys to leaves.
    pub(crate) shortcuts: Shortcuts,
    lineage: Mutex<Lineage>,
    load_locks: [Mutex<()>; LOAD_LOCKS],
    account: Arc<Account>,
    /// Ticks when the tree is asked to unload; tells how long ago a node was used.
    clock: AtomicU32,
    pub(crate) source: Arc<dyn NodeSource>,
    pub(crate) function: HashFunction,
}

/// A node to look at.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    Inner(&'a Inner),
    Leaf(Leaf<'a>),
}

#[expect(unsafe_code, reason = "reads of arena slots; see the invariants of this module")]
impl Memory {
    fn new(function: HashFunction, source: Arc<dyn NodeSource>, budget: Arc<Budget>) -> (Arc<Self>, Segment) {
        let (lineage, first) = Lineage::new();
        let account = Account::new(budget);
        let memory = Self {
            inners: Arena::new(&account),
            leaves: Leaves::new(&account),
            keys: Arena::new(&account),
            stubs: Arena::new(&account),
            shortcuts: Shortcuts::new(account.budget()),
            lineage: Mutex::new(lineage),
            load_locks: [const { Mutex::new(()) }; LOAD_LOCKS],
            account,
            clock: AtomicU32::new(0),
            source,
            function,
        };
        (Arc::new(memory), first)
    }

    fn lineage(&self) -> MutexGuard<'_, Lineage> {
        self.lineage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn inner(&self, id: u32) -> &Inner {
        // SAFETY: the caller reached `id` from a living branch that it holds; invariants 2 and 3.
        unsafe { self.inners.get(id) }
    }

    #[inline]
    pub(crate) fn leaf(&self, id: u32) -> Leaf<'_> {
        // SAFETY: as for `inner`.
        unsafe { self.leaves.get(id) }
    }

    /// The full routing key of `node`.
    #[inline]
    pub(crate) fn routing_key(&self, node: &Inner) -> &[u8] {
        self.key_in(node.key)
    }

    /// The routing key in a slot.
    #[inline]
    pub(crate) fn key_in(&self, slot: u32) -> &[u8] {
        self.key_slot(slot).bytes()
    }

    #[inline]
    fn key_slot(&self, id: u32) -> &RoutingKey {
        // SAFETY: as for `inner`; key slots are never changed once made.
        unsafe { self.keys.get(id) }
    }

    #[inline]
    fn stub(&self, id: u32) -> &Stub {
        // SAFETY: as for `inner`; of a stub only the atomic changes.
        unsafe { self.stubs.get(id) }
    }

    /// The side of `node` on which `key` (with this prefix) lies.
    #[inline]
    pub(crate) fn route(&self, node: &Inner, prefix: u64, key: &[u8]) -> Side {
        let before = if prefix == node.prefix { key < self.routing_key(node) } else { prefix < node.prefix };
        if before { Side::Left } else { Side::Right }
    }

    /// The link to the node itself, read from storage if need be. `child` tells what the parent knows of it.
    #[inline]
    pub(crate) fn resolve(&self, link: Link, child: impl Fn() -> Child) -> Result<Link, TreeError> {
        let Target::Stub(id) = link.target() else { return Ok(link) };
        self.resident(id).map_or_else(|| self.load(id, &child()), Ok)
    }

    /// The loaded node of a stub, if it is loaded.
    #[inline]
    fn resident(&self, stub: u32) -> Option<Link> {
        let bits = self.stub(stub).resident.load(Ordering::Acquire);
        (bits != Stub::ABSENT).then(|| Link::from_bits(bits))
    }

    /// The node that `child` leads to, read from storage if need be.
    pub(crate) fn enter(&self, child: &Child) -> Result<Node<'_>, TreeError> {
        let link = self.resolve(child.link, || *child)?;
        Ok(self.node(link))
    }

    /// The node at a resolved link.
    ///
    /// # Panics
    /// On a stub: the caller resolved the link.
    pub(crate) fn node(&self, link: Link) -> Node<'_> {
        match link.target() {
            Target::Inner(id) => Node::Inner(self.inner(id)),
            Target::Leaf(id) => Node::Leaf(self.leaf(id)),
            Target::Stub(_) => unreachable!("a resolved link leads to no stub"),
        }
    }

    /// The node that `child` leads to if it is in memory.
    pub(crate) fn peek(&self, child: &Child) -> Option<Node<'_>> {
        self.loaded_link(child.link).map(|link| self.node(link))
    }

    /// The link to the node itself, if it is in memory.
    pub(crate) fn loaded_link(&self, link: Link) -> Option<Link> {
        match link.target() {
            Target::Stub(id) => self.resident(id),
            _ => Some(link),
        }
    }

    /// Has the processor fetch a node that will be needed soon.
    #[inline]
    pub(crate) fn prefetch(&self, link: Link) {
        match link.target() {
            Target::Inner(id) => self.inners.prefetch(id),
            Target::Leaf(id) => self.leaves.prefetch(id),
            Target::Stub(_) => {}
        }
    }

    /// Has the processor fetch the routing key of `node`.
    #[inline]
    pub(crate) fn prefetch_key(&self, node: &Inner) {
        self.keys.prefetch(node.key);
    }

    /// The name of the node that `child` leads to; `None` for a draft. Reads nothing from storage.
    pub(crate) fn node_key(&self, child: &Child) -> Option<NodeKey> {
        match child.link.target() {
            Target::Inner(id) => self.inner(id).node_key(),
            Target::Leaf(id) => self.leaf(id).node_key(),
            Target::Stub(id) => Some(self.stub(id).node),
        }
    }

    #[cold]
    pub(crate) fn load(&self, id: u32, expected: &Child) -> Result<Link, TreeError> {
        self.load_once(id, || {
            let node = self.stub(id).node;
            self.verified(node, self.source.load(node), expected)
        })
    }

    /// The loaded node of a stub; `load` gives its record when it is not loaded yet. No two threads load one node at a time.
    fn load_once(&self, id: u32, load: impl FnOnce() -> Result<NodeRecord<'static>, TreeError>) -> Result<Link, TreeError> {
        let stub = self.stub(id);
        let lock = self.load_locks.get(id as usize % LOAD_LOCKS);
        // The lock guards no data; a panic under it left the stub absent.
        let _guard = lock.map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(link) = self.resident(id) {
            return Ok(link);
        }
        let link = self.adopt(stub.node, &load()?, stub.epoch)?;
        stub.resident.store(link.to_bits(), Ordering::Release);
        Ok(link)
    }

    /// The record that the source gave for `node`, if it is the one that the parent vouches for.
    fn verified(&self, node: NodeKey, found: Loaded, expected: &Child) -> Result<NodeRecord<'static>, TreeError> {
        let record = found.map_err(|source| TreeError::Load { node, source })?.ok_or(TreeError::MissingNode { node })?;
        hashing::check_record(self.function, node, &record, expected)?;
        Ok(record)
    }

    /// Makes slots for a node read from storage, stamped with the epoch of the stub that stands for it.
    fn adopt(&self, node: NodeKey, record: &NodeRecord<'_>, epoch: u64) -> Result<Link, TreeError> {
        match record {
            NodeRecord::Leaf { key, value } => {
                let mut pool = Vec::with_capacity(1);
                self.leaves.take(leaf::size_for(key.len() + value.len()), 1, &mut pool);
                let id = pool.pop().ok_or(TreeError::Full)?;
                // SAFETY: fresh from `take`, known to nobody else.
                self.count_bytes(unsafe { self.leaves.fill(id, Head::saved(epoch, node), key, value) });
                Ok(Link::leaf(id))
            }
            NodeRecord::Inner { key, left, right } => {
                let mut pools = Pools::default();
                self.stubs.take(1, &mut pools.stubs);
                self.stubs.take(1, &mut pools.stubs);
                self.keys.take(1, &mut pools.keys);
                self.inners.take(1, &mut pools.inners);
                let (&[left_slot, right_slot], &[key_slot], &[id]) = (&*pools.stubs, &*pools.keys, &*pools.inners) else {
                    self.give_back(&mut pools);
                    return Err(TreeError::Full);
                };
                let routing_key = RoutingKey::new(key, epoch);
                self.count_bytes(routing_key.heap_bytes());
                let children = [(left, left_slot), (right, right_slot)].map(|(child, slot)| self.put_stub(slot, child, epoch));
                let [left, right] = children;
                let mut inner = Inner::new(prefix_of(key), key_slot, left, right);
                (inner.version, inner.nonce, inner.epoch) = (node.version(), node.nonce(), epoch);
                inner.touch(self.now());
                // SAFETY: fresh from `take`, known to nobody else.
                unsafe {
                    *self.keys.get_mut(key_slot) = routing_key;
                    *self.inners.get_mut(id) = inner;
                }
                Ok(Link::inner(id))
            }
        }
    }

    fn stub_for(&self, child: &ChildRecord, epoch: u64) -> Result<Child, TreeError> {
        let mut pool = Vec::with_capacity(1);
        self.stubs.take(1, &mut pool);
        let id = pool.pop().ok_or(TreeError::Full)?;
        Ok(self.put_stub(id, child, epoch))
    }

    /// Puts a stub into slot `id`, which is fresh from `take`.
    fn put_stub(&self, id: u32, child: &ChildRecord, epoch: u64) -> Child {
        // SAFETY: known to nobody but the caller.
        unsafe { *self.stubs.get_mut(id) = Stub { node: child.node, epoch, ..Stub::VACANT } };
        Child { link: Link::stub(id), ..Child::unlinked(child) }
    }

    /// Puts a stub into slot `id`, which comes from a pool.
    fn fill_stub(&mut self, id: u32, node: NodeKey, epoch: u64) -> Link {
        // SAFETY: known to nobody but the caller, who has the whole memory.
        unsafe { *self.stubs.get_mut(id) = Stub { node, epoch, ..Stub::VACANT } };
        Link::stub(id)
    }

    /// Changes where the routing key of a node is.
    fn rekey(&mut self, id: u32, key: u32) {
        // SAFETY: as in `relink`.
        unsafe { self.inners.get_mut(id) }.key = key;
    }

    /// Changes how a node leads to its child, straight or through a stub: what the node says stays the same.
    fn relink(&mut self, id: u32, side: Side, link: Link) {
        // SAFETY: the caller has the whole memory, so nobody reads the slot.
        unsafe { self.inners.get_mut(id) }.set_link(side, link);
    }

    fn count_bytes(&self, bytes: u64) {
        self.account.add(bytes);
    }

    /// What the clock says: nodes in use are marked with it.
    #[inline]
    pub(crate) fn now(&self) -> u32 {
        self.clock.load(Ordering::Relaxed)
    }

    /// The budget for this memory and others.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        self.account.budget()
    }

    /// Makes a slot vacant, and gives its number to the pool of its kind.
    fn vacate(&self, slot: SlotId, pools: &mut Pools) {
        let freed = match slot {
            SlotId::Inner(id) => Self::clear(&self.inners, id, &mut pools.inners, |_| 0),
            SlotId::Leaf(id) => self.clear_leaf(id, pools),
            SlotId::Key(id) => Self::clear(&self.keys, id, &mut pools.keys, RoutingKey::heap_bytes),
            SlotId::Stub(id) => Self::clear(&self.stubs, id, &mut pools.stubs, |_| 0),
            SlotId::LeafStub(id) => {
                let leaf = match self.resident(id).map(Link::target) {
                    Some(Target::Leaf(leaf)) => self.clear_leaf(leaf, pools),
                    _ => 0,
                };
                leaf + Self::clear(&self.stubs, id, &mut pools.stubs, |_| 0)
            }
        };
        self.account.sub(freed);
    }

    /// As [`Memory::clear`], of a leaf.
    fn clear_leaf(&self, id: u32, pools: &mut Pools) -> u64 {
        pools.leaves_of(leaf::size_of_slot(id)).push(id);
        // SAFETY: as in `clear`.
        unsafe { self.leaves.vacate(id) }
    }

    /// Drops the value of a slot that nobody reaches any more; gives the bytes that it held outside the slot.
    fn clear<T: Slot>(arena: &Arena<T>, id: u32, pool: &mut Vec<u32>, heap_bytes: impl Fn(&T) -> u64) -> u64 {
        // SAFETY: the lineage says that no branch reaches the slot, so nobody else holds a reference to it.
        let slot = unsafe { arena.get_mut(id) };
        let bytes = heap_bytes(slot);
        slot.vacate();
        pool.push(id);
        bytes
    }

    /// Frees slots that nobody reaches any more.
    fn free(&self, slots: Vec<Dead>) {
        if slots.is_empty() {
            return;
        }
        let mut pools = Pools::default();
        for dead in slots {
            self.vacate(dead.slot, &mut pools);
        }
        self.give_back(&mut pools);
    }

    /// Frees the parts of the subtrees at `links` that were made in epoch `floor` or later, which the caller must have for itself.
    /// Gives the links to what is older. (Between a node and its child no floor ever lies: see invariant 5 of [`lineage`].)
    fn free_made_since(&self, floor: u64, links: Vec<Link>, pools: &mut Pools) -> Vec<Link> {
        let mut older = Vec::new();
        let mut pending = links;
        while let Some(link) = pending.pop() {
            if self.epoch(link) < floor {
                older.push(link);
                continue;
            }
            match link.target() {
                Target::Inner(id) => {
                    let node = self.inner(id);
                    pending.extend([node.link(Side::Left), node.link(Side::Right)]);
                    let key = node.key;
                    if self.key_slot(key).epoch >= floor {
                        self.vacate(SlotId::Key(key), pools);
                    }
                    self.vacate(SlotId::Inner(id), pools);
                }
                Target::Leaf(id) => self.vacate(SlotId::Leaf(id), pools),
                Target::Stub(id) => {
                    pending.extend(self.resident(id));
                    self.vacate(SlotId::Stub(id), pools);
                }
            }
        }
        older
    }

    /// The epoch in which the slot was made.
    fn epoch(&self, link: Link) -> u64 {
        match link.target() {
            Target::Inner(id) => self.inner(id).epoch,
            Target::Leaf(id) => self.leaf(id).head.epoch,
            Target::Stub(id) => self.stub(id).epoch,
        }
    }

    fn give_back(&self, pools: &mut Pools) {
        self.inners.put_back(&mut pools.inners);
        for (size, pool) in pools.leaves.iter_mut().enumerate().filter(|(_, pool)| !pool.is_empty()) {
            self.leaves.put_back(size, pool);
        }
        self.keys.put_back(&mut pools.keys);
        self.stubs.put_back(&mut pools.stubs);
    }

    /// Whether no node must ever be loaded, as no stub is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.stubs.in_use() == 0
    }

    /// Whether no node must ever be loaded, as no stub is there, and so many slots of every kind can still be taken.
    pub(crate) fn is_whole_with_room_for(&self, slots: u64) -> bool {
        let most = [self.inners.in_use(), self.leaves.in_use(), self.keys.in_use()].into_iter().max().unwrap_or_default();
        self.is_whole() && u64::from(most).saturating_add(slots) <= u64::from(leaf::LEAST_CAPACITY)
    }

    /// Bytes of all nodes in memory: their slots, keys and values.
    pub(crate) fn bytes(&self) -> u64 {
        self.account.held()
    }
}

/// What an allocation of so many bytes takes with its overhead (of glibc's allocator; others differ little).
fn allocated(bytes: usize) -> u64 {
    (bytes as u64 + 8).next_multiple_of(16)
}

/// Vacant slot numbers that a branch keeps, so that it need not lock for each.
#[derive(Default)]
struct Pools {
    inners: Vec<u32>,
    /// By size of slot.
    leaves: [Vec<u32>; leaf::SIZES],
    keys: Vec<u32>,
    stubs: Vec<u32>,
}

impl Pools {
    fn leaves_of(&mut self, size: usize) -> &mut Vec<u32> {
        let Some(pool) = self.leaves.get_mut(size) else { unreachable!("there are that many sizes") };
        pool
    }
}
