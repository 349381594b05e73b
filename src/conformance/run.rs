//! A random run of stores on an engine, beside maps and a tree.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::path::PathBuf;
use std::sync::Arc;

use treering_tree::{Options, Order, Tree};

use super::must;
use crate::config::{Config, MultiStoreConfig};
use crate::engine::{Engine, Registry};
use crate::error::Error;
use crate::multistore::MultiStore;
use crate::persist::prune::Keep;
use crate::store::{RangeQueryable, SharedStore, Store, Transactional, Versioned};
use treering_proofs::Hash;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A version as it was saved.
struct Kept {
    contents: Model,
    root: Hash,
    app_hash: Hash,
    tree: Tree,
}

struct Run<'a> {
    engine: &'a Arc<dyn Engine>,
    folder: PathBuf,
    stores: MultiStore,
    store: SharedStore,
    working: Model,
    tree: Tree,
    versions: BTreeMap<u64, Kept>,
    random: Random,
    what: String,
}

/// A small source of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    /// Few keys, some with a long common beginning, one empty.
    fn key(&mut self) -> Vec<u8> {
        match self.below(60) {
            0 => Vec::new(),
            n @ 1..30 => format!("a long common beginning/{n:03}").into_bytes(),
            n => n.to_be_bytes().to_vec(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        let length = if self.below(20) == 0 { 40_000 } else { self.below(40) };
        (0..length).map(|_| u8::try_from(self.below(256)).unwrap_or_default()).collect()
    }
}

pub(super) fn check(engine: &Arc<dyn Engine>, seed: u64, steps: u64) {
    let folder = must(tempfile::tempdir(), "making a temporary folder");
    let path = if engine.capabilities().persistence { folder.path().join("stores") } else { PathBuf::new() };
    let what = format!("engine {} (TREERING_SEED={seed})", engine.name());
    let stores = must(builder(engine, &path).create(), &what);
    let store = must(stores.create_store("s", None, &Config::new()), &what);
    let tree = must(Tree::with_options(Options::default()), &what);
    let (working, versions, random) = (Model::new(), BTreeMap::new(), Random(seed));
    let mut run = Run { engine, folder: path, stores, store, working, tree, versions, random, what };
    for _ in 0..steps {
        run.step();
    }
    run.long_key();
    run.save();
    run.compare_all();
    run.retention();
    must(run.stores.close_all(), &run.what);
}

fn builder(engine: &Arc<dyn Engine>, path: &PathBuf) -> crate::multistore::MultiStoreBuilder {
    let builder = MultiStore::builder(MultiStoreConfig::new(path).with_default_engine(engine.name()));
    let is_compiled_in = Registry::with_compiled_in().get(engine.name()).is_ok();
    if is_compiled_in { builder } else { builder.engine(Arc::clone(engine)) }
}

impl Run<'_> {
    /// The longest key there may be is kept, or refused before it does any harm.
    fn long_key(&mut self) {
        let key = vec![7; treering_tree::MAX_KEY_LEN];
        match self.store.set(&key, b"long") {
            Ok(()) => self.note(&key, Some(b"long".to_vec())),
            Err(Error::KeyTooLong { max, .. }) => {
                let key = vec![7; max];
                must(self.store.set(&key, b"long"), &self.what);
                self.note(&key, Some(b"long".to_vec()));
            }
            Err(error) => panic!("{}: {error}", self.what),
        }
    }

    /// Versions go by number, but for milestones.
    fn retention(&self) {
        let config = Config::new().with("max_versions", 3).with("keep_every", 4);
        let store = must(self.stores.create_store("few", None, &config), &self.what);
        let mut saved = Vec::new();
        for number in 0..9u8 {
            must(store.set(b"number", &[number]), &self.what);
            saved.push(must(store.as_versioned().and_then(Versioned::save_version), &self.what).version);
        }
        must(self.stores.prune_by_retention(), &self.what);
        let newest = saved.iter().rev().take(3).copied().collect::<Vec<_>>();
        saved.retain(|version| newest.contains(version) || version.is_multiple_of(4));
        let kept = must(store.list_versions(), &self.what).into_iter().map(|info| info.version).collect::<Vec<_>>();
        assert_eq!(kept, saved, "{}: the newest three versions and every fourth are kept", self.what);
    }

    fn step(&mut self) {
        match self.random.below(40) {
            0..20 => self.change(),
            20..28 => self.transaction(),
            28..34 => self.save(),
            34 => self.prune(),
            35 => self.roll_back(),
            36 => self.reopen(),
            37 => {
                must(self.store.as_versioned().and_then(Versioned::discard_changes), &self.what);
                self.back_to(self.versions.keys().next_back().copied());
            }
            _ => self.compare_ranges(),
        }
    }

    fn change(&mut self) {
        let (key, value) = (self.random.key(), self.random.value());
        if self.random.below(3) == 0 {
            must(self.store.delete(&key), &self.what);
            self.note(&key, None);
        } else {
            must(self.store.set(&key, &value), &self.what);
            self.note(&key, Some(value));
        }
        assert_eq!(must(self.store.get(&key), &self.what), self.working.get(&key).cloned(), "{}: what was set is there", self.what);
    }

    fn note(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        if let Some(value) = value {
            must(self.tree.set(key, &value), &self.what);
            self.working.insert(key.to_vec(), value);
        } else {
            must(self.tree.remove(key), &self.what);
            self.working.remove(key);
        }
    }

    /// A few changes in a transaction, some of them undone by a savepoint; committed or not.
    fn transaction(&mut self) {
        let tx = must(self.store.as_transactional().and_then(Transactional::begin_tx), &self.what);
        let mut changes = Vec::new();
        let savepoint = must(tx.savepoint(), &self.what);
        must(tx.set(b"undone", b"1"), &self.what);
        must(tx.rollback_to_savepoint(savepoint), &self.what);
        for _ in 0..self.random.below(6) {
            let (key, value) = (self.random.key(), self.random.value());
            must(tx.set(&key, &value), &self.what);
            changes.push((key, value));
        }
        if self.random.below(4) == 0 {
            return;
        }
        must(tx.commit(), &self.what);
        for (key, value) in changes {
            self.note(&key, Some(value));
        }
    }

    fn save(&mut self) {
        let saved = must(self.stores.save_version(), &self.what);
        let expected = must(self.tree.save(), &self.what);
        assert_eq!(
            saved.stores.first().map(|store| store.root_hash),
            Some(expected.root_hash),
            "{}: the root hash is the tree's",
            self.what
        );
        let kept = Kept { contents: self.working.clone(), root: expected.root_hash, app_hash: saved.app_hash, tree: self.tree.clone() };
        self.versions.insert(saved.version, kept);
    }

    fn prune(&mut self) {
        let count = 1 + self.random.below(4);
        must(self.stores.prune(&Keep::Last(count)), &self.what);
        while self.versions.len() as u64 > count {
            self.versions.pop_first();
        }
        self.compare_all();
    }

    fn roll_back(&mut self) {
        let place = self.random.below(self.versions.len().max(1) as u64);
        let Some(&version) = self.versions.keys().nth(usize::try_from(place).unwrap_or_default()) else { return };
        must(self.stores.rollback_to(version), &self.what);
        self.versions.retain(|&other, _| other <= version);
        self.back_to(Some(version));
        self.compare_all();
    }

    /// The working state is that of a version again.
    fn back_to(&mut self, version: Option<u64>) {
        let nothing = || (Model::new(), must(Tree::with_options(Options::default()), &self.what));
        let kept = version.and_then(|version| self.versions.get(&version));
        (self.working, self.tree) = kept.map_or_else(nothing, |kept| (kept.contents.clone(), kept.tree.clone()));
    }

    fn reopen(&mut self) {
        if !self.engine.capabilities().persistence {
            return;
        }
        must(self.stores.close_all(), &self.what);
        self.stores = must(builder(self.engine, &self.folder).open(), &self.what);
        self.store = must(self.stores.get_store("s"), &self.what);
        self.back_to(self.versions.keys().next_back().copied());
        self.compare_all();
    }

    fn compare_ranges(&mut self) {
        let (a, b) = (self.random.key(), self.random.key());
        let (start, end) = if a < b { (a, b) } else { (b, a) };
        for order in [Order::Ascending, Order::Descending] {
            let mut seen = Vec::new();
            let mut visit = |key: &[u8], value: &[u8]| {
                seen.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            };
            let bounds = (Bound::Included(start.as_slice()), Bound::Excluded(end.as_slice()));
            let ranges = must(self.store.as_range_queryable(), &self.what);
            must(RangeQueryable::iterate_range(ranges, bounds.0, bounds.1, order, &mut visit), &self.what);
            let mut expected: Vec<_> = self.working.range::<[u8], _>(bounds).map(|(key, value)| (key.clone(), value.clone())).collect();
            if order == Order::Descending {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{}: a range has its keys in order", self.what);
        }
    }

    /// Every version reads and proves as when it was saved.
    fn compare_all(&self) {
        let listed: Vec<_> = must(self.stores.list_versions(), &self.what).iter().map(|version| version.version).collect();
        assert_eq!(listed, self.versions.keys().copied().collect::<Vec<_>>(), "{}: the versions that are kept", self.what);
        let function = must(self.stores.hash_function(), &self.what);
        for (&version, kept) in &self.versions {
            let snapshot = must(self.stores.snapshot(Some(version)), &self.what);
            let store = must(snapshot.store("s"), &self.what);
            assert_eq!((store.root_hash(), snapshot.app_hash()), (kept.root, kept.app_hash), "{}: version {version}", self.what);
            let contents = store.tree().iter().map(|entry| must(entry, &self.what)).map(|(key, value)| (key.to_vec(), value.to_vec()));
            assert_eq!(contents.collect::<Model>(), kept.contents, "{}: version {version}", self.what);
            let absent = b"never set".to_vec();
            for key in kept.contents.keys().take(3).chain([&absent]) {
                let proof = must(snapshot.prove("s", key), &self.what);
                let evidence = must(proof.verify(function, &kept.app_hash, "s", key), &self.what);
                assert_eq!(evidence.value(), kept.contents.get(key).map(Vec::as_slice), "{}: version {version} proves", self.what);
            }
        }
        for (key, value) in &self.working {
            assert_eq!(must(self.store.get(key), &self.what).as_ref(), Some(value), "{}: the working state", self.what);
        }
    }
}
