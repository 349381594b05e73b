//! Order: ranges with every kind of bound, ranks, and both ends, against a sorted map.

use std::collections::BTreeMap;
use std::ops::Bound;

use treering_tree::{Order, Tree};

use crate::source::{hard_key, open, seed, stored_tree};
use crate::workload::SplitMix64;

type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

fn contents(tree: &Tree) -> Contents {
    tree.iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

fn bounds_at(key: &[u8]) -> [Bound<Vec<u8>>; 3] {
    [Bound::Unbounded, Bound::Included(key.to_vec()), Bound::Excluded(key.to_vec())]
}

/// What a sorted map says; it panics on ranges that end before they start, which are empty here.
fn expected(contents: &Contents, start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let after_start = |key: &Vec<u8>| match start {
        Bound::Unbounded => true,
        Bound::Included(bound) => key >= bound,
        Bound::Excluded(bound) => key > bound,
    };
    let before_end = |key: &Vec<u8>| match end {
        Bound::Unbounded => true,
        Bound::Included(bound) => key <= bound,
        Bound::Excluded(bound) => key < bound,
    };
    let inside = contents.iter().filter(|(key, _)| after_start(key) && before_end(key));
    inside.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn check_range(tree: &Tree, contents: &Contents, start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) {
    let mut expected = expected(contents, start, end);
    for order in [Order::Ascending, Order::Descending] {
        let range = tree.range_between(start.clone(), end.clone(), order);
        let found: Vec<_> = range.map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect();
        assert_eq!(found, expected, "{start:?} {end:?} {order:?}");
        expected.reverse();
    }
}

#[test]
fn ranges_are_those_of_a_sorted_map() {
    let mut rng = SplitMix64(seed(1));
    for size in [0, 1, 2, 3, 7, 40] {
        let (tree, saved, source) = stored_tree(size, rng.next());
        let contents = contents(&tree);
        assert_eq!(contents.len() as u64, size);
        let mut ends: Vec<Vec<u8>> = contents.keys().cloned().chain((0..12).map(|_| hard_key(rng.below(300)))).collect();
        ends.truncate(30);
        // The second tree has nothing in memory but what a walk loads.
        let lazy = open(&source, saved.version, saved.root);
        for from in &ends {
            for to in &ends {
                for start in bounds_at(from) {
                    for end in bounds_at(to) {
                        check_range(&tree, &contents, &start, &end);
                    }
                }
            }
            check_range(&lazy, &contents, &Bound::Included(from.clone()), &Bound::Unbounded);
        }
    }
}

#[test]
fn ranks_and_ends_are_those_of_a_sorted_map() {
    let mut rng = SplitMix64(seed(2));
    for size in [0, 1, 2, 3, 10, 300] {
        let (tree, ..) = stored_tree(size, rng.next());
        let contents = contents(&tree);
        let entries: Vec<(&[u8], &[u8])> = contents.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(tree.get_by_index(index as u64).unwrap(), Some(*entry));
            assert_eq!(tree.index_of(entry.0).unwrap(), Ok(index as u64));
        }
        for beyond in [size, size + 1, u64::MAX] {
            assert_eq!(tree.get_by_index(beyond).unwrap(), None);
        }
        for key in (0..2000).map(hard_key).filter(|key| !contents.contains_key(key)) {
            let smaller = entries.iter().filter(|(other, _)| *other < key.as_slice()).count();
            assert_eq!(tree.index_of(&key).unwrap(), Err(smaller as u64));
        }
        assert_eq!(tree.first().unwrap(), entries.first().copied());
        assert_eq!(tree.last().unwrap(), entries.last().copied());
    }
}
