//! Moving slots to the front of their arenas, so that the memory behind can be given back to the system.
//!
//! Needed when the mix of nodes changes (after a load in order, say, or when values get longer): the slots that one arena no longer fills
//! lie scattered, and another arena takes new memory. Slots are moved only by who has the whole memory, and only such as are reached from
//! the root, on a walk that mends the one link to each. What moves keeps its epoch and all else.

use super::arena::Packing;
use super::{Child, Link, Memory, Target, leaf};
use crate::Side;

/// Nodes of the walk that are fetched ahead.
const PREFETCH: usize = 12;

/// The moves under way in all arenas.
struct Packings {
    inners: Packing,
    keys: Packing,
    stubs: Packing,
    leaves: [Packing; leaf::SIZES],
}

impl Memory {
    /// Moves what is reached from `root` to the front of the arenas. O(nodes in memory).
    pub(super) fn pack(&mut self, root: &mut Child) {
        let mut packings = Packings {
            inners: self.inners.begin_packing(),
            keys: self.keys.begin_packing(),
            stubs: self.stubs.begin_packing(),
            leaves: self.leaves.begin_packing(),
        };
        root.link = self.moved(root.link, &mut packings);
        let mut level: Vec<u32> = Vec::new();
        level.extend(inner_id(root.link));
        while !level.is_empty() {
            let mut below = Vec::with_capacity(level.len());
            for (at, &id) in level.iter().enumerate() {
                if let Some(&soon) = level.get(at + PREFETCH) {
                    self.prefetch(Link::inner(soon));
                }
                let key = self.inner(id).key;
                let moved = self.keys.pack(key, &mut packings.keys);
                if moved != key {
                    self.rekey(id, moved);
                }
                for side in [Side::Left, Side::Right] {
                    let link = self.inner(id).link(side);
                    let moved = self.moved(link, &mut packings);
                    if moved != link {
                        self.relink(id, side, moved);
                    }
                    below.extend(inner_id(moved));
                }
            }
            level = below;
        }
        self.inners.end_packing(packings.inners);
        self.keys.end_packing(packings.keys);
        self.stubs.end_packing(packings.stubs);
        self.leaves.end_packing(packings.leaves);
    }

    /// Moves the slot that a link leads to; gives the link to where it is now.
    fn moved(&mut self, link: Link, packings: &mut Packings) -> Link {
        match link.target() {
            Target::Inner(id) => Link::inner(self.inners.pack(id, &mut packings.inners)),
            Target::Leaf(id) => Link::leaf(self.leaves.pack(id, &mut packings.leaves)),
            Target::Stub(id) => Link::stub(self.stubs.pack(id, &mut packings.stubs)),
        }
    }
}

/// The slot of an inner node that a link leads to straight; those behind stubs stay where they are.
fn inner_id(link: Link) -> Option<u32> {
    match link.target() {
        Target::Inner(id) => Some(id),
        _ => None,
    }
}
