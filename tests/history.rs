//! The history of what was saved, and the check of all databases, against a model.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use common::Numbers;
use treering::config::{Config, Key, MultiStoreConfig, Settings};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Access, Backend, BackendError, Batch, Capabilities, Durability, Engine, Keyspace};
use treering::event::Event;
use treering::{HistoryEntry, HistoryMark, Keep, MultiStore, Order, Store, Versioned};

const STORES: [(&str, &str); 4] = [("a", "rocksdb"), ("b", "rocksdb"), ("c", "file"), ("d", "memory")];

/// A saved version: of a store, or (`None`) of all.
type Saved = (Option<String>, u64);

fn told(entry: &HistoryEntry) -> Saved {
    match &entry.event {
        Event::VersionSaved(saved) => (Some(saved.store.clone()), saved.version),
        Event::MultistoreVersionSaved(saved) => (None, saved.version),
        other => panic!("{other:?}"),
    }
}

/// What was saved, in order, as far as it is kept.
#[derive(Default)]
struct Model {
    saved: Vec<Saved>,
    /// The versions of the stores in each version of the whole.
    wholes: BTreeMap<u64, BTreeMap<String, u64>>,
}

impl Model {
    fn save_all(&mut self, stores: &MultiStore) {
        let saved = stores.save_version().unwrap();
        let parts: BTreeMap<String, u64> = saved.stores.iter().map(|part| (part.name.clone(), part.version)).collect();
        self.saved.extend(parts.iter().map(|(name, version)| (Some(name.clone()), *version)));
        self.saved.push((None, saved.version));
        self.wholes.insert(saved.version, parts);
    }

    fn roll_back(&mut self, to: u64) {
        self.wholes.retain(|version, _| *version <= to);
        let parts = &self.wholes[&to];
        self.saved.retain(|(store, version)| *version <= store.as_ref().map_or(to, |store| parts[store]));
    }

    /// Takes what the databases say is left after a pruning.
    fn prune(&mut self, stores: &MultiStore) {
        let wholes: Vec<u64> = stores.list_versions().unwrap().iter().map(|saved| saved.version).collect();
        self.wholes.retain(|version, _| wholes.contains(version));
        self.saved.retain(|(store, version)| match store {
            None => wholes.contains(version),
            Some(store) => stores.get_store(store).unwrap().snapshot(Some(*version)).is_ok(),
        });
    }

    /// Whether a history is this, in an order that could have been.
    fn check(&self, history: &[HistoryEntry], seed: u64) {
        let listed: Vec<Saved> = history.iter().map(told).collect();
        let (mut sorted, mut expected) = (listed.clone(), self.saved.clone());
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected, "seed {seed}");
        for engine in ["rocksdb", "file", "memory"] {
            // The home's stores have one order with the versions of the whole; each other engine has an order of its own.
            let is_of = |saved: &&Saved| saved.0.as_ref().map_or(engine == "rocksdb", |name| STORES.contains(&(name.as_str(), engine)));
            let of = |all: &[Saved]| all.iter().filter(is_of).cloned().collect::<Vec<_>>();
            assert_eq!(of(&listed), of(&self.saved), "seed {seed}, {engine}");
        }
        for (version, parts) in &self.wholes {
            let place = |saved: &Saved| listed.iter().position(|other| other == saved);
            let whole = place(&(None, *version));
            assert!(parts.iter().all(|(store, version)| place(&(Some(store.clone()), *version)) < whole), "seed {seed}, version {version}");
        }
        assert!(history.windows(2).all(|pair| pair[0].commit <= pair[1].commit), "seed {seed}");
    }
}

fn run(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let stores = MultiStore::create(folder.path().join("trees")).unwrap();
    for (name, engine) in STORES {
        stores.create_store(name, Some(engine), &Config::new()).unwrap();
    }
    let mut numbers = Numbers(seed);
    let mut model = Model::default();
    let mut mark = HistoryMark::default();
    for _ in 0..60 {
        let (name, _) = STORES[usize::try_from(numbers.below(4)).unwrap()];
        let store = stores.get_store(name).unwrap();
        store.set(&numbers.below(20).to_be_bytes(), &numbers.next().to_be_bytes()).unwrap();
        let mut new = 1;
        match numbers.below(12) {
            0..=4 => {
                let saved = store.save_version().unwrap();
                model.saved.push((Some(name.to_owned()), saved.version));
            }
            5..=9 => {
                model.save_all(&stores);
                new = STORES.len() + 1;
            }
            10 if !model.wholes.is_empty() => {
                let kept: Vec<u64> = model.wholes.keys().copied().collect();
                let to = kept[usize::try_from(numbers.below(kept.len() as u64)).unwrap()];
                stores.rollback_to(to).unwrap();
                model.roll_back(to);
                new = 0;
            }
            _ => {
                stores.prune(&Keep::Last(1 + numbers.below(4))).unwrap();
                model.prune(&stores);
                new = 0;
            }
        }
        let (history, _) = stores.history(&HistoryMark::default()).unwrap();
        model.check(&history, seed);
        // Who goes on from a mark sees just what is new.
        let (next, after) = stores.history(&mark).unwrap();
        assert_eq!(next.len(), new, "seed {seed}: {:?}", next.iter().map(told).collect::<Vec<_>>());
        assert!(next.iter().zip(model.saved.iter().rev().take(new).rev()).all(|(entry, saved)| entry_is(entry, saved, new)), "seed {seed}");
        mark = after;
    }
    let checked = stores.check(&mut |_| {}).unwrap();
    let versions = model.saved.iter().filter(|(store, _)| store.is_some()).count() as u64;
    assert_eq!((checked.stores, checked.versions), (4, versions));
    let engines: Vec<String> = stores.stats().unwrap().into_iter().map(|(engine, _)| engine).collect();
    assert_eq!(engines, ["file", "memory", "rocksdb"]);
}

/// Stores that are saved together have no order among them.
fn entry_is(entry: &HistoryEntry, saved: &Saved, new: usize) -> bool {
    if new == 1 { told(entry) == *saved } else { told(entry).0.is_none() == saved.0.is_none() }
}

#[test]
fn what_was_saved_is_told_once_and_in_order_whatever_happens() {
    for seed in 0..6 {
        run(seed);
    }
}

#[test]
fn the_operations_of_every_version_give_its_root_again() {
    let stores = MultiStore::in_memory().unwrap();
    let store = stores.create_store("forest", None, &Config::new()).unwrap();
    let mut numbers = Numbers(5);
    for _ in 0..20 {
        for _ in 0..numbers.below(30) {
            let key = numbers.below(40).to_be_bytes();
            if numbers.below(3) == 0 { store.delete(&key).unwrap() } else { store.set(&key, &numbers.next().to_be_bytes()).unwrap() }
        }
        store.save_version().unwrap();
    }
    let copy = MultiStore::in_memory().unwrap().create_store("copy", None, &Config::new()).unwrap();
    for info in store.list_versions().unwrap() {
        let mut apply = |key: &[u8], value: Option<&[u8]>| match value {
            Some(value) => copy.set(key, value).unwrap(),
            None => copy.delete(key).unwrap(),
        };
        store.snapshot(Some(info.version)).unwrap().changes(&mut apply).unwrap();
        assert_eq!(copy.save_version().unwrap().root_hash, info.root_hash, "version {}", info.version);
    }
}

/// Keeps its one database while the process lives.
struct Kept(Arc<MemoryBackend>);

impl Engine for Kept {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { persistence: true, ..Capabilities::TREE }
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }

    fn open(&self, _: &Path, _: Access, _: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        Ok(Arc::clone(&self.0) as Arc<dyn Backend>)
    }
}

#[test]
fn a_damaged_store_is_named_as_its_users_know_it() {
    use std::sync::Arc;
    let backend = Arc::new(MemoryBackend::new());
    let config = MultiStoreConfig::new("").with_default_engine("memory");
    let stores = MultiStore::builder(config).engine(Arc::new(Kept(Arc::clone(&backend)))).create().unwrap();
    let bank = stores.create_store("bank", Some("kept"), &Config::new()).unwrap();
    bank.set(b"alice", b"100").unwrap();
    stores.save_version().unwrap();
    stores.check(&mut |step| assert_eq!(step.store, "bank")).unwrap();

    let (key, _) = backend.scan(Keyspace::Log, &[], None, Order::Ascending).next().unwrap().unwrap();
    let mut batch = Batch::new();
    batch.delete(Keyspace::Log, key);
    backend.write(&batch, Durability::Buffered).unwrap();
    let error = stores.check(&mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("version 1 of store \"bank\": its log is missing"), "{error}");
}
