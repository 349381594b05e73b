//! No slot leaks and none is freed early: what is in use is what the branches reach. Tests only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{Options, Tree};
use crate::{Budget, NodeKey, NodeRecord, NodeSource, SourceError};

#[derive(Default)]
struct MapSource(Mutex<HashMap<NodeKey, NodeRecord<'static>>>);

impl NodeSource for MapSource {
    fn load(&self, node: NodeKey) -> Result<Option<NodeRecord<'static>>, SourceError> {
        Ok(self.0.lock().unwrap().get(&node).cloned())
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

fn key(i: u64) -> Vec<u8> {
    format!("a key of some length {i}").into_bytes()
}

fn change(tree: &mut Tree, random: &mut Random, times: u64) {
    if random.below(8) == 0 {
        // Now and then it gets small.
        for i in 40..200 {
            tree.remove(&key(i)).unwrap();
        }
    }
    if random.below(3) == 0 {
        return change_at_once(tree, random, times);
    }
    for _ in 0..random.below(times) {
        let key = key(random.below(200));
        match random.below(5) {
            0 | 1 => drop(tree.remove(&key).unwrap()),
            2 => drop(tree.get(&key).unwrap()),
            _ => drop(tree.set(&key, &vec![7; usize::try_from(random.below(50)).unwrap()]).unwrap()),
        }
    }
}

fn change_at_once(tree: &mut Tree, random: &mut Random, times: u64) {
    let ops: Vec<(Vec<u8>, Option<Vec<u8>>)> = (0..random.below(times))
        .map(|_| {
            let key = key(random.below(200));
            (key, (random.below(3) > 0).then(|| vec![8; usize::try_from(random.below(50)).unwrap()]))
        })
        .collect();
    let ops: Vec<crate::Operation<'_>> = ops.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
    tree.apply(&ops).unwrap();
}

fn own(record: NodeRecord<'_>) -> NodeRecord<'static> {
    match record {
        NodeRecord::Leaf { key, value } => NodeRecord::Leaf { key: key.into_owned().into(), value: value.into_owned().into() },
        NodeRecord::Inner { key, left, right } => NodeRecord::Inner { key: key.into_owned().into(), left, right },
    }
}

/// A tree of a saved version, of which nothing is loaded yet.
fn lazy_tree(random: &mut Random) -> Tree {
    let source = Arc::new(MapSource::default());
    let mut tree = Tree::with_options(Options::default()).unwrap();
    for _ in 0..3 {
        change(&mut tree, random, 200);
        let saved = tree.save().unwrap();
        source.0.lock().unwrap().extend(tree.new_nodes().map(|(node, record)| (node, own(record))));
        assert_eq!(saved.root, tree.root_record());
    }
    Tree::open(Options::default(), source, tree.version(), tree.root_record()).unwrap()
}

/// Every shortcut leads where a walk does. Gives how many there are.
fn assert_shortcuts_hold(tree: &Tree) -> usize {
    let walked = |key: &[u8]| {
        let bound = std::ops::Bound::Included(key.to_vec());
        tree.range_between(bound.clone(), bound, crate::Order::Ascending).next().map(Result::unwrap).map(|(_, value)| value)
    };
    let leads = |key: &Vec<u8>| match tree.shortcut(key) {
        None => false,
        Some(leaf) => {
            assert!(leaf.node_key().is_some_and(|node| node.version() <= tree.version()), "a shortcut leads to a draft, or above");
            assert_eq!(walked(key), Some(leaf.value()));
            true
        }
    };
    (0..200).map(key).filter(leads).count()
}

/// Branches, edits, saves and drops at random; all branches but one are gone in the end.
fn live(random: &mut Random) -> Tree {
    let mut branches = vec![lazy_tree(random)];
    for _ in 0..random.below(60) {
        let at = usize::try_from(random.below(branches.len() as u64)).unwrap();
        match random.below(10) {
            0..3 => {
                let branch = branches[at].clone();
                branches.push(branch);
            }
            3..6 if branches.len() > 1 => drop(branches.swap_remove(at)),
            6 => drop(branches[at].save().unwrap()),
            7 => drop(branches[at].working_hash().unwrap()),
            _ => change(&mut branches[at], random, 60),
        }
        // No branch reaches a slot that another one freed.
        for branch in &branches {
            branch.memory().assert_reachable_slots_are_in_use(branch.root);
            assert_shortcuts_hold(branch);
        }
    }
    let survivor = usize::try_from(random.below(branches.len() as u64)).unwrap();
    let survivor = branches.swap_remove(survivor);
    while !branches.is_empty() {
        let at = usize::try_from(random.below(branches.len() as u64)).unwrap();
        drop(branches.swap_remove(at));
    }
    survivor
}

#[test]
fn when_all_branches_but_one_are_gone_its_nodes_alone_are_in_use() {
    for seed in 0..600 {
        let mut tree = live(&mut Random(seed));
        let _ = tree.save().unwrap();
        let reached = tree.memory().assert_reachable_slots_are_in_use(tree.root);
        assert_eq!(tree.memory().census(), reached, "seed {seed}");
    }
}

/// Shortcuts are there for what was read and for what was saved, in the newest state and in a snapshot of one before; changes make a branch do
/// without, and unloading all.
#[test]
fn shortcuts_are_where_they_should_be() {
    let mut tree = Tree::new();
    let set = |tree: &mut Tree, keys: std::ops::Range<u64>| {
        for i in keys {
            tree.set(&key(i), &i.to_be_bytes()).unwrap();
        }
        let _ = tree.save().unwrap();
    };
    set(&mut tree, 0..150);
    assert!(assert_shortcuts_hold(&tree) > 125);
    let snapshot = tree.clone();
    tree.remove(&key(7)).unwrap();
    assert_eq!(assert_shortcuts_hold(&tree), 0);
    set(&mut tree, 100..160);
    assert!(assert_shortcuts_hold(&tree) > 125);
    assert!(tree.shortcut(&key(7)).is_none());
    let of_snapshot = assert_shortcuts_hold(&snapshot);
    assert!((75..100).contains(&of_snapshot), "{of_snapshot}");
    // Read by walks, since no longer in the newest state.
    assert_eq!(snapshot.get(&key(7)).unwrap(), Some(&7_u64.to_be_bytes()[..]));
    // A branch that leaves the line has none, and none are made for it; alone, it begins a line.
    let mut branch = snapshot.clone();
    drop(snapshot);
    set(&mut branch, 0..1);
    assert_eq!((branch.get(&key(1)).unwrap().is_some(), assert_shortcuts_hold(&branch)), (true, 0));
    drop(tree);
    set(&mut branch, 0..1);
    assert_eq!(assert_shortcuts_hold(&branch), 1);
    for i in 0..150 {
        assert!(branch.get(&key(i)).unwrap().is_some());
    }
    assert!(assert_shortcuts_hold(&branch) > 125);
    branch.budget().set_limit(1);
    branch.unload(0).unwrap();
    assert_eq!(assert_shortcuts_hold(&branch), 0);
    set(&mut branch, 0..150);
    assert_eq!(assert_shortcuts_hold(&branch), 0, "there is no room");
    branch.budget().set_limit(u64::MAX);
    branch.unload(0).unwrap();
    set(&mut branch, 0..150);
    assert!(assert_shortcuts_hold(&branch) > 125);
}

/// Below the size from which on shortcuts are made, those that are there still follow.
#[test]
fn a_tree_that_got_small_has_no_shortcut_to_what_was_replaced() {
    let mut tree = Tree::new();
    for i in 0..100 {
        tree.set(&key(i), b"first").unwrap();
    }
    let _ = tree.save().unwrap();
    for i in 50..100 {
        assert!(tree.remove(&key(i)).unwrap());
    }
    let _ = tree.save().unwrap();
    // With it the leaves that are replaced stay.
    let snapshot = tree.clone();
    for i in 0..50 {
        tree.set(&key(i), b"second").unwrap();
    }
    let _ = tree.save().unwrap();
    for i in 0..100 {
        assert_eq!(tree.get(&key(i)).unwrap(), (i < 50).then_some(&b"second"[..]));
        assert_eq!(snapshot.get(&key(i)).unwrap(), (i < 50).then_some(&b"first"[..]));
    }
    assert_shortcuts_hold(&tree);
}

#[test]
fn unloading_all_leaves_no_slot_behind() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let mut tree = lazy_tree(&mut random);
        tree.check().unwrap();
        tree.budget().set_limit(random.below(20_000));
        tree.unload(u64::MAX).unwrap();
        let reached = tree.memory().assert_reachable_slots_are_in_use(tree.root);
        assert_eq!(tree.memory().census(), reached, "seed {seed}");
        tree.check().unwrap();
    }
}

#[test]
fn removing_every_key_leaves_no_slot_behind() {
    let mut random = Random(1);
    let mut tree = live(&mut random);
    for i in 0..200 {
        tree.remove(&key(i)).unwrap();
    }
    let _ = tree.save().unwrap();
    assert_eq!(tree.memory_bytes(), 0);
}

/// When values get longer, the slots of the short ones lie scattered: they are packed and given back, and no node is lost on the way.
#[test]
fn memory_stays_bounded_when_the_sizes_of_leaves_change() {
    const KEYS: u64 = 100_000;
    const LIMIT: u64 = 48 << 20;
    let source = Arc::new(MapSource::default());
    let budget = Budget::new(LIMIT);
    let mut tree = Tree::open_within(Options::default(), source.clone(), 0, None, Arc::clone(&budget)).unwrap();
    let mut expected = vec![10; usize::try_from(KEYS).unwrap()];
    let mut random = Random(3);
    for length in [10, 60, 90, 210, 400, 10] {
        for _ in 0..16 {
            for _ in 0..KEYS / 16 {
                let i = random.below(KEYS);
                expected[usize::try_from(i).unwrap()] = length;
                let _ = tree.set(&i.to_be_bytes().repeat(2), &vec![7; length]).unwrap();
            }
            let saved = tree.save().unwrap();
            source.0.lock().unwrap().extend(tree.new_nodes().map(|(node, record)| (node, own(record))));
            tree.unload(saved.version).unwrap();
            // Blocks are large beside so low a limit, so some stays: 11 MiB at most, and without packing 24.
            assert!(budget.overshoot() < LIMIT / 3, "{} MiB resident beyond the limit", budget.overshoot() >> 20);
        }
        let reached = tree.memory().assert_reachable_slots_are_in_use(tree.root);
        assert_eq!(tree.memory().census(), reached);
    }
    for (i, &length) in (0..KEYS).zip(&expected) {
        let value = tree.get_copy(&i.to_be_bytes().repeat(2)).unwrap();
        assert!(value.is_none_or(|value| value.len() == length));
    }
    tree.check().unwrap();
}
