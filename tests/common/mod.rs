//! What the tests of the database share.
#![allow(dead_code, unreachable_pub, clippy::allow_attributes, reason = "every test file uses its part of this")]
#![expect(clippy::unwrap_used, reason = "test helpers")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, BackendError, Batch, Change, Durability, Keyspace, Scan};
use treering::{CreateOptions, Database, OpenOptions, Order};

pub type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A backend in memory whose writes can be made to fail, and whose contents can be changed behind the database's back.
#[derive(Default)]
pub struct FaultyBackend {
    pub inner: MemoryBackend,
    /// Writes that still succeed; negative: all do.
    writes_left: AtomicI64,
    pub writes: AtomicU64,
    /// What of the index and the nodes a crash may lose, where that is asked for.
    unsettled: Mutex<BTreeMap<Keyspace, Unsettled>>,
    /// Microseconds that looking for orphans takes: what pruning does between two looks at what there is.
    pub orphans_take: AtomicU64,
}

/// Keyspaces with derived data.
const DERIVED: [Keyspace; 2] = [Keyspace::Latest, Keyspace::Nodes];

/// A keyspace as it was when it was settled last, and the writes to it since, each with whether a crash may lose it.
struct Unsettled {
    keyspace: Keyspace,
    settled: Model,
    since: Vec<(Batch, bool)>,
}

impl Unsettled {
    fn of(backend: &MemoryBackend, keyspace: Keyspace) -> Self {
        let records = backend.scan(keyspace, &[], None, Order::Ascending);
        Self { keyspace, settled: records.map(Result::unwrap).collect(), since: Vec::new() }
    }

    /// The keyspace after a crash that leaves the first `left` writes, and of the others those that cannot be lost.
    fn after_crash(&self, left: usize) -> MemoryBackend {
        let after = MemoryBackend::default();
        let mut settled = Batch::new();
        for (key, value) in &self.settled {
            settled.put(self.keyspace, key, value);
        }
        after.write(&settled, Durability::Buffered).unwrap();
        for (place, (batch, may_be_lost)) in self.since.iter().enumerate() {
            if place < left || !may_be_lost {
                after.write(batch, Durability::Buffered).unwrap();
            }
        }
        after
    }
}

impl FaultyBackend {
    pub fn new() -> Arc<Self> {
        let backend = Self { writes_left: AtomicI64::new(-1), ..Self::default() };
        Database::create_on(&backend, &CreateOptions::default()).unwrap();
        Arc::new(backend)
    }

    /// The next `count` writes succeed, all further ones fail.
    pub fn fail_after(&self, count: i64) {
        self.writes_left.store(count, Ordering::SeqCst);
    }

    pub fn heal(&self) {
        self.writes_left.store(-1, Ordering::SeqCst);
    }

    pub fn open(self: &Arc<Self>) -> Database {
        self.open_with(1)
    }

    pub fn open_with(self: &Arc<Self>, checkpoint_interval: u64) -> Database {
        let backend: Arc<dyn Backend> = Arc::clone(self) as Arc<dyn Backend>;
        Database::open_on(backend, &OpenOptions { checkpoint_interval, ..OpenOptions::default() }).unwrap()
    }

    /// All records of a keyspace.
    pub fn records(&self, keyspace: Keyspace) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.inner.scan(keyspace, &[], None, Order::Ascending).map(Result::unwrap).collect()
    }

    pub fn put(&self, keyspace: Keyspace, key: &[u8], value: Vec<u8>) {
        let mut batch = Batch::new();
        batch.put(keyspace, key, value);
        self.inner.write(&batch, Durability::Buffered).unwrap();
    }

    pub fn delete(&self, keyspace: Keyspace, key: &[u8]) {
        let mut batch = Batch::new();
        batch.delete(keyspace, key);
        self.inner.write(&batch, Durability::Buffered).unwrap();
    }

    /// A backend with the same contents.
    pub fn copy(&self) -> Arc<Self> {
        let copy = Self { writes_left: AtomicI64::new(-1), ..Self::default() };
        for keyspace in Keyspace::ALL {
            for (key, value) in self.records(keyspace) {
                copy.put(keyspace, &key, value);
            }
        }
        Arc::new(copy)
    }

    /// From now on a crash may lose of the index and of the nodes what was not settled.
    pub fn lose_derived(&self) {
        *self.unsettled.lock().unwrap() = DERIVED.map(|keyspace| (keyspace, Unsettled::of(&self.inner, keyspace))).into();
    }

    /// Writes to the keyspace with the most of those that are not settled.
    pub fn unsettled(&self) -> usize {
        self.unsettled.lock().unwrap().values().map(|unsettled| unsettled.since.len()).max().unwrap_or_default()
    }

    /// What a crash leaves that loses all but the first `left` writes that are not settled, in each keyspace.
    pub fn crashed(&self, left: usize) -> Arc<Self> {
        // Nothing is written between the two looks.
        let unsettled = self.unsettled.lock().unwrap();
        let copy = self.copy();
        for (&keyspace, unsettled) in &*unsettled {
            let mut all = Batch::new();
            all.delete_range(keyspace, [], [0xff; 100]);
            copy.inner.write(&all, Durability::Buffered).unwrap();
            for pair in unsettled.after_crash(left).scan(keyspace, &[], None, Order::Ascending) {
                let (key, value) = pair.unwrap();
                copy.put(keyspace, &key, value);
            }
        }
        if !unsettled.is_empty() {
            copy.lose_derived();
        }
        copy
    }
}

impl FaultyBackend {
    fn may_flush(&self) -> Result<(), BackendError> {
        let is_full = self.writes_left.load(Ordering::SeqCst) == 0;
        if is_full { Err(BackendError::new("flushing", "no space left on device (injected)")) } else { Ok(()) }
    }
}

impl Backend for FaultyBackend {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        let pairs = self.inner.scan(keyspace, from, to, order);
        let pause = self.orphans_take.load(Ordering::Relaxed);
        if keyspace == Keyspace::Orphans && pause > 0 {
            std::thread::sleep(std::time::Duration::from_micros(pause));
        }
        pairs
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let left = self.writes_left.load(Ordering::SeqCst);
        if left == 0 {
            return Err(BackendError::new("writing a batch", "no space left on device (injected)"));
        }
        if left > 0 {
            self.writes_left.store(left - 1, Ordering::SeqCst);
        }
        for (&of, unsettled) in &mut *self.unsettled.lock().unwrap() {
            let mut changes = Batch::new();
            for (keyspace, change) in batch.changes().filter(|(keyspace, _)| *keyspace == of) {
                match change {
                    Change::Put { key, value } => changes.put(keyspace, key, value),
                    Change::Delete { key } => changes.delete(keyspace, key),
                    Change::DeleteRange { from, to } => changes.delete_range(keyspace, from, to),
                }
            }
            if !changes.is_empty() {
                assert!(durability != Durability::Derived || changes.len() == batch.len(), "derived in one keyspace only");
                unsettled.since.push((changes, durability == Durability::Derived));
            }
        }
        self.inner.write(batch, durability)
    }

    fn settle(&self, keyspace: Keyspace) -> Result<(), BackendError> {
        assert!(DERIVED.contains(&keyspace), "{keyspace} has no derived data");
        self.may_flush()?;
        if let Some(unsettled) = self.unsettled.lock().unwrap().get_mut(&keyspace) {
            *unsettled = Unsettled::of(&self.inner, keyspace);
        }
        Ok(())
    }

    fn get_settled(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        match self.unsettled.lock().unwrap().get(&keyspace) {
            Some(unsettled) => Ok(unsettled.settled.get(key).cloned()),
            None => self.get(keyspace, key),
        }
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.may_flush()?;
        for (&keyspace, unsettled) in &mut *self.unsettled.lock().unwrap() {
            *unsettled = Unsettled::of(&self.inner, keyspace);
        }
        self.inner.flush()
    }
}

/// A small deterministic source of numbers (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}
