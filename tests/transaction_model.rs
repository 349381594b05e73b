//! Interleaved transactions, direct writes and saves, against a naive oracle.
//!
//! The oracle runs a transaction on a copy of a `BTreeMap`, and keeps exactly which keys and ranges it read and what it wrote. A commit
//! conflicts if a key that was read was written by anything that went in since the beginning; else its writes are done in order on the
//! master map and on a plain [`Tree`], whose root hash must be the store's, bit for bit.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use common::{FaultyBackend, Model};
use proptest::prelude::*;
use treering::engine::Backend;
use treering::{
    Database, Error, Keep, OpenOptions, Order, Savepoint, SharedStore, Store, Transaction, TransactionMode, Transactional, Tree, Versioned,
};

const MAX_OPEN: usize = 4;
const KEYS: u8 = 16;

type KeyBound = Bound<Vec<u8>>;
type Write = (Vec<u8>, Option<Vec<u8>>);

#[derive(Clone, Debug)]
struct Span {
    start: Bound<u8>,
    end: Bound<u8>,
    descending: bool,
    limit: Option<usize>,
}

#[derive(Clone, Debug)]
enum Step {
    Begin {
        read_only: bool,
    },
    Get(usize, u8),
    Range(usize, Span),
    Set(usize, u8, u8),
    /// Deletes, and may look whether it is gone.
    Delete(usize, u8, bool),
    Savepoint(usize),
    RollbackTo(usize, usize),
    Release(usize, usize),
    Nest(usize, bool),
    Commit(usize),
    Rollback(usize),
    /// Drops the outermost handle first.
    Drop(usize),
    DirectSet(u8, u8),
    DirectDelete(u8),
    DirectApply(Vec<(u8, Option<u8>)>),
    Save,
    Discard,
    Prune,
    PrepareAndDrop,
    WorkingHash,
}

fn bound() -> impl Strategy<Value = Bound<u8>> {
    prop_oneof![1 => Just(Bound::Unbounded), 2 => (0..KEYS).prop_map(Bound::Included), 2 => (0..KEYS).prop_map(Bound::Excluded)]
}

fn span() -> impl Strategy<Value = Span> {
    (bound(), bound(), any::<bool>(), proptest::option::of(1usize..4)).prop_map(|(start, end, descending, limit)| Span {
        start,
        end,
        descending,
        limit,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let (slot, number) = (any::<usize>(), any::<usize>());
    prop_oneof![
        6 => prop::bool::weighted(0.2).prop_map(|read_only| Step::Begin { read_only }),
        12 => (slot, 0..KEYS).prop_map(|(slot, key)| Step::Get(slot, key)),
        5 => (slot, span()).prop_map(|(slot, span)| Step::Range(slot, span)),
        14 => (slot, 0..KEYS, any::<u8>()).prop_map(|(slot, key, value)| Step::Set(slot, key, value)),
        8 => (slot, 0..KEYS, any::<bool>()).prop_map(|(slot, key, look)| Step::Delete(slot, key, look)),
        3 => slot.prop_map(Step::Savepoint),
        2 => (slot, number).prop_map(|(slot, number)| Step::RollbackTo(slot, number)),
        1 => (slot, number).prop_map(|(slot, number)| Step::Release(slot, number)),
        5 => (slot, prop::bool::weighted(0.2)).prop_map(|(slot, read_only)| Step::Nest(slot, read_only)),
        7 => slot.prop_map(Step::Commit),
        5 => slot.prop_map(Step::Rollback),
        1 => slot.prop_map(Step::Drop),
        3 => (0..KEYS, any::<u8>()).prop_map(|(key, value)| Step::DirectSet(key, value)),
        2 => (0..KEYS).prop_map(Step::DirectDelete),
        1 => proptest::collection::vec((0..KEYS, proptest::option::of(any::<u8>())), 0..6).prop_map(Step::DirectApply),
        3 => Just(Step::Save),
        1 => Just(Step::Discard),
        1 => Just(Step::Prune),
        1 => Just(Step::PrepareAndDrop),
        2 => Just(Step::WorkingHash),
    ]
}

/// Some keys share a long prefix, one is empty.
fn key(number: u8) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1..8 => format!("a long common prefix/{number:03}").into_bytes(),
        _ => vec![b'b', number],
    }
}

fn keyed(bound: Bound<u8>) -> KeyBound {
    bound.map(key)
}

fn covers((start, end): &(KeyBound, KeyBound), key: &[u8]) -> bool {
    let above = match start {
        Bound::Included(start) => start.as_slice() <= key,
        Bound::Excluded(start) => start.as_slice() < key,
        Bound::Unbounded => true,
    };
    let below = match end {
        Bound::Included(end) => key <= end.as_slice(),
        Bound::Excluded(end) => key < end.as_slice(),
        Bound::Unbounded => true,
    };
    above && below
}

fn contents(store: &dyn Store) -> Model {
    let mut model = Model::new();
    store
        .iterate(&mut |key, value| {
            assert!(model.insert(key.to_vec(), value.to_vec()).is_none());
            ControlFlow::Continue(())
        })
        .unwrap();
    model
}

fn write_to(model: &mut Model, (key, value): &Write) {
    match value {
        Some(value) => drop(model.insert(key.clone(), value.clone())),
        None => drop(model.remove(key)),
    }
}

/// A handle, and what it must see.
struct Frame {
    handle: Box<dyn Transaction>,
    view: Model,
    writes: Vec<Write>,
    savepoints: Vec<(Savepoint, Model, usize)>,
}

impl Frame {
    fn new(handle: Box<dyn Transaction>, view: Model, writes: Vec<Write>) -> Self {
        Self { handle, view, writes, savepoints: Vec::new() }
    }

    fn write(&mut self, write: Write) {
        let done = match &write.1 {
            Some(value) => self.handle.set(&write.0, value),
            None => self.handle.delete(&write.0),
        };
        if self.handle.is_read_only() {
            assert!(matches!(done, Err(Error::ReadOnlyTransaction { .. })), "{done:?}");
            return;
        }
        done.unwrap();
        write_to(&mut self.view, &write);
        self.writes.push(write);
    }
}

/// A transaction and those nested in it, the innermost last.
struct Open {
    frames: Vec<Frame>,
    /// How many changes there were at the beginning.
    start: usize,
    keys: BTreeSet<Vec<u8>>,
    ranges: Vec<(KeyBound, KeyBound)>,
}

impl Open {
    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().unwrap()
    }

    fn is_read_only(&self) -> bool {
        self.frames[0].handle.is_read_only()
    }

    fn has_read(&self, key: &[u8]) -> bool {
        self.keys.contains(key) || self.ranges.iter().any(|range| covers(range, key))
    }

    fn range(&mut self, span: &Span) {
        let (start, end) = (keyed(span.start), keyed(span.end));
        let order = if span.descending { Order::Descending } else { Order::Ascending };
        let mut expected: Vec<_> = self.top().view.iter().filter(|(key, _)| covers(&(start.clone(), end.clone()), key)).collect();
        if span.descending {
            expected.reverse();
        }
        expected.truncate(span.limit.unwrap_or(usize::MAX));
        let expected: Vec<_> = expected.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut seen = Vec::new();
        let ranges = self.frames.last().unwrap().handle.as_range_queryable().unwrap();
        let (from, to) = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        ranges
            .iterate_range(from, to, order, &mut |key, value| {
                seen.push((key.to_vec(), value.to_vec()));
                if span.limit == Some(seen.len()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(seen, expected);
        let stopped_at = expected.last().filter(|_| span.limit == Some(expected.len())).map(|(key, _)| Bound::Included(key.clone()));
        self.ranges.push(match (stopped_at, order) {
            (None, _) => (start, end),
            (Some(last), Order::Ascending) => (start, last),
            (Some(last), Order::Descending) => (last, end),
        });
    }
}

/// What went in.
enum Change {
    Keys(BTreeSet<Vec<u8>>),
    Saved,
    Replaced,
}

struct World {
    small_cache: bool,
    store: SharedStore,
    database: Database,
    master: Model,
    tree: Tree,
    saved: (Model, Tree),
    versions: u64,
    changes: Vec<Change>,
    open: Vec<Open>,
    outcomes: Outcomes,
}

/// What happened, to see that the steps reach what they are meant to.
#[derive(Default, Debug)]
struct Outcomes {
    adopted: u64,
    applied_again: u64,
    conflicts: u64,
    replaced: u64,
}

impl World {
    fn new(small_cache: bool) -> Self {
        let backend: Arc<dyn Backend> = FaultyBackend::new();
        let options = OpenOptions { cache_size: if small_cache { 0 } else { 1 << 30 }, ..OpenOptions::default() };
        let database = Database::open_on(backend, &options).unwrap();
        let store = SharedStore::from(database.store_or_new("s").unwrap());
        Self {
            small_cache,
            store,
            database,
            master: Model::new(),
            tree: Tree::new(),
            saved: (Model::new(), Tree::new()),
            versions: 0,
            changes: Vec::new(),
            open: Vec::new(),
            outcomes: Outcomes::default(),
        }
    }

    fn pick(&mut self, slot: usize) -> Option<&mut Open> {
        let count = self.open.len();
        (count > 0).then(|| &mut self.open[slot % count])
    }

    fn write(&mut self, write: &Write) {
        write_to(&mut self.master, write);
        match &write.1 {
            Some(value) => drop(self.tree.set(&write.0, value).unwrap()),
            None => drop(self.tree.remove(&write.0).unwrap()),
        }
    }

    fn direct(&mut self, writes: &[Write]) {
        for write in writes {
            self.write(write);
            self.changes.push(Change::Keys(BTreeSet::from([write.0.clone()])));
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Begin { .. } | Step::Nest(..) | Step::Commit(_) | Step::Rollback(_) | Step::Drop(_) => self.step_of_life(step),
            Step::DirectSet(..) | Step::DirectDelete(_) | Step::DirectApply(_) => self.step_beside(step),
            Step::Save | Step::Discard | Step::Prune | Step::PrepareAndDrop | Step::WorkingHash => self.step_of_versions(step),
            _ => self.step_within(step),
        }
        self.compare();
        for open in &self.open {
            for (depth, frame) in open.frames.iter().enumerate() {
                assert!(frame.handle.is_active());
                if depth + 1 < open.frames.len() {
                    assert!(matches!(frame.handle.get(b"x"), Err(Error::NestedTransactionOpen { .. })));
                    assert!(matches!(frame.handle.commit(), Err(Error::NestedTransactionOpen { .. })));
                } else if open.is_read_only() && !self.small_cache {
                    // The reads of others count, so these are looked at where it does no harm.
                    assert_eq!(contents(&*frame.handle), frame.view);
                }
            }
        }
    }

    /// Key by key where nodes are unloaded: walking would load them all.
    fn compare(&self) {
        if !self.small_cache {
            return assert_eq!(contents(&self.store), self.master);
        }
        for key in (0..KEYS).map(key) {
            assert_eq!(self.store.get(&key).unwrap(), self.master.get(&key).cloned());
        }
    }

    fn step_within(&mut self, step: &Step) {
        let (Step::Get(slot, _)
        | Step::Range(slot, _)
        | Step::Set(slot, ..)
        | Step::Delete(slot, ..)
        | Step::Savepoint(slot)
        | Step::RollbackTo(slot, _)
        | Step::Release(slot, _)) = step
        else {
            unreachable!()
        };
        let Some(open) = self.pick(*slot) else { return };
        match step {
            Step::Get(_, number) => {
                let key = key(*number);
                let frame = open.top();
                assert_eq!(frame.handle.get(&key).unwrap(), frame.view.get(&key).cloned());
                assert_eq!(frame.handle.has(&key).unwrap(), frame.view.contains_key(&key));
                open.keys.insert(key);
            }
            Step::Range(_, span) => open.range(span),
            Step::Set(_, number, value) => open.top().write((key(*number), Some(vec![*value; usize::from(*value % 5)]))),
            Step::Delete(_, number, look) => {
                let frame = open.top();
                frame.write((key(*number), None));
                if *look {
                    assert_eq!(frame.handle.get(&key(*number)).unwrap(), frame.view.get(&key(*number)).cloned());
                    open.keys.insert(key(*number));
                }
            }
            Step::Savepoint(_) => {
                let frame = open.top();
                frame.savepoints.push((frame.handle.savepoint().unwrap(), frame.view.clone(), frame.writes.len()));
            }
            Step::RollbackTo(_, number) => {
                let frame = open.top();
                let Some(place) = number.checked_rem(frame.savepoints.len()) else { return };
                let (savepoint, view, writes) = frame.savepoints[place].clone();
                frame.handle.rollback_to_savepoint(savepoint).unwrap();
                frame.view = view;
                frame.writes.truncate(writes);
                frame.forget_savepoints(place + 1);
            }
            Step::Release(_, number) => {
                let frame = open.top();
                let Some(place) = number.checked_rem(frame.savepoints.len()) else { return };
                frame.handle.release_savepoint(frame.savepoints[place].0).unwrap();
                frame.forget_savepoints(place);
            }
            _ => unreachable!(),
        }
    }

    fn step_of_life(&mut self, step: &Step) {
        match step {
            Step::Begin { read_only } if self.open.len() < MAX_OPEN => {
                let mode = if *read_only { TransactionMode::ReadOnly } else { TransactionMode::ReadWrite };
                let handle = self.store.begin_tx_with(mode).unwrap();
                let frames = vec![Frame::new(handle, self.master.clone(), Vec::new())];
                self.open.push(Open { frames, start: self.changes.len(), keys: BTreeSet::new(), ranges: Vec::new() });
            }
            Step::Nest(slot, read_only) => {
                let Some(open) = self.pick(*slot) else { return };
                let frame = open.top();
                let mode = if *read_only { TransactionMode::ReadOnly } else { TransactionMode::ReadWrite };
                let nested = frame.handle.as_transactional().unwrap().begin_tx_with(mode);
                if frame.handle.is_read_only() && !read_only {
                    assert!(matches!(nested, Err(Error::ReadOnlyTransaction { .. })));
                    return;
                }
                let (view, writes) = (frame.view.clone(), frame.writes.clone());
                open.frames.push(Frame::new(nested.unwrap(), view, writes));
            }
            Step::Commit(slot) if !self.open.is_empty() => self.commit(slot % self.open.len()),
            Step::Rollback(slot) if !self.open.is_empty() => {
                let slot = slot % self.open.len();
                let frame = self.open[slot].frames.pop().unwrap();
                // With nothing at stake any more, all can be looked at; of a nested one it would count.
                if self.open[slot].frames.is_empty() {
                    assert_eq!(contents(&*frame.handle), frame.view);
                    self.open.swap_remove(slot);
                }
                frame.handle.rollback().unwrap();
                assert!(matches!(frame.handle.get(b""), Err(Error::TransactionEnded { .. })));
            }
            Step::Drop(slot) if !self.open.is_empty() => {
                let slot = slot % self.open.len();
                let open = self.open.swap_remove(slot);
                // The outermost handle goes first.
                let mut frames = open.frames.into_iter();
                drop(frames.next());
                for frame in frames {
                    assert!(matches!(frame.handle.commit(), Err(Error::TransactionEnded { .. } | Error::NestedTransactionOpen { .. })));
                }
            }
            _ => {}
        }
    }

    fn commit(&mut self, slot: usize) {
        if self.open[slot].frames.len() > 1 {
            let open = &mut self.open[slot];
            let nested = open.frames.pop().unwrap();
            let committed = nested.handle.commit().unwrap();
            let keys: BTreeSet<_> = nested.writes.iter().map(|(key, _)| key).collect();
            assert_eq!((committed.sequence, committed.writes), (None, keys.len() as u64));
            let frame = open.top();
            (frame.view, frame.writes) = (nested.view, nested.writes);
            return;
        }
        let mut open = self.open.swap_remove(slot);
        let frame = open.frames.pop().unwrap();
        let since = &self.changes[open.start..];
        let is_conflict = |change: &Change| match change {
            Change::Keys(keys) => keys.iter().any(|key| open.has_read(key)),
            Change::Saved => false,
            Change::Replaced => true,
        };
        let obstacle = since.iter().find(|change| is_conflict(change)).filter(|_| !frame.writes.is_empty());
        if since.is_empty() || matches!(obstacle, Some(Change::Keys(_))) {
            assert_eq!(contents(&*frame.handle), frame.view);
        }
        let committed = frame.handle.commit();
        assert!(!frame.handle.is_active());
        match obstacle {
            Some(Change::Replaced) => {
                assert!(matches!(committed, Err(Error::StateReplaced { .. })), "{committed:?}");
                self.outcomes.replaced += 1;
            }
            Some(_) => {
                let Err(Error::Conflict { store, key }) = committed else { panic!("no conflict: {committed:?}") };
                assert_eq!(store, "s");
                let is_written = since.iter().any(|change| matches!(change, Change::Keys(keys) if keys.contains(&key)));
                assert!(is_written, "{key:?} was not written");
                self.outcomes.conflicts += 1;
            }
            None => {
                let committed = committed.unwrap();
                let keys: BTreeSet<_> = frame.writes.iter().map(|(key, _)| key.clone()).collect();
                assert_eq!(committed.writes, keys.len() as u64);
                if frame.writes.is_empty() {
                    assert_eq!(committed.sequence, Some(open.start as u64));
                    return;
                }
                if since.is_empty() {
                    self.outcomes.adopted += 1;
                } else {
                    self.outcomes.applied_again += 1;
                }
                for write in &frame.writes {
                    self.write(write);
                }
                self.changes.push(Change::Keys(keys));
                assert_eq!(committed.sequence, Some(self.changes.len() as u64));
            }
        }
    }

    fn step_beside(&mut self, step: &Step) {
        let writes: Vec<Write> = match step {
            Step::DirectSet(number, value) => vec![(key(*number), Some(vec![*value]))],
            Step::DirectDelete(number) => vec![(key(*number), None)],
            Step::DirectApply(writes) => writes.iter().map(|(number, value)| (key(*number), value.map(|value| vec![value]))).collect(),
            _ => unreachable!(),
        };
        match (step, writes.first()) {
            (Step::DirectSet(..), Some((key, Some(value)))) => self.store.set(key, value).unwrap(),
            (Step::DirectDelete(_), Some((key, None))) => self.store.delete(key).unwrap(),
            _ => {
                let operations: Vec<(&[u8], Option<&[u8]>)> = writes.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
                self.store.apply(&operations).unwrap();
            }
        }
        self.direct(&writes);
    }

    fn step_of_versions(&mut self, step: &Step) {
        match step {
            Step::Save => {
                let info = self.store.save_version().unwrap();
                let expected = self.tree.save().unwrap();
                assert_eq!((info.version, info.root_hash), (expected.version, expected.root_hash));
                self.saved = (self.master.clone(), self.tree.clone());
                self.versions = info.version;
                self.changes.push(Change::Saved);
            }
            Step::Discard => {
                self.store.discard_changes().unwrap();
                (self.master, self.tree) = (self.saved.0.clone(), self.saved.1.clone());
                self.changes.push(Change::Replaced);
            }
            Step::Prune if self.versions > 0 => drop(self.store.prune(&Keep::Last(1)).unwrap()),
            Step::PrepareAndDrop => {
                let prepared = self.store.prepare().unwrap();
                assert_eq!((prepared.version(), prepared.root_hash()), (self.versions + 1, self.tree.working_hash().unwrap()));
                assert!(matches!(self.store.set(b"x", b""), Err(Error::VersionPrepared { .. })));
            }
            Step::WorkingHash => assert_eq!(self.store.working_hash().unwrap(), self.tree.working_hash().unwrap()),
            _ => {}
        }
    }

    /// Ends all, saves, and looks at every record.
    fn finish(mut self) -> Outcomes {
        while let Some(open) = self.open.first() {
            assert!(!open.frames.is_empty());
            self.step(&Step::Commit(0));
        }
        self.step(&Step::Save);
        self.step(&Step::Prune);
        assert_eq!(contents(&self.store), self.master);
        assert_eq!(self.store.list_versions().unwrap().len(), 1);
        self.store.close().unwrap();
        self.database.check(&mut |_| {}).unwrap();
        self.outcomes
    }
}

impl Frame {
    fn forget_savepoints(&mut self, from: usize) {
        for (savepoint, ..) in self.savepoints.drain(from..) {
            let gone = self.handle.rollback_to_savepoint(savepoint);
            assert!(matches!(gone, Err(Error::NoSavepoint { .. })), "{gone:?}");
        }
    }
}

fn run(small_cache: bool, steps: &[Step]) -> Outcomes {
    let mut world = World::new(small_cache);
    for step in steps {
        world.step(step);
    }
    world.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn transactions_do_what_the_naive_oracle_does(small_cache in any::<bool>(), steps in proptest::collection::vec(step(), 1..200)) {
        run(small_cache, &steps);
    }
}

#[test]
fn the_steps_reach_every_outcome() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut all = Outcomes::default();
    for case in 0..100 {
        let steps = proptest::collection::vec(step(), 200).new_tree(&mut runner).unwrap().current();
        let Outcomes { adopted, applied_again, conflicts, replaced } = run(case % 2 == 0, &steps);
        all.adopted += adopted;
        all.applied_again += applied_again;
        all.conflicts += conflicts;
        all.replaced += replaced;
    }
    assert!([all.adopted, all.applied_again, all.conflicts, all.replaced].iter().all(|&count| count > 30), "{all:?}");
}
