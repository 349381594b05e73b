//! What was committed to a working state, as far as open transactions must know it.
//!
//! Every change has a number, growing by one. A transaction that began after change `s` is in conflict with a later change if it read
//! something that this change wrote: a key, whether it was there or not, or a range in which it lies. Changes are remembered while a
//! transaction that began before them is open.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use im::{OrdMap, OrdSet, Vector};

/// Shared bytes of a key or a value.
pub(super) type Bytes = Arc<[u8]>;
/// What a transaction sets, or (`None`) removes.
pub(super) type Writes = OrdMap<Bytes, Option<Bytes>>;
type Bounds = (Bound<Bytes>, Bound<Bytes>);

/// What a transaction read. O(1) to clone.
#[derive(Clone, Default)]
pub(super) struct Reads {
    keys: OrdSet<Bytes>,
    ranges: Vector<Bounds>,
}

impl Reads {
    pub(super) fn key(&mut self, key: &[u8]) {
        if !self.keys.contains(key) {
            self.keys.insert(Bytes::from(key));
        }
    }

    /// Notes that a range was read. Gives the place to say later how much of it was.
    pub(super) fn range(&mut self, start: Bound<Bytes>, end: Bound<Bytes>) -> usize {
        self.ranges.push_back((start, end));
        self.ranges.len() - 1
    }

    /// The range noted at `place` was read within these bounds only.
    pub(super) fn narrow(&mut self, place: usize, start: Bound<Bytes>, end: Bound<Bytes>) {
        if let Some(range) = self.ranges.get_mut(place) {
            *range = (start, end);
        }
    }

    fn covers(&self, key: &[u8]) -> bool {
        let above = |start: &Bound<Bytes>| match start {
            Bound::Included(start) => **start <= *key,
            Bound::Excluded(start) => **start < *key,
            Bound::Unbounded => true,
        };
        let below = |end: &Bound<Bytes>| match end {
            Bound::Included(end) => *key <= **end,
            Bound::Excluded(end) => *key < **end,
            Bound::Unbounded => true,
        };
        self.keys.contains(key) || self.ranges.iter().any(|(start, end)| above(start) && below(end))
    }
}

/// What a change did.
enum Changed {
    Key(Bytes),
    Keys(Writes),
    /// The working state was replaced by another.
    Everything(&'static str),
}

/// Why a transaction cannot be committed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// This key was read, and written since.
    Key(Vec<u8>),
    /// The working state was replaced.
    Replaced(&'static str),
}

/// The changes that open transactions have not seen.
#[derive(Default)]
pub(super) struct History {
    /// The number of the newest change.
    now: u64,
    changes: VecDeque<(u64, Changed)>,
    /// How many open transactions began after each change.
    open: BTreeMap<u64, usize>,
}

impl History {
    /// The number of the newest change.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// A transaction begins; it must be told to [`History::end`] with the number given.
    pub(super) fn begin(&mut self) -> u64 {
        *self.open.entry(self.now).or_insert(0) += 1;
        self.now
    }

    /// A transaction that began at `start` ends.
    pub(super) fn end(&mut self, start: u64) {
        if let Some(count) = self.open.get_mut(&start) {
            *count -= 1;
            if *count == 0 {
                self.open.remove(&start);
            }
        }
        let needed = self.open.keys().next().copied().unwrap_or(self.now);
        while self.changes.front().is_some_and(|&(number, _)| number <= needed) {
            self.changes.pop_front();
        }
    }

    fn push(&mut self, changed: impl FnOnce() -> Changed) -> u64 {
        self.now += 1;
        if !self.open.is_empty() {
            self.changes.push_back((self.now, changed()));
        }
        self.now
    }

    /// One key was changed.
    pub(super) fn changed_key(&mut self, key: &[u8]) {
        self.push(|| Changed::Key(Bytes::from(key)));
    }

    /// A transaction's writes went in.
    pub(super) fn changed_keys(&mut self, writes: &Writes) -> u64 {
        self.push(|| Changed::Keys(writes.clone()))
    }

    /// The working state is another tree with the same contents: it was saved.
    pub(super) fn saved(&mut self) {
        self.now += 1;
    }

    /// The whole working state was replaced.
    pub(super) fn replaced(&mut self, by: &'static str) {
        self.push(|| Changed::Everything(by));
    }

    /// Whether the state that began at `start` is still the newest.
    pub(super) fn is_newest(&self, start: u64) -> bool {
        self.now == start
    }

    /// Whether nothing is remembered, and for nobody.
    #[cfg(test)]
    pub(super) fn is_unused(&self) -> bool {
        self.changes.is_empty() && self.open.is_empty()
    }

    /// What keeps a transaction that began at `start` from going in now. O(changes since, each by the smaller of reads and writes).
    pub(super) fn obstacle(&self, start: u64, reads: &Reads) -> Option<Obstacle> {
        let first = self.changes.partition_point(|&(number, _)| number <= start);
        self.changes.range(first..).find_map(|(_, changed)| match changed {
            Changed::Everything(by) => Some(Obstacle::Replaced(by)),
            Changed::Key(key) => reads.covers(key).then(|| Obstacle::Key(key.to_vec())),
            Changed::Keys(writes) => overlap(writes, reads).map(Obstacle::Key),
        })
    }
}

/// A key that was written and read.
fn overlap(writes: &Writes, reads: &Reads) -> Option<Vec<u8>> {
    if writes.len() <= reads.keys.len() {
        return writes.keys().find(|key| reads.covers(key)).map(|key| key.to_vec());
    }
    let read = reads.keys.iter().find(|key| writes.contains_key(*key)).map(|key| key.to_vec());
    read.or_else(|| {
        let mut written = reads.ranges.iter().filter(|(start, end)| !is_empty(start, end));
        written.find_map(|(start, end)| writes.range((start.clone(), end.clone())).next().map(|(key, _)| key.to_vec()))
    })
}

/// Whether no key lies in the range; maps refuse such ranges.
fn is_empty(start: &Bound<Bytes>, end: &Bound<Bytes>) -> bool {
    match (start, end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => start >= end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::from(text.as_bytes())
    }

    fn writes(keys: &[&str]) -> Writes {
        keys.iter().map(|key| (bytes(key), None)).collect()
    }

    #[test]
    fn a_read_key_or_range_that_was_written_since_is_an_obstacle() {
        let mut history = History::default();
        history.changed_key(b"before");
        let start = history.begin();
        assert!(history.is_newest(start));
        let mut reads = Reads::default();
        reads.key(b"before");
        reads.key(b"d");
        reads.range(Bound::Excluded(bytes("m")), Bound::Included(bytes("p")));
        reads.range(Bound::Included(bytes("z")), Bound::Excluded(bytes("a")));
        assert_eq!(history.obstacle(start, &reads), None);
        for harmless in ["c", "m", "pp", "z", "a"] {
            history.changed_key(harmless.as_bytes());
            history.changed_keys(&writes(&[harmless, "x", "y", "yy"]));
        }
        assert_eq!(history.obstacle(start, &reads), None);
        for (key, others) in [("d", &["x"][..]), ("n", &[]), ("p", &["e", "f", "g", "h"])] {
            let start = history.begin();
            history.changed_keys(&writes(&[others, &[key]].concat()));
            assert_eq!(history.obstacle(start, &reads), Some(Obstacle::Key(key.as_bytes().to_vec())));
            history.end(start);
        }
        history.replaced("loading");
        assert_eq!(history.obstacle(history.now - 1, &reads), Some(Obstacle::Replaced("loading")));
    }

    #[test]
    fn writes_overlap_reads_where_a_write_is_covered() {
        let mut seed = 1u64;
        let mut below = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % n
        };
        for _ in 0..20_000 {
            let count = below(300);
            let mut key = || Bytes::from(below(400).to_be_bytes().as_slice());
            let (first, second, third) = (key(), key(), key());
            let written: Writes = (0..=count).map(|_| (key(), None)).collect();
            let bound = |kind: u64, key: Bytes| match kind {
                0 => Bound::Unbounded,
                1..5 => Bound::Included(key),
                _ => Bound::Excluded(key),
            };
            let mut reads = Reads::default();
            reads.key(&third);
            reads.range(bound(below(8), Bytes::clone(&first)), bound(below(8), second));
            reads.range(Bound::Included(Bytes::clone(&first)), bound(1 + below(8), first));
            let covered = written.keys().any(|key| reads.covers(key));
            let found = overlap(&written, &reads);
            assert_eq!(found.is_some(), covered, "{:?} of {} keys", reads.ranges, written.len());
            assert!(found.is_none_or(|key| written.contains_key(key.as_slice()) && reads.covers(&key)));
        }
    }

    #[test]
    fn changes_are_remembered_while_a_transaction_needs_them() {
        let mut history = History::default();
        history.changed_key(b"a");
        assert!(history.changes.is_empty());
        let first = history.begin();
        history.changed_key(b"b");
        let second = history.begin();
        history.changed_key(b"c");
        assert_eq!(history.changes.len(), 2);
        history.end(first);
        assert_eq!(history.changes.len(), 1);
        history.end(second);
        assert!(history.changes.is_empty() && history.open.is_empty());
        assert_eq!(history.now, 3);
    }
}
