//! Readers on other threads, while versions are saved and pruned: every snapshot shows its version, whole and unchanged.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::{FaultyBackend, Numbers};
use treering::{Database, Error, Keep, Snapshot};

const KEYS: u64 = 400;
const STRIDE: u64 = 7;
const VERSIONS: u64 = 300;

/// In version v every key whose number leaves the rest v % 7 gets the value v.
fn expected(key: u64, version: u64) -> Option<u64> {
    (0..STRIDE).map(|back| version.saturating_sub(back)).find(|&candidate| candidate > 0 && candidate % STRIDE == key % STRIDE)
}

fn assert_whole(snapshot: &Snapshot, numbers: &mut Numbers) {
    let version = snapshot.version();
    for _ in 0..20 {
        let key = numbers.below(KEYS);
        let found = snapshot.get(&key.to_be_bytes()).unwrap();
        assert_eq!(found, expected(key, version).map(|value| value.to_be_bytes().to_vec()), "key {key} in version {version}");
    }
    let key = numbers.below(KEYS).to_be_bytes();
    let proof = snapshot.prove(&key).unwrap();
    let evidence = proof.verify(treering::HashFunction::Sha256, &snapshot.root_hash(), &key).unwrap();
    assert_eq!(evidence.value().map(<[u8]>::to_vec), snapshot.get(&key).unwrap());
    if numbers.below(10) == 0 {
        let all = snapshot.tree().iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap());
        let by_rule = (0..KEYS).filter_map(|key| Some((key.to_be_bytes().to_vec(), expected(key, version)?.to_be_bytes().to_vec())));
        assert!(all.eq(by_rule), "version {version}");
    }
}

fn read(database: &Database, seed: u64, newest: &AtomicU64, done: &AtomicBool) -> u64 {
    let (mut numbers, mut held, mut reads) = (Numbers(seed), Vec::new(), 0);
    while !done.load(Ordering::Acquire) || reads < 50 {
        let newest = newest.load(Ordering::Acquire).max(1);
        let wanted = (numbers.below(3) == 0).then(|| newest.saturating_sub(numbers.below(5)).max(1));
        match database.snapshot("s", wanted) {
            Ok(snapshot) => {
                assert!(wanted.is_some() || snapshot.version() >= newest);
                held.push(snapshot);
            }
            Err(Error::NoVersion { version, .. }) => assert!(version + 3 <= newest + 5, "only pruned versions are gone"),
            Err(other) => panic!("{other}"),
        }
        for snapshot in &held {
            assert_whole(snapshot, &mut numbers);
        }
        if held.len() > 4 {
            held.remove(0);
        }
        reads += 1;
    }
    reads
}

#[test]
fn readers_see_whole_versions_while_others_are_saved_and_pruned() {
    let backend = FaultyBackend::new();
    let database = backend.open();
    let mut store = database.store_or_new("s").unwrap();
    let (newest, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut save = |version: u64| {
        for key in (0..KEYS).filter(|key| key % STRIDE == version % STRIDE) {
            store.set(&key.to_be_bytes(), &version.to_be_bytes()).unwrap();
        }
        assert_eq!(store.save_version().unwrap().version, version);
        newest.store(version, Ordering::Release);
        if version.is_multiple_of(5) {
            store.prune(&Keep::Last(3)).unwrap();
        }
    };
    save(1);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|seed| {
                scope.spawn({
                    let (database, newest, done) = (&database, &newest, &done);
                    move || read(database, seed, newest, done)
                })
            })
            .collect();
        for version in 2..=VERSIONS {
            save(version);
        }
        done.store(true, Ordering::Release);
        let reads: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        println!("{reads} rounds of reading");
    });
    drop(store);
    let mut store = database.store("s").unwrap();
    store.prune(&Keep::Last(1)).unwrap();
    let summary = database.check(&mut |_| {}).unwrap();
    assert_eq!(summary.versions, 1);
    assert_eq!(summary.nodes, 2 * KEYS - 1, "nothing is left of pruned versions");
}
