//! Reading a range of a version in bounded memory.

use std::collections::VecDeque;
use std::ops::Bound;

use treering_tree::Order;

use super::Snapshot;
use crate::error::Result;

/// Entries read at a time, unless they come to more than [`WINDOW_BYTES`] first.
const WINDOW: usize = 4096;
/// Bytes of keys and values read at a time; a single entry may be larger.
const WINDOW_BYTES: usize = 4 << 20;

/// The keys of a range and their values, in order; see [`Snapshot::scan`]. After an error the scan is over.
///
/// It reads a window of entries through a tree of its own, lets the tree go with all nodes that it loaded, and goes on behind the last key.
pub struct Scan<'a> {
    snapshot: &'a Snapshot,
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
    order: Order,
    window: VecDeque<(Vec<u8>, Vec<u8>)>,
    is_read: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>, order: Order) -> Self {
        Self { snapshot, start, end, order, window: VecDeque::new(), is_read: false }
    }

    fn read_window(&mut self) -> Result<()> {
        let tree = self.snapshot.fresh_tree()?;
        let mut bytes = 0;
        for entry in tree.range_between(self.start.clone(), self.end.clone(), self.order) {
            let (key, value) = entry?;
            self.window.push_back((key.to_vec(), value.to_vec()));
            bytes += key.len() + value.len();
            if self.window.len() == WINDOW || bytes >= WINDOW_BYTES {
                let behind = Bound::Excluded(key.to_vec());
                match self.order {
                    Order::Ascending => self.start = behind,
                    Order::Descending => self.end = behind,
                }
                return Ok(());
            }
        }
        self.is_read = true;
        Ok(())
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.window.is_empty()
            && !self.is_read
            && let Err(error) = self.read_window()
        {
            self.window.clear();
            self.is_read = true;
            return Some(Err(error));
        }
        self.window.pop_front().map(Ok)
    }
}
