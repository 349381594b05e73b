//! Versions between checkpoints, and what is stored in the background.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{FaultyBackend, Model, Numbers};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, BackendError, Batch, Change, Durability, Keyspace, PutAll, Scan};
use treering::proofs::Proof;
use treering::{CreateOptions, Database, OpenOptions, Order, Tree};

const VERSIONS: u64 = 23;
const KEYS: u64 = 600;

/// The operations of a version.
fn block(version: u64) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut numbers = Numbers(version);
    let mut operation = |_| {
        let key = numbers.below(KEYS).to_be_bytes().to_vec();
        (key, (numbers.below(4) > 0).then(|| numbers.next().to_be_bytes().repeat(3)))
    };
    (0..150).map(&mut operation).collect()
}

/// What each version must be: its contents, and the tree that a tree without a disk comes to.
struct Expected {
    versions: BTreeMap<u64, (Model, Tree)>,
}

impl Expected {
    fn new() -> Self {
        let (mut tree, mut model, mut versions) = (Tree::new(), Model::new(), BTreeMap::new());
        for version in 1..=VERSIONS {
            for (key, value) in block(version) {
                if let Some(value) = value {
                    tree.set(&key, &value).unwrap();
                    model.insert(key, value);
                } else {
                    tree.remove(&key).unwrap();
                    model.remove(&key);
                }
            }
            let _ = tree.save().unwrap();
            versions.insert(version, (model.clone(), tree.clone()));
        }
        Self { versions }
    }

    /// Everything that a version says is right, and proven as by the tree in memory.
    fn compare(&self, database: &Database, version: u64) {
        let (model, tree) = &self.versions[&version];
        let snapshot = database.snapshot("s", Some(version)).unwrap();
        assert_eq!(Some(snapshot.root_hash()), tree.root_hash());
        for number in (0..KEYS).step_by(37) {
            let key = number.to_be_bytes();
            assert_eq!(snapshot.get(&key).unwrap(), model.get(&key[..]).cloned(), "version {version}");
            let proof: Proof = snapshot.prove(&key).unwrap();
            assert_eq!(proof.to_bytes().unwrap(), tree.prove(&key).unwrap().to_bytes().unwrap());
        }
        let bounds = (Bound::Included(50u64.to_be_bytes().to_vec()), Bound::Excluded(400u64.to_be_bytes().to_vec()));
        let scanned: Model = snapshot.scan(bounds.0.clone(), bounds.1.clone(), Order::Descending).map(Result::unwrap).collect();
        assert_eq!(scanned, model.range(bounds).map(|(key, value)| (key.clone(), value.clone())).collect());
        let names: Vec<_> = snapshot.tree().export().unwrap().map(Result::unwrap).collect();
        assert_eq!(names, tree.export().unwrap().map(Result::unwrap).collect::<Vec<_>>(), "the same nodes, of the same versions");
    }
}

fn save_all(database: &Database, from: u64) {
    let mut store = database.store_or_new("s").unwrap();
    for version in from..=VERSIONS {
        let operations = block(version);
        let operations: Vec<_> = operations.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
        store.apply(&operations).unwrap();
        assert_eq!(store.save_version().unwrap().version, version);
    }
}

fn open(backend: &Arc<FaultyBackend>, checkpoint_interval: u64, cache_size: u64) -> Database {
    let options = OpenOptions { checkpoint_interval, cache_size, ..OpenOptions::default() };
    Database::open_on(Arc::clone(backend) as Arc<dyn Backend>, &options).unwrap()
}

#[test]
fn every_version_is_the_same_whichever_are_checkpoints() {
    let expected = Expected::new();
    for interval in [1, 2, 7, VERSIONS - 1, VERSIONS, 1000] {
        for cache_size in [1 << 30, 1 << 16] {
            let backend = FaultyBackend::new();
            let database = open(&backend, interval, cache_size);
            save_all(&database, 1);
            // Newest first, so that what is computed for one version is not there yet for the one before.
            (1..=VERSIONS).rev().for_each(|version| expected.compare(&database, version));
            // Killed: nothing of what closing does is done.
            backend.fail_after(0);
            drop(database);
            backend.heal();
            for interval in [1, 5] {
                let database = open(&backend, interval, cache_size);
                (1..=VERSIONS).for_each(|version| expected.compare(&database, version));
                database.check(&mut |_| {}).unwrap();
                database.store("s").unwrap();
                database.close().unwrap();
                let newest = [&b"p\0\0\0\0"[..], &VERSIONS.to_be_bytes()].concat();
                let checkpoints = backend.records(Keyspace::Commits).into_iter().filter(|(key, _)| key[0] == b'p');
                assert_eq!(checkpoints.map(|(key, _)| key).max(), Some(newest), "closing makes the newest version a checkpoint");
            }
            let database = open(&backend, 1, cache_size);
            (1..=VERSIONS).for_each(|version| expected.compare(&database, version));
            assert_eq!(database.check(&mut |_| {}).unwrap().versions, VERSIONS);
        }
    }
}

#[test]
fn going_on_after_a_crash_at_any_write_gives_the_same_versions() {
    let expected = Expected::new();
    for interval in [1, 3] {
        for writes in 0..=3 * i64::try_from(VERSIONS).unwrap() {
            let backend = FaultyBackend::new();
            let database = open(&backend, interval, 1 << 30);
            database.create_store("s").unwrap();
            backend.fail_after(writes);
            let mut store = database.store("s").unwrap();
            let mut saved = 0;
            while saved < VERSIONS {
                let operations = block(saved + 1);
                let operations: Vec<_> = operations.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
                if store.apply(&operations).is_err() || store.save_version().is_err() {
                    break;
                }
                saved += 1;
            }
            drop(store);
            drop(database);
            backend.heal();
            let database = open(&backend, interval, 1 << 30);
            let there = database.versions("s").unwrap().last().map_or(0, |info| info.version);
            assert!(there >= saved, "version {saved} was saved, {there} is there");
            save_all(&database, there + 1);
            for version in [1, saved.max(1), VERSIONS] {
                expected.compare(&database, version);
            }
            database.wait_until_flushed().unwrap();
            database.check(&mut |_| {}).unwrap();
        }
    }
}

/// A backend whose writes in the background take long, and which watches how far they are behind.
struct SlowBackend {
    inner: MemoryBackend,
    newest: Mutex<[u64; 2]>,
    most_behind: AtomicU64,
}

impl Backend for SlowBackend {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        self.inner.scan(keyspace, from, to, order)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.inner.write(batch, durability)?;
        for (keyspace, change) in batch.changes() {
            if let (Keyspace::Commits, Change::Put { key: [kind @ (b'v' | b'p'), _, _, _, _, version @ ..], .. }) = (keyspace, change) {
                let mut newest = self.newest.lock().unwrap();
                newest[usize::from(*kind == b'p')] = u64::from_be_bytes(version.try_into().unwrap());
                self.most_behind.fetch_max(newest[0] - newest[1], Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn ingest(&self, keyspace: Keyspace, pairs: &mut PutAll<'_>) -> Result<(), BackendError> {
        thread::sleep(Duration::from_millis(5));
        self.inner.ingest(keyspace, pairs)
    }

    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

#[test]
fn commits_wait_when_flushing_falls_behind() {
    for (cache_size, most) in [(1 << 30, 1000), (1 << 20, 12), (0, 2)] {
        let inner = MemoryBackend::new();
        Database::create_on(&inner, &CreateOptions::default()).unwrap();
        let backend = Arc::new(SlowBackend { inner, newest: Mutex::default(), most_behind: AtomicU64::new(0) });
        let options = OpenOptions { cache_size, ..OpenOptions::default() };
        let database = Database::open_on(Arc::clone(&backend) as Arc<dyn Backend>, &options).unwrap();
        save_all(&database, 1);
        database.wait_until_flushed().unwrap();
        let behind = backend.most_behind.load(Ordering::Relaxed);
        assert!((1..=most).contains(&behind), "{behind} versions were behind with {cache_size} bytes of memory");
        assert!(most < 1000 || behind > 12, "with room commits do not wait, yet only {behind} versions were behind");
    }
}
