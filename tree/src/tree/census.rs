//! No slot leaks and none is freed early: what is in use is what the branches reach. Tests only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{Options, Tree};
use crate::{NodeKey, NodeRecord, NodeSource, SourceError};

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
