//! Opening after a crash that left much in the log: values, versions and root hashes are there before the trees are, and are the same after.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;
#[path = "common/engine.rs"]
mod engine;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use common::{FaultyBackend, Model, Numbers};
use engine::TestEngine;
use tempfile::TempDir;
use treering::config::{Config, MultiStoreConfig};
use treering::engine::{Backend, BackendError, Batch, Durability, Keyspace, Scan};
use treering::{Error, Hash, MultiStore, Order, Provable, SharedStore, Store, Tree, Versioned};

const KEYS: u64 = 400;
const STORES: [&str; 2] = ["bank", "gov"];

fn key(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// What the stores are, held beside them.
#[derive(Clone, Default)]
struct Expected {
    models: [Model; 2],
    trees: [Option<Tree>; 2],
    /// By version, from the first: of each store the contents and the root hash.
    versions: Vec<[(Model, Hash); 2]>,
    app_hashes: Vec<Hash>,
}

impl Expected {
    /// Does the operations of the next version on both, 150 KB of log for each store.
    fn block(&mut self, stores: &MultiStore) -> treering::Result<()> {
        let mut numbers = Numbers(self.versions.len() as u64 + 1);
        for (index, name) in STORES.iter().enumerate() {
            let store = stores.get_store(name).unwrap();
            let tree = self.trees[index].get_or_insert_default();
            for _ in 0..150 {
                let key = key(numbers.below(KEYS));
                if numbers.below(4) == 0 {
                    store.delete(&key)?;
                    tree.remove(&key).unwrap();
                    self.models[index].remove(&key);
                } else {
                    let value = numbers.next().to_be_bytes().repeat(150);
                    store.set(&key, &value)?;
                    tree.set(&key, &value).unwrap();
                    self.models[index].insert(key, value);
                }
            }
        }
        Ok(())
    }

    /// The next version was saved.
    fn is_saved(&mut self, app_hash: Hash) {
        let of = |index: usize, tree: &mut Option<Tree>| (self.models[index].clone(), tree.as_mut().unwrap().save().unwrap().root_hash);
        let [first, second] = &mut self.trees;
        self.versions.push([of(0, first), of(1, second)]);
        self.app_hashes.push(app_hash);
    }

    fn root(&self, version: u64, index: usize) -> Hash {
        self.versions[usize::try_from(version).unwrap() - 1][index].1
    }

    fn newest(&self) -> u64 {
        self.versions.len() as u64
    }

    /// Asks for every key of a store.
    fn compare_values(&self, index: usize, store: &SharedStore) {
        for number in 0..KEYS {
            let (key, newest) = (key(number), &self.versions[self.versions.len() - 1][index].0);
            assert_eq!(store.get(&key).unwrap().as_ref(), newest.get(&key));
            assert_eq!(store.has(&key).unwrap(), newest.contains_key(&key));
            let set_in = |model: &Model| model.get(&key) == newest.get(&key);
            let dated = store.get_with_version(&key).unwrap();
            assert_eq!(dated.as_ref().map(|(value, _)| value), newest.get(&key));
            let Some((_, version)) = dated else { continue };
            let since = self.versions.iter().rposition(|version| !set_in(&version[index].0)).map_or(1, |before| before as u64 + 2);
            assert_eq!(version, Some(since), "the values are random, so that it was set where it came to be");
        }
        let keys: Vec<_> = (0..KEYS).map(key).collect();
        let one_by_one: Vec<_> = keys.iter().map(|key| store.get_with_version(key).unwrap()).collect();
        assert_eq!(store.get_many(&keys).unwrap(), one_by_one);
    }

    /// All that needs no tree.
    fn compare_without_tree(&self, index: usize, store: &SharedStore) {
        self.compare_values(index, store);
        let newest = store.newest_version().unwrap().unwrap();
        assert_eq!((newest.version, newest.root_hash), (self.newest(), self.versions[self.versions.len() - 1][index].1));
        assert_eq!(store.current_version().unwrap(), self.newest());
        assert!(!store.is_changed().unwrap());
        let roots: Vec<Hash> = store.list_versions().unwrap().iter().map(|version| version.root_hash).collect();
        assert_eq!(roots, self.versions.iter().map(|version| version[index].1).collect::<Vec<_>>());
    }

    /// All that needs the tree, at every version.
    fn compare_with_tree(&self, index: usize, store: &SharedStore) {
        assert_eq!(store.working_hash().unwrap(), self.versions[self.versions.len() - 1][index].1);
        for (version, expected) in (1..).zip(&self.versions) {
            let (model, root) = &expected[index];
            let snapshot = store.snapshot(Some(version)).unwrap();
            assert_eq!(snapshot.root_hash(), *root);
            let scanned = snapshot.tree().iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())));
            assert_eq!(scanned.collect::<Result<Model, _>>().unwrap(), *model);
            let key = key(7);
            let proof = store.prove_at(&key, version).unwrap();
            let evidence = proof.verify(treering::HashFunction::Sha256, root, &key).unwrap();
            assert_eq!(evidence.value(), model.get(&key).map(Vec::as_slice));
        }
    }
}

/// A folder with the manifest, and the backend of its engine.
struct Machine {
    folder: TempDir,
    backend: Arc<FaultyBackend>,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap(), backend: FaultyBackend::new() };
        let stores = machine.builder(1).create().unwrap();
        for name in STORES {
            stores.create_store(name, None, &Config::default()).unwrap();
        }
        stores.close_all().unwrap();
        machine
    }

    fn builder(&self, checkpoint_interval: u64) -> treering::MultiStoreBuilder {
        self.builder_on(Arc::clone(&self.backend), checkpoint_interval)
    }

    fn builder_on<B: Backend + 'static>(&self, backend: Arc<B>, checkpoint_interval: u64) -> treering::MultiStoreBuilder {
        let text = format!(
            r#"{{"rootPath": {:?}, "defaultEngine": "test", "engineConfigs": {{"test": {{"checkpoint_interval": {checkpoint_interval}}}}}}}"#,
            self.folder.path().to_str().unwrap()
        );
        MultiStore::builder(MultiStoreConfig::from_json(&text).unwrap()).engine(Arc::new(TestEngine { name: "test", backend }))
    }

    /// Stores as a crash left them that took of their indexes all writes but the first `left`. All versions are checkpoints.
    fn with_index_set_back(versions: u64, left: usize) -> (Self, Expected) {
        let mut machine = Self::new();
        machine.backend.lose_derived();
        let mut expected = Expected::default();
        let stores = machine.builder(1).open().unwrap();
        save(&stores, &mut expected, versions);
        let checkpoints =
            |backend: &FaultyBackend| backend.records(Keyspace::Commits).iter().filter(|(key, _)| key[0] == b'p').count() as u64;
        while checkpoints(&machine.backend) < versions * STORES.len() as u64 {
            thread::yield_now();
        }
        let crashed = machine.backend.crashed(left);
        drop(stores);
        machine.backend = crashed;
        (machine, expected)
    }

    /// Stores as a crash left them after so many versions, of which those up to `flushed` are checkpoints.
    fn crashed(versions: u64, flushed: u64) -> (Self, Expected) {
        let mut machine = Self::new();
        let mut expected = Expected::default();
        let stores = machine.builder(1).open().unwrap();
        save(&stores, &mut expected, flushed);
        stores.close_all().unwrap();
        let stores = machine.builder(1_000).open().unwrap();
        save(&stores, &mut expected, versions - flushed);
        // Nothing is written in the background meanwhile; closing is, to what nobody looks at any more.
        let left = machine.backend.copy();
        drop(stores);
        machine.backend = left;
        (machine, expected)
    }
}

fn save(stores: &MultiStore, expected: &mut Expected, count: u64) {
    for _ in 0..count {
        expected.block(stores).unwrap();
        expected.is_saved(stores.save_version().unwrap().app_hash);
    }
}

fn each_store(stores: &MultiStore) -> impl Iterator<Item = (usize, SharedStore)> {
    STORES.iter().map(|name| stores.get_store(name).unwrap()).enumerate()
}

#[test]
fn everything_is_answered_before_the_trees_are_there_and_after() {
    for flushed in [0_u64, 3, 6] {
        let (machine, expected) = Machine::crashed(7, flushed);
        // Nothing is done in the background where nothing may be written.
        let stores = machine.builder(1).read_only().open().unwrap();
        assert_eq!(stores.newest_version().unwrap().unwrap().app_hash, expected.app_hashes[6]);
        assert_eq!(stores.list_versions().unwrap().len(), 7);
        for (index, store) in each_store(&stores) {
            assert!(!store.is_idle(), "flushed {flushed}: the tree is there already, so this shows nothing");
            expected.compare_without_tree(index, &store);
            if flushed > 0 {
                assert_eq!(store.snapshot(Some(flushed)).unwrap().root_hash(), expected.root(flushed, index));
            }
            assert!(!store.is_idle(), "none of this needs the tree");
            expected.compare_with_tree(index, &store);
            assert!(store.is_idle());
            expected.compare_without_tree(index, &store);
        }
        let whole = stores.snapshot(None).unwrap();
        assert_eq!(whole.app_hash(), expected.app_hashes[6]);
    }
}

#[test]
fn a_snapshot_of_the_whole_has_the_trees_computed() {
    let (machine, expected) = Machine::crashed(4, 1);
    let stores = machine.builder(1).read_only().open().unwrap();
    let whole = stores.snapshot(Some(2)).unwrap();
    for (index, name) in STORES.iter().enumerate() {
        assert_eq!(whole.store(name).unwrap().root_hash(), expected.versions[1][index].1);
        assert_eq!(whole.store(name).unwrap().get(&key(3)).unwrap().as_ref(), expected.versions[1][index].0.get(&key(3)));
    }
}

#[test]
fn little_is_done_at_once() {
    let machine = Machine::new();
    let stores = machine.builder(1_000).open().unwrap();
    stores.get_store("bank").unwrap().set(b"oak", b"1").unwrap();
    stores.save_version().unwrap();
    let left = machine.backend.copy();
    drop(stores);
    let stores = machine.builder_on(left, 1).read_only().open().unwrap();
    assert!(each_store(&stores).all(|(_, store)| store.is_idle()));
    assert_eq!(stores.get_store("bank").unwrap().get(b"oak").unwrap().unwrap(), b"1");
}

#[test]
fn work_goes_on_as_if_nothing_had_happened() {
    let (machine, mut expected) = Machine::crashed(5, 2);
    let stores = machine.builder(1).open().unwrap();
    // Readers while the trees are computed in the background, or by whoever comes first.
    thread::scope(|scope| {
        for (index, store) in each_store(&stores) {
            let expected = &expected;
            for _ in 0..2 {
                let store = store.clone();
                scope.spawn(move || expected.compare_without_tree(index, &store));
            }
        }
    });
    save(&stores, &mut expected, 3);
    for (index, store) in each_store(&stores) {
        assert!(store.is_idle());
        expected.compare_without_tree(index, &store);
        expected.compare_with_tree(index, &store);
    }
    stores.check(&mut |_| {}).unwrap();
    stores.close_all().unwrap();
    let stores = machine.builder(1).open().unwrap();
    each_store(&stores).for_each(|(index, store)| expected.compare_with_tree(index, &store));
}

#[test]
fn a_crash_in_the_middle_of_a_flush_leaves_the_right_values() {
    // Nodes, index, orphans and the record of a checkpoint are written one after another: each of these writes is the last one in turn.
    let mut was_ahead = 0;
    for writes in 0..20 {
        let (mut machine, mut expected) = Machine::crashed(3, 1);
        let stores = machine.builder(1).open().unwrap();
        for (_, store) in each_store(&stores) {
            store.working_hash().unwrap();
        }
        machine.backend.fail_after(writes);
        for _ in 0..2 {
            match expected.block(&stores).and_then(|()| stores.save_version()) {
                Ok(saved) => expected.is_saved(saved.app_hash),
                Err(Error::Poisoned { .. } | Error::Engine(_)) => break,
                Err(other) => panic!("{other}"),
            }
        }
        drop(stores);
        machine.backend = machine.backend.copy();
        let stores = machine.builder(1).read_only().open().unwrap();
        // A save that failed may have come to pass.
        if stores.newest_version().unwrap().unwrap().version != expected.newest() {
            continue;
        }
        for (index, store) in each_store(&stores) {
            was_ahead += u64::from(!store.is_idle());
            expected.compare_values(index, &store);
            expected.compare_with_tree(index, &store);
        }
    }
    assert!(was_ahead >= 12, "{was_ahead} stores were looked at before their trees were there");
}

#[test]
fn an_index_that_a_crash_set_back_is_brought_forward() {
    for left in [0, 1, 4, 9, 100] {
        let (machine, mut expected) = Machine::with_index_set_back(5, left);
        let stores = machine.builder(1).read_only().open().unwrap();
        let writes = machine.backend.writes.load(Ordering::SeqCst);
        stores.check(&mut |_| {}).unwrap();
        let mut were_behind = 0;
        for (index, store) in each_store(&stores) {
            were_behind += usize::from(!store.is_idle());
            expected.compare_without_tree(index, &store);
            expected.compare_with_tree(index, &store);
            assert!(store.is_idle());
            expected.compare_without_tree(index, &store);
        }
        stores.check(&mut |_| {}).unwrap();
        // There are ten writes, one a version and store.
        let expected_behind = [2, 1, 0][usize::from(left >= 9) + usize::from(left >= 10)];
        assert_eq!(were_behind, expected_behind, "left {left}");
        assert_eq!(machine.backend.writes.load(Ordering::SeqCst), writes, "nothing may be written");
        drop(stores);
        let stores = machine.builder(1).open().unwrap();
        each_store(&stores).for_each(|(index, store)| expected.compare_without_tree(index, &store));
        save(&stores, &mut expected, 2);
        for (index, store) in each_store(&stores) {
            expected.compare_without_tree(index, &store);
            expected.compare_with_tree(index, &store);
        }
        stores.check(&mut |_| {}).unwrap();
        stores.close_all().unwrap();
        let index = |backend: &FaultyBackend| backend.records(Keyspace::Latest);
        let again = Machine::new();
        let stores = again.builder(1).open().unwrap();
        save(&stores, &mut Expected::default(), expected.newest());
        stores.close_all().unwrap();
        assert!(index(&machine.backend) == index(&again.backend), "left {left}: the same as if there had been no crash");
    }
}

/// Bringing the index forward is interrupted after each write in turn, and is done by the next opening.
#[test]
fn a_crash_while_the_index_is_brought_forward_loses_nothing() {
    for writes in 0..6 {
        let (mut machine, expected) = Machine::with_index_set_back(5, 1);
        machine.backend.fail_after(writes);
        // Opening works in the background, so that it fails now or later, or not at all.
        if let Ok(stores) = machine.builder(1).open() {
            each_store(&stores).for_each(|(_, store)| drop(store.working_hash()));
        }
        machine.backend = machine.backend.crashed(usize::try_from(writes).unwrap());
        let stores = machine.builder(1).open().unwrap();
        for (index, store) in each_store(&stores) {
            expected.compare_without_tree(index, &store);
            expected.compare_with_tree(index, &store);
        }
        stores.check(&mut |_| {}).unwrap();
    }
}

#[test]
fn damage_is_told_to_everyone_who_asks() {
    let (machine, expected) = Machine::crashed(5, 1);
    let logs = machine.backend.records(Keyspace::Log);
    let (at, mut record) = logs[logs.len() - 3].clone();
    let middle = record.len() / 2;
    record[middle] ^= 1;
    machine.backend.put(Keyspace::Log, &at, record);
    for is_read_only in [true, false] {
        let builder = machine.builder(1);
        let stores = if is_read_only { builder.read_only() } else { builder }.open().unwrap();
        let mut damaged = 0;
        for (index, store) in each_store(&stores) {
            assert_eq!(store.list_versions().unwrap().len(), 5);
            assert_eq!(store.newest_version().unwrap().unwrap().root_hash, expected.versions[4][index].1);
            for _ in 0..2 {
                let errors =
                    [store.get(&key(1)).err(), store.working_hash().err(), store.set(b"k", b"v").err(), store.snapshot(None).err()];
                for error in errors.into_iter().flatten().filter(|error| !matches!(error, Error::ReadOnly)) {
                    let Error::Damaged { record, what } = error else { panic!("{error}") };
                    assert!(record.ends_with("of log"), "{record}");
                    assert!(what.contains("checksum"), "{what}");
                    damaged += 1;
                }
            }
        }
        assert_eq!(damaged, 8, "of one of the two stores");
    }
}

/// Lets reads of the log take a while.
struct SlowLog {
    inner: Arc<FaultyBackend>,
    reads: AtomicU64,
}

impl Backend for SlowLog {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        if keyspace == Keyspace::Log {
            self.reads.fetch_add(1, Ordering::SeqCst);
            thread::sleep(std::time::Duration::from_millis(20));
        }
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        self.inner.scan(keyspace, from, to, order)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.inner.write(batch, durability)
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.inner.flush()
    }
}

#[test]
fn closing_does_not_wait_for_trees_that_nobody_needs_any_more() {
    const VERSIONS: u64 = 60;
    let (machine, _) = Machine::crashed(VERSIONS, 1);
    let slow = Arc::new(SlowLog { inner: Arc::clone(&machine.backend), reads: AtomicU64::new(0) });
    let stores = machine.builder_on(Arc::clone(&slow), 1).open().unwrap();
    let kept = stores.get_store("gov").unwrap();
    drop(stores);
    let reads = slow.reads.load(Ordering::SeqCst);
    assert!(reads < VERSIONS, "{reads} of {} log records were read", 2 * (VERSIONS - 1));
    // The store of a handle that lives on goes on.
    assert!(!kept.is_idle());
    kept.set(b"k", b"v").unwrap();
    assert_eq!(kept.save_version().unwrap().version, VERSIONS + 1);
    drop(kept);

    let stores = machine.builder_on(slow, 1).open().unwrap();
    let bank = stores.get_store("bank").unwrap();
    stores.close_all().unwrap();
    assert!(matches!(bank.get(b"k"), Err(Error::Closed { .. })));
    assert!(bank.is_closed());
}

#[test]
fn a_store_that_was_closed_before_its_tree_was_there_is_opened_again() {
    let (machine, expected) = Machine::crashed(5, 1);
    let stores = machine.builder(1).read_only().open().unwrap();
    let bank = stores.get_store("bank").unwrap();
    assert!(!bank.is_idle());
    bank.close().unwrap();
    assert!(matches!(bank.get(&key(1)), Err(Error::Closed { .. })));
    let again = stores.get_store("bank").unwrap();
    expected.compare_without_tree(0, &again);
    expected.compare_with_tree(0, &again);
}
