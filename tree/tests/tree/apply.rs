//! A block applied at once is the same operations one after another: what each of them found, the roots, the new nodes, the orphans.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use treering_tree::{NodeSource, Operation, Options, Tree, TreeError};

use crate::common::{scenario, scenario_names};
use crate::source::{MapSource, Records, hard_key, open, owned, seed, sorted, stored_tree};
use crate::workload::{Config, Op, SplitMix64, Workload, key};

/// Does a block one by one. Gives what each operation found.
fn one_by_one(tree: &mut Tree, ops: &[Op]) -> Result<Vec<bool>, TreeError> {
    let apply = |op: &Op| match op {
        Op::Set(key, value) => tree.set(key, value),
        Op::Delete(key) => tree.remove(key),
    };
    ops.iter().map(apply).collect()
}

fn at_once(tree: &mut Tree, ops: &[Op]) -> Result<Vec<bool>, TreeError> {
    let operations: Vec<Operation<'_>> = ops.iter().map(Op::operation).collect();
    tree.apply(&operations)
}

/// What each operation finds in a sorted map.
fn in_model(model: &mut BTreeMap<Vec<u8>, Vec<u8>>, ops: &[Op]) -> Vec<bool> {
    let apply = |op: &Op| match op {
        Op::Set(key, value) => model.insert(key.clone(), value.clone()).is_some(),
        Op::Delete(key) => model.remove(key).is_some(),
    };
    ops.iter().map(apply).collect()
}

/// Two trees that get the same operations, one in blocks and one by one, and a map.
struct Twins {
    at_once: Tree,
    one_by_one: Tree,
    model: BTreeMap<Vec<u8>, Vec<u8>>,
    records: Records,
    /// Where the trees load from; of one source both, since both must have the same nodes.
    source: Arc<MapSource>,
    branches: Vec<Tree>,
    options: Options,
}

impl Twins {
    fn new(hash_threads: usize) -> Self {
        let options = Options { hash_threads, ..Options::default() };
        let source = MapSource::new(Records::new());
        let tree = || Tree::open(options, Arc::clone(&source) as Arc<dyn NodeSource>, 0, None).unwrap();
        let (at_once, one_by_one) = (tree(), tree());
        Self { at_once, one_by_one, model: BTreeMap::new(), records: Records::new(), source, branches: Vec::new(), options }
    }

    fn block(&mut self, ops: &[Op]) {
        let found = at_once(&mut self.at_once, ops).unwrap();
        assert_eq!(found, one_by_one(&mut self.one_by_one, ops).unwrap());
        assert_eq!(found, in_model(&mut self.model, ops));
        assert_eq!((self.at_once.size(), self.at_once.height()), (self.one_by_one.size(), self.one_by_one.height()));
        assert_eq!(self.at_once.is_changed(), self.one_by_one.is_changed());
    }

    fn working_hash(&mut self) {
        assert_eq!(self.at_once.working_hash().unwrap(), self.one_by_one.working_hash().unwrap());
    }

    fn save(&mut self) {
        let (found, expected) = (self.at_once.save().unwrap(), self.one_by_one.save().unwrap());
        assert_eq!((found.root, found.root_hash, found.new_nodes), (expected.root, expected.root_hash, expected.new_nodes));
        assert_eq!(sorted(found.orphans), sorted(expected.orphans));
        assert!(self.at_once.new_nodes().eq(self.one_by_one.new_nodes()));
        self.at_once.check().unwrap();
        let contents = self.at_once.iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap());
        assert!(contents.eq(self.model.iter().map(|(key, value)| (key.clone(), value.clone()))));
        let new: Records = self.at_once.new_nodes().map(|(node, record)| (node, owned(record))).collect();
        self.records.extend(new);
        self.source.records.lock().unwrap().clone_from(&self.records);
    }

    /// Both trees anew from storage, all nodes to be loaded.
    fn reopen(&mut self) {
        self.save();
        for tree in [&mut self.at_once, &mut self.one_by_one] {
            let (version, root) = (tree.version(), tree.root_record());
            *tree = Tree::open(self.options, Arc::clone(&self.source) as Arc<dyn NodeSource>, version, root).unwrap();
        }
    }

    fn unload(&mut self, budget: u64) {
        self.save();
        self.branches.clear();
        for tree in [&mut self.at_once, &mut self.one_by_one] {
            tree.unload(budget).unwrap();
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Block(Vec<Op>),
    WorkingHash,
    Save,
    Reopen,
    Unload(u64),
    Branch,
    DropBranch(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let key = prop_oneof![3 => 0..40u64, 2 => 0..400u64].prop_map(hard_key);
    (key, prop::option::weighted(0.6, prop::collection::vec(any::<u8>(), 0..6)))
        .prop_map(|(key, value)| value.map_or_else(|| Op::Delete(key.clone()), |value| Op::Set(key.clone(), value)))
}

/// Neighbours all set or all removed, so that trees grow high and shrink to nothing.
fn run() -> impl Strategy<Value = Vec<Op>> {
    (0..380u64, 1..200u64, any::<bool>()).prop_map(|(start, count, set)| {
        let op = |key| if set { Op::Set(key, vec![7]) } else { Op::Delete(key) };
        (start..start + count).map(|i| op(hard_key(i % 400))).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(op(), 0..120).prop_map(Step::Block),
        3 => run().prop_map(Step::Block),
        1 => (run(), prop::collection::vec(op(), 0..60), run()).prop_map(|(a, b, c)| Step::Block([a, b, c].concat())),
        2 => Just(Step::WorkingHash),
        4 => Just(Step::Save),
        2 => Just(Step::Reopen),
        2 => (0..40_000u64).prop_map(Step::Unload),
        3 => Just(Step::Branch),
        2 => (0..4usize).prop_map(Step::DropBranch),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn blocks_are_their_operations_in_order(threads in 1..3usize, steps in prop::collection::vec(step(), 1..30)) {
        let mut twins = Twins::new(threads);
        for step in steps {
            match step {
                Step::Block(ops) => twins.block(&ops),
                Step::WorkingHash => twins.working_hash(),
                Step::Save => twins.save(),
                Step::Reopen => twins.reopen(),
                Step::Unload(budget) => twins.unload(budget),
                Step::Branch => twins.branches.push(twins.at_once.clone()),
                Step::DropBranch(place) if place < twins.branches.len() => drop(twins.branches.swap_remove(place)),
                Step::DropBranch(_) => {}
            }
        }
        twins.save();
    }
}

/// Trees and blocks large enough for several threads and for subtrees.
#[test]
fn large_blocks_are_their_operations_in_order() {
    let mut rng = SplitMix64(seed(21));
    for threads in 1..=3 {
        let mut twins = Twins::new(threads);
        let kept = |rng: &mut SplitMix64| rng.below(12_000);
        for block in 0..30 {
            let size = [50, 1500, 6000][usize::try_from(rng.below(3)).unwrap()];
            let removals = [1, 3, 9][usize::try_from(rng.below(3)).unwrap()];
            let ops: Vec<Op> = (0..size)
                .map(|_| match (kept(&mut rng), rng.below(10) < removals) {
                    (i, true) => Op::Delete(key(i, 10)),
                    (i, false) => Op::Set(key(i, 10), rng.next().to_be_bytes().repeat(usize::try_from(rng.below(20)).unwrap())),
                })
                .collect();
            twins.block(&ops);
            match rng.below(6) {
                0 => twins.reopen(),
                1 => twins.working_hash(),
                2 => twins.unload(rng.below(1 << 20)),
                3 => twins.branches.push(twins.at_once.clone()),
                4 => drop(twins.branches.pop()),
                _ => {}
            }
            if block % 3 != 0 {
                twins.save();
            }
        }
        twins.save();
    }
}

#[test]
fn the_workload_of_the_bench_is_the_same_in_blocks() {
    let config = Config { keys: 60_000, load_block: 20_000, batch: 8_000, key_length: 32, value_length: 100, seed: 5 };
    let mut workload = Workload::new(config);
    for threads in [1, 2] {
        let mut twins = Twins::new(threads);
        for _ in 0..7 {
            twins.block(&workload.next_block());
            twins.save();
        }
        workload = Workload::new(config);
    }
}

#[test]
fn the_scenarios_of_iavl_come_out_alike_in_blocks() {
    for name in scenario_names() {
        let scenario = scenario(&name);
        for block in [usize::MAX, 17] {
            let mut tree = Tree::with_options(Options { initial_version: scenario.initial_version, ..Options::default() }).unwrap();
            for vector in &scenario.versions {
                for ops in vector.ops.chunks(block) {
                    at_once(&mut tree, ops).unwrap();
                }
                let saved = tree.save().unwrap();
                assert_eq!(saved.root_hash.to_string(), vector.root, "{name} version {}", vector.version);
                assert_eq!((tree.size(), tree.height()), (vector.size, vector.height), "{name} version {}", vector.version);
            }
        }
    }
}

#[test]
fn odd_blocks() {
    let set = |key: &[u8], value: &[u8]| Op::Set(key.to_vec(), value.to_vec());
    let mut twins = Twins::new(1);
    twins.block(&[]);
    twins.block(&[Op::Delete(b"absent".to_vec())]);
    twins.block(&[set(b"a", b"1")]);
    twins.block(&[set(b"a", b"2"), Op::Delete(b"a".to_vec()), set(b"a", b"3"), set(b"a", b"4"), Op::Delete(b"b".to_vec())]);
    twins.save();
    // One key, many times, in a tree of one leaf.
    twins.block(&(0..40).map(|i| set(b"a", &[i])).collect::<Vec<_>>());
    twins.save();
    twins.block(&(0..200).map(|i| set(&hard_key(i), b"x")).collect::<Vec<_>>());
    twins.save();
    // Only what is absent is removed: nothing changes.
    twins.block(&(0..100).map(|i| Op::Delete(format!("absent {i}").into_bytes())).collect::<Vec<_>>());
    assert!(!twins.at_once.is_changed());
    // All is removed, and set again.
    let keys: Vec<Vec<u8>> = twins.model.keys().cloned().collect();
    twins.block(&keys.iter().cloned().map(Op::Delete).collect::<Vec<_>>());
    assert!(twins.at_once.is_empty());
    twins.save();
    let back: Vec<Op> = keys.iter().map(|key| set(key, b"y")).collect();
    let away: Vec<Op> = keys.iter().rev().cloned().map(Op::Delete).collect();
    twins.block(&[back.clone(), away.clone(), back, away].concat());
    assert!(twins.at_once.is_empty());
    twins.save();
}

#[test]
fn what_is_too_long_is_refused_and_nothing_is_done() {
    let mut tree = Tree::new();
    let long_key = vec![0; treering_tree::MAX_KEY_LEN + 1];
    let blocks: [[Operation<'_>; 2]; 2] = [[(b"a", Some(b"1")), (b"b", Some(b"2"))], [(b"a", None), (&long_key, Some(b"3"))]];
    assert_eq!(tree.apply(&blocks[0]).unwrap(), [false, false]);
    let _ = tree.save().unwrap();
    assert!(matches!(tree.apply(&blocks[1]), Err(TreeError::KeyTooLong { length }) if length == long_key.len()));
    assert!(!tree.is_changed());
    assert_eq!(tree.apply(&[(&long_key, None), (b"a", None)]).unwrap(), [false, true]);
}

/// A storage that fails after any number of loads: the block is done, or the tree is as before.
#[test]
fn a_block_that_cannot_load_a_node_changes_nothing() {
    let mut rng = SplitMix64(seed(22));
    for round in 0..12 {
        let (tree, saved, source) = stored_tree(150, rng.next());
        let ops: Vec<Op> = (0..[1, 12, 40, 150][round % 4])
            .map(|_| match (hard_key(rng.below(600)), rng.below(3)) {
                (key, 0) => Op::Delete(key),
                (key, _) => Op::Set(key, rng.next().to_be_bytes().to_vec()),
            })
            .collect();
        let mut expected = open(&source, saved.version, saved.root);
        let found = one_by_one(&mut expected, &ops).unwrap();
        let expected = expected.save().unwrap();
        for loads in 0.. {
            let mut lazy = open(&source, saved.version, saved.root);
            // Some have changes already, which must stay.
            let early = (round % 3 == 0).then(|| lazy.set(b"early", b"change").unwrap());
            let before = lazy.working_hash().unwrap();
            source.fail_after(loads);
            let outcome = at_once(&mut lazy, &ops);
            source.fail_after(u64::MAX);
            assert_eq!(lazy.branches(), 1);
            match outcome {
                Err(error) => {
                    assert!(matches!(error, TreeError::Load { .. }), "{error}");
                    assert_eq!((lazy.working_hash().unwrap(), lazy.is_changed()), (before, early.is_some()), "after {loads} loads");
                    lazy.check().unwrap();
                }
                Ok(_) if early.is_some() => break,
                Ok(outcome) => {
                    assert_eq!(outcome, found);
                    let outcome = lazy.save().unwrap();
                    assert_eq!((outcome.root, sorted(outcome.orphans)), (expected.root, sorted(expected.orphans)));
                    break;
                }
            }
        }
        assert_eq!(tree.root_hash(), Some(saved.root_hash));
    }
}

/// As above, with a block that several threads walk to, each of which may fail.
#[test]
fn a_large_block_that_cannot_load_a_node_on_any_thread_changes_nothing() {
    let mut rng = SplitMix64(seed(23));
    let (_, saved, source) = stored_tree(4000, rng.next());
    let ops: Vec<Op> = (0..4000)
        .map(|i| match (hard_key(rng.below(16_000)), i % 5) {
            (key, 0) => Op::Delete(key),
            (key, _) => Op::Set(key, rng.next().to_be_bytes().to_vec()),
        })
        .collect();
    let lazy = |hash_threads| {
        let options = Options { hash_threads, ..Options::default() };
        Tree::open(options, Arc::clone(&source) as Arc<dyn NodeSource>, saved.version, saved.root).unwrap()
    };
    let mut expected = lazy(1);
    let found = one_by_one(&mut expected, &ops).unwrap();
    let expected = expected.save().unwrap();
    for threads in [2, 3] {
        let mut tree = lazy(threads);
        let mut failures = 0;
        loop {
            // What was loaded stays, so every try gets further.
            source.fail_after(1 + rng.below(400));
            let outcome = at_once(&mut tree, &ops);
            source.fail_after(u64::MAX);
            if let Ok(outcome) = outcome {
                assert_eq!(outcome, found);
                break;
            }
            failures += 1;
            assert_eq!((tree.root_hash(), tree.is_changed(), tree.branches()), (Some(saved.root_hash), false, 1));
        }
        assert!(failures > 5, "{failures}");
        let outcome = tree.save().unwrap();
        assert_eq!((outcome.root, sorted(outcome.orphans)), (expected.root, sorted(expected.orphans.clone())));
        tree.check().unwrap();
    }
}
