//! What is said after the end of a transaction, after closing, and by what cannot do something.

use treering::{
    Error, Feature, Keep, Provable, RangeQueryable, SharedStore, Store, Transaction, TransactionMode, Transactional, Versioned,
};

use crate::{assert_fails, begin, begin_reading, nest, open_with, set, with};

/// Every call of a transaction that can fail, except `close`.
fn calls(tx: &dyn Transaction, savepoint: treering::Savepoint) -> Vec<(&'static str, Option<Error>)> {
    let begin = |mode| tx.as_transactional().unwrap().begin_tx_with(mode).err();
    vec![
        ("get", tx.get(b"a").err()),
        ("has", tx.has(b"a").err()),
        ("set", tx.set(b"a", b"").err()),
        ("delete", tx.delete(b"a").err()),
        ("iterate", tx.iterate(&mut |_, _| panic!("visited")).err()),
        ("begin", begin(TransactionMode::ReadWrite)),
        ("begin reading", begin(TransactionMode::ReadOnly)),
        ("savepoint", tx.savepoint().err()),
        ("rollback to", tx.rollback_to_savepoint(savepoint).err()),
        ("release", tx.release_savepoint(savepoint).err()),
        ("commit", tx.commit().err()),
    ]
}

#[test]
fn after_its_end_a_transaction_says_so() {
    let store = with(&["a"]);
    let ends: [fn(&dyn Transaction); 3] = [|tx| assert!(tx.commit().is_ok()), |tx| tx.rollback().unwrap(), |tx| tx.close().unwrap()];
    for end in ends {
        let outer = begin(&store);
        for tx in [begin(&store), begin_reading(&store), nest(&*outer)] {
            let savepoint = tx.savepoint().unwrap();
            assert!(tx.is_active());
            end(&*tx);
            assert!(!tx.is_active());
            for (call, error) in calls(&*tx, savepoint) {
                assert!(matches!(error, Some(Error::TransactionEnded { ref store }) if store == "s"), "{call}: {error:?}");
            }
            assert_fails!(tx.rollback(), TransactionEnded);
            tx.close().unwrap();
            assert_eq!((tx.name(), tx.engine()), (store.name(), store.engine()));
        }
    }
}

#[test]
fn after_closing_a_store_every_call_says_so() {
    let (database, store) = open_with(1 << 20);
    set(&store, "a", "");
    store.save_version().unwrap();
    set(&store, "not saved", "");
    let clone = store.clone();
    store.close().unwrap();
    clone.close().unwrap();
    let errors = closed_calls(&clone);
    for (call, error) in errors {
        assert!(matches!(error, Some(Error::Closed { ref store }) if store == "s"), "{call}: {error:?}");
    }
    let again = SharedStore::from(database.store("s").unwrap());
    assert_eq!(crate::keys(&again), ["a"], "what was not saved is gone");
}

fn closed_calls(store: &SharedStore) -> Vec<(&'static str, Option<Error>)> {
    use std::ops::Bound::Unbounded;
    vec![
        ("get", store.get(b"a").err()),
        ("has", store.has(b"a").err()),
        ("set", store.set(b"a", b"").err()),
        ("delete", store.delete(b"a").err()),
        ("apply", store.apply(&[]).err()),
        ("iterate", store.iterate(&mut |_, _| panic!("visited")).err()),
        ("range", store.iterate_range(Unbounded, Unbounded, treering::Order::Ascending, &mut |_, _| panic!("visited")).err()),
        ("begin", store.begin_tx().err()),
        ("begin reading", store.begin_tx_with(TransactionMode::ReadOnly).err()),
        ("save", store.save_version().err()),
        ("prepare", store.prepare().err()),
        ("load", store.load_version(1).err()),
        ("discard", store.discard_changes().err()),
        ("list", store.list_versions().err()),
        ("current", store.current_version().err()),
        ("newest", store.newest_version().err()),
        ("changed", store.is_changed().err()),
        ("hash", store.working_hash().err()),
        ("snapshot", store.snapshot(None).err()),
        ("prune", store.prune(&Keep::Last(1)).err()),
        ("rollback", store.rollback_to(1).err()),
        ("prove", store.prove(b"a").err()),
        ("prove at", store.prove_at(b"a", 1).err()),
    ]
}

#[test]
fn transactions_of_a_closed_store_can_only_be_given_up() {
    let store = with(&["a"]);
    let (tx, outer, reading) = (begin(&store), begin(&store), begin_reading(&store));
    set(&*tx, "b", "");
    let (nested, given_up) = (nest(&*outer), begin(&store));
    let prepared = store.prepare().unwrap();
    let savepoints = [&tx, &reading, &nested].map(|tx| tx.savepoint().unwrap());
    store.close().unwrap();
    for (tx, savepoint) in [&tx, &reading, &nested].into_iter().zip(savepoints) {
        // The commit is the last of the calls.
        for (call, error) in calls(&**tx, savepoint) {
            assert!(matches!(error, Some(Error::Closed { .. })), "{call}: {error:?}");
        }
        assert!(!tx.is_active());
        assert_fails!(tx.commit(), TransactionEnded);
    }
    given_up.rollback().unwrap();
    assert_fails!(prepared.commit(), Closed);
}

#[test]
fn what_a_transaction_cannot_do_is_named() {
    let store = with(&[]);
    let tx = begin(&store);
    let unsupported = |error: Option<Error>| match error {
        Some(Error::Unsupported { engine, feature }) => (engine, feature),
        other => panic!("{other:?}"),
    };
    let engine = format!("{} in a transaction", store.engine());
    assert_eq!(unsupported(tx.as_versioned().err()), (engine.clone(), Feature::Versions));
    assert_eq!(unsupported(tx.as_provable().err()), (engine.clone(), Feature::Proofs));
    let message = tx.as_versioned().err().unwrap().to_string();
    assert_eq!(message, format!("the engine {engine} has no versions; `capabilities` tells what a store can do"));
    let (of_store, of_transaction) = (store.capabilities(), tx.capabilities());
    assert!(of_store.versioning && !of_transaction.versioning && of_transaction.transactions && of_transaction.range_queries);
    assert!(tx.as_range_queryable().is_ok() && tx.as_transactional().is_ok());
    assert!(store.as_versioned().is_ok() && store.as_provable().is_ok() && store.as_transactional().is_ok());
}

#[test]
fn transactions_have_numbers_of_their_own() {
    let store = with(&[]);
    let (first, second) = (begin(&store), begin_reading(&store));
    let nested = nest(&*first);
    assert_eq!([first.id(), second.id(), nested.id()], [1, 2, 3]);
}
