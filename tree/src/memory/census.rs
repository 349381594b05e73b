//! Counts of slots, for tests of who frees what.

use super::{Link, Memory, Side, Target};
use crate::memory::Child;

/// Slots of each kind, and bytes of keys and values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    inners: u32,
    leaves: u32,
    keys: u32,
    stubs: u32,
    heap_bytes: u64,
}

impl Memory {
    /// What is in use.
    pub(crate) fn census(&self) -> Census {
        let slots = self.inners.slot_bytes() + self.leaves.slot_bytes() + self.keys.slot_bytes() + self.stubs.slot_bytes();
        Census {
            inners: self.inners.in_use(),
            leaves: self.leaves.in_use(),
            keys: self.keys.in_use(),
            stubs: self.stubs.in_use(),
            heap_bytes: self.bytes() - slots,
        }
    }

    /// What can be reached from `root`.
    pub(crate) fn assert_reachable_slots_are_in_use(&self, root: Option<Child>) -> Census {
        let mut census = Census::default();
        let mut pending: Vec<Link> = root.into_iter().map(|root| root.link).collect();
        while let Some(link) = pending.pop() {
            assert_ne!(self.epoch(link), u64::MAX, "a vacant slot is reached");
            match link.target() {
                Target::Inner(id) => {
                    let node = self.inner(id);
                    assert_ne!(self.key_slot(node.key).epoch, u64::MAX, "a vacant routing key is reached");
                    census.inners += 1;
                    census.keys += 1;
                    census.heap_bytes += self.key_slot(node.key).heap_bytes();
                    pending.extend([node.link(Side::Left), node.link(Side::Right)]);
                }
                Target::Leaf(id) => {
                    census.leaves += 1;
                    census.heap_bytes += self.leaf(id).heap_bytes();
                }
                Target::Stub(id) => {
                    census.stubs += 1;
                    pending.extend(self.resident(id));
                }
            }
        }
        census
    }
}
