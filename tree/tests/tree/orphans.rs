//! The books that pruning relies on: what a version uses is what was ever made, less what was given up.

use std::collections::HashSet;

use treering_tree::{NodeKey, Tree};

use crate::source::{MapSource, Records, hard_key, open, owned, seed, sorted, unload};
use crate::workload::SplitMix64;

/// The names of all nodes of a saved tree.
fn reachable(tree: &Tree) -> HashSet<NodeKey> {
    tree.check().unwrap(); // Loads everything.
    tree.nodes_since(0).map(|(node, _)| node).collect()
}

#[test]
fn what_a_version_uses_is_what_was_made_less_the_orphans() {
    let mut rng = SplitMix64(seed(3));
    for _ in 0..20 {
        let source = MapSource::new(Records::new());
        let mut tree = open(&source, 0, None);
        let mut alive: HashSet<NodeKey> = HashSet::new();
        for _ in 0..40 {
            for _ in 0..rng.below(30) {
                let key = hard_key(rng.below(150));
                if rng.below(5) < 3 {
                    tree.set(&key, &rng.next().to_be_bytes()).unwrap();
                } else {
                    tree.remove(&key).unwrap();
                }
                match rng.below(12) {
                    0 => drop(tree.clone()),
                    1 => tree = tree.clone(),
                    2 => drop(tree.working_hash().unwrap()),
                    _ => {}
                }
            }
            let changed = tree.is_changed();
            let saved = tree.save().unwrap();
            source.keep(&tree, &saved);
            assert_eq!(changed, saved.new_nodes > 0 || !saved.orphans.is_empty());
            for orphan in &saved.orphans {
                assert!(alive.remove(orphan), "{orphan} was in use");
            }
            assert!(sorted(saved.orphans).is_sorted_by(|one, next| one < next));
            alive.extend((1..=saved.new_nodes).map(|nonce| NodeKey::new(saved.version, nonce)));
            let again = open(&source, saved.version, saved.root);
            assert_eq!(reachable(&again), alive);
            match rng.below(4) {
                0 => tree = again,
                1 => unload(&mut tree, rng.below(10_000)),
                _ => {}
            }
        }
    }
}

#[test]
fn new_nodes_are_numbered_in_pre_order() {
    let mut tree = Tree::new();
    for version in 1..20 {
        for i in 0..20 {
            tree.set(&hard_key(i * version % 90), b"x").unwrap();
        }
        let saved = tree.save().unwrap();
        let names: Vec<NodeKey> = tree.new_nodes().map(|(node, record)| (node, owned(record)).0).collect();
        let expected: Vec<NodeKey> = (1..=saved.new_nodes).map(|nonce| NodeKey::new(version, nonce)).collect();
        assert_eq!(names, expected);
    }
}
