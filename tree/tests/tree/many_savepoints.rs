//! Very many branches of one change each.

use treering_tree::Tree;

use crate::workload::key;

#[test]
fn a_long_chain_of_savepoints_is_dropped_without_deep_recursion() {
    const KEYS: u64 = 60_000;
    let mut tree = Tree::new();
    for i in 0..KEYS {
        tree.set(&key(i, 16), b"").unwrap();
    }
    let _ = tree.save().unwrap();
    // Each savepoint is taken after a saved node was given up, which makes one more list of orphans.
    for i in 0..KEYS {
        tree.set(&key(i, 16), b"changed").unwrap();
        drop(tree.clone());
    }
    assert!(tree.branches() == 1);
    let saved = tree.save().unwrap();
    assert_eq!(saved.orphans.len() as u64, 2 * KEYS - 1);
}

#[test]
fn a_branch_dropped_with_a_long_chain_of_orphans_needs_no_deep_stack() {
    let mut tree = Tree::new();
    for i in 0..100_000 {
        tree.set(&key(i, 16), b"").unwrap();
    }
    let _ = tree.save().unwrap();
    let mut branch = tree.clone();
    for i in 0..100_000 {
        branch.set(&key(i, 16), b"changed").unwrap();
        drop(branch.clone());
    }
    drop(branch);
    assert!(!tree.is_changed());
}
