//! Random operations, saves, reloads, rollbacks, prunes, snapshots and reopenings, against a `BTreeMap` a version.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::{FaultyBackend, Model};
use proptest::prelude::*;
use treering::config::Retention;
use treering::engine::Backend;
use treering::{Database, Error, Hash, Keep, OpenOptions, Order as ScanOrder, Snapshot, TreeStore};

#[derive(Clone, Debug)]
enum Step {
    Set(u8, Vec<u8>),
    Delete(u8),
    Save,
    Discard,
    Load(usize),
    Rollback(usize),
    KeepLast(u64),
    KeepFrom(usize),
    KeepOnly(Vec<bool>),
    Retain { max_versions: u64, keep_every: u64 },
    Hold(usize),
    LetGo,
    Reopen { small_cache: bool, checkpoint_interval: u64, crash: Option<Crash> },
}

/// What a crash takes.
#[derive(Clone, Copy, Debug)]
enum Crash {
    /// Closing does so many writes and no more.
    Closing(i64),
    /// Of the writes to the index and to nodes that are not settled so many are left, modulo how many there are, and one.
    OfDerived(usize),
}

fn crash() -> impl Strategy<Value = Crash> {
    prop_oneof![(0i64..5).prop_map(Crash::Closing), any::<usize>().prop_map(Crash::OfDerived)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..6)).prop_map(|(key, value)| Step::Set(key, value)),
        6 => any::<u8>().prop_map(Step::Delete),
        6 => Just(Step::Save),
        1 => Just(Step::Discard),
        1 => any::<usize>().prop_map(Step::Load),
        1 => any::<usize>().prop_map(Step::Rollback),
        1 => (1u64..5).prop_map(Step::KeepLast),
        1 => any::<usize>().prop_map(Step::KeepFrom),
        2 => proptest::collection::vec(any::<bool>(), 0..20).prop_map(Step::KeepOnly),
        1 => (1u64..5, 1u64..5).prop_map(|(max_versions, keep_every)| Step::Retain { max_versions, keep_every }),
        1 => any::<usize>().prop_map(Step::Hold),
        1 => Just(Step::LetGo),
        2 => (any::<bool>(), 1u64..6, proptest::option::of(crash())).prop_map(|(small_cache, checkpoint_interval, crash)| {
            Step::Reopen { small_cache, checkpoint_interval, crash }
        }),
    ]
}

/// Few keys, so that they are hit often; some share long prefixes, one is empty.
fn key(number: u8) -> Vec<u8> {
    match number % 40 {
        0 => Vec::new(),
        n @ 1..20 => format!("a long common prefix/{n:03}").into_bytes(),
        n => vec![n],
    }
}

struct World {
    backend: Arc<FaultyBackend>,
    store: Option<TreeStore>,
    database: Option<Database>,
    working: Model,
    base: u64,
    versions: BTreeMap<u64, (Model, Hash)>,
    held: Vec<(Snapshot, Model)>,
}

impl World {
    fn new() -> Self {
        let backend = FaultyBackend::new();
        backend.lose_derived();
        let database = backend.open();
        database.create_store("s").unwrap();
        let store = database.store("s").unwrap();
        let (working, versions) = (Model::new(), BTreeMap::new());
        Self { backend, store: Some(store), database: Some(database), working, base: 0, versions, held: Vec::new() }
    }

    fn store(&mut self) -> &mut TreeStore {
        self.store.as_mut().unwrap()
    }

    fn database(&self) -> &Database {
        self.database.as_ref().unwrap()
    }

    fn pick(&self, number: usize) -> Option<u64> {
        let versions: Vec<u64> = self.versions.keys().copied().collect();
        (!versions.is_empty()).then(|| versions[number % versions.len()])
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Set(number, value) => {
                self.store().set(&key(*number), value).unwrap();
                self.working.insert(key(*number), value.clone());
            }
            Step::Delete(number) => {
                let expected = self.working.remove(&key(*number)).is_some();
                assert_eq!(self.store().delete(&key(*number)).unwrap(), expected);
            }
            Step::Save => self.save(),
            Step::Discard => {
                self.store().discard_changes().unwrap();
                self.working = self.versions.get(&self.base).map(|version| version.0.clone()).unwrap_or_default();
            }
            Step::Load(number) => {
                if let Some(version) = self.pick(*number) {
                    self.store().load_version(version).unwrap();
                    self.working = self.versions[&version].0.clone();
                    self.base = version;
                }
            }
            Step::Rollback(number) => self.rollback(*number),
            Step::KeepLast(count) => self.prune(&Keep::Last(*count)),
            Step::KeepFrom(number) => {
                if let Some(version) = self.pick(*number) {
                    self.prune(&Keep::From(version));
                }
            }
            Step::KeepOnly(choice) => {
                let kept = self.versions.keys().copied().zip(choice).filter(|(_, keep)| **keep).map(|(version, _)| version).collect();
                let keep = if choice.len() % 2 == 0 { Keep::Only(kept) } else { Keep::Without(kept) };
                self.prune(&keep);
            }
            Step::Retain { max_versions, keep_every } => {
                let retention = Retention { max_versions: Some(*max_versions), version_ttl: None, keep_every: Some(*keep_every) };
                self.prune(&Keep::Retained(retention));
            }
            Step::Hold(number) => {
                if let Some(version) = self.pick(*number) {
                    let snapshot = self.database().snapshot("s", Some(version)).unwrap();
                    self.held.push((snapshot, self.versions[&version].0.clone()));
                }
            }
            Step::LetGo => {
                self.held.pop();
            }
            Step::Reopen { small_cache, checkpoint_interval, crash } => {
                let cache_size = if *small_cache { 4096 } else { 1 << 30 };
                let options = OpenOptions { cache_size, checkpoint_interval: *checkpoint_interval, ..OpenOptions::default() };
                self.reopen(&options, *crash);
            }
        }
    }

    fn save(&mut self) {
        let next = if self.base == 0 { 1 } else { self.base + 1 };
        let newest = self.versions.keys().next_back().copied().unwrap_or(0);
        let working = self.working.clone();
        let saved = self.store().save_version();
        if next > newest {
            let info = saved.unwrap();
            assert_eq!(info.version, next);
            assert_eq!(info.size, working.len() as u64);
            self.versions.insert(next, (working, info.root_hash));
            self.base = next;
            return;
        }
        match saved {
            Ok(info) => {
                assert_eq!(self.versions[&next], (working, info.root_hash));
                self.base = next;
            }
            Err(Error::VersionExists { .. } | Error::NoVersion { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }

    fn rollback(&mut self, number: usize) {
        let Some(version) = self.pick(number) else { return };
        let held_above = self.held.iter().any(|(snapshot, _)| snapshot.version() > version);
        match self.store().rollback_to(version) {
            Ok(()) => {
                assert!(!held_above);
                self.versions.retain(|&other, _| other <= version);
                self.working = self.versions[&version].0.clone();
                self.base = version;
            }
            Err(Error::Pinned { .. }) => assert!(held_above),
            Err(other) => panic!("{other}"),
        }
    }

    fn prune(&mut self, keep: &Keep) {
        let report = self.store().prune(keep).unwrap();
        let newest = self.versions.keys().next_back().copied();
        let mut spared: BTreeSet<u64> = self.held.iter().map(|(snapshot, _)| snapshot.version()).collect();
        spared.extend(newest);
        spared.insert(self.base);
        spared.extend(match keep {
            Keep::Last(count) => self.versions.keys().rev().take(usize::try_from(*count).unwrap()).copied().collect::<BTreeSet<_>>(),
            Keep::From(first) => self.versions.keys().filter(|version| *version >= first).copied().collect(),
            Keep::Only(kept) => kept.clone(),
            Keep::Without(gone) => self.versions.keys().filter(|version| !gone.contains(version)).copied().collect(),
            Keep::Retained(retention) => {
                let newest = self.versions.keys().rev().take(usize::try_from(retention.max_versions.unwrap()).unwrap());
                let milestones = self.versions.keys().filter(|version| **version % retention.keep_every.unwrap() == 0);
                newest.chain(milestones).copied().collect()
            }
        });
        let before = self.versions.len();
        self.versions.retain(|version, _| spared.contains(version));
        assert_eq!(report.versions, (before - self.versions.len()) as u64);
    }

    fn reopen(&mut self, options: &OpenOptions, crash: Option<Crash>) {
        match crash {
            Some(Crash::Closing(writes)) => self.backend.fail_after(writes),
            Some(Crash::OfDerived(left)) => self.backend = self.backend.crashed(left % (self.backend.unsettled() + 1)),
            None => {}
        }
        self.held.clear();
        self.store = None;
        self.database = None;
        self.backend.heal();
        self.check_read_only();
        let database = Database::open_on(Arc::clone(&self.backend) as Arc<dyn Backend>, options).unwrap();
        self.store = Some(database.store("s").unwrap());
        self.database = Some(database);
        let newest = self.versions.iter().next_back();
        self.base = newest.map_or(0, |(version, _)| *version);
        self.working = newest.map(|(_, (model, _))| model.clone()).unwrap_or_default();
    }

    /// All values, where nothing may be put right first.
    fn check_read_only(&self) {
        let options = OpenOptions { read_only: true, ..OpenOptions::default() };
        let database = Database::open_on(Arc::clone(&self.backend) as Arc<dyn Backend>, &options).unwrap();
        let writes = self.backend.writes.load(Ordering::SeqCst);
        for (&version, (model, root)) in &self.versions {
            let snapshot = database.snapshot("s", Some(version)).unwrap();
            assert_eq!(snapshot.root_hash(), *root);
            for number in 0..40 {
                assert_eq!(snapshot.get(&key(number)).unwrap().as_ref(), model.get(&key(number)), "version {version}");
            }
        }
        database.check(&mut |_| {}).unwrap();
        assert_eq!(self.backend.writes.load(Ordering::SeqCst), writes, "nothing is written");
    }

    fn check(&mut self) {
        let working = self.working.clone();
        let store = self.store();
        store.tree().check().unwrap();
        assert_eq!(store.tree().size(), working.len() as u64);
        for number in 0..40 {
            assert_eq!(store.get(&key(number)).unwrap(), working.get(&key(number)).cloned());
        }
        let all: Vec<_> = store.range(Bound::Unbounded, Bound::Unbounded, ScanOrder::Ascending).map(Result::unwrap).collect();
        assert_eq!(all, working.into_iter().collect::<Vec<_>>());
        for (snapshot, model) in &self.held {
            assert_eq!(&contents(snapshot), model, "a held version never changes");
        }
    }

    /// Every kept version reads and hashes as when it was saved; nothing more and nothing less is stored.
    fn check_all(&self) {
        let listed: Vec<u64> = self.database().versions("s").unwrap().iter().map(|info| info.version).collect();
        assert_eq!(listed, self.versions.keys().copied().collect::<Vec<_>>());
        for (&version, (model, root)) in &self.versions {
            let snapshot = self.database().snapshot("s", Some(version)).unwrap();
            assert_eq!(snapshot.root_hash(), *root);
            assert_eq!(&contents(&snapshot), model);
            let scanned: Vec<_> =
                snapshot.scan(Bound::Excluded(key(30)), Bound::Included(key(15)), ScanOrder::Descending).map(Result::unwrap).collect();
            let expected =
                model.range((Bound::Excluded(key(30)), Bound::Included(key(15)))).rev().map(|(key, value)| (key.clone(), value.clone()));
            assert_eq!(scanned, expected.collect::<Vec<_>>());
            for number in [0, 5, 21, 39] {
                let proof = snapshot.prove(&key(number)).unwrap();
                let evidence = proof.verify(self.database().hash_function(), root, &key(number)).unwrap();
                assert_eq!(evidence.value(), model.get(&key(number)).map(Vec::as_slice));
            }
        }
        let summary = self.database().check(&mut |_| {}).unwrap();
        assert_eq!(summary.versions, self.versions.len() as u64);
    }
}

fn contents(snapshot: &Snapshot) -> Model {
    snapshot.tree().iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_database_behaves_like_a_map_a_version(steps in proptest::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
            world.check();
            if !matches!(step, Step::Set(..) | Step::Delete(_)) {
                world.check_all();
            }
        }
        world.check_all();
    }
}

#[test]
fn a_removed_key_is_gone_also_where_its_neighbours_are_not_in_memory() {
    let backend: Arc<dyn Backend> = FaultyBackend::new();
    let database = Database::open_on(backend, &OpenOptions { cache_size: 0, ..OpenOptions::default() }).unwrap();
    let mut store = database.store_or_new("s").unwrap();
    for number in 0..100u8 {
        store.set(&[number], b"v").unwrap();
    }
    store.save_version().unwrap();
    for number in (0..100u8).step_by(3) {
        assert!(store.delete(&[number]).unwrap());
        assert_eq!(store.get(&[number]).unwrap(), None, "key {number}");
        assert_eq!(store.get(&[number ^ 1]).unwrap().is_some(), !(number ^ 1).is_multiple_of(3) || number ^ 1 > number);
    }
}
