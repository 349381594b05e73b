//! Leaves as they lie in memory: in slots of a few sizes, short keys and values in the slot itself, so that a leaf is one place to fetch.
//!
//! A leaf's number names the size of its slot in the top bits, and below them its place in the arena of that size.
//! Measured: with each key and value allocated by itself a block took a fifth longer, and a leaf of 132 bytes 24 bytes more.

use std::sync::Arc;

use super::account::Account;
use super::arena::{Arena, Packing, Slot};
use crate::NodeKey;

/// Bits of a leaf's place in its arena; above them three bits name the arena.
const PLACE_BITS: u32 = 27;
const PLACE_MASK: u32 = (1 << PLACE_BITS) - 1;
/// Slots that there can be of each size; of other kinds of slots there can be more.
pub(super) const LEAST_CAPACITY: u32 = 1 << PLACE_BITS;

/// Bytes of key and value together that a slot of each size can hold; what is longer is allocated by itself.
const CAPACITIES: [usize; 7] = [40, 72, 104, 136, 168, 232, 360];
/// Sizes of slots, that for long leaves being the last.
pub(super) const SIZES: usize = CAPACITIES.len() + 1;

/// What is known of a leaf beside its key and value.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) epoch: u64,
    /// 0 for a draft.
    pub(crate) nonce: u32,
    /// Of key and value, when they are in the slot.
    lengths: [u16; 2],
}

impl Head {
    const VACANT: Self = Self { version: 0, epoch: u64::MAX, nonce: 0, lengths: [0; 2] };

    /// That of a draft.
    pub(crate) const fn draft(epoch: u64) -> Self {
        Self { epoch, ..Self::VACANT }
    }

    /// That of a saved leaf.
    pub(crate) const fn saved(epoch: u64, node: NodeKey) -> Self {
        Self { version: node.version(), nonce: node.nonce(), epoch, ..Self::VACANT }
    }

    /// The leaf's name in storage; `None` for a draft.
    pub(crate) fn node_key(&self) -> Option<NodeKey> {
        NodeKey::of_saved(self.version, self.nonce)
    }
}

/// A leaf to look at.
#[derive(Clone, Copy)]
pub(crate) struct Leaf<'a> {
    pub(crate) head: &'a Head,
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Leaf<'a> {
    #[inline]
    pub(crate) fn key(self) -> &'a [u8] {
        self.key
    }

    #[inline]
    pub(crate) fn value(self) -> &'a [u8] {
        self.value
    }

    /// Bytes that it holds beside its slot.
    #[cfg(test)]
    pub(super) fn heap_bytes(self) -> u64 {
        let bytes = self.key.len() + self.value.len();
        if size_for(bytes) < CAPACITIES.len() { 0 } else { super::allocated(bytes) }
    }

    /// Its name in storage; `None` for a draft.
    pub(crate) fn node_key(self) -> Option<NodeKey> {
        self.head.node_key()
    }
}

/// A slot that can hold a leaf.
trait LeafSlot: Slot {
    /// Puts a leaf, for which the slot is large enough, into a vacant slot.
    fn fill(&mut self, head: Head, key: &[u8], value: &[u8]);
    fn view(&self) -> Leaf<'_>;
    fn head(&mut self) -> &mut Head;
    /// Bytes that it holds beside the slot.
    fn heap_bytes(&self) -> u64;
}

/// Key and value, `N` bytes at most, one behind the other in the slot.
#[repr(C)]
struct Short<const N: usize> {
    head: Head,
    bytes: [u8; N],
}

impl<const N: usize> Slot for Short<N> {
    const VACANT: Self = Self { head: Head::VACANT, bytes: [0; N] };
    const CAPACITY: u32 = 1 << PLACE_BITS;

    fn vacate(&mut self) {
        self.head = Head::VACANT;
    }
}

impl<const N: usize> LeafSlot for Short<N> {
    #[inline]
    fn fill(&mut self, head: Head, key: &[u8], value: &[u8]) {
        let lengths = [key, value].map(|part| u16::try_from(part.len()).unwrap_or_default());
        self.head = Head { lengths, ..head };
        if let Some((place, rest)) = self.bytes.split_at_mut_checked(key.len()) {
            place.copy_from_slice(key);
            if let Some(place) = rest.get_mut(..value.len()) {
                place.copy_from_slice(value);
            }
        }
    }

    #[inline]
    fn view(&self) -> Leaf<'_> {
        let [key, value] = self.head.lengths.map(usize::from);
        let (key, rest) = self.bytes.split_at_checked(key).unwrap_or_default();
        Leaf { head: &self.head, key, value: rest.get(..value).unwrap_or_default() }
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn heap_bytes(&self) -> u64 {
        0
    }
}

/// Key and value in an allocation of their own.
struct Long {
    head: Head,
    key_length: usize,
    /// Key and value, one behind the other; `None` in a vacant slot.
    data: Option<Box<[u8]>>,
}

impl Slot for Long {
    const VACANT: Self = Self { head: Head::VACANT, key_length: 0, data: None };
    const CAPACITY: u32 = 1 << PLACE_BITS;
}

impl LeafSlot for Long {
    fn fill(&mut self, head: Head, key: &[u8], value: &[u8]) {
        *self = Self { head, key_length: key.len(), data: Some([key, value].concat().into_boxed_slice()) };
    }

    fn view(&self) -> Leaf<'_> {
        let (key, value) = self.data.as_deref().and_then(|data| data.split_at_checked(self.key_length)).unwrap_or_default();
        Leaf { head: &self.head, key, value }
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn heap_bytes(&self) -> u64 {
        self.data.as_deref().map_or(0, |data| super::allocated(data.len()))
    }
}

/// The leaves of a memory.
pub(crate) struct Leaves {
    up_to_40: Arena<Short<40>>,
    up_to_72: Arena<Short<72>>,
    up_to_104: Arena<Short<104>>,
    up_to_136: Arena<Short<136>>,
    up_to_168: Arena<Short<168>>,
    up_to_232: Arena<Short<232>>,
    up_to_360: Arena<Short<360>>,
    long: Arena<Long>,
}

/// Does something with the arena of a size.
macro_rules! of_size {
    (mut $leaves:expr, $size:expr, $arena:ident => $body:expr) => {
        match $size {
            0 => of_size!(@mut $leaves.up_to_40, $arena => $body),
            1 => of_size!(@mut $leaves.up_to_72, $arena => $body),
            2 => of_size!(@mut $leaves.up_to_104, $arena => $body),
            3 => of_size!(@mut $leaves.up_to_136, $arena => $body),
            4 => of_size!(@mut $leaves.up_to_168, $arena => $body),
            5 => of_size!(@mut $leaves.up_to_232, $arena => $body),
            6 => of_size!(@mut $leaves.up_to_360, $arena => $body),
            _ => of_size!(@mut $leaves.long, $arena => $body),
        }
    };
    (@mut $field:expr, $arena:ident => $body:expr) => {{
        let $arena = &mut $field;
        $body
    }};
    ($leaves:expr, $size:expr, $arena:ident => $body:expr) => {
        match $size {
            0 => of_size!(@ $leaves.up_to_40, $arena => $body),
            1 => of_size!(@ $leaves.up_to_72, $arena => $body),
            2 => of_size!(@ $leaves.up_to_104, $arena => $body),
            3 => of_size!(@ $leaves.up_to_136, $arena => $body),
            4 => of_size!(@ $leaves.up_to_168, $arena => $body),
            5 => of_size!(@ $leaves.up_to_232, $arena => $body),
            6 => of_size!(@ $leaves.up_to_360, $arena => $body),
            _ => of_size!(@ $leaves.long, $arena => $body),
        }
    };
    (@ $field:expr, $arena:ident => $body:expr) => {{
        let $arena = &$field;
        $body
    }};
}

/// Which size of slot holds so many bytes.
#[inline]
pub(super) fn size_for(bytes: usize) -> usize {
    CAPACITIES.iter().position(|&capacity| bytes <= capacity).unwrap_or(CAPACITIES.len())
}

/// Bytes of the slot with this number.
#[inline]
pub(super) fn slot_bytes(id: u32) -> u64 {
    let outside = if size_of_slot(id) < CAPACITIES.len() { size_of::<Head>() } else { size_of::<Long>() };
    (CAPACITIES.get(size_of_slot(id)).copied().unwrap_or_default() + outside) as u64
}

/// Which size the slot with this number has.
#[inline]
pub(super) fn size_of_slot(id: u32) -> usize {
    (id >> PLACE_BITS) as usize
}

#[expect(unsafe_code, reason = "passes on the contracts of the arenas")]
impl Leaves {
    pub(super) fn new(account: &Arc<Account>) -> Self {
        Self {
            up_to_40: Arena::new(account),
            up_to_72: Arena::new(account),
            up_to_104: Arena::new(account),
            up_to_136: Arena::new(account),
            up_to_168: Arena::new(account),
            up_to_232: Arena::new(account),
            up_to_360: Arena::new(account),
            long: Arena::new(account),
        }
    }

    /// As [`Arena::take`], of slots of a size.
    pub(super) fn take(&self, size: usize, count: u32, pool: &mut Vec<u32>) {
        let before = pool.len();
        of_size!(self, size, arena => arena.take(count, pool));
        let size = u32::try_from(size).unwrap_or(u32::MAX) << PLACE_BITS;
        for id in pool.iter_mut().skip(before) {
            *id |= size;
        }
    }

    /// As [`Arena::put_back`]; the slots are all of this size.
    pub(super) fn put_back(&self, size: usize, pool: &mut Vec<u32>) {
        for id in pool.iter_mut() {
            *id &= PLACE_MASK;
        }
        of_size!(self, size, arena => arena.put_back(pool));
    }

    /// The leaf in slot `id`.
    ///
    /// # Safety
    /// That of [`Arena::get`].
    #[inline]
    pub(super) unsafe fn get(&self, id: u32) -> Leaf<'_> {
        // SAFETY: the caller's.
        of_size!(self, size_of_slot(id), arena => unsafe { arena.get(id & PLACE_MASK) }.view())
    }

    /// The head of the leaf in slot `id`, to change.
    ///
    /// # Safety
    /// That of [`Arena::get_mut`].
    #[expect(clippy::mut_from_ref, reason = "as in the arena")]
    pub(super) unsafe fn head(&self, id: u32) -> &mut Head {
        // SAFETY: the caller's.
        of_size!(self, size_of_slot(id), arena => unsafe { arena.get_mut(id & PLACE_MASK) }.head())
    }

    /// Puts a leaf into the vacant slot `id`, of the size for it. Gives the bytes that it takes beside the slot.
    ///
    /// # Safety
    /// That of [`Arena::get_mut`].
    pub(super) unsafe fn fill(&self, id: u32, head: Head, key: &[u8], value: &[u8]) -> u64 {
        debug_assert_eq!(size_for(key.len() + value.len()), size_of_slot(id));
        of_size!(self, size_of_slot(id), arena => {
            // SAFETY: the caller's.
            let slot = unsafe { arena.get_mut(id & PLACE_MASK) };
            slot.fill(head, key, value);
            slot.heap_bytes()
        })
    }

    /// Makes slot `id` vacant. Gives the bytes that it held beside the slot.
    ///
    /// # Safety
    /// That of [`Arena::get_mut`].
    pub(super) unsafe fn vacate(&self, id: u32) -> u64 {
        of_size!(self, size_of_slot(id), arena => {
            // SAFETY: the caller's.
            let slot = unsafe { arena.get_mut(id & PLACE_MASK) };
            let bytes = slot.heap_bytes();
            slot.vacate();
            bytes
        })
    }

    /// Has the processor fetch a leaf that will be needed soon.
    #[inline]
    pub(super) fn prefetch(&self, id: u32) {
        of_size!(self, size_of_slot(id), arena => arena.prefetch(id & PLACE_MASK));
    }

    /// As [`Arena::trim`], of all sizes together.
    pub(super) fn trim(&self, most: u64) -> u64 {
        (0..SIZES).fold(0, |given, size| given + of_size!(self, size, arena => arena.trim(most - given)))
    }

    /// As [`Arena::begin_packing`], of each size.
    pub(super) fn begin_packing(&mut self) -> [Packing; SIZES] {
        [
            self.up_to_40.begin_packing(),
            self.up_to_72.begin_packing(),
            self.up_to_104.begin_packing(),
            self.up_to_136.begin_packing(),
            self.up_to_168.begin_packing(),
            self.up_to_232.begin_packing(),
            self.up_to_360.begin_packing(),
            self.long.begin_packing(),
        ]
    }

    /// As [`Arena::pack`].
    pub(super) fn pack(&mut self, id: u32, packings: &mut [Packing; SIZES]) -> u32 {
        let Some(packing) = packings.get_mut(size_of_slot(id)) else { return id };
        let moved = of_size!(mut self, size_of_slot(id), arena => arena.pack(id & PLACE_MASK, packing));
        moved | (id & !PLACE_MASK)
    }

    /// As [`Arena::end_packing`].
    pub(super) fn end_packing(&mut self, packings: [Packing; SIZES]) {
        for (size, packing) in packings.into_iter().enumerate() {
            of_size!(mut self, size, arena => arena.end_packing(packing));
        }
    }

    /// As [`Arena::idle_bytes`], of all sizes together.
    pub(super) fn idle_bytes(&self) -> u64 {
        (0..SIZES).map(|size| of_size!(self, size, arena => arena.idle_bytes())).sum()
    }

    /// Bytes of the slots in use or in a pool.
    #[cfg(test)]
    pub(super) fn slot_bytes(&self) -> u64 {
        (0..SIZES).map(|size| of_size!(self, size, arena => arena.slot_bytes())).sum()
    }

    /// Slots in use or in a pool.
    pub(super) fn in_use(&self) -> u32 {
        (0..SIZES).map(|size| of_size!(self, size, arena => arena.in_use())).sum()
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "slots of a store of its own")]
mod tests {
    use super::*;
    use crate::Budget;

    #[test]
    fn a_leaf_keeps_key_and_value_apart() {
        let leaves = Leaves::new(&Account::new(Budget::unlimited()));
        for length in [0, 1, 39, 40, 41, 136, 137, 360, 361, 70_000] {
            for key_length in [0, 1, length / 2, length] {
                let data: Vec<u8> = (0..=250).cycle().take(length).collect();
                let (key, value) = data.split_at(key_length.min(length));
                let mut pool = Vec::new();
                leaves.take(size_for(length), 1, &mut pool);
                let id = pool.pop().unwrap();
                // SAFETY: fresh from `take`, used by this thread only.
                let (leaf, heap) = unsafe {
                    let heap = leaves.fill(id, Head::draft(3), key, value);
                    (leaves.get(id), heap)
                };
                assert_eq!((leaf.key(), leaf.value(), leaf.head.epoch), (key, value, 3));
                assert_eq!(heap, if length > 360 { super::super::allocated(length) } else { 0 });
                // SAFETY: as above; `leaf` is not used any more.
                assert_eq!(unsafe { leaves.vacate(id) }, heap);
                pool.push(id);
                leaves.put_back(size_for(length), &mut pool);
            }
        }
        assert_eq!(leaves.in_use(), 0);
    }

    #[test]
    fn the_sizes_are_those_of_the_arenas() {
        let leaves = Leaves::new(&Account::new(Budget::unlimited()));
        for (size, capacity) in CAPACITIES.into_iter().enumerate() {
            let mut pool = Vec::new();
            leaves.take(size, 1, &mut pool);
            let bytes = of_size!(&leaves, size, arena => arena.slot_bytes());
            assert_eq!(bytes, (capacity + size_of::<Head>()) as u64);
            assert_eq!(slot_bytes(pool[0]), bytes);
        }
    }
}
