//! Ranges of a working state.

use treering_tree::Range;

use crate::error::{Error, Result};

/// Keys and values in order; see [`TreeStore::range`](super::TreeStore::range).
pub struct StoreRange<'a> {
    range: Range<'a>,
}

impl<'a> StoreRange<'a> {
    pub(super) fn new(range: Range<'a>) -> Self {
        Self { range }
    }
}

impl Iterator for StoreRange<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.range.next()?;
        Some(entry.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(Error::from))
    }
}
