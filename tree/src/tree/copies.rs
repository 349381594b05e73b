//! Ordered walks that give copies, and keep nothing in memory that does not fit.

use std::iter::FusedIterator;
use std::ops::Bound;

use super::Tree;
use super::ahead::Ahead;
use super::bounds::Bounds;
use super::iterate::Order;
use crate::TreeError;
use crate::memory::{LeafView, Place, Seen, View};

/// A key and its value.
pub type OwnedEntry = (Vec<u8>, Vec<u8>);

/// Copies of the keys of a range and their values, in order; see [`Tree::scan_copies`]. After an error the walk is over.
pub struct Copies<'a> {
    tree: &'a Tree,
    /// Subtrees still to walk, the next one last.
    pending: Vec<Place>,
    bounds: Bounds,
    order: Order,
    ahead: Ahead,
}

impl Tree {
    /// The keys from `start` to `end` and their values, as copies. O(log n) for the first, O(1) amortized for each further one. A range whose
    /// start lies behind its end is empty.
    ///
    /// Where nodes are missing it reads ahead of the walk: subtrees of up to 127 nodes level by level, each level with one
    /// [`load_many`](crate::NodeSource::load_many); of at most 1 MiB, when leaves are no larger than those before. The first
    /// ones are smaller. Nodes are kept while the budget has room for them. Otherwise none are, and the walk takes no more
    /// memory than what it has read ahead.
    #[must_use]
    pub fn scan_copies(&self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>, order: Order) -> Copies<'_> {
        let pending = self.root.map(Place::Known).into_iter().collect();
        Copies { tree: self, pending, bounds: Bounds { lower: start, upper: end }, order, ahead: Ahead::new() }
    }
}

impl Copies<'_> {
    fn advance(&mut self) -> Result<Option<OwnedEntry>, TreeError> {
        while let Some(place) = self.pending.pop() {
            let seen = self.ahead.see(self.tree, &place, |node, side| self.bounds.touch(node, side))?;
            match seen.view(self.tree.memory()) {
                View::Inner(node) => {
                    for side in [self.order.first().opposite(), self.order.first()] {
                        if self.bounds.touch(node, side) {
                            self.pending.push(node.child(side));
                        }
                    }
                    self.prefetch(&seen);
                }
                View::Leaf(LeafView { key, .. }) if self.bounds.contain(key) => return Ok(seen.into_entry()),
                View::Leaf(_) => {}
            }
        }
        Ok(None)
    }

    /// While the first subtree is walked, the second one's top arrives.
    fn prefetch(&self, seen: &Seen<'_>) {
        if let Seen::Resident(crate::memory::Node::Inner(node)) = seen {
            for side in [self.order.first().opposite(), self.order.first()] {
                self.tree.memory().prefetch(node.link(side));
            }
        }
    }
}

impl Iterator for Copies<'_> {
    type Item = Result<OwnedEntry, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if matches!(item, Some(Err(_))) {
            self.pending.clear();
        }
        item
    }
}

impl FusedIterator for Copies<'_> {}
