//! A storage that fails after any number of loads: an operation succeeds, or says so and changes nothing.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use treering_tree::{CheckError, Order, RootRecord, Tree, TreeError};

use crate::source::{MapSource, hard_key, open, open_without_room, seed, sorted, stored_tree};

type Contents = BTreeMap<Vec<u8>, Vec<u8>>;
/// An operation: on the tree, and on the model once it succeeded.
type Operation = Box<dyn Fn(&mut Tree, &mut Contents) -> Result<(), TreeError>>;

type Opener = fn(&Arc<MapSource>, u64, Option<RootRecord>) -> Tree;

fn contents(tree: &Tree) -> Contents {
    tree.iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

fn operations(keys: &[Vec<u8>]) -> Vec<Operation> {
    let mut all: Vec<Operation> = Vec::new();
    for key in keys.iter().cloned() {
        let (set, remove, get, prove, range, rank) = (key.clone(), key.clone(), key.clone(), key.clone(), key.clone(), key);
        all.push(Box::new(move |tree, model| {
            tree.set(&set, b"new")?;
            model.insert(set.clone(), b"new".to_vec());
            Ok(())
        }));
        all.push(Box::new(move |tree, model| {
            tree.remove(&remove)?;
            model.remove(&remove);
            Ok(())
        }));
        all.push(Box::new(move |tree, model| {
            assert_eq!(tree.get(&get)?, model.get(&get).map(Vec::as_slice));
            assert_eq!(tree.has(&get)?, model.contains_key(&get));
            Ok(())
        }));
        all.push(Box::new(move |tree, _| {
            let proof = tree.prove(&prove)?;
            assert!(proof.verify(tree.hash_function(), &tree.root_hash().unwrap(), &prove).is_ok());
            Ok(())
        }));
        all.push(Box::new(move |tree, model| {
            let found = tree.range(range.as_slice().., Order::Ascending).take(5).collect::<Result<Vec<_>, _>>()?;
            assert!(found.into_iter().eq(model.range(range.clone()..).take(5).map(|(key, value)| (key.as_slice(), value.as_slice()))));
            Ok(())
        }));
        all.push(Box::new(move |tree, model| {
            let rank = model.keys().position(|other| *other == rank).map(|rank| rank as u64);
            assert_eq!(tree.index_of(model.keys().nth(3).unwrap())?, Ok(3));
            let Some(rank) = rank else { return Ok(()) };
            assert_eq!(tree.get_by_index(rank)?.map(|(key, _)| key), model.keys().nth(usize::try_from(rank).unwrap()).map(Vec::as_slice));
            Ok(())
        }));
    }
    for key in keys.iter().cloned() {
        all.extend(copying(key));
    }
    all.push(Box::new(|tree, model| {
        let exported = tree.export()?.collect::<Result<Vec<_>, _>>()?;
        assert_eq!(exported.len(), 2 * model.len() - 1);
        Ok(())
    }));
    all.push(Box::new(|tree, _| match tree.check() {
        Ok(_) => Ok(()),
        Err(CheckError::Tree(error)) => Err(error),
        Err(broken) => panic!("{broken}"),
    }));
    all
}

/// Reads that need not keep what they read, and fetching.
fn copying(key: Vec<u8>) -> [Operation; 4] {
    let (copy, scan, index, fetch) = (key.clone(), key.clone(), key.clone(), key);
    [
        Box::new(move |tree, model| {
            assert_eq!(tree.get_copy(&copy)?, model.get(&copy).cloned());
            Ok(())
        }),
        Box::new(move |tree, model| {
            let below = (Bound::Unbounded, Bound::Excluded(scan.clone()));
            let found = tree.scan_copies(below.0, below.1, Order::Descending).collect::<Result<Vec<_>, _>>()?;
            let expected = model.range(..scan.clone()).rev().map(|(key, value)| (key.clone(), value.clone()));
            assert!(found.into_iter().eq(expected));
            Ok(())
        }),
        Box::new(move |tree, model| {
            let place = model.range(..index.clone()).count();
            let expected = model.iter().nth(place).map(|(key, value)| (key.clone(), value.clone()));
            assert_eq!(tree.get_copy_by_index(place as u64)?, expected);
            Ok(())
        }),
        Box::new(move |tree, model| {
            tree.fetch([&fetch[..], b"", b"k17", b"zz"])?;
            assert_eq!(tree.get(&fetch)?, model.get(&fetch).map(Vec::as_slice));
            Ok(())
        }),
    ]
}

#[test]
fn an_operation_that_cannot_load_a_node_changes_nothing() {
    let (tree, saved, source) = stored_tree(60, seed(4));
    let before = contents(&tree);
    let keys: Vec<Vec<u8>> = before.keys().step_by(7).cloned().chain((0..40).step_by(9).map(hard_key)).collect();
    for (operation, open) in operations(&keys).iter().flat_map(|operation| [(operation, open as Opener), (operation, open_without_room)]) {
        for loads in 0.. {
            source.fail_after(loads);
            let mut lazy = open(&source, saved.version, saved.root);
            let mut model = before.clone();
            let outcome = operation(&mut lazy, &mut model);
            source.fail_after(u64::MAX);
            if let Err(error) = &outcome {
                assert!(matches!(error, TreeError::Load { .. }), "{error}");
                assert_eq!(lazy.working_hash().unwrap(), saved.root_hash, "after {loads} loads");
                assert!(!lazy.is_changed());
            }
            lazy.check().unwrap();
            assert_eq!(contents(&lazy), model, "after {loads} loads");
            if outcome.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn failures_at_random_never_change_what_a_tree_becomes() {
    let mut rng = crate::workload::SplitMix64(seed(5));
    for _ in 0..30 {
        let (mut healthy, saved, source) = stored_tree(80, rng.next());
        let mut lazy = open(&source, saved.version, saved.root);
        for _ in 0..200 {
            let (key, remove) = (hard_key(rng.below(320)), rng.below(2) == 0);
            source.fail_after(rng.below(6));
            let first = if remove { lazy.remove(&key) } else { lazy.set(&key, b"v") };
            source.fail_after(u64::MAX);
            if first.is_err() {
                let _ = if remove { lazy.remove(&key) } else { lazy.set(&key, b"v") }.unwrap();
            }
            let _ = if remove { healthy.remove(&key) } else { healthy.set(&key, b"v") }.unwrap();
        }
        let (expected, found) = (healthy.save().unwrap(), lazy.save().unwrap());
        assert_eq!((found.root_hash, sorted(found.orphans)), (expected.root_hash, sorted(expected.orphans)));
        lazy.check().unwrap();
    }
}
