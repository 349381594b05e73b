//! Fetching ahead of a walk: what lies below the place that it has come to is read level by level, in few large reads.

use std::collections::HashMap;

use super::Tree;
use crate::memory::{Expected, InnerView, Place, Seen, View};
use crate::{NodeKey, NodeRecord, Side, TreeError};

/// Levels of inner nodes in the highest subtree that is read at once: at most 127 nodes.
const MAX_REACH: u8 = 6;
/// Levels in the first one: a walk that ends after a few keys has read little in vain. Each further one may be a level higher.
const FIRST_REACH: u8 = 2;
/// Subtrees are kept low enough that, with leaves as large as the largest so far, they have no more bytes than this.
const MAX_BYTES: usize = 1 << 20;

/// Nodes that a walk will come to. Holds those of one subtree at most.
pub(super) struct Ahead {
    /// Each with what it was verified against: of a damaged storage, two parents may name one node and say different things of it.
    records: HashMap<(NodeKey, Expected), NodeRecord<'static>>,
    reach: u8,
    /// Bytes of the largest leaf so far.
    largest: usize,
}

impl Ahead {
    pub(super) fn new() -> Self {
        Self { records: HashMap::new(), reach: FIRST_REACH, largest: 0 }
    }

    /// The node at a place. If it is missing, so is all below it: as much of that as is `wanted` is read with it when it is low enough.
    /// It is kept in memory while the budget has room, else it waits here for the walk.
    pub(super) fn see<'t>(
        &mut self,
        tree: &'t Tree,
        place: &Place,
        wanted: impl Fn(InnerView<'_>, Side) -> bool,
    ) -> Result<Seen<'t>, TreeError> {
        let Some(node) = tree.memory().missing(place) else { return tree.memory().see(place) };
        if let Some(record) = self.records.remove(&(node, place.expected())) {
            return Ok(Seen::Passing(Box::new((node, record))));
        }
        if place.height() == 0 || place.height() > self.reach() {
            return tree.memory().see(place);
        }
        let seen = self.read_subtree(tree, place, wanted);
        self.reach = MAX_REACH.min(self.reach + 1);
        seen
    }

    fn reach(&self) -> u8 {
        let leaves = MAX_BYTES / self.largest.max(1);
        let levels = leaves.checked_ilog2().and_then(|levels| u8::try_from(levels).ok());
        self.reach.min(levels.unwrap_or_default())
    }

    /// Reads a subtree level by level; gives its root. Where a node below can't be read, the walk meets the error when it comes there.
    fn read_subtree<'t>(
        &mut self,
        tree: &'t Tree,
        root: &Place,
        wanted: impl Fn(InnerView<'_>, Side) -> bool,
    ) -> Result<Seen<'t>, TreeError> {
        let memory = tree.memory();
        let keep = memory.budget().has_room();
        // What was read and not come to is outside of what is wanted, or its way was cut off by an error.
        self.records.clear();
        let mut first = None;
        let mut level = vec![*root];
        while !level.is_empty() {
            let mut below = Vec::new();
            for (place, seen) in level.iter().zip(memory.see_all(&level, keep)) {
                let seen = match seen {
                    Ok(seen) => seen,
                    Err(error) if first.is_none() => return Err(error),
                    Err(_) => continue,
                };
                match seen.view(memory) {
                    View::Inner(node) => {
                        let sides = [Side::Left, Side::Right].into_iter().filter(|&side| wanted(node, side));
                        below.extend(sides.map(|side| node.child(side)));
                    }
                    View::Leaf(leaf) => self.largest = self.largest.max(leaf.key.len() + leaf.value.len()),
                }
                if first.is_none() {
                    first = Some(seen);
                } else if let Seen::Passing(passing) = seen {
                    self.records.insert((passing.0, place.expected()), passing.1);
                }
            }
            level = below;
        }
        first.map_or_else(|| memory.see(root), Ok)
    }
}
