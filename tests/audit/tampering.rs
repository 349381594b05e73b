//! Every kind of tampering with the log is told, with what is wrong and where.

use proptest::prelude::*;
use treering::engine::{Backend, Batch, Durability, Keyspace};
use treering::system::audit::AuditOptions;
use treering::{Keep, Order, TreeStore};

use super::scene::{Scene, call, save};

fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn value(store: &TreeStore, number: u64) -> Vec<u8> {
    store.get(&key(number)).unwrap().unwrap()
}

#[test]
fn an_untouched_log_is_sound() {
    let scene = Scene::of_ten_entries();
    let report = scene.verify();
    assert_eq!((report.entries, report.versions, report.companions, report.unlisted), (10, 10, 3, 0));
    assert_eq!(report.findings, []);
    let (_, log) = scene.open();
    assert_eq!(report.root_hash, Some(log.trail().versions().unwrap()[9].root_hash));
    assert_eq!(Scene::empty().verify().root_hash, None);
}

#[test]
fn a_changed_entry() {
    let scene = Scene::of_ten_entries();
    scene.tamper(|store| {
        let changed = String::from_utf8(value(store, 5)).unwrap().replace("alice", "bobby");
        store.set(&key(5), changed.as_bytes()).unwrap();
        store.save_version().unwrap();
    });
    let expected = [
        "version 11 of the log: it adds no entry: it has 10, version 10 had 10",
        "entry 5: it was added in version 5 of the log and changed in version 11",
    ];
    assert_eq!(scene.told(), expected);
    // Nor is it hidden by entries that are added with it or after it.
    let (stores, log) = scene.open();
    log.record(call("batch.apply")).unwrap();
    assert_eq!(scene.told(), expected);
    drop((stores, log));

    let scene = Scene::of_ten_entries();
    scene.tamper(|store| {
        store.set(&key(5), &value(store, 4)).unwrap();
        store.set(&key(11), &value(store, 10)).unwrap();
        store.save_version().unwrap();
    });
    let expected = [
        "entry 5: it says that it is entry 4",
        "entry 5: it was added in version 5 of the log and changed in version 11",
        "entry 11: it says that it is entry 10",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn a_removed_entry() {
    let scene = Scene::of_ten_entries();
    scene.tamper(|store| {
        store.delete(&key(5)).unwrap();
        store.save_version().unwrap();
    });
    let expected =
        ["version 11 of the log: it adds no entry: it has 9, version 10 had 10", "entry 5: it is missing: the next one there is 6"];
    assert_eq!(scene.told(), expected);
}

#[test]
fn swapped_entries() {
    let scene = Scene::of_ten_entries();
    scene.tamper(|store| {
        let (five, six) = (value(store, 5), value(store, 6));
        store.set(&key(5), &six).unwrap();
        store.set(&key(6), &five).unwrap();
        store.save_version().unwrap();
    });
    let expected = [
        "version 11 of the log: it adds no entry: it has 10, version 10 had 10",
        "entry 5: it says that it is entry 6",
        "entry 5: it was added in version 5 of the log and changed in version 11",
        "entry 6: it says that it is entry 5",
        "entry 6: it was added in version 6 of the log and changed in version 11",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn an_entry_that_is_none() {
    let scene = Scene::of_ten_entries();
    scene.tamper(|store| {
        store.set(b"note", b"nothing happened").unwrap();
        store.set(&key(11), b"{}").unwrap();
        store.save_version().unwrap();
    });
    let expected = [
        "entry 11: it cannot be read: missing field `number` at line 1 column 2",
        "key 6e6f7465 of the log: it is no number of an entry",
        "entry 12: it is missing at the end",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn a_tail_that_is_cut_off() {
    let by_rollback = Scene::of_ten_entries();
    by_rollback.tamper(|store| store.rollback_to(8).unwrap());
    let cut = "the record beside version 3 of all stores: it names version 9 of the log with 9 entries, but it ends with version 8 and 8 \
               entries: its end was cut off";
    assert_eq!(by_rollback.told(), [cut]);
    let by_deletion = Scene::of_ten_entries();
    by_deletion.tamper(|store| {
        (8..=10).for_each(|number| assert!(store.delete(&key(number)).unwrap()));
        store.save_version().unwrap();
    });
    let expected = ["version 11 of the log: it adds no entry: it has 7, version 10 had 10", "entries 8 to 10: they are missing at the end"];
    assert_eq!(by_deletion.told(), expected);
    // Going on with other entries does not mend it.
    let (_stores, log) = by_rollback.open();
    (0..5).for_each(|_| assert!(log.record(call("something.else")).is_ok()));
    log.close().unwrap();
    let told = by_rollback.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("the record beside version 3 of all stores: it names version 9 of the log with root "), "{told:?}");
}

#[test]
fn a_log_that_is_replaced() {
    for entries in [0, 2, 20] {
        let (scene, other) = (Scene::of_ten_entries(), Scene::empty());
        let (stores, log) = other.open();
        (0..entries).for_each(|_| assert!(log.record(call("something.else")).is_ok()));
        log.close().unwrap();
        drop((stores, log));
        let replaced = scene.with_log_of(&other);
        let told = replaced.told();
        let expected = |version: usize, named: u64| match entries {
            0 => format!(
                "the record beside version {version} of all stores: it names version {named} of the log with {named} entries, but it is empty: \
                 its end was cut off, or it is another log"
            ),
            2 => format!(
                "the record beside version {version} of all stores: it names version {named} of the log with {named} entries, but it ends with \
                 version 2 and 2 entries: its end was cut off, or it is another log"
            ),
            _ => format!("the record beside version {version} of all stores: it names version {named} of the log with root "),
        };
        assert_eq!(told.len(), 3, "{told:?}");
        for ((line, version), named) in told.iter().zip(1..).zip([4, 7, 9]) {
            assert!(line.starts_with(&expected(version, named)), "{line}");
            assert!(entries < 20 || line.ends_with(": the log was replaced by another one, or changed"), "{line}");
        }
    }
}

#[test]
fn versions_that_are_pruned() {
    let scene = Scene::of_ten_entries();
    scene.tamper(|store| drop(store.prune(&Keep::From(9)).unwrap()));
    let told = scene.told();
    assert_eq!(told[0], "version 1 of the log: it is missing: the next one there is 9");
    assert!(told.iter().any(|line| line.contains("it names version 4 of the log with 4 entries")), "{told:?}");
}

#[test]
fn damage_of_its_files() {
    let scene = Scene::of_ten_entries();
    let nodes: Vec<_> = scene.audit.inner.scan(Keyspace::Nodes, &[], None, Order::Ascending).map(Result::unwrap).collect();
    assert!(!nodes.is_empty());
    for (key, mut value) in nodes {
        value[1] ^= 0x40;
        let mut batch = Batch::new();
        batch.put(Keyspace::Nodes, key.clone(), value);
        let damaged = Scene::of_ten_entries();
        damaged.audit.inner.write(&batch, Durability::Synced).unwrap();
        let told = damaged.told();
        assert!(told[0].starts_with("the database of the log: "), "{told:?}");
    }
}

/// Anything that is done to the entries, or to the versions of the log.
#[derive(Clone, Debug)]
enum Tampering {
    Change(u64, u8),
    Delete(u64),
    Swap(u64, u64),
    Rollback(u64),
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        (1..=30u64, any::<u8>()).prop_map(|(number, byte)| Tampering::Change(number, byte)),
        (1..=30u64).prop_map(Tampering::Delete),
        (1..=30u64, 1..=30u64).prop_map(|(one, other)| Tampering::Swap(one, other)),
        (1..=19u64).prop_map(Tampering::Rollback),
    ]
}

/// Thirty entries in groups; versions of all stores after the tenth and the last.
fn in_groups() -> Scene {
    let scene = Scene::empty();
    let (stores, log) = scene.open_with(AuditOptions { reads: true });
    for entries in [10, 20] {
        std::thread::scope(|scope| {
            for thread in 0..5 {
                let log = &log;
                scope.spawn(move || (0..entries / 5).for_each(|_| assert!(log.record(call(&format!("of.{thread}"))).is_ok())));
            }
        });
        save(&stores);
    }
    log.close().unwrap();
    scene
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_entries_is_found(steps in proptest::collection::vec(tampering(), 1..4)) {
        let scene = in_groups();
        prop_assert_eq!(scene.told(), [""; 0]);
        let entries = || {
            let mut all = Vec::new();
            scene.tamper(|store| all = store.tree().iter().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect());
            all
        };
        let before = entries();
        scene.tamper(|store| {
            for step in steps {
                let value = |store: &TreeStore, number| store.get(&key(number)).unwrap();
                match step {
                    Tampering::Change(number, byte) => {
                        if let Some(mut text) = value(store, number) {
                            let place = usize::from(byte) % text.len();
                            text[place] ^= 1;
                            store.set(&key(number), &text).unwrap();
                        }
                    }
                    Tampering::Delete(number) => drop(store.delete(&key(number)).unwrap()),
                    Tampering::Swap(one, other) => {
                        if let (Some(first), Some(second)) = (value(store, one), value(store, other)) {
                            store.set(&key(one), &second).unwrap();
                            store.set(&key(other), &first).unwrap();
                        }
                    }
                    Tampering::Rollback(version) => {
                        if store.current_version() > version {
                            store.rollback_to(version).unwrap();
                        }
                    }
                }
            }
            store.save_version().unwrap();
        });
        // Also a version that changes nothing is none of the log's own.
        let told = scene.told();
        prop_assert!(!told.is_empty(), "{} entries, {}", before.len(), before == entries());
    }
}
