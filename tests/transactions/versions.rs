//! Prepared versions.

use treering::{Error, Keep, Provable, Store, Transactional, Versioned};

use crate::{assert_fails, begin, begin_reading, contents, get, keys, open_with, set, with};

#[test]
fn a_prepared_version_is_what_its_commit_gives() {
    let (database, store) = open_with(0);
    for round in 1..4u64 {
        set(&store, &format!("key {round}"), "");
        store.delete(format!("key {}", round - 1).as_bytes()).unwrap();
        let prepared = store.prepare().unwrap();
        let promised = (prepared.version(), prepared.root_hash());
        assert_eq!(promised, (round, store.working_hash().unwrap()));
        assert_eq!(store.list_versions().unwrap().len() as u64, round - 1, "nothing is saved yet");
        let info = prepared.commit().unwrap();
        assert_eq!((info.version, info.root_hash), promised);
        assert_eq!(database.versions("s").unwrap().last(), Some(&info));
        assert_eq!((store.current_version().unwrap(), store.is_changed().unwrap()), (round, false));
    }
}

#[test]
fn while_a_version_is_prepared_all_may_be_read_and_nothing_changed() {
    let store = with(&["a"]);
    store.save_version().unwrap();
    set(&store, "b", "");
    let (tx, reading) = (begin(&store), begin_reading(&store));
    set(&*tx, "c", "");
    let prepared = store.prepare().unwrap();
    assert_fails!(store.set(b"x", b""), VersionPrepared);
    assert_fails!(store.delete(b"a"), VersionPrepared);
    assert_fails!(store.apply(&[(b"a", None)]), VersionPrepared);
    assert_fails!(store.save_version(), VersionPrepared);
    assert_fails!(store.load_version(1), VersionPrepared);
    assert_fails!(store.discard_changes(), VersionPrepared);
    assert_fails!(store.rollback_to(1), VersionPrepared);
    assert_fails!(store.prepare(), VersionPrepared);
    assert_fails!(tx.commit(), VersionPrepared);
    assert!(tx.is_active());
    assert_eq!(
        (keys(&store), get(&store, "b"), keys(&*tx)),
        (vec!["a".into(), "b".into()], Some(String::new()), ["a", "b", "c"].map(str::to_owned).to_vec())
    );
    assert_eq!((store.current_version().unwrap(), store.working_hash().unwrap()), (1, prepared.root_hash()));
    store.prove(b"a").unwrap();
    store.snapshot(None).unwrap();
    store.prune(&Keep::Last(1)).unwrap();
    drop(store.begin_tx().unwrap());
    reading.commit().unwrap();
    prepared.commit().unwrap();
    set(&*tx, "d", "");
    tx.commit().unwrap();
    assert_eq!(keys(&store), ["a", "b", "c", "d"]);
}

#[test]
fn a_dropped_preparation_leaves_all_as_it_was() {
    let store = with(&["a"]);
    store.save_version().unwrap();
    set(&store, "b", "");
    let tx = begin(&store);
    assert_eq!(keys(&*tx), ["a", "b"]);
    set(&*tx, "c", "");
    let before = (contents(&store), store.working_hash().unwrap(), store.is_changed().unwrap());
    drop(store.prepare().unwrap());
    assert_eq!((contents(&store), store.working_hash().unwrap(), store.is_changed().unwrap()), before);
    assert_eq!(store.list_versions().unwrap().len(), 1);
    tx.commit().unwrap();
    let prepared = store.prepare().unwrap();
    assert_ne!(prepared.root_hash(), before.1);
    assert_eq!(prepared.commit().unwrap().version, 2);
}

#[test]
fn a_version_that_is_there_is_saved_again_or_refused() {
    let store = with(&["a"]);
    store.save_version().unwrap();
    set(&store, "b", "");
    let second = store.save_version().unwrap();
    store.load_version(1).unwrap();
    set(&store, "b", "something else");
    assert_fails!(store.prepare(), VersionExists);
    set(&store, "b", "");
    let (tx, prepared) = (begin(&store), store.prepare().unwrap());
    assert_eq!((prepared.version(), prepared.root_hash()), (2, second.root_hash));
    assert_eq!(prepared.commit().unwrap(), second);
    set(&*tx, "c", "");
    tx.commit().unwrap();
    assert_eq!(store.save_version().unwrap().version, 3);
    assert_eq!(keys(&store), ["a", "b", "c"]);
}

#[test]
fn a_failed_save_leaves_no_preparation_behind() {
    let backend = crate::common::FaultyBackend::new();
    let database = backend.open();
    let store = treering::SharedStore::from(database.store_or_new("s").unwrap());
    set(&store, "a", "");
    let prepared = store.prepare().unwrap();
    backend.fail_after(0);
    assert!(matches!(prepared.commit(), Err(Error::Engine(_) | Error::Poisoned { .. })));
    assert_fails!(store.prepare(), Poisoned);
    assert_eq!(keys(&store), ["a"]);
}
