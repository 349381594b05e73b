//! Ordered walks over keys and values.

use std::iter::FusedIterator;
use std::ops::{Bound, RangeBounds};

use super::Tree;
use crate::memory::{Child, Node, prefix_of};
use crate::{Side, TreeError};

/// In which direction to walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// From the smallest key up.
    #[default]
    Ascending,
    /// From the largest key down.
    Descending,
}

impl Order {
    /// The side that comes first.
    pub(super) const fn first(self) -> Side {
        match self {
            Self::Ascending => Side::Left,
            Self::Descending => Side::Right,
        }
    }
}

/// A key and its value.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

/// The keys of a range and their values, in order; see [`Tree::range`]. Lazy: a node is loaded when the walk comes to it.
/// After an error the walk is over.
///
/// It lends what it gives, so all that it loads stays in memory: see [`Tree::scan_copies`] for a walk that keeps nothing.
pub struct Range<'a> {
    tree: &'a Tree,
    /// Subtrees still to walk, the next one last; a subtree in which no key is outside the near bound is marked.
    pending: Vec<(Child, Near)>,
    near: Bound<Vec<u8>>,
    far: Bound<Vec<u8>>,
    order: Order,
}

/// Whether a subtree may hold keys that the walk has to pass over at its start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Near {
    Crossing,
    Inside,
}

impl Tree {
    /// The keys within `bounds` and their values. O(log n) for the first, O(1) amortized for each further one.
    ///
    /// Bounds may be of every kind; a range whose start lies behind its end is empty.
    ///
    /// ```
    /// # use treering_tree::{Order, Tree};
    /// # let mut tree = Tree::new();
    /// for key in [&b"a"[..], b"b", b"c"] {
    ///     tree.set(key, b"")?;
    /// }
    /// let keys: Result<Vec<_>, _> = tree.range(&b"b"[..].., Order::Descending).map(|entry| Ok(entry?.0)).collect();
    /// assert_eq!(keys?, [&b"c"[..], b"b"]);
    /// # Ok::<(), treering_tree::TreeError>(())
    /// ```
    pub fn range<'k>(&self, bounds: impl RangeBounds<&'k [u8]>, order: Order) -> Range<'_> {
        let start = bounds.start_bound().map(|key| key.to_vec());
        let end = bounds.end_bound().map(|key| key.to_vec());
        self.range_between(start, end, order)
    }

    /// [`Tree::range`] with bounds that are owned.
    #[must_use]
    pub fn range_between(&self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>, order: Order) -> Range<'_> {
        let (near, far) = match order {
            Order::Ascending => (start, end),
            Order::Descending => (end, start),
        };
        let pending = self.root.into_iter().map(|root| (root, Near::Crossing)).collect();
        Range { tree: self, pending, near, far, order }
    }

    /// All keys and values in ascending order.
    #[must_use]
    pub fn iter(&self) -> Range<'_> {
        self.range_between(Bound::Unbounded, Bound::Unbounded, Order::Ascending)
    }
}

impl<'a> IntoIterator for &'a Tree {
    type Item = Result<Entry<'a>, TreeError>;
    type IntoIter = Range<'a>;

    fn into_iter(self) -> Range<'a> {
        self.iter()
    }
}

impl<'a> Range<'a> {
    /// Whether the near bound lets `key` pass.
    fn is_past_near(&self, key: &[u8]) -> bool {
        match (&self.near, self.order) {
            (Bound::Unbounded, _) => true,
            (Bound::Included(bound), Order::Ascending) => key >= bound.as_slice(),
            (Bound::Excluded(bound), Order::Ascending) => key > bound.as_slice(),
            (Bound::Included(bound), Order::Descending) => key <= bound.as_slice(),
            (Bound::Excluded(bound), Order::Descending) => key < bound.as_slice(),
        }
    }

    /// Whether the far bound lets `key` pass.
    fn is_before_far(&self, key: &[u8]) -> bool {
        match (&self.far, self.order) {
            (Bound::Unbounded, _) => true,
            (Bound::Included(bound), Order::Ascending) => key <= bound.as_slice(),
            (Bound::Excluded(bound), Order::Ascending) => key < bound.as_slice(),
            (Bound::Included(bound), Order::Descending) => key >= bound.as_slice(),
            (Bound::Excluded(bound), Order::Descending) => key > bound.as_slice(),
        }
    }

    /// Pushes the children of a node that have keys on the near bound's good side, the nearer one last.
    fn open(&mut self, node: &crate::memory::Inner, near: Near) {
        let first = node.child(self.order.first());
        let second = node.child(self.order.first().opposite());
        // While the first subtree is walked, the second one's top arrives.
        self.tree.memory().prefetch(second.link);
        self.tree.memory().prefetch(first.link);
        if near == Near::Inside {
            self.pending.extend([(second, Near::Inside), (first, Near::Inside)]);
            return;
        }
        match &self.near {
            Bound::Unbounded => self.pending.extend([(second, Near::Inside), (first, Near::Inside)]),
            Bound::Included(bound) | Bound::Excluded(bound) => {
                // The bound lies below one of the children; beyond it all is inside, before it nothing.
                if self.tree.memory().route(node, prefix_of(bound), bound) == self.order.first() {
                    self.pending.extend([(second, Near::Inside), (first, Near::Crossing)]);
                } else {
                    self.pending.push((second, Near::Crossing));
                }
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Entry<'a>>, TreeError> {
        while let Some((child, near)) = self.pending.pop() {
            let tree = self.tree;
            match tree.memory().enter(&child)? {
                Node::Inner(node) => self.open(node, near),
                Node::Leaf(leaf) if near == Near::Crossing && !self.is_past_near(leaf.key()) => {}
                Node::Leaf(leaf) if self.is_before_far(leaf.key()) => return Ok(Some((leaf.key(), leaf.value()))),
                Node::Leaf(_) => self.pending.clear(),
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Result<Entry<'a>, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.advance().transpose();
        if matches!(item, Some(Err(_))) {
            self.pending.clear();
        }
        item
    }
}

impl FusedIterator for Range<'_> {}
