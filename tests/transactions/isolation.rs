//! What a transaction sees, and when others see what it did.

use std::ops::{Bound, ControlFlow};

use treering::{Keep, Order, Store, Tree, Versioned};

use crate::{assert_fails, begin, begin_reading, contents, get, keys, open, open_with, range, set, with};

#[test]
fn a_transaction_sees_its_own_writes_and_others_do_not() {
    let store = with(&["a", "b"]);
    let (tx, other) = (begin(&store), begin(&store));
    set(&*tx, "a", "new");
    set(&*tx, "c", "new");
    tx.delete(b"b").unwrap();
    assert_eq!((get(&*tx, "a").as_deref(), get(&*tx, "b"), get(&*tx, "c").as_deref()), (Some("new"), None, Some("new")));
    assert!(tx.has(b"c").unwrap() && !tx.has(b"b").unwrap());
    assert_eq!((keys(&*tx), range(&*tx, ("a", "z"), Order::Descending, 1)), (vec!["a".into(), "c".into()], vec!["c".to_owned()]));
    for outside in [&store as &dyn Store, &*other, &*begin(&store)] {
        assert_eq!((get(outside, "a").as_deref(), keys(outside)), (Some("a"), vec!["a".to_owned(), "b".to_owned()]));
    }
    let committed = tx.commit().unwrap();
    assert_eq!((committed.writes, committed.sequence), (3, Some(3)));
    assert_eq!((get(&store, "a").as_deref(), keys(&store)), (Some("new"), vec!["a".to_owned(), "c".to_owned()]));
    assert_eq!(keys(&*other), ["a", "b"], "it sees the state at its beginning");
}

#[test]
fn rolled_back_and_dropped_transactions_leave_nothing() {
    let store = with(&["a"]);
    let hash = store.working_hash().unwrap();
    let tx = begin(&store);
    set(&*tx, "a", "x");
    tx.rollback().unwrap();
    let tx = begin(&store);
    tx.delete(b"a").unwrap();
    drop(tx);
    let tx = begin(&store);
    set(&*tx, "b", "x");
    tx.close().unwrap();
    tx.close().unwrap();
    assert_eq!((keys(&store), store.working_hash().unwrap()), (vec!["a".to_owned()], hash));
}

/// A block of writes, some of which remove what is not there.
fn block(number: u32) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
    (0..100u32).map(move |i| {
        let key = (i * 7 % 350 + number).to_be_bytes().to_vec();
        (key, (i % 3 != 0).then(|| vec![u8::try_from(number).unwrap(); 3]))
    })
}

#[test]
fn adopting_and_applying_again_give_the_tree_of_the_commit_order() {
    for cache_size in [0, 1 << 30] {
        let (database, store) = open_with(cache_size);
        let mut oracle = Tree::new();
        for number in 0..300u32 {
            store.set(&number.to_be_bytes(), b"old").unwrap();
            oracle.set(&number.to_be_bytes(), b"old").unwrap();
        }
        store.save_version().unwrap();
        let _ = oracle.save().unwrap();
        let transactions: Vec<_> = (0..4).map(|_| begin(&store)).collect();
        for (number, tx) in (0..).zip(&transactions) {
            for (key, value) in block(number) {
                value.map_or_else(|| tx.delete(&key), |value| tx.set(&key, &value)).unwrap();
            }
        }
        // The first is adopted, the others are applied again.
        for number in [2, 0, 3, 1u32] {
            transactions[number as usize].commit().unwrap();
            for (key, value) in block(number) {
                if let Some(value) = value {
                    oracle.set(&key, &value).unwrap()
                } else {
                    oracle.remove(&key).unwrap()
                };
            }
            assert_eq!(store.working_hash().unwrap(), oracle.working_hash().unwrap(), "block {number}");
            if number == 0 {
                assert_eq!(store.save_version().unwrap().root_hash, oracle.save().unwrap().root_hash);
            }
        }
        assert_eq!(store.save_version().unwrap().root_hash, oracle.save().unwrap().root_hash);
        store.prune(&Keep::Last(1)).unwrap();
        database.check(&mut |_| {}).unwrap();
    }
}

#[test]
fn a_read_only_transaction_refuses_writes() {
    let store = with(&["a"]);
    let tx = begin_reading(&store);
    assert!(tx.is_read_only() && !begin(&store).is_read_only());
    assert_fails!(tx.set(b"a", b""), ReadOnlyTransaction);
    assert_fails!(tx.delete(b"a"), ReadOnlyTransaction);
    assert_fails!(tx.as_transactional().unwrap().begin_tx(), ReadOnlyTransaction);
    set(&store, "a", "changed");
    assert_eq!(get(&*tx, "a").as_deref(), Some("a"));
    let committed = tx.commit().unwrap();
    assert_eq!((committed.sequence, committed.writes), (Some(1), 0), "never in conflict, and in the place of the state it saw");
    assert_fails!(tx.set(b"a", b""), TransactionEnded);
}

#[test]
fn a_read_only_transaction_sees_a_frozen_state_while_versions_come_and_go() {
    for cache_size in [0, 1 << 30] {
        let (database, store) = open_with(cache_size);
        for number in 0..200u8 {
            store.set(&[number], &[number]).unwrap();
        }
        store.save_version().unwrap();
        store.delete(&[3]).unwrap();
        store.set(&[5], b"not saved yet").unwrap();
        let tx = begin_reading(&store);
        let expected = contents(&store);
        for round in 0..5u8 {
            for number in 0..200u8 {
                let key = [number];
                if number % 5 == round { store.delete(&key).unwrap() } else { store.set(&key, &[round, 1]).unwrap() }
            }
            store.set(&[250, round], b"new").unwrap();
            store.save_version().unwrap();
            let report = store.prune(&Keep::Last(1)).unwrap();
            assert_eq!(report.deferred, [1], "the version below the transaction is kept");
            for number in 0..=255u8 {
                assert_eq!(tx.get(&[number]).unwrap(), expected.get([number].as_slice()).cloned(), "key {number}");
            }
            assert_eq!(tx.get(&[250, round]).unwrap(), None);
        }
        assert_eq!(contents(&*tx), expected);
        drop(tx);
        assert!(store.prune(&Keep::Last(1)).unwrap().deferred.is_empty());
        assert_eq!(store.list_versions().unwrap().len(), 1);
        database.check(&mut |_| {}).unwrap();
    }
}

#[test]
fn a_visitor_may_use_what_it_visits() {
    let store = with(&["a", "b", "c"]);
    let mut visited = 0;
    store
        .iterate(&mut |key, _| {
            visited += 1;
            store.set(&[key, b"+"].concat(), b"").unwrap();
            store.delete(b"c").unwrap();
            let tx = begin(&store);
            tx.set(b"from a visitor", b"").unwrap();
            tx.commit().unwrap();
            store.save_version().unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((visited, keys(&store)), (3, ["a", "a+", "b", "b+", "c+", "from a visitor"].map(str::to_owned).to_vec()));

    let tx = begin(&store);
    let mut visited = Vec::new();
    let ranges = tx.as_range_queryable().unwrap();
    ranges
        .iterate_range(Bound::Unbounded, Bound::Unbounded, Order::Descending, &mut |key, _| {
            visited.push(String::from_utf8(key.to_vec()).unwrap());
            tx.delete(key).unwrap();
            let nested = crate::nest(&*tx);
            nested.set(b"z", key).unwrap();
            nested.commit().unwrap();
            assert_eq!(get(&*tx, "z"), visited.last().cloned());
            if key == b"b" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(visited, ["from a visitor", "c+", "b+", "b"]);
    assert_eq!(keys(&*tx), ["a", "a+", "z"]);

    let mut visits = 0;
    tx.iterate(&mut |_, _| {
        visits += 1;
        tx.commit().unwrap();
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!((visits, keys(&store)), (1, ["a", "a+", "z"].map(str::to_owned).to_vec()));
}

#[test]
fn every_kind_of_range_gives_what_a_map_gives() {
    let store = with(&["a", "b", "c", "d"]);
    let tx = begin(&store);
    set(&*tx, "bb", "");
    tx.delete(b"c").unwrap();
    let model = contents(&*tx);
    let bounds = |key: &'static [u8]| [Bound::Included(key), Bound::Excluded(key), Bound::Unbounded];
    for start in [b"a", b"b", b"c", b"x"].into_iter().flat_map(|key| bounds(key)) {
        for end in [b"a", b"c", b"d"].into_iter().flat_map(|key| bounds(key)) {
            let is_within = |key: &[u8]| {
                let above = match start {
                    Bound::Included(start) => start <= key,
                    Bound::Excluded(start) => start < key,
                    Bound::Unbounded => true,
                };
                above
                    && match end {
                        Bound::Included(end) => key <= end,
                        Bound::Excluded(end) => key < end,
                        Bound::Unbounded => true,
                    }
            };
            let expected: Vec<_> = model.keys().filter(|key| is_within(key)).cloned().collect();
            let mut found = Vec::new();
            let mut push = |key: &[u8], _: &[u8]| {
                found.push(key.to_vec());
                ControlFlow::Continue(())
            };
            tx.as_range_queryable().unwrap().iterate_range(start, end, Order::Ascending, &mut push).unwrap();
            assert_eq!(found, expected, "{start:?} to {end:?}");
        }
    }
    assert!(open().as_range_queryable().is_ok());
}
