//! The nodes as they lie in memory.
//!
//! An inner node holds what is known of both children (hash, height, size), so that an update touches its path and no sibling.
//! A node with nonce 0 is a *draft*: made since the last save, not yet numbered.

use std::sync::atomic::{AtomicU32, Ordering};

use treering_proofs::Hash;

use super::arena::Slot;
use crate::{ChildRecord, NodeKey, Side};

/// Which slot a child is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link(u32);

/// What kind of slot a link leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Inner(u32),
    Leaf(u32),
    /// A saved node that is read from storage when first needed.
    Stub(u32),
}

const KIND_SHIFT: u32 = 30;
const ID_MASK: u32 = (1 << KIND_SHIFT) - 1;

impl Link {
    /// Leads nowhere; only in vacant slots.
    const VACANT: Self = Self(u32::MAX);

    #[inline]
    pub(crate) const fn inner(id: u32) -> Self {
        Self(id)
    }

    #[inline]
    pub(crate) const fn leaf(id: u32) -> Self {
        Self(id | 1 << KIND_SHIFT)
    }

    #[inline]
    pub(crate) const fn stub(id: u32) -> Self {
        Self(id | 2 << KIND_SHIFT)
    }

    #[inline]
    pub(crate) const fn target(self) -> Target {
        let id = self.0 & ID_MASK;
        match self.0 >> KIND_SHIFT {
            0 => Target::Inner(id),
            1 => Target::Leaf(id),
            _ => Target::Stub(id),
        }
    }

    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// The hash of a node that has none yet.
pub(crate) const UNHASHED: Hash = Hash::new([0; Hash::LEN]);

/// All that a parent (or the tree, of its root) knows of a node.
#[derive(Clone, Copy)]
pub(crate) struct Child {
    pub(crate) link: Link,
    /// While the node is dirty: of a leaf the hash of its value, of an inner node nothing.
    pub(crate) hash: Hash,
    pub(crate) height: u8,
    pub(crate) size: u64,
    pub(crate) state: State,
}

/// How far a node has come. A parent keeps it of its children, so that telling drafts from saved nodes touches no sibling.
/// Above a draft are drafts only, above a dirty draft dirty ones only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum State {
    /// Numbered and hashed: as long as another branch may see it, it never changes again.
    Saved,
    /// A draft whose hash is known, for the version that is to come.
    Hashed,
    /// A draft that was changed since it was hashed.
    Dirty,
}

impl Child {
    /// What a record says of a saved node that has no slot.
    pub(crate) fn unlinked(child: &ChildRecord) -> Self {
        Self { link: Link::VACANT, hash: child.hash, height: child.height, size: child.size, state: State::Saved }
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.state == State::Dirty
    }
}

/// An inner node: 128 bytes, two cache lines, the second holding all that a walk needs.
#[repr(C, align(64))]
pub(crate) struct Inner {
    hashes: [Hash; 2],
    /// The first eight bytes of the routing key, big endian, zeros behind a shorter key.
    pub(crate) prefix: u64,
    links: [Link; 2],
    sizes: [u64; 2],
    pub(crate) version: u64,
    pub(crate) epoch: u64,
    /// Slot of the routing key.
    pub(crate) key: u32,
    pub(crate) nonce: u32,
    heights: [u8; 2],
    states: [State; 2],
    /// When it was last on the path of a lookup or a change, by the clock of the memory. That of a parent is hardly ever earlier
    /// than its children's: what is used is reached from above.
    used: AtomicU32,
}

const _: () = assert!(size_of::<Inner>() == 128);

impl Clone for Inner {
    #[inline]
    fn clone(&self) -> Self {
        Self { used: AtomicU32::new(self.used()), ..*self }
    }
}

impl Slot for Inner {
    const VACANT: Self = Self {
        hashes: [Hash::new([0; 32]); 2],
        prefix: 0,
        links: [Link::VACANT; 2],
        sizes: [0; 2],
        version: 0,
        epoch: u64::MAX,
        key: 0,
        nonce: 0,
        heights: [0; 2],
        states: [State::Saved; 2],
        used: AtomicU32::new(0),
    };

    fn vacate(&mut self) {
        self.epoch = u64::MAX;
    }
}

/// Indexes the pair arrays of [`Inner`]; both arrays have two entries and a side is 0 or 1.
macro_rules! at {
    ($pair:expr, $side:expr) => {
        match $side {
            Side::Left => &$pair[0],
            Side::Right => &$pair[1],
        }
    };
    (mut $pair:expr, $side:expr) => {
        match $side {
            Side::Left => &mut $pair[0],
            Side::Right => &mut $pair[1],
        }
    };
}

impl Inner {
    /// A draft with the routing key in slot `key`.
    pub(crate) fn new(prefix: u64, key: u32, left: Child, right: Child) -> Self {
        let mut node = Self { prefix, key, ..Self::VACANT };
        node.set_child(Side::Left, left);
        node.set_child(Side::Right, right);
        node
    }

    #[inline]
    pub(crate) fn child(&self, side: Side) -> Child {
        Child {
            link: *at!(self.links, side),
            hash: *at!(self.hashes, side),
            height: *at!(self.heights, side),
            size: *at!(self.sizes, side),
            state: *at!(self.states, side),
        }
    }

    #[inline]
    pub(crate) fn set_child(&mut self, side: Side, child: Child) {
        *at!(mut self.links, side) = child.link;
        *at!(mut self.hashes, side) = child.hash;
        *at!(mut self.heights, side) = child.height;
        *at!(mut self.sizes, side) = child.size;
        *at!(mut self.states, side) = child.state;
    }

    #[inline]
    pub(crate) fn link(&self, side: Side) -> Link {
        *at!(self.links, side)
    }

    pub(crate) fn set_link(&mut self, side: Side, link: Link) {
        *at!(mut self.links, side) = link;
    }

    #[inline]
    pub(crate) fn hash(&self, side: Side) -> &Hash {
        at!(self.hashes, side)
    }

    #[inline]
    pub(crate) fn state(&self, side: Side) -> State {
        *at!(self.states, side)
    }

    #[inline]
    pub(crate) fn settle_child(&mut self, side: Side, hash: Option<Hash>, state: State) {
        if let Some(hash) = hash {
            *at!(mut self.hashes, side) = hash;
        }
        *at!(mut self.states, side) = state;
    }

    #[inline]
    pub(crate) fn set_state(&mut self, side: Side, state: State) {
        *at!(mut self.states, side) = state;
    }

    #[inline]
    pub(crate) fn child_height(&self, side: Side) -> u8 {
        *at!(self.heights, side)
    }

    #[inline]
    pub(crate) fn child_size(&self, side: Side) -> u64 {
        *at!(self.sizes, side)
    }

    /// 1 + the higher child's height.
    #[inline]
    pub(crate) fn height(&self) -> u8 {
        let [left, right] = self.heights;
        1 + left.max(right)
    }

    /// Leaves below.
    #[inline]
    pub(crate) fn size(&self) -> u64 {
        let [left, right] = self.sizes;
        left + right
    }

    /// Height of the left child less that of the right one.
    #[inline]
    pub(crate) fn balance(&self) -> i16 {
        let [left, right] = self.heights;
        i16::from(left) - i16::from(right)
    }

    /// When it was last used.
    #[inline]
    pub(crate) fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// Notes that it is used. The cache line is written once between two ticks of the clock.
    #[inline]
    pub(crate) fn touch(&self, now: u32) {
        if self.used() != now {
            self.used.store(now, Ordering::Relaxed);
        }
    }

    /// A draft in slot `id` as its parent is to record it.
    #[inline]
    pub(crate) fn as_draft(&self, id: u32) -> Child {
        Child { link: Link::inner(id), hash: UNHASHED, height: self.height(), size: self.size(), state: State::Dirty }
    }

    /// Its name in storage; `None` for a draft.
    #[inline]
    pub(crate) fn node_key(&self) -> Option<NodeKey> {
        NodeKey::of_saved(self.version, self.nonce)
    }
}

/// Routing keys up to this length lie in their slot.
const SHORT_KEY: usize = 38;

/// The full routing key of one inner node; the node's later copies keep the slot.
pub(crate) struct RoutingKey {
    pub(crate) epoch: u64,
    bytes: KeyBytes,
}

enum KeyBytes {
    Short { length: u8, bytes: [u8; SHORT_KEY] },
    Long(Box<[u8]>),
}

const _: () = assert!(size_of::<RoutingKey>() == 48);

impl Slot for RoutingKey {
    const VACANT: Self = Self { epoch: u64::MAX, bytes: KeyBytes::Short { length: 0, bytes: [0; SHORT_KEY] } };
}

impl RoutingKey {
    pub(crate) fn new(key: &[u8], epoch: u64) -> Self {
        let mut bytes = [0; SHORT_KEY];
        let bytes = match (bytes.get_mut(..key.len()), u8::try_from(key.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(key);
                KeyBytes::Short { length, bytes }
            }
            _ => KeyBytes::Long(key.into()),
        };
        Self { epoch, bytes }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            KeyBytes::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            KeyBytes::Long(bytes) => bytes,
        }
    }

    /// Bytes that it holds beside its slot.
    pub(crate) fn heap_bytes(&self) -> u64 {
        match &self.bytes {
            KeyBytes::Short { .. } => 0,
            KeyBytes::Long(bytes) => super::allocated(bytes.len()),
        }
    }
}

/// Stands for a saved node that is read from storage when first needed. All parents that share the node share its stub, so
/// what one of them loads, all have.
pub(crate) struct Stub {
    /// Version and nonce of the node in storage.
    pub(crate) node: NodeKey,
    pub(crate) epoch: u64,
    /// [`Stub::ABSENT`], or the bits of the link to the loaded node.
    pub(crate) resident: AtomicU32,
}

impl Stub {
    pub(crate) const ABSENT: u32 = u32::MAX;
}

impl Slot for Stub {
    const VACANT: Self = Self { node: NodeKey::VACANT, epoch: u64::MAX, resident: AtomicU32::new(Self::ABSENT) };
}

/// The first eight bytes of a key as a number that sorts like the key.
#[inline]
pub(crate) fn prefix_of(key: &[u8]) -> u64 {
    if let Some(first) = key.first_chunk::<8>() {
        return u64::from_be_bytes(*first);
    }
    key.iter().zip([56, 48, 40, 32, 24, 16, 8]).map(|(&byte, shift)| u64::from(byte) << shift).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_sort_like_keys() {
        let keys: [&[u8]; 7] = [b"", b"\0", b"a", b"a\0", b"abcdefgh", b"abcdefghi", b"b"];
        for pair in keys.windows(2) {
            assert!(prefix_of(pair[0]) <= prefix_of(pair[1]), "{pair:?}");
        }
        assert_eq!(prefix_of(b"a"), 0x6100_0000_0000_0000);
    }

    #[test]
    fn routing_keys_of_every_length_are_kept() {
        for length in [0, 1, SHORT_KEY - 1, SHORT_KEY, SHORT_KEY + 1, 255, 256, 65_535] {
            let bytes = vec![7; length];
            assert_eq!(RoutingKey::new(&bytes, 1).bytes(), bytes);
        }
    }

    #[test]
    fn links_name_their_kind() {
        assert_eq!(Link::inner(7).target(), Target::Inner(7));
        assert_eq!(Link::leaf(7).target(), Target::Leaf(7));
        assert_eq!(Link::from_bits(Link::stub(7).to_bits()).target(), Target::Stub(7));
    }
}
