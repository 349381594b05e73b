//! What a store tells of itself, in order.

use treering::event::{
    Event, StoreClosed, Subscription, TransactionBegin, TransactionCommit, TransactionRollback, VersionLoaded, VersionPruned,
    VersionRolledBack, VersionSaved,
};
use treering::{Keep, Store, VersionInfo, Versioned};

use crate::{assert_conflict, assert_fails, begin, begin_reading, get, nest, open, set};

fn received(all: &Subscription) -> Vec<Event> {
    std::iter::from_fn(|| all.try_recv().ok()).map(|published| (*published.event).clone()).collect()
}

fn name() -> String {
    "s".to_owned()
}

fn begun(transaction: u64, read_only: bool) -> Event {
    TransactionBegin { store: name(), transaction, read_only }.into()
}

fn committed(transaction: u64, writes: u64) -> Event {
    TransactionCommit { store: name(), transaction, writes }.into()
}

fn rolled_back(transaction: u64) -> Event {
    TransactionRollback { store: name(), transaction }.into()
}

fn saved(info: &VersionInfo) -> Event {
    let VersionInfo { version, root_hash, size, height, time, .. } = *info;
    VersionSaved { store: name(), version, root_hash, size, height, time }.into()
}

#[test]
fn transactions_tell_when_they_begin_and_how_they_end() {
    let store = open();
    let all = store.events().subscribe("**".parse().unwrap(), 100);
    let (first, second) = (begin(&store), begin_reading(&store));
    set(&*first, "a", "");
    set(&*first, "a", "again");
    first.delete(b"b").unwrap();
    first.commit().unwrap();
    second.commit().unwrap();
    assert_eq!(received(&all), [begun(1, false), begun(2, true), committed(1, 2), committed(2, 0)]);
    begin(&store).rollback().unwrap();
    drop(begin(&store));
    begin(&store).close().unwrap();
    drop(begin_reading(&store));
    let expected = (3..7).flat_map(|number| [begun(number, number == 6), rolled_back(number)]);
    assert_eq!(received(&all), expected.collect::<Vec<_>>());
    let tx = begin(&store);
    assert_eq!(get(&*tx, "a").as_deref(), Some("again"));
    set(&*tx, "b", "");
    set(&store, "a", "");
    assert_conflict(tx.commit(), "a");
    drop(tx);
    assert_eq!(received(&all), [begun(7, false), rolled_back(7)], "once; direct writes tell nothing");
}

#[test]
fn nested_transactions_are_part_of_the_outer_one() {
    let store = open();
    let all = store.events().subscribe("**".parse().unwrap(), 100);
    let tx = begin(&store);
    let nested = nest(&*tx);
    set(&*nested, "a", "");
    nested.commit().unwrap();
    nest(&*tx).rollback().unwrap();
    let nested = nest(&*tx);
    drop(tx);
    assert_fails!(nested.commit(), TransactionEnded);
    drop(nested);
    assert_eq!(received(&all), [begun(1, false), rolled_back(1)]);
}

#[test]
fn versions_tell_what_became_of_them() {
    let store = open();
    let all = store.events().subscribe("**".parse().unwrap(), 100);
    let mut expected = Vec::new();
    for value in ["1", "2", "3", "4"] {
        set(&store, "a", value);
        set(&store, value, "");
        expected.push(saved(&store.save_version().unwrap()));
    }
    drop(store.prepare().unwrap());
    assert_fails!(store.load_version(9), NoVersion);
    store.load_version(2).unwrap();
    expected.push(VersionLoaded { store: name(), version: 2 }.into());
    store.discard_changes().unwrap();
    store.rollback_to(3).unwrap();
    expected.push(VersionRolledBack { store: name(), version: 3 }.into());
    let report = store.prune(&Keep::Last(1)).unwrap();
    assert_eq!(report.versions, 2);
    expected.push(VersionPruned { store: name(), versions: 2, nodes: report.nodes, oldest: Some(3) }.into());
    assert_eq!(store.prune(&Keep::Last(1)).unwrap().versions, 0);
    let prepared = store.prepare().unwrap();
    expected.push(saved(&prepared.commit().unwrap()));
    store.close().unwrap();
    store.close().unwrap();
    expected.push(StoreClosed { store: name() }.into());
    assert_eq!(received(&all), expected);
}

#[test]
fn an_open_transaction_of_a_closed_store_is_rolled_back() {
    let store = open();
    let all = store.events().subscribe("**".parse().unwrap(), 100);
    let tx = begin(&store);
    store.close().unwrap();
    assert_fails!(tx.commit(), Closed);
    drop(tx);
    assert_eq!(received(&all), [begun(1, false), StoreClosed { store: name() }.into(), rolled_back(1)]);
}
