//! Reading a range of a version.

use std::ops::Bound;

use treering_tree::{Copies, Order, Tree};

use crate::error::{Error, Result};

/// The keys of a range and their values, in order; see [`Snapshot::scan`](super::Snapshot::scan). After an error the scan is over.
pub struct Scan<'a> {
    copies: Copies<'a>,
}

impl<'a> Scan<'a> {
    pub(super) fn of(tree: &'a Tree, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>, order: Order) -> Self {
        Self { copies: tree.scan_copies(start, end, order) }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.copies.next().map(|entry| entry.map_err(Error::from))
    }
}
