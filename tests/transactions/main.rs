//! Transactions on a shared store, behaviour by behaviour.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod conflicts;
mod endings;
mod events;
mod isolation;
mod nested;
mod savepoints;
mod versions;

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use common::{FaultyBackend, Model};
use treering::engine::Backend;
use treering::{
    Database, Error, OpenOptions, Order, PreparedVersion, Provable, RangeQueryable, SharedStore, Store, Transaction, TransactionMode,
    Transactional, Versioned,
};

fn open_with(cache_size: u64) -> (Database, SharedStore) {
    let backend: Arc<dyn Backend> = FaultyBackend::new();
    let database = Database::open_on(backend, &OpenOptions { cache_size, ..OpenOptions::default() }).unwrap();
    let store = SharedStore::from(database.store_or_new("s").unwrap());
    (database, store)
}

fn open() -> SharedStore {
    open_with(1 << 30).1
}

/// A store with these keys, each its own value.
fn with(keys: &[&str]) -> SharedStore {
    let store = open();
    for key in keys {
        store.set(key.as_bytes(), key.as_bytes()).unwrap();
    }
    store
}

fn begin(store: &dyn Transactional) -> Box<dyn Transaction> {
    store.begin_tx().unwrap()
}

fn begin_reading(store: &dyn Transactional) -> Box<dyn Transaction> {
    store.begin_tx_with(TransactionMode::ReadOnly).unwrap()
}

fn nest(outer: &dyn Transaction) -> Box<dyn Transaction> {
    outer.as_transactional().unwrap().begin_tx().unwrap()
}

fn get(store: &dyn Store, key: &str) -> Option<String> {
    store.get(key.as_bytes()).unwrap().map(|value| String::from_utf8(value).unwrap())
}

fn set(store: &dyn Store, key: &str, value: &str) {
    store.set(key.as_bytes(), value.as_bytes()).unwrap();
}

fn contents(store: &dyn Store) -> Model {
    let mut model = Model::new();
    store
        .iterate(&mut |key, value| {
            model.insert(key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    model
}

fn keys(store: &dyn Store) -> Vec<String> {
    contents(store).into_keys().map(|key| String::from_utf8(key).unwrap()).collect()
}

/// The first `limit` keys of `from..to` in an order.
fn range(store: &dyn Store, (from, to): (&str, &str), order: Order, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let ranges = store.as_range_queryable().unwrap();
    ranges
        .iterate_range(Bound::Included(from.as_bytes()), Bound::Excluded(to.as_bytes()), order, &mut |key, _| {
            found.push(String::from_utf8(key.to_vec()).unwrap());
            if found.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    found
}

#[track_caller]
fn assert_conflict<T: std::fmt::Debug>(result: Result<T, Error>, expected: &str) {
    let Err(Error::Conflict { store, key }) = result else { panic!("no conflict: {result:?}") };
    assert_eq!((store.as_str(), String::from_utf8(key).unwrap().as_str()), ("s", expected));
}

/// The call gives this error.
macro_rules! assert_fails {
    ($result:expr, $variant:ident) => {
        assert!(matches!($result, Err(treering::Error::$variant { .. })), "expected {}", stringify!($variant))
    };
}

use assert_fails;

#[test]
fn trait_objects_can_go_to_other_threads() {
    fn is_shareable<T: Send + Sync + ?Sized>() {}
    is_shareable::<dyn Store>();
    is_shareable::<dyn RangeQueryable>();
    is_shareable::<dyn Transactional>();
    is_shareable::<dyn Transaction>();
    is_shareable::<dyn Versioned>();
    is_shareable::<dyn Provable>();
    is_shareable::<SharedStore>();
    is_shareable::<PreparedVersion>();
}
