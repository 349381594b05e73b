//! The keys between two bounds, as a walk asks for them.

use std::ops::Bound;

use crate::Side;
use crate::memory::{InnerView, prefix_of};

/// The keys to give.
pub(super) struct Bounds {
    pub(super) lower: Bound<Vec<u8>>,
    pub(super) upper: Bound<Vec<u8>>,
}

impl Bounds {
    /// Whether `key` is within the bounds.
    pub(super) fn contain(&self, key: &[u8]) -> bool {
        let after = match &self.lower {
            Bound::Unbounded => true,
            Bound::Included(lower) => key >= lower.as_slice(),
            Bound::Excluded(lower) => key > lower.as_slice(),
        };
        after
            && match &self.upper {
                Bound::Unbounded => true,
                Bound::Included(upper) => key <= upper.as_slice(),
                Bound::Excluded(upper) => key < upper.as_slice(),
            }
    }

    /// Whether keys on that side of `node` can be within the bounds.
    pub(super) fn touch(&self, node: InnerView<'_>, side: Side) -> bool {
        let bound = match side {
            Side::Left => &self.lower,
            Side::Right => &self.upper,
        };
        match bound {
            Bound::Unbounded => true,
            Bound::Included(bound) | Bound::Excluded(bound) => node.route(prefix_of(bound), bound) == side,
        }
    }
}
