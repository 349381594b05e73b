//! Random sequences of everything that can be done to many stores on two engines, against a naive oracle.

mod oracle;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use proptest::prelude::*;
use tempfile::TempDir;
use treering::config::Config;
use treering::{Error, Hash, Keep, MultiSnapshot, MultiStore, Snapshot, Store, Transactional, Versioned};

use super::common::Model;
use super::test_engine::{Machine, assert_companions};
use oracle::{Act, Given, Kind, Oracle};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const ENGINES: [&str; 2] = ["alpha", "beta"];

/// What to do; stores and versions are chosen among those that are there.
#[derive(Clone, Debug)]
enum Step {
    Create(u8, bool),
    Delete(usize),
    Rename(usize, u8),
    Set(usize, u8, u8),
    Remove(usize, u8),
    Transaction(usize, Vec<(u8, Option<u8>)>, bool),
    Discard(usize),
    Save,
    Prepare(bool),
    SaveOne(usize),
    Load(usize),
    LoadOne(usize, usize),
    Rollback(usize),
    RollbackOne(usize, usize),
    PruneLast(u64),
    PruneChosen(Vec<bool>, bool),
    PruneOne(usize, u64),
    Hold(usize),
    HoldOne(usize, usize),
    LetGo,
    Reopen,
    /// The disk is full at some write of this.
    Crash(Box<Step>, i64),
}

fn step() -> impl Strategy<Value = Step> {
    let number = || any::<usize>();
    let lasting = prop_oneof![
        3 => Just(Step::Save),
        2 => number().prop_map(Step::Rollback),
        1 => (0..5u8, any::<bool>()).prop_map(|(name, engine)| Step::Create(name, engine)),
        1 => number().prop_map(Step::Delete),
        1 => (number(), 0..5u8).prop_map(|(store, name)| Step::Rename(store, name)),
        1 => number().prop_map(Step::SaveOne),
        1 => (number(), number()).prop_map(|(store, version)| Step::RollbackOne(store, version)),
    ];
    let operation = (any::<u8>(), proptest::option::of(any::<u8>()));
    prop_oneof![
        5 => (0..5u8, any::<bool>()).prop_map(|(name, engine)| Step::Create(name, engine)),
        1 => number().prop_map(Step::Delete),
        2 => (number(), 0..5u8).prop_map(|(store, name)| Step::Rename(store, name)),
        14 => (number(), any::<u8>(), any::<u8>()).prop_map(|(store, key, value)| Step::Set(store, key, value)),
        6 => (number(), any::<u8>()).prop_map(|(store, key)| Step::Remove(store, key)),
        3 => (number(), proptest::collection::vec(operation, 0..4), any::<bool>()).prop_map(|(s, operations, c)| Step::Transaction(s, operations, c)),
        2 => number().prop_map(Step::Discard),
        12 => Just(Step::Save),
        4 => any::<bool>().prop_map(Step::Prepare),
        4 => number().prop_map(Step::SaveOne),
        3 => number().prop_map(Step::Load),
        2 => (number(), number()).prop_map(|(store, version)| Step::LoadOne(store, version)),
        2 => number().prop_map(Step::Rollback),
        1 => (number(), number()).prop_map(|(store, version)| Step::RollbackOne(store, version)),
        1 => (1..4u64).prop_map(Step::PruneLast),
        2 => (proptest::collection::vec(any::<bool>(), 0..12), any::<bool>()).prop_map(|(chosen, only)| Step::PruneChosen(chosen, only)),
        1 => (number(), 1..4u64).prop_map(|(store, count)| Step::PruneOne(store, count)),
        2 => number().prop_map(Step::Hold),
        1 => (number(), number()).prop_map(|(store, version)| Step::HoldOne(store, version)),
        3 => Just(Step::LetGo),
        2 => Just(Step::Reopen),
        4 => (lasting, 0..6i64).prop_map(|(step, writes)| Step::Crash(Box::new(step), writes)),
    ]
}

fn key(number: u8) -> Vec<u8> {
    vec![b'k'; usize::from(number % 12)]
}

fn pick<T: Clone>(of: impl Iterator<Item = T>, number: usize) -> Option<T> {
    let all: Vec<T> = of.collect();
    (!all.is_empty()).then(|| all[number % all.len()].clone())
}

/// A version of the whole, now and then one that is not there.
fn pick_whole(oracle: &Oracle, number: usize) -> u64 {
    pick(oracle.wholes.keys().copied().chain([oracle.newest() + 1]), number).unwrap()
}

fn pick_version(oracle: &Oracle, store: usize, version: usize) -> Option<(String, u64)> {
    let name = pick(oracle.stores.keys().cloned(), store)?;
    let version = pick(oracle.stores[&name].versions.keys().copied(), version)?;
    Some((name, version))
}

impl Step {
    /// What it comes to; `None` when there is nothing to do it to.
    fn act(&self, oracle: &Oracle) -> Option<Act> {
        let name = |number: usize| pick(oracle.stores.keys().cloned(), number);
        let new_name = |number: u8| NAMES[usize::from(number)].to_owned();
        Some(match self {
            Self::Create(number, engine) => Act::Create { name: new_name(*number), engine: ENGINES[usize::from(*engine)] },
            Self::Delete(store) => Act::Delete(name(*store)?),
            Self::Rename(store, to) => Act::Rename(name(*store)?, new_name(*to)),
            Self::Set(store, number, value) => Act::Set(name(*store)?, key(*number), vec![*value]),
            Self::Remove(store, number) => Act::Remove(name(*store)?, key(*number)),
            Self::Transaction(store, operations, commit) => {
                let operations = operations.iter().map(|(number, value)| (key(*number), value.map(|value| vec![value]))).collect();
                Act::Transaction { store: name(*store)?, operations, commit: *commit }
            }
            Self::Discard(store) => Act::Discard(name(*store)?),
            Self::Save => Act::Save,
            Self::Prepare(commit) => Act::Prepare { commit: *commit },
            Self::SaveOne(store) => Act::SaveOne(name(*store)?),
            Self::Load(version) => Act::Load(pick_whole(oracle, *version)),
            Self::LoadOne(store, version) => pick_version(oracle, *store, *version).map(|(store, version)| Act::LoadOne(store, version))?,
            Self::Rollback(version) => Act::Rollback(pick_whole(oracle, *version)),
            Self::RollbackOne(store, version) => {
                pick_version(oracle, *store, *version).map(|(store, version)| Act::RollbackOne(store, version))?
            }
            Self::PruneLast(count) => Act::Prune(Keep::Last(*count)),
            Self::PruneChosen(chosen, only) => {
                let chosen: BTreeSet<u64> = oracle.wholes.keys().zip(chosen).filter(|(_, is)| **is).map(|(version, _)| *version).collect();
                Act::Prune(if *only { Keep::Only(chosen) } else { Keep::Without(chosen) })
            }
            Self::PruneOne(store, count) => Act::PruneOne(name(*store)?, Keep::Last(*count)),
            Self::Hold(version) => Act::Hold(pick_whole(oracle, *version)),
            Self::HoldOne(store, version) => pick_version(oracle, *store, *version).map(|(store, version)| Act::HoldOne(store, version))?,
            Self::LetGo | Self::Reopen | Self::Crash(..) => return None,
        })
    }
}

enum Held {
    Whole(MultiSnapshot, BTreeMap<String, Model>),
    One(Box<Snapshot>, Model),
}

/// A store, as it is seen.
#[derive(PartialEq, Eq, Debug)]
struct StoreSight {
    engine: String,
    working: Model,
    working_hash: Hash,
    current: u64,
    versions: BTreeMap<u64, (Hash, Model)>,
}

/// A version of the whole: its app hash, its parts (each with its version and root), and whether it can be read.
type WholeSight = (Hash, Vec<(String, u64, Hash)>, bool);

/// Everything that is seen.
#[derive(PartialEq, Eq, Debug)]
struct Sight {
    current: u64,
    stores: BTreeMap<String, StoreSight>,
    wholes: BTreeMap<u64, WholeSight>,
}

fn contents(snapshot: &Snapshot) -> Model {
    snapshot.tree().iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

fn working(store: &dyn Store) -> Model {
    let mut model = Model::new();
    store
        .iterate(&mut |key, value| {
            model.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    model
}

fn look(stores: &MultiStore) -> Sight {
    assert_companions(stores);
    let store_sight = |listing: treering::StoreListing| {
        let store = stores.get_store(&listing.name).unwrap();
        assert_eq!(store.name(), listing.name);
        let versions = store.list_versions().unwrap().into_iter().map(|info| {
            let snapshot = store.snapshot(Some(info.version)).unwrap();
            assert_eq!(info.size, snapshot.tree().size());
            (info.version, (snapshot.root_hash(), contents(&snapshot)))
        });
        let sight = StoreSight {
            engine: listing.engine,
            working: working(&store),
            working_hash: store.working_hash().unwrap(),
            current: store.current_version().unwrap(),
            versions: versions.collect(),
        };
        (listing.name, sight)
    };
    let whole_sight = |whole: treering::MultiVersion| {
        let is_readable = stores.snapshot(Some(whole.version)).is_ok();
        let parts = whole.stores.into_iter().map(|part| (part.name, part.version, part.root_hash)).collect();
        (whole.version, (whole.app_hash, parts, is_readable))
    };
    Sight {
        current: stores.current_version().unwrap(),
        stores: stores.list_stores().into_iter().map(store_sight).collect(),
        wholes: stores.list_versions().unwrap().into_iter().map(whole_sight).collect(),
    }
}

impl Oracle {
    fn look(&self) -> Sight {
        let stores = self.stores.iter().map(|(name, store)| {
            let sight = StoreSight {
                engine: store.engine.to_owned(),
                working: store.model.clone(),
                working_hash: store.working_hash(),
                current: store.current(),
                versions: store.versions.iter().map(|(version, saved)| (*version, (saved.root, saved.model.clone()))).collect(),
            };
            (name.clone(), sight)
        });
        let wholes = self.wholes.iter().map(|(&version, whole)| {
            let parts = whole.parts.iter().map(|part| (part.name.clone(), part.version, part.root)).collect();
            (version, (whole.app_hash, parts, self.whole(version).is_ok()))
        });
        Sight { current: self.current, stores: stores.collect(), wholes: wholes.collect() }
    }

    /// What is in the stores of a version of the whole.
    fn contents(&self, version: u64) -> BTreeMap<String, Model> {
        let parts = self.wholes[&version].parts.iter();
        parts.map(|part| (part.name.clone(), self.find(part.id).unwrap().1.versions[&part.version].model.clone())).collect()
    }
}

struct World {
    folder: TempDir,
    machine: Machine,
    stores: Option<MultiStore>,
    oracle: Oracle,
    held: Vec<Held>,
}

impl World {
    fn new() -> Self {
        let (folder, machine) = (tempfile::tempdir().unwrap(), Machine::new());
        let stores = Some(machine.open(folder.path()));
        Self { folder, machine, stores, oracle: Oracle::default(), held: Vec::new() }
    }

    fn stores(&self) -> &MultiStore {
        self.stores.as_ref().unwrap()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::LetGo => {
                self.held.pop();
                self.oracle.held.pop();
            }
            Step::Reopen => {
                self.reopen();
                self.oracle.reopen();
            }
            Step::Crash(step, writes) => {
                if let Some(act) = step.act(&self.oracle) {
                    self.crash(&act, *writes);
                }
            }
            step => {
                if let Some(act) = step.act(&self.oracle) {
                    let expected = self.oracle.act(&act);
                    let found = self.act(&act);
                    self.compare(&act, &expected, found);
                }
            }
        }
    }

    fn compare(&self, act: &Act, expected: &oracle::Outcome, found: treering::Result<Given>) {
        match (expected, found) {
            (Ok(expected), Ok(found)) => assert_eq!(*expected, found, "{act:?}"),
            (Err(kinds), Err(error)) => {
                assert!(Kind::of(&error).is_some_and(|kind| kinds.contains(&kind)), "{act:?}: {kinds:?} expected, not: {error}");
                if let Error::Pinned { store, .. } | Error::NoVersion { store, .. } | Error::VersionExists { store, .. } = &error {
                    let is_known = self.oracle.stores.contains_key(store)
                        || self.oracle.wholes.values().any(|whole| whole.parts.iter().any(|part| part.name == *store));
                    assert!(is_known, "{act:?}: nobody knows a store of this name: {error}");
                }
            }
            (expected, found) => panic!("{act:?}: {expected:?} expected, not: {found:?}"),
        }
    }

    /// Does it to the stores.
    fn act(&mut self, act: &Act) -> treering::Result<Given> {
        let stores = self.stores().clone();
        let store = |name: &str| stores.get_store(name);
        let pruned = |report: treering::PruneReport| Given::Pruned(report.versions, report.deferred);
        match act {
            Act::Create { name, engine } => stores.create_store(name, Some(engine), &Config::new()).map(drop)?,
            Act::Delete(name) => stores.delete_store(name)?,
            Act::Rename(from, to) => stores.rename_store(from, to)?,
            Act::Set(name, key, value) => store(name)?.set(key, value)?,
            Act::Remove(name, key) => store(name)?.delete(key)?,
            Act::Transaction { store: name, operations, commit } => transaction(&stores, name, operations, *commit)?,
            Act::Discard(name) => store(name)?.discard_changes()?,
            Act::Save => return stores.save_version().map(|saved| Given::Version(saved.version, saved.app_hash)),
            Act::Prepare { commit } => return prepare(&stores, *commit),
            Act::SaveOne(name) => return store(name)?.save_version().map(|info| Given::Version(info.version, info.root_hash)),
            Act::Load(version) => stores.load_version(*version)?,
            Act::LoadOne(name, version) => store(name)?.load_version(*version)?,
            Act::Rollback(version) => stores.rollback_to(*version)?,
            Act::RollbackOne(name, version) => store(name)?.rollback_to(*version)?,
            Act::Prune(keep) => return stores.prune(keep).map(pruned),
            Act::PruneOne(name, keep) => return store(name)?.prune(keep).map(pruned),
            Act::Hold(version) => {
                let snapshot = stores.snapshot(Some(*version))?;
                self.held.push(Held::Whole(snapshot, self.oracle.contents(*version)));
            }
            Act::HoldOne(name, version) => {
                let model = self.oracle.stores[name].versions[version].model.clone();
                self.held.push(Held::One(Box::new(store(name)?.snapshot(Some(*version))?), model));
            }
        }
        Ok(Given::Nothing)
    }

    fn reopen(&mut self) {
        self.held.clear();
        self.stores = None;
        self.machine.check();
        self.stores = Some(self.machine.open(self.folder.path()));
    }

    /// Writes fail at some point; the stores are opened again. It has happened then, or not.
    fn crash(&mut self, act: &Act, writes: i64) {
        let mut before = self.oracle.clone();
        let expected = self.oracle.act(act);
        self.machine.fuse.blow_after(writes);
        let found = self.act(act);
        self.machine.fuse.mend();
        let has_failed = matches!(found, Err(Error::Engine(_) | Error::Poisoned { .. }));
        if !has_failed {
            self.compare(act, &expected, found);
        }
        self.reopen();
        self.oracle.reopen();
        before.reopen();
        let seen = look(self.stores());
        if has_failed && seen == before.look() {
            self.oracle = before;
        }
        assert_eq!(seen, self.oracle.look(), "{act:?} at write {writes}: neither before nor after");
    }

    fn check(&self) {
        assert_eq!(look(self.stores()), self.oracle.look());
        for held in &self.held {
            match held {
                Held::One(snapshot, model) => assert_eq!(contents(snapshot), *model),
                Held::Whole(snapshot, models) => check_snapshot(snapshot, models),
            }
        }
        if self.oracle.whole(self.oracle.newest()).is_ok() {
            check_snapshot(&self.stores().snapshot(None).unwrap(), &self.oracle.contents(self.oracle.newest()));
        }
    }
}

fn check_snapshot(snapshot: &MultiSnapshot, models: &BTreeMap<String, Model>) {
    assert!(snapshot.stores().map(|(name, _)| name).eq(models.keys()));
    for (name, model) in models {
        assert_eq!(contents(snapshot.store(name).unwrap()), *model);
        for number in [3, 7] {
            let proof = snapshot.prove(name, &key(number)).unwrap();
            let evidence = proof.verify(treering::HashFunction::Sha256, &snapshot.app_hash(), name, &key(number)).unwrap();
            assert_eq!(evidence.value(), model.get(&key(number)).map(Vec::as_slice));
        }
    }
}

fn transaction(stores: &MultiStore, name: &str, operations: &[(Vec<u8>, Option<Vec<u8>>)], commit: bool) -> treering::Result<()> {
    let transaction = stores.get_store(name)?.begin_tx()?;
    for (key, value) in operations {
        match value {
            Some(value) => transaction.set(key, value)?,
            None => transaction.delete(key)?,
        }
        assert_eq!(transaction.get(key)?, *value);
    }
    if commit { transaction.commit().map(drop) } else { Ok(()) }
}

fn prepare(stores: &MultiStore, commit: bool) -> treering::Result<Given> {
    let prepared = stores.prepare()?;
    let given = Given::Version(prepared.version(), prepared.app_hash());
    for (name, root) in prepared.roots() {
        assert_eq!(stores.get_store(name)?.working_hash()?, *root);
        assert!(matches!(stores.get_store(name)?.set(b"k", b"v"), Err(Error::VersionPrepared { .. })));
    }
    if commit {
        let saved = prepared.commit().unwrap_or_else(|error| panic!("what was prepared cannot be committed: {error}"));
        assert_eq!(given, Given::Version(saved.version, saved.app_hash));
    }
    Ok(given)
}

fn run(steps: &[Step]) {
    let mut world = World::new();
    for step in steps {
        world.apply(step);
        if !matches!(step, Step::Set(..) | Step::Remove(..)) {
            world.check();
        }
    }
    world.check();
    world.stores().check(&mut |_| {}).unwrap();
    world.reopen();
    world.oracle.reopen();
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_shrink_iters: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_stores_are_a_map_of_maps_a_version(steps in proptest::collection::vec(step(), 1..80)) {
        run(&steps);
    }
}
