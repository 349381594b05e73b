//! When a commit fails: what it read was written since, or the state below it was replaced.

use treering::{Error, Order, SharedStore, Store, Transaction, Versioned};

use crate::{assert_conflict, assert_fails, begin, get, keys, nest, range, set, with};

/// Runs `read` in a transaction that writes too, then `change` beside it, then commits.
fn race(store: &SharedStore, read: impl FnOnce(&dyn Transaction), change: impl FnOnce(&SharedStore)) -> Result<treering::Committed, Error> {
    let tx = begin(store);
    read(&*tx);
    set(&*tx, "written by the transaction", "");
    change(store);
    tx.commit()
}

/// A transaction that sets a key.
fn by_another(key: &str) -> impl FnOnce(&SharedStore) {
    move |store| {
        let other = begin(store);
        set(&*other, key, "another");
        other.commit().unwrap();
    }
}

fn abcdef() -> SharedStore {
    with(&["a", "b", "c", "d", "e", "f"])
}

#[test]
fn write_skew_is_one_conflict_that_names_store_and_key() {
    let store = with(&["x", "y"]);
    let (first, second) = (begin(&store), begin(&store));
    for tx in [&first, &second] {
        assert_eq!((get(&**tx, "x"), get(&**tx, "y")), (Some("x".into()), Some("y".into())));
    }
    set(&*first, "x", "0");
    set(&*second, "y", "0");
    first.commit().unwrap();
    let conflict = second.commit();
    assert_eq!(
        conflict.as_ref().unwrap_err().to_string(),
        "the transaction read key 78 of store \"s\", which was changed since; begin again"
    );
    assert_conflict(conflict, "x");
    assert_eq!((get(&store, "x").as_deref(), get(&store, "y").as_deref()), (Some("0"), Some("y")));
    assert!(!second.is_active());
    assert_fails!(second.commit(), TransactionEnded);
}

#[test]
fn a_key_inserted_into_or_removed_from_a_range_that_was_read_is_a_conflict() {
    let read = |tx: &dyn Transaction| drop(range(tx, ("b", "e"), Order::Ascending, usize::MAX));
    assert_conflict(race(&abcdef(), read, by_another("bb")), "bb");
    assert_conflict(race(&abcdef(), read, by_another("b")), "b");
    assert_conflict(race(&abcdef(), read, |store| store.delete(b"d").unwrap()), "d");
    race(&abcdef(), read, by_another("e")).unwrap();
    race(&abcdef(), read, by_another("az")).unwrap();
    assert_conflict(race(&abcdef(), |tx| drop(keys(tx)), by_another("zzz")), "zzz");
}

#[test]
fn a_range_that_was_left_early_conflicts_only_within_what_was_visited() {
    let ascending = |tx: &dyn Transaction| assert_eq!(range(tx, ("b", "f"), Order::Ascending, 2), ["b", "c"]);
    assert_conflict(race(&abcdef(), ascending, by_another("c")), "c");
    assert_conflict(race(&abcdef(), ascending, by_another("bb")), "bb");
    race(&abcdef(), ascending, by_another("cc")).unwrap();
    race(&abcdef(), ascending, by_another("d")).unwrap();
    let descending = |tx: &dyn Transaction| assert_eq!(range(tx, ("b", "f"), Order::Descending, 2), ["e", "d"]);
    assert_conflict(race(&abcdef(), descending, by_another("d")), "d");
    assert_conflict(race(&abcdef(), descending, by_another("ee")), "ee");
    race(&abcdef(), descending, by_another("cc")).unwrap();
    race(&abcdef(), descending, by_another("c")).unwrap();
}

#[test]
fn a_visitor_that_commits_has_read_the_whole_range_so_far() {
    let store = abcdef();
    let tx = begin(&store);
    set(&*tx, "g", "");
    set(&store, "f", "new");
    tx.iterate(&mut |_, _| {
        assert_conflict(tx.commit(), "f");
        std::ops::ControlFlow::Break(())
    })
    .unwrap();
}

#[test]
fn blind_writes_do_not_conflict_and_the_later_commit_wins() {
    let store = with(&["x"]);
    let (first, second, third) = (begin(&store), begin(&store), begin(&store));
    set(&*first, "x", "first");
    set(&*second, "x", "second");
    third.delete(b"x").unwrap();
    let places: Vec<_> = [&second, &third, &first].map(|tx| tx.commit().unwrap().sequence.unwrap()).into();
    assert_eq!(get(&store, "x").as_deref(), Some("first"));
    assert_eq!(places, [2, 3, 4]);
}

#[test]
fn removing_an_absent_key_is_a_write_like_any_other() {
    let store = with(&["a"]);
    let hash = store.working_hash().unwrap();
    let tx = begin(&store);
    tx.delete(b"absent").unwrap();
    assert_eq!(tx.commit().unwrap().writes, 1);
    assert_eq!((store.working_hash().unwrap(), keys(&store)), (hash, vec!["a".to_owned()]));
    store.delete(b"absent").unwrap();
    // What was absent for the transaction is removed if it is there when it commits.
    let tx = begin(&store);
    tx.delete(b"b").unwrap();
    set(&store, "b", "");
    tx.commit().unwrap();
    assert_eq!(keys(&store), ["a"]);
}

#[test]
fn a_key_that_was_read_as_absent_and_inserted_since_is_a_conflict() {
    assert_conflict(race(&abcdef(), |tx| assert_eq!(get(tx, "bb"), None), by_another("bb")), "bb");
    assert_conflict(race(&abcdef(), |tx| assert!(!tx.has(b"bb").unwrap()), by_another("bb")), "bb");
    race(&abcdef(), |tx| assert_eq!(get(tx, "bb"), None), by_another("b")).unwrap();
}

#[test]
fn changes_without_a_transaction_count_as_commits() {
    let read = |tx: &dyn Transaction| assert_eq!(get(tx, "a").as_deref(), Some("a"));
    assert_conflict(race(&abcdef(), read, |store| set(store, "a", "")), "a");
    assert_conflict(race(&abcdef(), read, |store| store.delete(b"a").unwrap()), "a");
    assert_conflict(race(&abcdef(), read, |store| store.apply(&[(b"x", None), (b"a", Some(b""))]).unwrap()), "a");
    race(&abcdef(), read, |store| store.apply(&[(b"b", None), (b"c", Some(b""))]).unwrap()).unwrap();
}

#[test]
fn a_write_that_was_refused_is_no_change() {
    let too_long = "k".repeat((1 << 16) + 1);
    let store = abcdef();
    race(
        &store,
        |tx| {
            assert_fails!(tx.set(too_long.as_bytes(), b""), Tree);
            drop(keys(tx));
        },
        |store| assert_fails!(store.set(too_long.as_bytes(), b""), Tree),
    )
    .unwrap();
}

#[test]
fn saving_is_no_conflict() {
    let store = abcdef();
    let committed = race(&store, |tx| drop(keys(tx)), |store| assert_eq!(store.save_version().unwrap().version, 1)).unwrap();
    assert_eq!(committed.writes, 1);
    assert!(store.has(b"written by the transaction").unwrap() && store.is_changed().unwrap());
}

#[test]
fn a_transaction_that_wrote_nothing_is_never_in_conflict() {
    let store = abcdef();
    let tx = begin(&store);
    let nested = nest(&*tx);
    assert_eq!(keys(&*nested).len(), 6);
    set(&*nested, "g", "");
    nested.rollback().unwrap();
    set(&store, "a", "");
    store.discard_changes().unwrap();
    let committed = tx.commit().unwrap();
    assert_eq!((committed.sequence, committed.writes), (Some(6), 0));
}

#[test]
fn replacing_the_working_state_fails_open_transactions() {
    fn replaced(replace: impl FnOnce(&SharedStore)) -> &'static str {
        let store = abcdef();
        store.save_version().unwrap();
        set(&store, "g", "");
        match race(&store, |_| {}, replace) {
            Err(Error::StateReplaced { store, by }) => {
                assert_eq!(store, "s");
                by
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(replaced(|store| store.load_version(1).unwrap()), "another version was loaded");
    assert_eq!(replaced(|store| store.discard_changes().unwrap()), "its changes were discarded");
    assert_eq!(replaced(|store| store.rollback_to(1).unwrap()), "it was rolled back");
}

#[test]
fn a_transaction_on_a_newer_version_keeps_it_from_being_rolled_back() {
    let store = abcdef();
    store.save_version().unwrap();
    set(&store, "g", "");
    store.save_version().unwrap();
    set(&store, "h", "");
    let tx = begin(&store);
    let Err(Error::Pinned { versions, .. }) = store.rollback_to(1) else { panic!("rolled back below a transaction") };
    assert_eq!((versions, keys(&*tx), keys(&store)), (vec![2], keys(&store), keys(&*tx)));
    set(&*tx, "i", "");
    tx.commit().unwrap();
    store.rollback_to(1).unwrap();
    assert_eq!((keys(&store), store.current_version().unwrap()), (keys(&abcdef()), 1));
    store.save_version().unwrap();
}
