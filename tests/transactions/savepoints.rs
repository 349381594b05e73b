//! Places in a transaction to go back to.

use std::time::{Duration, Instant};

use treering::{Store, Versioned};

use crate::{assert_conflict, assert_fails, begin, get, keys, nest, open, set, with};

#[test]
fn going_back_forgets_what_came_later_and_keeps_the_savepoint() {
    let store = with(&["a"]);
    let tx = begin(&store);
    set(&*tx, "b", "");
    let first = tx.savepoint().unwrap();
    set(&*tx, "c", "");
    let second = tx.savepoint().unwrap();
    tx.delete(b"a").unwrap();
    assert_eq!(keys(&*tx), ["b", "c"]);
    tx.rollback_to_savepoint(second).unwrap();
    assert_eq!(keys(&*tx), ["a", "b", "c"]);
    tx.rollback_to_savepoint(first).unwrap();
    assert_eq!(keys(&*tx), ["a", "b"]);
    assert_fails!(tx.rollback_to_savepoint(second), NoSavepoint);
    set(&*tx, "d", "");
    tx.rollback_to_savepoint(first).unwrap();
    assert_eq!(keys(&*tx), ["a", "b"]);
    set(&*tx, "e", "");
    assert_eq!(tx.commit().unwrap().writes, 2, "b and e");
    assert_eq!(keys(&store), ["a", "b", "e"]);
}

#[test]
fn a_released_savepoint_is_gone_with_later_ones_and_changes_stay() {
    let store = open();
    let tx = begin(&store);
    let first = tx.savepoint().unwrap();
    set(&*tx, "a", "");
    let second = tx.savepoint().unwrap();
    let third = tx.savepoint().unwrap();
    set(&*tx, "b", "");
    tx.release_savepoint(second).unwrap();
    for gone in [second, third] {
        assert_fails!(tx.rollback_to_savepoint(gone), NoSavepoint);
        assert_fails!(tx.release_savepoint(gone), NoSavepoint);
    }
    assert_eq!(keys(&*tx), ["a", "b"]);
    tx.rollback_to_savepoint(first).unwrap();
    assert_eq!(keys(&*tx), [""; 0]);
}

#[test]
fn a_savepoint_of_another_transaction_is_none() {
    let (store, elsewhere) = (open(), open());
    let (tx, other, far) = (begin(&store), begin(&store), begin(&elsewhere));
    let savepoint = tx.savepoint().unwrap();
    for other in [&*other, &*far] {
        other.savepoint().unwrap();
        assert_fails!(other.rollback_to_savepoint(savepoint), NoSavepoint);
    }
    let nested = nest(&*tx);
    nested.savepoint().unwrap();
    assert_fails!(nested.rollback_to_savepoint(savepoint), NoSavepoint);
    let inner = nested.savepoint().unwrap();
    nested.commit().unwrap();
    assert_fails!(tx.rollback_to_savepoint(inner), NoSavepoint);
    tx.rollback_to_savepoint(savepoint).unwrap();
}

#[test]
fn what_was_read_before_going_back_still_counts() {
    let store = with(&["a"]);
    let tx = begin(&store);
    let savepoint = tx.savepoint().unwrap();
    assert_eq!(get(&*tx, "a").as_deref(), Some("a"));
    tx.rollback_to_savepoint(savepoint).unwrap();
    set(&*tx, "b", "because of a");
    set(&store, "a", "");
    assert_conflict(tx.commit(), "a");
}

#[test]
fn a_nested_transaction_is_part_of_what_a_savepoint_undoes() {
    let store = open();
    let tx = begin(&store);
    let savepoint = tx.savepoint().unwrap();
    let nested = nest(&*tx);
    set(&*nested, "a", "");
    nested.commit().unwrap();
    tx.rollback_to_savepoint(savepoint).unwrap();
    tx.commit().unwrap();
    assert_eq!(keys(&store), [""; 0]);
}

#[test]
fn ten_thousand_savepoints_take_no_time() {
    let store = with(&["a"]);
    store.save_version().unwrap();
    let tx = begin(&store);
    let started = Instant::now();
    let mut savepoints = Vec::new();
    for number in 0..10_000u32 {
        savepoints.push(tx.savepoint().unwrap());
        tx.set(&number.to_be_bytes(), b"").unwrap();
    }
    for (number, &savepoint) in savepoints.iter().enumerate().skip(5000).rev() {
        tx.rollback_to_savepoint(savepoint).unwrap();
        if number % 1000 == 0 {
            assert_eq!(keys_count(&*tx), number + 1);
        }
    }
    tx.release_savepoint(savepoints[0]).unwrap();
    assert_eq!(tx.commit().unwrap().writes, 5000);
    assert_eq!(keys_count(&store), 5001);
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(10), "{taken:?}");
}

fn keys_count(store: &dyn Store) -> usize {
    crate::contents(store).len()
}
