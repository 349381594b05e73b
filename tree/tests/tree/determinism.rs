//! The same operations give the same roots, however a tree is hashed, branched, unloaded or opened again.

use treering_proofs::Hash;
use treering_tree::{NodeSource, Options, Tree};

use crate::source::{MapSource, Records, seed, sorted, unload};
use crate::workload::{Config, SplitMix64, Workload, key};

/// How a run goes about it.
#[derive(Clone, Copy, Debug)]
struct Manner {
    hash_threads: usize,
    budget: Option<u64>,
    reopen_every: Option<u64>,
    branch_every: Option<u64>,
    early_hash_every: Option<u64>,
}

const PLAIN: Manner = Manner { hash_threads: 1, budget: None, reopen_every: None, branch_every: None, early_hash_every: None };

fn is_due(every: Option<u64>, count: u64) -> bool {
    every.is_some_and(|every| count.is_multiple_of(every))
}

fn roots(seed: u64, manner: Manner) -> Vec<Hash> {
    let options = Options { hash_threads: manner.hash_threads, ..Options::default() };
    let source = MapSource::new(Records::new());
    let open = |version, root| Tree::open(options, source.clone() as std::sync::Arc<dyn NodeSource>, version, root).unwrap();
    let mut tree = open(0, None);
    let mut snapshots = Vec::new();
    let mut rng = SplitMix64(seed);
    let mut roots = Vec::new();
    for version in 1..=12 {
        for op in 0..4000 {
            let key = key(rng.below(9000), 12);
            if rng.below(4) == 0 {
                tree.remove(&key).unwrap()
            } else {
                tree.set(&key, &rng.next().to_be_bytes()).unwrap()
            };
            if is_due(manner.branch_every, op + 1) {
                let branch = tree.clone();
                snapshots.push(std::mem::replace(&mut tree, branch));
                if snapshots.len() > 5 {
                    drop(snapshots.swap_remove(usize::try_from(op % 5).unwrap()));
                }
            }
            if is_due(manner.early_hash_every, op + 1) {
                tree.working_hash().unwrap();
            }
        }
        let saved = tree.save().unwrap();
        source.keep(&tree, &saved);
        roots.push(saved.root_hash);
        if is_due(manner.reopen_every, version) {
            tree = open(saved.version, saved.root);
        }
        if let Some(budget) = manner.budget {
            snapshots.clear();
            unload(&mut tree, budget);
        }
    }
    tree.check().unwrap();
    roots
}

#[test]
fn roots_depend_on_the_operations_alone() {
    let seed = seed(11);
    let expected = roots(seed, PLAIN);
    for manner in [
        Manner { hash_threads: 2, ..PLAIN },
        Manner { hash_threads: 4, ..PLAIN },
        Manner { hash_threads: 0, ..PLAIN },
        Manner { budget: Some(0), ..PLAIN },
        Manner { budget: Some(300_000), hash_threads: 3, ..PLAIN },
        Manner { reopen_every: Some(1), ..PLAIN },
        Manner { reopen_every: Some(3), budget: Some(100_000), ..PLAIN },
        Manner { branch_every: Some(7), ..PLAIN },
        Manner { branch_every: Some(1000), early_hash_every: Some(300), ..PLAIN },
        Manner { branch_every: Some(1), early_hash_every: Some(999), budget: Some(50_000), reopen_every: Some(5), hash_threads: 2 },
    ] {
        assert_eq!(roots(seed, manner), expected, "{manner:?}");
    }
}

/// A tree that is saved in subtrees, on one thread, is the one that is saved at once.
#[test]
fn large_trees_are_saved_alike_in_subtrees_and_whole() {
    let config = Config { keys: 100_000, load_block: 60_000, batch: 5_000, key_length: 32, value_length: 20, seed: 9 };
    let mut workload = Workload::new(config);
    let mut trees = [1, 2].map(|hash_threads| Tree::with_options(Options { hash_threads, ..Options::default() }).unwrap());
    for block in 0..6 {
        let ops = workload.next_block();
        let (early, late) = ops.split_at(ops.len() / 2);
        let mut branches = Vec::new();
        for tree in &mut trees {
            for op in early {
                op.apply(tree);
            }
            // Drafts that are hashed already, in some blocks shared with a branch too.
            if block % 2 == 1 {
                let _ = tree.working_hash().unwrap();
            }
            if block % 3 == 2 {
                branches.push(tree.clone());
            }
            for op in late {
                op.apply(tree);
            }
        }
        let [one, two] = &mut trees;
        let (first, second) = (one.save().unwrap(), two.save().unwrap());
        assert_eq!((first.root, first.new_nodes), (second.root, second.new_nodes));
        assert_eq!(sorted(first.orphans), sorted(second.orphans));
        assert!(one.new_nodes().map(|(node, _)| node.nonce()).eq(1..=first.new_nodes));
        assert!(one.new_nodes().eq(two.new_nodes()));
    }
    for tree in &trees {
        tree.check().unwrap();
    }
}

/// Those of several versions, and of a part of the versions.
#[test]
fn sorted_nodes_are_the_nodes_in_the_order_of_their_keys() {
    let mut tree = Tree::new();
    for version in 1..=20_u64 {
        for number in 0..60 {
            let key = (number * version * 7919 % 400).to_be_bytes();
            if number % 5 == 4 {
                tree.remove(&key).unwrap();
            } else {
                tree.set(&key, &version.to_be_bytes()).unwrap();
            }
        }
        let _ = tree.save().unwrap();
    }
    for since in 0..=20 {
        let mut nodes: Vec<_> = tree.nodes_since(since).collect();
        nodes.sort_by_key(|(node, _)| *node);
        assert_eq!(nodes.is_empty(), since == 20);
        assert!(tree.sorted_nodes_since(since).eq(nodes), "since {since}");
    }
}
