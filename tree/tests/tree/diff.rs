//! Differences between versions, what is known since when, and the way to a key, against sorted maps of every version.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use treering_proofs::{Proof, Sibling};
use treering_tree::{DiffStep, Difference, RootRecord, Side, Tree, TreeError};

use crate::source::{MapSource, Records, hard_key, open, open_without_room, seed};
use crate::workload::SplitMix64;

const KEYS: u64 = 120;

type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

/// Every version of a tree: its root in storage, what it holds, and which version set each key.
struct Versions {
    source: Arc<MapSource>,
    roots: Vec<Option<RootRecord>>,
    contents: Vec<Contents>,
    set_at: Vec<BTreeMap<Vec<u8>, u64>>,
}

impl Versions {
    /// Versions 1, 2, ... made by the changes given: keys and their values, without one where the key is removed.
    fn new(changes: &[Vec<(u64, Option<u8>)>]) -> Self {
        let source = MapSource::new(Records::new());
        let mut tree = open(&source, 0, None);
        let mut all = Self { source, roots: vec![None], contents: vec![Contents::new()], set_at: vec![BTreeMap::new()] };
        for (version, changes) in (1..).zip(changes) {
            let (mut contents, mut set_at) = (all.contents.last().unwrap().clone(), all.set_at.last().unwrap().clone());
            for (key, value) in changes {
                let key = hard_key(*key);
                if let Some(value) = value {
                    tree.set(&key, &[*value]).unwrap();
                    contents.insert(key.clone(), vec![*value]);
                    set_at.insert(key, version);
                } else {
                    tree.remove(&key).unwrap();
                    contents.remove(&key);
                    set_at.remove(&key);
                }
            }
            let saved = tree.save().unwrap();
            all.source.keep(&tree, &saved);
            all.roots.push(saved.root);
            all.contents.push(contents);
            all.set_at.push(set_at);
        }
        all
    }

    fn tree(&self, version: usize, has_room: bool) -> Tree {
        let open = if has_room { open } else { open_without_room };
        open(&self.source, version as u64, self.roots[version])
    }

    /// What differs, from the maps alone.
    fn expected(&self, (old, new): (usize, usize), start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) -> Vec<Difference> {
        let (old, new) = (&self.contents[old], &self.contents[new]);
        let keys: BTreeSet<&Vec<u8>> = old.keys().chain(new.keys()).collect();
        let keys = keys.into_iter().filter(|key| is_inside(key, start, end) && old.get(*key) != new.get(*key));
        keys.map(|key| Difference { key: key.clone(), old: old.get(key).cloned(), new: new.get(key).cloned() }).collect()
    }
}

fn is_inside(key: &Vec<u8>, start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) -> bool {
    let after_start = match start {
        Bound::Unbounded => true,
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
    };
    let before_end = match end {
        Bound::Unbounded => true,
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
    };
    after_start && before_end
}

fn changes() -> impl Strategy<Value = Vec<Vec<(u64, Option<u8>)>>> {
    let one = (0..KEYS, prop::option::weighted(0.7, 0..3u8)).prop_map(|one| vec![one]);
    let run = (0..KEYS, 1..60u64, prop::option::weighted(0.6, 0..3u8))
        .prop_map(|(first, count, value)| (first..first + count).map(|key| (key % KEYS, value)).collect());
    let some = prop_oneof![4 => one, 1 => run];
    prop::collection::vec(prop::collection::vec(some, 0..8).prop_map(|some| some.concat()), 1..12)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    let key = || (0..KEYS).prop_map(hard_key);
    prop_oneof![2 => Just(Bound::Unbounded), 1 => key().prop_map(Bound::Included), 1 => key().prop_map(Bound::Excluded)]
}

fn differences(old: &Tree, new: &Tree, start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) -> Vec<Difference> {
    old.diff(new, start.clone(), end.clone()).map(Result::unwrap).collect()
}

proptest! {
    #[test]
    fn differences_are_those_of_sorted_maps(changes in changes(), start in bound(), end in bound()) {
        let versions = Versions::new(&changes);
        for old in 0..versions.roots.len() {
            for new in 0..versions.roots.len() {
                let expected = versions.expected((old, new), &start, &end);
                for (old_has_room, new_has_room) in [(true, true), (false, false), (true, false)] {
                    let (old_tree, new_tree) = (versions.tree(old, old_has_room), versions.tree(new, new_has_room));
                    let held = [&old_tree, &new_tree].map(Tree::memory_bytes);
                    prop_assert_eq!(&differences(&old_tree, &new_tree, &start, &end), &expected, "{} to {}", old, new);
                    prop_assert!(new_has_room || new_tree.memory_bytes() == held[1], "it kept what there is no room for");
                    prop_assert!(old_has_room || old_tree.memory_bytes() == held[0], "it kept what there is no room for");
                }
            }
        }
    }

    #[test]
    fn branches_with_unsaved_changes_differ_as_sorted_maps_do(changes in changes(), more in changes(), is_hashed in any::<bool>()) {
        let versions = Versions::new(&changes);
        let newest = versions.roots.len() - 1;
        let old = versions.tree(newest, true);
        let (mut new, mut contents) = (old.clone(), versions.contents[newest].clone());
        for (key, value) in more.concat() {
            if let Some(value) = value {
                contents.insert(hard_key(key), vec![value]);
                new.set(&hard_key(key), &[value]).unwrap();
            } else {
                contents.remove(&hard_key(key));
                new.remove(&hard_key(key)).unwrap();
            }
        }
        if is_hashed {
            new.working_hash().unwrap();
        }
        let both = Versions { contents: vec![versions.contents[newest].clone(), contents], ..versions };
        let unbounded = Bound::Unbounded;
        prop_assert_eq!(differences(&old, &new, &unbounded, &unbounded), both.expected((0, 1), &unbounded, &unbounded));
        prop_assert_eq!(differences(&new, &old, &unbounded, &unbounded), both.expected((1, 0), &unbounded, &unbounded));
    }

    /// Every version since then says the same; one that is there was set then; one that was removed right then was removed then.
    #[test]
    fn what_is_said_of_a_key_was_said_since(changes in changes()) {
        let versions = Versions::new(&changes);
        for version in 1..versions.roots.len() {
            let tree = versions.tree(version, version % 2 == 0);
            for key in (0..KEYS).map(hard_key) {
                let settled = tree.settled(&key).unwrap();
                prop_assert_eq!(settled.value.as_ref(), versions.contents[version].get(&key));
                let since = usize::try_from(settled.since).unwrap();
                prop_assert!((1..=version).contains(&since));
                prop_assert!((since..=version).all(|at| versions.set_at[at].get(&key) == versions.set_at[version].get(&key)));
                if let Some(set_at) = versions.set_at[version].get(&key) {
                    prop_assert_eq!(settled.since, *set_at);
                }
            }
        }
    }

    #[test]
    fn the_way_to_a_key_is_that_of_its_proof(changes in changes()) {
        let versions = Versions::new(&changes);
        let newest = versions.roots.len() - 1;
        for has_room in [true, false] {
            let (tree, contents) = (versions.tree(newest, has_room), &versions.contents[newest]);
            for key in (0..KEYS).map(hard_key) {
                check_path(&tree, contents, &key);
            }
        }
    }
}

fn check_path(tree: &Tree, contents: &Contents, key: &[u8]) {
    let path = tree.path(key).unwrap();
    assert_eq!(path.is_found, contents.contains_key(key));
    let Some(leaf) = path.nodes.last() else { return assert!(contents.is_empty()) };
    assert_eq!((contents.get(&leaf.key), leaf.height, leaf.size), (leaf.value.as_ref(), 0, 1));
    let Proof::Existence(proof) = tree.prove(&leaf.key).unwrap() else { panic!("the leaf is there") };
    assert_eq!(leaf.node.version(), proof.version);
    assert_eq!(Some(path.nodes[0].hash), tree.root_hash());
    assert_eq!((path.nodes[0].side, path.nodes.len()), (None, proof.path.len() + 1));
    assert_eq!(path.siblings.len(), proof.path.len());
    for (at, step) in proof.path.iter().rev().enumerate() {
        let (node, below, beside) = (&path.nodes[at], &path.nodes[at + 1], &path.siblings[at]);
        assert_eq!((node.height, node.size, node.node.version()), (step.height, step.size, step.version));
        assert_eq!(node.size, below.size + beside.size);
        assert_eq!(node.height, 1 + below.height.max(beside.height));
        let (sibling, side) = match step.sibling {
            Sibling::Left(hash) => (hash, Side::Left),
            Sibling::Right(hash) => (hash, Side::Right),
        };
        assert_eq!((beside.hash, beside.side, below.side), (sibling, Some(side), Some(side.opposite())));
        // The smallest key on the right is as many keys from the left end as there are keys left of it.
        let right = node.key.clone();
        assert_eq!(side == Side::Left, key >= right.as_slice());
        assert!(contents.contains_key(&right), "a routing key is a key");
        assert_eq!(beside.value.as_ref(), contents.get(&beside.key).filter(|_| beside.height == 0));
    }
}

/// A storage with `size` keys in version 1, and `changed` of them set anew in version 2; gives both trees, unread.
fn two_versions(size: u64, changed: u64, rng: &mut SplitMix64) -> (Versions, [Tree; 2]) {
    let first = (0..size).map(|key| (key, Some(1))).collect();
    let second = (0..changed).map(|_| (rng.below(size), Some(2))).collect();
    let versions = Versions::new(&[first, second]);
    let trees = [1, 2].map(|version| versions.tree(version, true));
    (versions, trees)
}

#[test]
fn loads_grow_with_the_changes_and_not_with_the_trees() {
    let mut rng = SplitMix64(seed(3));
    for size in [1_000, 20_000] {
        for changed in [0, 1, 10, 100] {
            let (versions, [old, new]) = two_versions(size, changed, &mut rng);
            let unbounded = Bound::Unbounded;
            versions.source.fail_after(u64::MAX);
            let found = differences(&old, &new, &unbounded, &unbounded);
            assert_eq!(found, versions.expected((1, 2), &unbounded, &unbounded));
            let loads = u64::MAX - versions.source.loads_left.load(Ordering::Relaxed);
            // Of each tree the way to each change, and no node beside it.
            assert!(loads <= 2 * changed * (u64::from(new.height()) + 1), "{loads} loads for {changed} changes of {size} keys");
            assert!(changed == 0 || loads >= u64::from(new.height()));
        }
    }
}

#[test]
fn what_was_inserted_and_removed_costs_its_way_only() {
    let mut rng = SplitMix64(seed(4));
    let size = 20_000;
    let first = (0..size).filter(|key| key % 2 == 0).map(|key| (key, Some(1))).collect();
    let second: Vec<_> = (0..100).map(|_| (rng.below(size), if rng.below(2) == 0 { Some(2) } else { None })).collect();
    let versions = Versions::new(&[first, second]);
    let (old, new) = (versions.tree(1, true), versions.tree(2, true));
    versions.source.fail_after(u64::MAX);
    let found = differences(&old, &new, &Bound::Unbounded, &Bound::Unbounded);
    assert_eq!(found, versions.expected((1, 2), &Bound::Unbounded, &Bound::Unbounded));
    let loads = u64::MAX - versions.source.loads_left.load(Ordering::Relaxed);
    // Where a leaf came or went, the walks fall out of step and open a subtree or two down to its first leaf.
    let most = 4 * 100 * (u64::from(new.height()) + 1);
    assert!(loads <= most, "{loads} loads");
}

#[test]
fn a_part_that_cannot_be_read_is_an_error_and_the_end() {
    let mut rng = SplitMix64(seed(5));
    let (versions, [old, new]) = two_versions(500, 20, &mut rng);
    versions.source.fail_after(30);
    let mut diff = old.diff(&new, Bound::Unbounded, Bound::Unbounded);
    let failed = diff.by_ref().find_map(Result::err);
    assert!(matches!(failed, Some(TreeError::Load { .. })), "{failed:?}");
    assert!(diff.next().is_none());
    versions.source.fail_after(u64::MAX);
    // Another walk goes on where this one could not.
    assert_eq!(
        differences(&old, &new, &Bound::Unbounded, &Bound::Unbounded),
        versions.expected((1, 2), &Bound::Unbounded, &Bound::Unbounded)
    );
}

#[test]
fn a_step_looks_at_two_nodes_at_most() {
    let mut rng = SplitMix64(seed(6));
    let (versions, [old, new]) = two_versions(500, 20, &mut rng);
    let mut diff = old.diff(&new, Bound::Unbounded, Bound::Unbounded);
    let mut found = 0;
    loop {
        versions.source.fail_after(2);
        match diff.step().unwrap() {
            DiffStep::Found(_) => found += 1,
            DiffStep::Walked => {}
            DiffStep::End => break,
        }
    }
    assert_eq!(found, versions.expected((1, 2), &Bound::Unbounded, &Bound::Unbounded).len());
    assert_eq!(diff.step().unwrap(), DiffStep::End);
}

#[test]
fn unsaved_changes_have_no_way_and_no_since() {
    let mut tree = Tree::new();
    assert!(tree.path(b"oak").unwrap().nodes.is_empty());
    tree.set(b"oak", b"1").unwrap();
    assert!(matches!(tree.path(b"oak"), Err(TreeError::Unsaved)));
    assert!(matches!(tree.settled(b"oak"), Err(TreeError::Unsaved)));
}

#[test]
fn how_long_a_key_has_been_absent_is_known_across_changes_elsewhere() {
    let mut rng = SplitMix64(seed(7));
    let first = (0..5_000).map(|key| (key, Some(1))).collect();
    let removed: Vec<u64> = (0..100).map(|_| 100 + rng.below(4_000)).collect();
    let mut changes = vec![first, removed.iter().map(|key| (*key, None)).collect()];
    changes.extend((0..20).map(|_| vec![(rng.below(100), Some(3))]));
    let versions = Versions::new(&changes);
    let tree = versions.tree(changes.len(), true);
    let known = removed.iter().filter(|key| tree.settled(&hard_key(**key)).unwrap().since == 2).count();
    // Of the others the neighbours fork so high that something else changed below.
    assert!(known >= 50, "{known} of {}", removed.len());
}
