//! The same operations give the same roots, whatever the cache, the threads, and when the database is opened again.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;

use common::{FaultyBackend, Numbers};
use treering::engine::{Backend, Keyspace};
use treering::{Database, Hash, Keep, OpenOptions, Order, TreeStore};

const VERSIONS: u64 = 12;

fn block(store: &mut TreeStore, numbers: &mut Numbers) {
    for _ in 0..3000 {
        let key = numbers.below(6000).to_be_bytes();
        if numbers.below(5) == 0 {
            store.delete(&key).unwrap();
        } else {
            store.set(&key, &numbers.next().to_be_bytes()).unwrap();
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    cache_size: u64,
    hash_threads: usize,
    reopen_every: u64,
    prune_every: u64,
    hold_snapshots: bool,
}

fn roots(setting: Setting) -> Vec<Hash> {
    let backend = FaultyBackend::new();
    let options = OpenOptions { cache_size: setting.cache_size, hash_threads: setting.hash_threads, ..OpenOptions::default() };
    let open = || Database::open_on(Arc::clone(&backend) as Arc<dyn Backend>, &options).unwrap();
    let mut database = open();
    database.create_store("s").unwrap();
    let mut store = database.store("s").unwrap();
    let (mut numbers, mut roots, mut held) = (Numbers(42), Vec::new(), Vec::new());
    for version in 1..=VERSIONS {
        block(&mut store, &mut numbers);
        let info = store.save_version().unwrap();
        roots.push(info.root_hash);
        if setting.hold_snapshots {
            held.push(database.snapshot("s", None).unwrap());
        }
        if version % setting.prune_every == 0 {
            store.prune(&Keep::Last(2)).unwrap();
        }
        if version % setting.reopen_every == 0 {
            drop(store);
            held.clear();
            drop(database);
            database = open();
            store = database.store("s").unwrap();
        }
    }
    database.check(&mut |_| {}).unwrap();
    roots
}

#[test]
fn roots_depend_on_the_operations_alone() {
    let plain = Setting { cache_size: 1 << 30, hash_threads: 1, reopen_every: u64::MAX, prune_every: u64::MAX, hold_snapshots: false };
    let expected = roots(plain);
    for setting in [
        Setting { cache_size: 0, ..plain },
        Setting { cache_size: 64 << 10, hash_threads: 2, ..plain },
        Setting { hash_threads: 4, reopen_every: 3, ..plain },
        Setting { cache_size: 64 << 10, reopen_every: 1, prune_every: 2, ..plain },
        Setting { cache_size: 4 << 10, hash_threads: 3, reopen_every: 5, prune_every: 3, hold_snapshots: true },
    ] {
        assert_eq!(roots(setting), expected, "{setting:?}");
    }
}

/// Nodes, orphans and index of a database whose blocks so many threads work on, or to which the operations are told one by one.
fn stored(hash_threads: usize, at_once: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let backend = FaultyBackend::new();
    let options = OpenOptions { hash_threads, ..OpenOptions::default() };
    let database = Database::open_on(Arc::clone(&backend) as Arc<dyn Backend>, &options).unwrap();
    database.create_store("s").unwrap();
    let mut store = database.store("s").unwrap();
    let mut numbers = Numbers(7);
    for _ in 0..VERSIONS {
        let mut operation = || (numbers.below(6000).to_be_bytes(), (numbers.below(5) > 0).then(|| numbers.next().to_be_bytes()));
        let operations: Vec<_> = (0..3000).map(|_| operation()).collect();
        let operations: Vec<_> = operations.iter().map(|(key, value)| (&key[..], value.as_ref().map(|value| &value[..]))).collect();
        for part in operations.chunks(if at_once { operations.len() } else { 1 }) {
            store.apply(part).unwrap();
        }
        let _ = store.save_version().unwrap();
    }
    drop(store);
    database.close().unwrap();
    let all = [Keyspace::Nodes, Keyspace::Orphans, Keyspace::Latest]
        .map(|keyspace| backend.scan(keyspace, &[], None, Order::Ascending).collect::<Result<Vec<_>, _>>().unwrap());
    assert!(all.iter().all(|pairs| !pairs.is_empty()));
    all.concat()
}

#[test]
fn what_is_stored_depends_on_the_operations_alone() {
    let expected = stored(1, false);
    for threads in [1, 2, 4] {
        assert!(stored(threads, true) == expected, "{threads} threads");
    }
}
