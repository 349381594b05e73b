//! A tree that unloads all the time, and reads that keep nothing, against a tree that keeps everything and a sorted map.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use treering_proofs::Hash;
use treering_tree::{Budget, Loaded, NodeKey, NodeSource, Operation, Options, Order, OwnedEntry, Tree};

use crate::source::{MapSource, Records, hard_key, open, open_without_room, owned, seed, sorted, stored_tree};
use crate::workload::{Config, SplitMix64, Workload};

const KEYS: u64 = 300;

/// What to do. Limits are in bytes; a lag says how many versions are not in storage yet.
#[derive(Clone, Debug)]
enum Op {
    SetMany(u64, u64, usize),
    RemoveMany(u64, u64),
    /// A block: every fifth operation removes.
    Apply(u64, u64, usize),
    Save,
    WorkingHash,
    Unload(u64, u64),
    SetLimit(u64),
    Snapshot,
    DropSnapshot,
    Fetch(u64, u64),
    Get(u64),
    Copy(u64),
    Prove(u64),
    Scan(Bound<u64>, Bound<u64>, bool, usize),
    Index(u64),
    Export,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..KEYS;
    let limit = || prop_oneof![Just(0), 0..100_000u64, Just(u64::MAX)];
    let bound = || prop_oneof![Just(Bound::Unbounded), (0..KEYS).prop_map(Bound::Included), (0..KEYS).prop_map(Bound::Excluded)];
    prop_oneof![
        8 => (key.clone(), 1..80u64, prop_oneof![3 => 0..200usize, 1 => 300..2000usize]).prop_map(|(k, n, v)| Op::SetMany(k, n, v)),
        4 => (key.clone(), 1..60u64).prop_map(|(k, n)| Op::RemoveMany(k, n)),
        6 => (key.clone(), 1..80u64, 0..200usize).prop_map(|(k, n, v)| Op::Apply(k, n, v)),
        8 => Just(Op::Save),
        1 => Just(Op::WorkingHash),
        10 => (limit(), 0..3u64).prop_map(|(l, lag)| Op::Unload(l, lag)),
        2 => limit().prop_map(Op::SetLimit),
        1 => Just(Op::Snapshot),
        2 => Just(Op::DropSnapshot),
        3 => (key.clone(), 1..40u64).prop_map(|(k, n)| Op::Fetch(k, n)),
        4 => key.clone().prop_map(Op::Get),
        6 => key.clone().prop_map(Op::Copy),
        6 => key.clone().prop_map(Op::Prove),
        6 => (bound(), bound(), any::<bool>(), 0..50usize).prop_map(|(s, e, d, n)| Op::Scan(s, e, d, n)),
        4 => key.prop_map(Op::Index),
        1 => Just(Op::Export),
    ]
}

type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

struct Run {
    tree: Tree,
    /// The same tree, which never unloads.
    twin: Tree,
    contents: Contents,
    /// Has just what is flushed: a node looked for too early is missing.
    source: Arc<MapSource>,
    unflushed: Vec<(u64, Records)>,
    flushed: u64,
    snapshots: Vec<(Tree, Contents)>,
}

fn entry(key: &[u8], value: &[u8]) -> OwnedEntry {
    (key.to_vec(), value.to_vec())
}

/// What the range holds, from the map alone.
fn expected_range(contents: &Contents, start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>, order: Order) -> Vec<OwnedEntry> {
    let after = |key: &Vec<u8>| match start {
        Bound::Unbounded => true,
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
    };
    let before = |key: &Vec<u8>| match end {
        Bound::Unbounded => true,
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
    };
    let mut range: Vec<OwnedEntry> =
        contents.iter().filter(|(key, _)| after(key) && before(key)).map(|(key, value)| entry(key, value)).collect();
    if order == Order::Descending {
        range.reverse();
    }
    range
}

impl Run {
    fn new() -> Self {
        let source = MapSource::new(Records::new());
        let tree = Tree::open_within(Options::default(), source.clone(), 0, None, Budget::new(50_000)).unwrap();
        Self { tree, twin: Tree::new(), contents: Contents::new(), source, unflushed: Vec::new(), flushed: 0, snapshots: Vec::new() }
    }

    fn save(&mut self) {
        let (saved, expected) = (self.tree.save().unwrap(), self.twin.save().unwrap());
        assert_eq!((saved.root, saved.root_hash, saved.new_nodes), (expected.root, expected.root_hash, expected.new_nodes));
        assert_eq!(sorted(saved.orphans), sorted(expected.orphans));
        let new = self.tree.new_nodes().map(|(node, record)| (node, owned(record))).collect();
        self.unflushed.push((saved.version, new));
    }

    fn unload(&mut self, limit: u64, lag: u64) {
        self.flushed = self.flushed.max(self.tree.version().saturating_sub(lag));
        for (_, records) in self.unflushed.extract_if(.., |(version, _)| *version <= self.flushed) {
            self.source.records.lock().unwrap().extend(records);
        }
        self.tree.budget().set_limit(limit);
        let before = self.tree.memory_bytes();
        let bytes = self.tree.unload(self.flushed).unwrap();
        assert_eq!(bytes, self.tree.memory_bytes());
        // What other branches wait to free may go; beside that nothing does while there are some.
        assert!(bytes <= before);
        assert_eq!(self.tree.is_alone(), self.snapshots.is_empty());
        if limit == 0 && self.tree.is_alone() && !self.tree.is_changed() && self.flushed == self.tree.version() && self.tree.size() > 1 {
            assert_eq!(bytes, 32, "the root's stub is left, and its slot");
        }
    }

    fn copy(tree: &Tree, contents: &Contents, key: &[u8]) {
        let value = contents.get(key);
        assert_eq!(tree.get_copy(key).unwrap().as_ref(), value);
        assert_eq!(tree.has(key).unwrap(), value.is_some());
    }

    fn index(&self, key: &[u8]) {
        assert_eq!(self.tree.index_of(key).unwrap(), self.twin.index_of(key).unwrap());
        let index = self.contents.range(..key.to_vec()).count();
        let expected = self.contents.iter().nth(index).map(|(key, value)| entry(key, value));
        assert_eq!(self.tree.get_copy_by_index(index as u64).unwrap(), expected);
    }

    fn scan(tree: &Tree, contents: &Contents, bounds: (Bound<u64>, Bound<u64>), order: Order, most: usize) {
        let (start, end) = (bounds.0.map(hard_key), bounds.1.map(hard_key));
        let expected = expected_range(contents, &start, &end, order);
        let found: Vec<OwnedEntry> = tree.scan_copies(start, end, order).take(most).map(Result::unwrap).collect();
        assert_eq!(found, expected[..most.min(expected.len())]);
    }

    fn reads(&self, op: &Op) {
        let (held, had_room) = (self.tree.memory_bytes(), !self.tree.budget().is_exceeded());
        match op {
            Op::Copy(key) => {
                let key = hard_key(*key);
                Self::copy(&self.tree, &self.contents, &key);
                let version = self.twin.get_with_version(&key).unwrap().map(|(_, version)| version);
                assert_eq!(self.tree.get_copy_with_version(&key).unwrap().map(|(_, version)| version), version);
            }
            Op::Prove(key) if !self.tree.is_changed() => {
                let key = hard_key(*key);
                let proof = self.tree.prove(&key).unwrap();
                assert_eq!(proof, self.twin.prove(&key).unwrap());
                assert!(proof.verify(self.tree.hash_function(), &self.tree.root_hash().unwrap(), &key).is_ok());
            }
            Op::Scan(start, end, descending, most) => {
                let order = if *descending { Order::Descending } else { Order::Ascending };
                Self::scan(&self.tree, &self.contents, (*start, *end), order, *most);
            }
            Op::Index(key) => self.index(&hard_key(*key)),
            Op::Export if !self.tree.is_changed() => {
                let exported = self.tree.export().unwrap().map(Result::unwrap);
                assert!(exported.eq(self.twin.export().unwrap().map(Result::unwrap)));
            }
            _ => {}
        }
        if !had_room {
            assert_eq!(self.tree.memory_bytes(), held, "a read kept something: {op:?}");
        }
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::SetMany(key, n, length) => {
                for i in 0..n {
                    let (key, value) = (hard_key((key + 7 * i) % KEYS), vec![u8::try_from(i).unwrap(); length]);
                    assert_eq!(self.tree.set(&key, &value).unwrap(), self.contents.insert(key.clone(), value.clone()).is_some());
                    let _ = self.twin.set(&key, &value).unwrap();
                }
            }
            Op::Apply(key, n, length) => {
                let block: Vec<(Vec<u8>, Option<Vec<u8>>)> =
                    (0..n).map(|i| (hard_key((key + 7 * i) % KEYS), (i % 5 > 0).then(|| vec![u8::try_from(i).unwrap(); length]))).collect();
                let operations: Vec<Operation<'_>> = block.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
                let were_there = self.tree.apply(&operations).unwrap();
                for ((key, value), was_there) in block.into_iter().zip(were_there) {
                    if let Some(value) = value {
                        let _ = self.twin.set(&key, &value).unwrap();
                        assert_eq!(was_there, self.contents.insert(key, value).is_some());
                    } else {
                        let _ = self.twin.remove(&key).unwrap();
                        assert_eq!(was_there, self.contents.remove(&key).is_some());
                    }
                }
            }
            Op::RemoveMany(key, n) => {
                for i in 0..n {
                    let key = hard_key((key + i) % KEYS);
                    assert_eq!(self.tree.remove(&key).unwrap(), self.contents.remove(&key).is_some());
                    let _ = self.twin.remove(&key).unwrap();
                }
            }
            Op::Save => self.save(),
            Op::WorkingHash => assert_eq!(self.tree.working_hash().unwrap(), self.twin.working_hash().unwrap()),
            Op::Unload(limit, lag) => self.unload(limit, lag),
            Op::SetLimit(limit) => self.tree.budget().set_limit(limit),
            Op::Snapshot if self.snapshots.len() < 3 => self.snapshots.push((self.tree.clone(), self.contents.clone())),
            Op::DropSnapshot => drop(self.snapshots.pop()),
            Op::Fetch(key, n) => {
                let keys: Vec<Vec<u8>> = (0..n).map(|i| hard_key((key + 11 * i) % KEYS)).collect();
                self.tree.fetch(keys.iter().map(Vec::as_slice)).unwrap();
                // Now nothing more is loaded for these.
                self.source.fail_after(0);
                for key in &keys {
                    assert_eq!(self.tree.get(key).unwrap(), self.contents.get(key).map(Vec::as_slice));
                    Self::copy(&self.tree, &self.contents, key);
                }
                self.source.fail_after(u64::MAX);
            }
            Op::Get(key) => {
                let key = hard_key(key);
                assert_eq!(self.tree.get_with_version(&key).unwrap(), self.twin.get_with_version(&key).unwrap());
            }
            _ => self.reads(op),
        }
        for (snapshot, contents) in &self.snapshots {
            Self::copy(snapshot, contents, &hard_key(17));
            Self::scan(snapshot, contents, (Bound::Included(40), Bound::Unbounded), Order::Ascending, 4);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn unloading_and_passing_reads_change_nothing_that_can_be_seen(ops in prop::collection::vec(op(), 1..150)) {
        let mut run = Run::new();
        for op in &ops {
            run.step(op);
        }
        run.snapshots.clear();
        run.save();
        run.unload(0, 0);
        run.tree.check().unwrap();
        prop_assert_eq!(run.tree.root_hash(), run.twin.root_hash());
        let budget = Arc::clone(run.tree.budget());
        drop(run);
        prop_assert_eq!(budget.used(), 0);
    }
}

/// Counts nodes loaded, and calls.
struct Counting {
    inner: Arc<MapSource>,
    nodes: AtomicU64,
    calls: AtomicU64,
}

impl Counting {
    fn take(&self) -> (u64, u64) {
        (self.nodes.swap(0, Ordering::Relaxed), self.calls.swap(0, Ordering::Relaxed))
    }
}

impl NodeSource for Counting {
    fn load(&self, node: NodeKey) -> Loaded {
        self.nodes.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.inner.load(node)
    }

    fn load_many(&self, nodes: &[NodeKey]) -> Vec<Loaded> {
        assert!(nodes.is_sorted() && !nodes.is_empty());
        self.nodes.fetch_add(nodes.len() as u64, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        nodes.iter().map(|&node| self.inner.load(node)).collect()
    }
}

fn counted(limit: u64) -> (Tree, Arc<Counting>) {
    let (tree, saved, inner) = stored_tree(2000, seed(21));
    drop(tree);
    let source = Arc::new(Counting { inner, nodes: AtomicU64::new(0), calls: AtomicU64::new(0) });
    let tree = Tree::open_within(Options::default(), source.clone(), saved.version, saved.root, Budget::new(limit)).unwrap();
    (tree, source)
}

#[test]
fn paths_are_fetched_with_one_call_a_level_and_each_node_once() {
    let (tree, source) = counted(u64::MAX);
    let keys: Vec<Vec<u8>> = (0..8000).map(hard_key).collect();
    tree.fetch(keys.iter().map(Vec::as_slice)).unwrap();
    let (nodes, calls) = source.take();
    assert!(nodes < 2 * tree.size(), "{nodes} nodes");
    assert_eq!(calls, u64::from(tree.height()) + 1);
    tree.fetch(keys.iter().map(Vec::as_slice)).unwrap();
    for key in &keys {
        let _ = tree.get(key).unwrap();
    }
    assert_eq!(source.take(), (0, 0));
}

/// The inner nodes say which key a leaf has, so a block that only updates reads no leaf but, at most, the first.
#[test]
fn a_block_of_updates_loads_no_leaves() {
    let (tree, saved, inner) = stored_tree(2000, seed(21));
    let entries: Vec<OwnedEntry> = tree.scan_copies(Bound::Unbounded, Bound::Unbounded, Order::Ascending).map(Result::unwrap).collect();
    drop(tree);
    for threads in [1, 4] {
        let source = Arc::new(Counting { inner: inner.clone(), nodes: AtomicU64::new(0), calls: AtomicU64::new(0) });
        let options = Options { hash_threads: threads, ..Options::default() };
        let mut tree = Tree::open_within(options, source.clone(), saved.version, saved.root, Budget::unlimited()).unwrap();
        let block: Vec<Operation<'_>> = entries.iter().map(|(key, _)| (&key[..], Some(&b"new"[..]))).collect();
        assert!(tree.apply(&block).unwrap().into_iter().all(|was_there| was_there));
        let (nodes, calls) = source.take();
        assert!(nodes == tree.size() || nodes == tree.size() - 1, "{nodes} nodes loaded for {} updates", tree.size());
        assert!(calls <= (u64::from(tree.height()) + 1) * threads as u64, "{calls} calls");
        let (again, _) = (tree.save().unwrap(), tree.check().unwrap());
        assert_eq!(again.orphans.len() as u64, 2 * tree.size() - 1, "every node was replaced");
    }
}

#[test]
fn a_scan_without_room_reads_every_node_once_in_few_calls() {
    for limit in [0, u64::MAX] {
        let (tree, source) = counted(limit);
        let held = tree.memory_bytes();
        for order in [Order::Ascending, Order::Descending] {
            assert_eq!(tree.scan_copies(Bound::Unbounded, Bound::Unbounded, order).count() as u64, tree.size());
            let (nodes, calls) = source.take();
            if limit == 0 || order == Order::Ascending {
                assert_eq!(nodes, 2 * tree.size() - 1);
                assert!(calls < nodes / 6, "{calls} calls");
            } else {
                assert_eq!(nodes, 0);
            }
        }
        assert_eq!(tree.memory_bytes() == held, limit == 0);
        // A proof reads its path once, though an absence has two.
        let _ = tree.prove(b"shared-prefix/\0").unwrap();
        assert!(source.take().0 <= 2 * u64::from(tree.height()));
        assert_eq!(tree.export().unwrap().count() as u64, 2 * tree.size() - 1);
    }
}

#[test]
fn a_short_scan_reads_little_ahead() {
    let (tree, source) = counted(0);
    let key = hard_key(1000);
    let _ = tree.scan_copies(Bound::Included(key), Bound::Unbounded, Order::Ascending).next();
    let (nodes, _) = source.take();
    assert!(nodes < u64::from(tree.height()) + 16, "{nodes} nodes");
}

/// The source gives what a version made of a path together.
#[test]
fn a_read_asks_once_for_what_a_version_made_of_its_path() {
    const LOADS: u64 = 1000;
    let (tree, saved, source) = stored_tree(500, seed(23));
    let reading = open_without_room(&source, saved.version, saved.root);
    let loads = |read: &dyn Fn()| {
        source.fail_after(LOADS);
        read();
        LOADS - source.loads_left.load(Ordering::Relaxed)
    };
    let mut saved_loads = 0;
    for key in (0..2000).map(hard_key) {
        let path = tree.path(&key).unwrap();
        let runs = path.nodes.chunk_by(|one, next| one.node.version() == next.node.version()).count() as u64;
        assert_eq!(loads(&|| assert_eq!(reading.get_copy(&key).unwrap(), tree.get_copy(&key).unwrap())), runs);
        assert_eq!(loads(&|| assert_eq!(reading.settled(&key).unwrap(), tree.settled(&key).unwrap())), runs);
        if path.is_found {
            assert_eq!(loads(&|| assert_eq!(reading.prove(&key).unwrap(), tree.prove(&key).unwrap())), runs);
        }
        saved_loads += path.nodes.len() as u64 - runs;
    }
    assert!(saved_loads > 2000, "{saved_loads}");
    assert_eq!(reading.memory_bytes(), open_without_room(&source, saved.version, saved.root).memory_bytes(), "nothing was kept");
}

/// Of two trees that share a budget each gives up by what it holds; what was used lately stays.
#[test]
fn trees_share_a_budget_and_keep_what_they_used_last() {
    const LIMIT: u64 = 8 << 20;
    let budget = Budget::new(LIMIT);
    let config = |seed| Config { keys: 30_000, load_block: 500, batch: 300, key_length: 32, value_length: 60, seed };
    let mut trees: Vec<(Tree, Arc<MapSource>, Workload)> = [1, 2]
        .map(|seed| {
            let source = MapSource::new(Records::new());
            let tree = Tree::open_within(Options::default(), source.clone(), 0, None, Arc::clone(&budget)).unwrap();
            (tree, source, Workload::new(config(seed)))
        })
        .into();
    let mut rng = SplitMix64(seed(22));
    let mut roots: Vec<Hash> = Vec::new();
    for _ in 0..90 {
        for (tree, source, workload) in &mut trees {
            for op in workload.next_block() {
                op.apply(tree);
            }
            let saved = tree.save().unwrap();
            source.keep(tree, &saved);
            roots.push(saved.root_hash);
            assert!(budget.used() <= LIMIT, "{} used", budget.used());
            let last = rng.next().to_be_bytes();
            let _ = tree.get(&last).unwrap();
            tree.unload(saved.version).unwrap();
            source.fail_after(0);
            let _ = tree.get(&last).expect("what was just read stays");
            source.fail_after(u64::MAX);
        }
    }
    // The ends of huge pages count as well; they weigh at so low a limit.
    assert!(budget.used() > LIMIT / 3, "{} used", budget.used());
    let held: Vec<u64> = trees.iter().map(|(tree, ..)| tree.memory_bytes()).collect();
    assert!(held[0].abs_diff(held[1]) < LIMIT / 4, "{held:?}");
    for (number, (tree, source, _)) in trees.iter().enumerate() {
        let again = open(source, tree.version(), tree.root_record());
        assert_eq!(again.check().unwrap().leaves, tree.size());
        assert_eq!(tree.root_hash(), Some(roots[roots.len() - 2 + number]));
    }
    drop(trees.pop());
    assert_eq!(budget.used(), trees[0].0.memory_bytes());
}
