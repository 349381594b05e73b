//! Readers on snapshots and on one shared tree, loading nodes as they go, while a branch is edited, saved and dropped.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use treering_tree::{Order, Tree};

use crate::source::{MapSource, Records, open, open_without_room, seed, unload};
use crate::workload::{SplitMix64, key};

const KEYS: u64 = 3000;

/// In version `v` key `i` has this value, unless the version does not have the key.
fn expected(i: u64, v: u64) -> Option<[u8; 8]> {
    // A key is written in every third version, and removed for one of every seven.
    let removed = (i + v).is_multiple_of(7);
    let written = v - (i + v) % 3;
    (!removed).then(|| (i * 1_000_003 + written).to_be_bytes())
}

fn make_version(tree: &mut Tree, v: u64) {
    for i in 0..KEYS {
        match expected(i, v) {
            Some(value) => {
                if tree.get(&key(i, 20)).unwrap() != Some(&value[..]) {
                    tree.set(&key(i, 20), &value).unwrap();
                }
            }
            None => drop(tree.remove(&key(i, 20)).unwrap()),
        }
    }
}

fn read(tree: &Tree, rng: &mut SplitMix64, reads: u64) {
    let v = tree.version();
    for _ in 0..reads {
        let i = rng.below(KEYS);
        assert_eq!(tree.get(&key(i, 20)).unwrap(), expected(i, v).as_ref().map(|value| &value[..]), "key {i} version {v}");
    }
    let present = (0..KEYS).filter(|&i| expected(i, v).is_some()).count() as u64;
    assert_eq!(tree.size(), present);
    if reads.is_multiple_of(4) {
        assert_eq!(tree.iter().map(Result::unwrap).count() as u64, present);
        let key = key(rng.below(KEYS), 20);
        assert!(tree.prove(&key).unwrap().verify(tree.hash_function(), &tree.root_hash().unwrap(), &key).is_ok());
    }
}

fn start_reader(number: u64) -> (SyncSender<Tree>, thread::JoinHandle<u64>) {
    let (sender, receiver): (_, Receiver<Tree>) = sync_channel(4);
    let handle = thread::spawn(move || {
        let mut rng = SplitMix64(number);
        let mut seen = 0;
        while let Ok(snapshot) = receiver.recv() {
            let reads = rng.below(400);
            read(&snapshot, &mut rng, reads);
            // A snapshot can be branched, edited and dropped where it is.
            let mut branch = snapshot.clone();
            for i in 0..rng.below(200) {
                branch.set(&key(i, 20), b"of the reader").unwrap();
            }
            drop(if rng.below(2) == 0 { (Some(snapshot), branch) } else { (None, branch) });
            seen += 1;
        }
        seen
    });
    (sender, handle)
}

#[test]
fn readers_see_their_version_while_others_are_made() {
    let mut rng = SplitMix64(seed(12));
    let source = MapSource::new(Records::new());
    let mut tree = open(&source, 0, None);
    make_version(&mut tree, 3);
    let mut first = Tree::with_options(treering_tree::Options { initial_version: 3, ..Default::default() }).unwrap();
    make_version(&mut first, 3);
    let saved = first.save().unwrap();
    source.keep(&first, &saved);
    // Opened anew, so that every node is loaded by whoever comes first.
    let mut tree = open(&source, saved.version, saved.root);
    let shared = Arc::new(tree.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let watchers: Vec<_> = (0..2)
        .map(|number| {
            let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
            thread::spawn(move || {
                let mut rng = SplitMix64(1000 + number);
                while !stop.load(Ordering::Relaxed) {
                    read(&shared, &mut rng, 100);
                    drop(Tree::clone(&shared));
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..3).map(|_| start_reader(rng.next())).collect();
    for v in 4..60 {
        make_version(&mut tree, v);
        assert_eq!(tree.save().unwrap().version, v);
        for (sender, _) in &readers {
            sender.send(tree.clone()).unwrap();
        }
    }
    for (sender, handle) in readers {
        drop(sender);
        assert_eq!(handle.join().unwrap(), 56);
    }
    stop.store(true, Ordering::Relaxed);
    for watcher in watchers {
        watcher.join().unwrap();
    }
    drop(shared);
    assert_eq!(tree.branches(), 1);
    tree.check().unwrap();
}

/// Readers that keep what they read and readers that do not, on one tree whose budget changes under them; between the rounds it unloads.
#[test]
fn readers_share_a_tree_whether_or_not_there_is_room() {
    let source = MapSource::new(Records::new());
    let mut first = Tree::with_options(treering_tree::Options { initial_version: 3, ..Default::default() }).unwrap();
    make_version(&mut first, 3);
    let saved = first.save().unwrap();
    source.keep(&first, &saved);
    let mut tree = open_without_room(&source, saved.version, saved.root);
    let mut rng = SplitMix64(seed(14));
    for _ in 0..20 {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let readers = [rng.next(), rng.next(), rng.next()].map(|number| {
                let tree = &tree;
                scope.spawn(move || read_copies(tree, &mut SplitMix64(number)))
            });
            scope.spawn(|| {
                for limit in [0, u64::MAX, 300_000].into_iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                    tree.budget().set_limit(limit);
                    thread::yield_now();
                }
            });
            for reader in readers {
                reader.join().unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        });
        unload(&mut tree, rng.below(500_000));
    }
    tree.check().unwrap();
}

fn read_copies(tree: &Tree, rng: &mut SplitMix64) {
    let v = tree.version();
    for _ in 0..300 {
        let i = rng.below(KEYS);
        let name = key(i, 20);
        let value = expected(i, v).map(|value| value.to_vec());
        match rng.below(8) {
            0 => assert_eq!(tree.get(&name).unwrap(), value.as_deref()),
            1 => assert!(tree.prove(&name).unwrap().verify(tree.hash_function(), &tree.root_hash().unwrap(), &name).is_ok()),
            2 => {
                let found = tree.scan_copies(Bound::Included(name.clone()), Bound::Unbounded, Order::Ascending).next();
                let entry = found.map(Result::unwrap).filter(|(found, _)| *found == name);
                assert_eq!(entry.map(|(_, value)| value), value);
            }
            3 => tree.fetch([&name[..], &key(rng.below(KEYS), 20)]).unwrap(),
            _ => assert_eq!(tree.get_copy(&name).unwrap(), value, "key {i}"),
        }
    }
    let present = (0..KEYS).filter(|&i| expected(i, v).is_some()).count();
    assert_eq!(tree.scan_copies(Bound::Unbounded, Bound::Unbounded, Order::Descending).map(Result::unwrap).count(), present);
}
