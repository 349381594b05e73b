//! The disk is full, or a write fails for another reason, at every write in turn: nothing that was saved is lost.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{FaultyBackend, Model, Numbers};
use treering::engine::Backend;
use treering::{Database, Error, Hash, Keep, KindStats, OpenOptions, TreeStore};

/// What was acknowledged: the contents and root of each version.
type Saved = BTreeMap<u64, (Model, Hash)>;

fn block(store: &mut TreeStore, model: &mut Model, numbers: &mut Numbers) -> Result<(), Error> {
    for _ in 0..20 {
        let key = numbers.below(50).to_be_bytes().to_vec();
        if numbers.below(4) == 0 {
            store.delete(&key)?;
            model.remove(&key);
        } else {
            let value = numbers.next().to_be_bytes().to_vec();
            store.set(&key, &value)?;
            model.insert(key, value);
        }
    }
    Ok(())
}

fn save_blocks(database: &Database, count: u64, saved: &mut Saved) -> Result<(), Error> {
    let mut store = database.store("s")?;
    let mut model = saved.values().next_back().map(|(model, _)| model.clone()).unwrap_or_default();
    let mut numbers = Numbers(store.current_version() + 1);
    for _ in 0..count {
        block(&mut store, &mut model, &mut numbers)?;
        let info = store.save_version()?;
        saved.insert(info.version, (model.clone(), info.root_hash));
    }
    Ok(())
}

/// All acknowledged versions that must still be there are, and all is sound.
fn assert_all_there(database: &Database, saved: &Saved) {
    for (&version, (model, root)) in saved {
        let snapshot = database.snapshot("s", Some(version)).unwrap();
        assert_eq!(snapshot.root_hash(), *root);
        let contents: Model = snapshot.tree().iter().map(|entry| entry.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect();
        assert_eq!(&contents, model);
    }
}

fn is_about_writing(error: &Error) -> bool {
    matches!(error, Error::Engine(_) | Error::Poisoned { .. })
}

#[test]
fn a_failed_save_loses_nothing_and_poisons_the_handle_until_reopened() {
    // A version takes one write to be there, and three more in the background where it is a checkpoint.
    for (checkpoint_interval, failing) in (0..43).map(|failing| (1, failing)).chain((0..12).map(|failing| (1000, failing))) {
        let backend = FaultyBackend::new();
        let mut saved = Saved::new();
        {
            let database = backend.open_with(checkpoint_interval);
            database.create_store("s").unwrap();
            backend.fail_after(failing);
            let result = save_blocks(&database, 10, &mut saved);
            let result = result.and_then(|()| database.wait_until_flushed());
            assert_eq!(result.is_err(), failing < if checkpoint_interval == 1 { 40 } else { 10 });
            let most = u64::try_from(failing).unwrap().min(10);
            if checkpoint_interval == 1 {
                assert!(saved.len() as u64 <= most);
            } else {
                assert_eq!(saved.len() as u64, most);
            }
            if let Err(error) = result {
                assert!(is_about_writing(&error), "{error}");
                backend.heal();
                let again = database.create_store("other").unwrap_err();
                assert!(matches!(again, Error::Poisoned { .. }), "{again}");
                assert!(again.to_string().contains("no space left on device"), "{again}");
            }
            assert_all_there(&database, &saved);
        }
        backend.heal();
        let database = backend.open();
        assert_all_there(&database, &saved);
        database.check(&mut |_| {}).unwrap();
        save_blocks(&database, 3, &mut saved).unwrap();
        assert_all_there(&database, &saved);
        database.check(&mut |_| {}).unwrap();
    }
}

#[test]
fn a_pruning_cut_short_anywhere_is_finished_by_the_next_one() {
    for checkpoint_interval in [1, 4, 7] {
        pruning_cut_short(checkpoint_interval);
    }
}

fn pruning_cut_short(checkpoint_interval: u64) {
    let original = FaultyBackend::new();
    let mut saved = Saved::new();
    {
        let database = original.open_with(checkpoint_interval);
        database.create_store("s").unwrap();
        save_blocks(&database, 30, &mut saved).unwrap();
    }
    let keep = Keep::Only([3, 4, 11, 20, 30].into());
    saved.retain(|version, _| [3, 4, 11, 20, 30].contains(version));
    let mut failing = 0;
    loop {
        let backend = original.copy();
        backend.fail_after(failing);
        let result = backend.open_with(checkpoint_interval).store("s").unwrap().prune(&keep);
        backend.heal();
        let database = backend.open_with(checkpoint_interval);
        assert_all_there(&database, &saved);
        database.store("s").unwrap().prune(&keep).unwrap();
        assert_all_there(&database, &saved);
        database.check(&mut |_| {}).unwrap();
        if result.is_ok() {
            break;
        }
        failing += 1;
    }
    assert!(failing > 5, "the pruning took {failing} writes");
}

#[test]
fn a_rollback_cut_short_anywhere_has_happened_or_not() {
    for checkpoint_interval in [1, 4, 7] {
        rollback_cut_short(checkpoint_interval);
    }
}

fn rollback_cut_short(checkpoint_interval: u64) {
    let original = FaultyBackend::new();
    let mut saved = Saved::new();
    {
        let database = original.open_with(checkpoint_interval);
        database.create_store("s").unwrap();
        save_blocks(&database, 12, &mut saved).unwrap();
    }
    let mut failing = 0;
    loop {
        let backend = original.copy();
        backend.fail_after(failing);
        let result = backend.open_with(checkpoint_interval).store("s").unwrap().rollback_to(5);
        backend.heal();
        let database = backend.open_with(checkpoint_interval);
        let newest = database.versions("s").unwrap().last().unwrap().version;
        assert!(newest == 5 || (newest == 12 && result.is_err()));
        let mut there = saved.clone();
        there.retain(|&version, _| version <= newest);
        assert_all_there(&database, &there);
        database.check(&mut |_| {}).unwrap();
        save_blocks(&database, 2, &mut there).unwrap();
        assert_all_there(&database, &there);
        database.check(&mut |_| {}).unwrap();
        if result.is_ok() {
            break;
        }
        failing += 1;
    }
    assert!(failing > 0);
}

#[test]
fn replaying_after_a_rollback_gives_the_same_roots() {
    let backend = FaultyBackend::new();
    let database = backend.open();
    database.create_store("s").unwrap();
    let mut saved = Saved::new();
    save_blocks(&database, 5, &mut saved).unwrap();
    let mut first = saved.clone();
    save_blocks(&database, 5, &mut first).unwrap();
    database.store("s").unwrap().rollback_to(5).unwrap();
    let mut second = saved;
    save_blocks(&database, 5, &mut second).unwrap();
    assert_eq!(first, second);
}

/// A rollback changes the index in the batch that removes the logs which an index set back by a crash would need.
#[test]
fn a_rollback_that_stops_at_any_step_and_a_crash_leave_the_index_right() {
    for (failing, expected) in [(0, 6), (1, 3), (2, 3)] {
        let backend = FaultyBackend::new();
        backend.lose_derived();
        let mut saved = Saved::new();
        let database = backend.open();
        database.create_store("s").unwrap();
        save_blocks(&database, 6, &mut saved).unwrap();
        database.wait_until_flushed().unwrap();
        let mut store = database.store("s").unwrap();
        backend.fail_after(failing);
        assert_eq!(store.rollback_to(3).is_ok(), failing == 2);
        let crashed = backend.crashed(0);
        drop(store);
        drop(database);

        let database = crashed.open();
        let versions: Vec<u64> = database.versions("s").unwrap().iter().map(|info| info.version).collect();
        assert_eq!(versions, (1..=expected).collect::<Vec<_>>());
        let store = database.store("s").unwrap();
        let newest = &saved[&expected].0;
        for (model, _) in saved.values() {
            for key in model.keys() {
                assert_eq!(store.get(key).unwrap().as_ref(), newest.get(key), "failing {failing}");
            }
        }
        drop(store);
        database.check(&mut |_| {}).unwrap();
        saved.retain(|&version, _| version <= expected);
        assert_all_there(&database, &saved);
    }
}

/// With little memory the removals of nodes go past the write-ahead log, so that a crash may lose them, wherever the pruning was.
#[test]
fn removals_of_nodes_that_a_crash_loses_are_done_again() {
    for cache_size in [0, 1 << 30] {
        let options = OpenOptions { cache_size, ..OpenOptions::default() };
        let open = |backend: &Arc<FaultyBackend>| Database::open_on(Arc::clone(backend) as Arc<dyn Backend>, &options).unwrap();
        for writes in (0..60).chain([-1]) {
            let backend = FaultyBackend::new();
            let database = open(&backend);
            let mut store = database.store_or_new("s").unwrap();
            for version in 0..10_u64 {
                for key in 0..50_u64 {
                    store.set(&key.to_be_bytes(), &version.to_be_bytes()).unwrap();
                }
                store.save_version().unwrap();
            }
            database.wait_until_flushed().unwrap();
            backend.lose_derived();
            backend.fail_after(writes);
            let pruned = store.prune(&Keep::Last(1));
            assert!(pruned.is_ok() || writes >= 0);
            backend.heal();
            let crashed = backend.crashed(0);
            let database = open(&crashed);
            database.store("s").unwrap().prune(&Keep::Last(1)).unwrap();
            database.check(&mut |_| {}).unwrap();
            let nodes = |kind: &KindStats| ["nodes: leaf", "nodes: inner"].contains(&kind.kind).then_some(kind.count);
            let nodes: u64 = database.stats().unwrap().iter().filter_map(nodes).sum();
            assert_eq!(nodes, 99, "{writes} writes, {cache_size} bytes of memory");
        }
    }
}
