//! Transactions in transactions.

use std::time::{Duration, Instant};

use treering::{Transaction, TransactionMode, Versioned};

use crate::{assert_conflict, assert_fails, begin, begin_reading, contents, get, keys, nest, range, set, with};

fn nest_reading(outer: &dyn Transaction) -> Box<dyn Transaction> {
    outer.as_transactional().unwrap().begin_tx_with(TransactionMode::ReadOnly).unwrap()
}

#[test]
fn a_nested_transaction_becomes_part_of_the_outer_one_or_leaves_nothing() {
    let store = with(&["a"]);
    let tx = begin(&store);
    set(&*tx, "b", "");
    let nested = nest(&*tx);
    assert_eq!(keys(&*nested), ["a", "b"]);
    set(&*nested, "c", "");
    nested.delete(b"a").unwrap();
    let committed = nested.commit().unwrap();
    assert_eq!((committed.sequence, committed.writes), (None, 3));
    assert_eq!((keys(&*tx), keys(&store)), (vec!["b".into(), "c".into()], vec!["a".to_owned()]));
    let nested = nest(&*tx);
    set(&*nested, "d", "");
    nested.rollback().unwrap();
    let nested = nest(&*tx);
    set(&*nested, "e", "");
    drop(nested);
    set(&*tx, "f", "");
    assert_eq!(tx.commit().unwrap().writes, 4);
    assert_eq!(keys(&store), ["b", "c", "f"]);
}

#[test]
fn the_outer_transaction_rests_while_a_nested_one_is_open() {
    let store = with(&["a"]);
    let tx = begin(&store);
    let savepoint = tx.savepoint().unwrap();
    let nested = nest(&*tx);
    assert_fails!(tx.get(b"a"), NestedTransactionOpen);
    assert_fails!(tx.has(b"a"), NestedTransactionOpen);
    assert_fails!(tx.set(b"a", b""), NestedTransactionOpen);
    assert_fails!(tx.delete(b"a"), NestedTransactionOpen);
    assert_fails!(tx.iterate(&mut |_, _| panic!("visited")), NestedTransactionOpen);
    assert_fails!(tx.savepoint(), NestedTransactionOpen);
    assert_fails!(tx.rollback_to_savepoint(savepoint), NestedTransactionOpen);
    assert_fails!(tx.release_savepoint(savepoint), NestedTransactionOpen);
    assert_fails!(tx.as_transactional().unwrap().begin_tx(), NestedTransactionOpen);
    assert_fails!(tx.commit(), NestedTransactionOpen);
    assert_fails!(tx.rollback(), NestedTransactionOpen);
    assert_fails!(tx.close(), NestedTransactionOpen);
    assert!(tx.is_active() && nested.is_active());
    nested.commit().unwrap();
    assert_eq!(get(&*tx, "a").as_deref(), Some("a"));
    tx.commit().unwrap();
}

#[test]
fn a_nested_transaction_cannot_outlive_the_outer_one() {
    let store = with(&["a"]);
    let tx = begin(&store);
    let nested = nest(&*tx);
    let innermost = nest(&*nested);
    set(&*innermost, "b", "");
    drop(tx);
    innermost.commit().unwrap();
    assert_fails!(nested.commit(), TransactionEnded);
    assert_fails!(nested.get(b"a"), TransactionEnded);
    assert_eq!(keys(&store), ["a"]);
    let tx = begin(&store);
    let nested = nest(&*tx);
    drop(tx);
    nested.rollback().unwrap();
    set(&store, "c", "");
}

#[test]
fn what_a_nested_transaction_read_counts_whatever_became_of_it() {
    for how in ["commit", "rollback", "drop", "read only", "savepoint", "range"] {
        let store = with(&["a"]);
        let tx = begin(&store);
        let nested = if how == "read only" { nest_reading(&*tx) } else { nest(&*tx) };
        let savepoint = nested.savepoint().unwrap();
        if how == "range" {
            drop(range(&*nested, ("", "b"), treering::Order::Descending, 1));
        } else {
            drop(get(&*nested, "a"));
        }
        match how {
            "rollback" => nested.rollback().unwrap(),
            "drop" => {}
            "savepoint" => {
                nested.rollback_to_savepoint(savepoint).unwrap();
                nested.commit().unwrap();
            }
            _ => assert!(nested.commit().is_ok()),
        }
        drop(nested);
        set(&*tx, "b", "because of a");
        set(&store, "a", "");
        assert_conflict(tx.commit(), "a");
    }
}

#[test]
fn a_read_only_transaction_nests_read_only_ones() {
    let store = with(&["a"]);
    let tx = begin_reading(&store);
    let nested = nest_reading(&*tx);
    assert_eq!(keys(&*nested), ["a"]);
    assert_fails!(nested.set(b"b", b""), ReadOnlyTransaction);
    nested.commit().unwrap();
    assert_fails!(tx.as_transactional().unwrap().begin_tx(), ReadOnlyTransaction);
    let writing = begin(&store);
    let nested = nest_reading(&*writing);
    assert!(nested.is_read_only());
    assert_fails!(nested.delete(b"a"), ReadOnlyTransaction);
    assert_fails!(nested.as_transactional().unwrap().begin_tx(), ReadOnlyTransaction);
    assert_eq!(nested.commit().unwrap().writes, 0);
    tx.commit().unwrap();
}

/// A chain of nested transactions, of which the first thousand wrote a key each.
fn chain(outer: Box<dyn Transaction>, depth: u32) -> Vec<Box<dyn Transaction>> {
    let mut all = vec![outer];
    for level in 0..depth {
        let nested = nest(&**all.last().unwrap());
        if level < 1000 {
            nested.set(&level.to_be_bytes(), b"").unwrap();
        }
        nested.get(&(level + 1).to_be_bytes()).unwrap();
        all.push(nested);
    }
    all
}

#[test]
fn nesting_is_as_deep_as_you_like() {
    let store = with(&["a"]);
    store.save_version().unwrap();
    let started = Instant::now();
    let mut all = chain(begin(&store), 1000);
    while let Some(tx) = all.pop() {
        tx.commit().unwrap();
    }
    assert_eq!(contents(&store).len(), 1001);
    // Dropped from the outside, the innermost one holds them all.
    let mut all = chain(begin(&store), 100_000);
    let innermost = all.pop().unwrap();
    drop(all);
    assert_fails!(innermost.commit(), TransactionEnded);
    drop(innermost);
    let mut all = chain(begin(&store), 1000);
    while let Some(tx) = all.pop() {
        tx.rollback().unwrap();
    }
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(10), "{taken:?}");
}
