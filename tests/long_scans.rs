//! A scan over many windows of entries gives each once, in order, in both directions, with few nodes in memory.

mod common;

use std::ops::Bound;

use common::FaultyBackend;
use treering::engine::Keyspace;
use treering::{Error, Order};

const KEYS: u32 = 10_000;

#[test]
fn windows_join_without_gap_or_overlap() {
    let backend = FaultyBackend::new();
    let database = backend.open();
    let mut store = database.store_or_new("s").unwrap();
    for number in 0..KEYS {
        store.set(&number.to_be_bytes(), &number.to_le_bytes()).unwrap();
    }
    // Larger than what is read at a time.
    store.set(&5000u32.to_be_bytes(), &vec![7; 5 << 20]).unwrap();
    store.save_version().unwrap();
    let snapshot = database.snapshot("s", None).unwrap();
    let keys = |start, end, order| -> Vec<u32> {
        let entries = snapshot.scan(start, end, order).map(|entry| entry.unwrap().0);
        entries.map(|key| u32::from_be_bytes(key.try_into().unwrap())).collect()
    };
    assert!(keys(Bound::Unbounded, Bound::Unbounded, Order::Ascending).into_iter().eq(0..KEYS));
    assert!(keys(Bound::Unbounded, Bound::Unbounded, Order::Descending).into_iter().eq((0..KEYS).rev()));
    let (from, to) = (Bound::Excluded(17u32.to_be_bytes().to_vec()), Bound::Included(9000u32.to_be_bytes().to_vec()));
    assert!(keys(from.clone(), to.clone(), Order::Ascending).into_iter().eq(18..=9000));
    assert!(keys(from, to, Order::Descending).into_iter().eq((18..=9000).rev()));
}

#[test]
fn a_scan_ends_at_the_first_damaged_node() {
    let backend = FaultyBackend::new();
    {
        let database = backend.open();
        let mut store = database.store_or_new("s").unwrap();
        for number in 0..KEYS {
            store.set(&number.to_be_bytes(), b"value").unwrap();
        }
        store.save_version().unwrap();
    }
    let mut pages = backend.records(Keyspace::Nodes);
    let (key, _) = pages.swap_remove(pages.len() / 2);
    backend.delete(Keyspace::Nodes, &key);
    let snapshot = backend.open().snapshot("s", None).unwrap();
    let mut scan = snapshot.scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending);
    let error = scan.find_map(Result::err).unwrap();
    assert!(matches!(error, Error::Tree(_)), "{error}");
    assert!(error.to_string().contains("missing"), "{error}");
    assert!(scan.next().is_none());
}
