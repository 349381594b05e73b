//! Ranges of keys, and pages of what is in them.

use std::ops::Bound;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use treering_tree::Order;

use super::bytes::Encoding;
use crate::system::OperationError;

/// How many entries a page has if nothing is said.
pub(super) const DEFAULT_LIMIT: u32 = 100;
/// How many entries a page has at most.
pub(super) const MOST: u32 = 10_000;
/// A page ends behind the entry with which it has so many bytes of keys and values: what waits to be sent stays small.
const MOST_BYTES: usize = 8 << 20;
/// Between so many steps of a walk an operation looks whether it should go on.
pub(super) const STEPS: usize = 256;

/// In which order keys come.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the smallest key up.
    #[default]
    Ascending,
    /// From the largest key down.
    Descending,
}

impl From<Direction> for Order {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Ascending => Self::Ascending,
            Direction::Descending => Self::Descending,
        }
    }
}

/// The keys that a call asks for, as it writes them.
#[derive(Clone, Copy, Default)]
pub(super) struct RangeText<'a> {
    pub(super) prefix: Option<&'a str>,
    pub(super) start: Option<&'a str>,
    pub(super) end: Option<&'a str>,
    /// The last key of the page before.
    pub(super) after: Option<&'a str>,
    pub(super) order: Direction,
}

/// Bounds of keys.
pub(super) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl RangeText<'_> {
    /// The bounds: within the prefix, from `start` on, before `end`, and behind the page before.
    pub(super) fn read(self, encoding: Encoding) -> Result<Bounds, OperationError> {
        let prefix = encoding.read_some("prefix", self.prefix)?;
        let mut lower = encoding.read_some("start", self.start)?.map_or(Bound::Unbounded, Bound::Included);
        let mut upper = encoding.read_some("end", self.end)?.map_or(Bound::Unbounded, Bound::Excluded);
        if let Some(prefix) = prefix {
            upper = lower_end(upper, end_of(&prefix).map_or(Bound::Unbounded, Bound::Excluded));
            lower = higher_start(lower, Bound::Included(prefix));
        }
        if let Some(after) = encoding.read_some("after", self.after)? {
            match self.order {
                Direction::Ascending => lower = higher_start(lower, Bound::Excluded(after)),
                Direction::Descending => upper = lower_end(upper, Bound::Excluded(after)),
            }
        }
        Ok((lower, upper))
    }
}

/// The smallest key behind all that begin with `prefix`; `None` if there is none.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end: Vec<u8> = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

/// Of two starts the later one.
fn higher_start(a: Bound<Vec<u8>>, b: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match (&a, &b) {
        (Bound::Unbounded, _) => b,
        (_, Bound::Unbounded) => a,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) => {
            let is_a = x > y || x == y && matches!(a, Bound::Excluded(_));
            if is_a { a } else { b }
        }
    }
}

/// Of two ends the earlier one.
fn lower_end(a: Bound<Vec<u8>>, b: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match (&a, &b) {
        (Bound::Unbounded, _) => b,
        (_, Bound::Unbounded) => a,
        (Bound::Included(x) | Bound::Excluded(x), Bound::Included(y) | Bound::Excluded(y)) => {
            let is_a = x < y || x == y && matches!(a, Bound::Excluded(_));
            if is_a { a } else { b }
        }
    }
}

/// How many entries to give: as asked for, within what is allowed.
pub(super) fn limit(asked: Option<u32>, default: u32, most: u32) -> Result<usize, OperationError> {
    let limit = asked.unwrap_or(default);
    if !(1..=most).contains(&limit) {
        return Err(OperationError::invalid_input("limit", format!("{limit} is not between 1 and {most}; ask for further pages instead")));
    }
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Entries until the page is full.
pub(super) struct Page<T> {
    pub(super) entries: Vec<T>,
    limit: usize,
    bytes: usize,
}

impl<T> Page<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { entries: Vec::new(), limit, bytes: 0 }
    }

    /// Whether no further entry has room.
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= self.limit || self.bytes >= MOST_BYTES
    }

    /// Adds an entry with so many bytes of keys and values.
    pub(super) fn push(&mut self, entry: T, bytes: usize) {
        self.bytes += bytes;
        self.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeBounds;

    use super::*;

    #[test]
    fn a_range_holds_what_all_its_parts_hold() {
        let keys: Vec<Vec<u8>> = (0..=255u8).flat_map(|a| [vec![a], vec![a, 0], vec![a, 254], vec![a, 255], vec![a, 255, 255]]).collect();
        let words = [None, Some(""), Some("00"), Some("0a"), Some("0aff"), Some("0afe"), Some("ff"), Some("ffff")];
        let mut held = 0;
        for prefix in words {
            for start in words {
                for end in words {
                    for after in words {
                        for order in [Direction::Ascending, Direction::Descending] {
                            let bounds = RangeText { prefix, start, end, after, order }.read(Encoding::Hex).unwrap();
                            for key in &keys {
                                let word = |word: Option<&str>| word.map(|word| hex::decode(word).unwrap());
                                let mut is_inside = prefix.is_none_or(|_| key.starts_with(&word(prefix).unwrap()));
                                is_inside &= start.is_none_or(|_| *key >= word(start).unwrap());
                                is_inside &= end.is_none_or(|_| *key < word(end).unwrap());
                                is_inside &= after.is_none_or(|_| match order {
                                    Direction::Ascending => *key > word(after).unwrap(),
                                    Direction::Descending => *key < word(after).unwrap(),
                                });
                                assert_eq!(bounds.contains(key), is_inside, "{prefix:?} {start:?} {end:?} {after:?} {key:?}");
                                held += usize::from(is_inside);
                            }
                        }
                    }
                }
            }
        }
        assert!(held > 0);
    }
}
