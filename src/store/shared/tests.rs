//! Nothing is left behind when transactions are over.

use std::sync::Arc;

use super::*;
use crate::engine::memory::MemoryBackend;
use crate::store::{CreateOptions, Database, OpenOptions, Versioned};

fn store() -> SharedStore {
    let backend = MemoryBackend::default();
    Database::create_on(&backend, &CreateOptions::default()).unwrap();
    let database = Database::open_on(Arc::new(backend), &OpenOptions::default()).unwrap();
    let store = SharedStore::from(database.store_or_new("s").unwrap());
    for number in 0..100u8 {
        store.set(&[number], b"").unwrap();
    }
    store.save_version().unwrap();
    store
}

/// How many branches of the tree there are, and whether the history holds anything.
fn held(store: &SharedStore) -> (usize, bool) {
    let working = store.core.read().unwrap();
    // What is to be stored is held by the flusher.
    working.store.as_ref().unwrap().database().disk.wait_until_flushed().unwrap();
    (working.store.as_ref().unwrap().tree().branches(), !working.history.is_unused())
}

fn begin(store: &SharedStore) -> Box<dyn Transaction> {
    store.begin_tx().unwrap()
}

/// Reads and writes with savepoints and a nested transaction.
fn work(tx: &dyn Transaction) {
    let savepoint = tx.savepoint().unwrap();
    tx.set(b"a", b"").unwrap();
    tx.savepoint().unwrap();
    tx.get(b"b").unwrap();
    let nested = tx.as_transactional().unwrap().begin_tx().unwrap();
    nested.delete(&[7]).unwrap();
    nested.savepoint().unwrap();
    nested.commit().unwrap();
    tx.iterate(&mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    tx.rollback_to_savepoint(savepoint).unwrap();
    tx.set(b"c", b"").unwrap();
}

#[test]
fn ended_transactions_hold_nothing_even_while_their_handles_live() {
    let store = store();
    let before = held(&store);
    assert!(!before.1);
    let ends: [fn(&SharedStore, &dyn Transaction); 6] = [
        |_, tx| assert_eq!(tx.commit().unwrap().writes, 1),
        |_, tx| tx.rollback().unwrap(),
        |store, tx| {
            store.set(b"b", b"").unwrap();
            assert!(matches!(tx.commit(), Err(Error::Conflict { .. })));
        },
        |store, tx| {
            store.set(b"d", b"").unwrap();
            tx.rollback().unwrap();
        },
        |store, tx| {
            store.discard_changes().unwrap();
            assert!(matches!(tx.commit(), Err(Error::StateReplaced { .. })));
        },
        |store, tx| {
            store.save_version().unwrap();
            tx.rollback().unwrap();
        },
    ];
    for (number, end) in ends.into_iter().enumerate() {
        let tx = begin(&store);
        work(&*tx);
        assert_ne!(held(&store).0, before.0);
        end(&store, &*tx);
        // A state that was replaced is another tree, which readers do not share yet.
        let (branches, history) = held(&store);
        assert!(branches <= before.0 && !history, "end {number}: {branches} branches");
    }
}

#[test]
fn transactions_that_only_read_are_no_burden_to_those_that_write() {
    let store = store();
    let before = held(&store);
    let reading = store.begin_tx_with(TransactionMode::ReadOnly).unwrap();
    let (tx, other) = (begin(&store), begin(&store));
    tx.set(b"a", b"").unwrap();
    tx.commit().unwrap();
    assert!(held(&store).1, "the other one must know what changed");
    drop(other);
    store.set(b"b", b"").unwrap();
    assert_eq!(held(&store), (before.0 + 1, false));
    reading.commit().unwrap();
    assert_eq!(held(&store), before);
}

#[test]
fn an_outer_transaction_that_is_dropped_first_leaves_nothing_when_the_nested_one_is_over() {
    let store = store();
    let before = held(&store);
    let tx = begin(&store);
    let nested = tx.as_transactional().unwrap().begin_tx().unwrap();
    nested.set(b"a", b"").unwrap();
    drop(tx);
    store.set(b"b", b"").unwrap();
    assert!(!held(&store).1);
    assert!(nested.commit().is_err());
    assert_eq!(held(&store), before);
}

#[test]
fn closing_lets_go_of_the_store_though_transactions_are_open() {
    let store = store();
    let tx = begin(&store);
    let database = Arc::clone(store.core.read().unwrap().store.as_ref().unwrap().database());
    let holders = Arc::strong_count(&database);
    store.close().unwrap();
    assert!(tx.commit().is_err());
    assert!(store.core.read().unwrap().history.is_unused());
    assert_eq!(Arc::strong_count(&database), holders - 3, "the writer's, the readers' and the transaction's");
}
