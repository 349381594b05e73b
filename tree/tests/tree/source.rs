//! A storage in memory, which can be told to fail, and keys that are hard to tell apart.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use treering_tree::{Budget, LoadedPath, NodeKey, NodeRecord, NodeSource, Options, RootRecord, SavedVersion, SourceError, Step, Tree};

use crate::workload::SplitMix64;

pub(crate) type Records = HashMap<NodeKey, NodeRecord<'static>>;

/// The seed of a random test.
pub(crate) fn seed(default: u64) -> u64 {
    let seed = std::env::var("TREERING_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    println!("seed {seed}: TREERING_TEST_SEED={seed} runs it again");
    seed
}

/// Keeps nodes in a map. Every load costs one of `loads_left`; with none left it fails.
pub(crate) struct MapSource {
    pub(crate) records: Mutex<Records>,
    pub(crate) loads_left: AtomicU64,
}

impl MapSource {
    pub(crate) fn new(records: Records) -> Arc<Self> {
        Arc::new(Self { records: Mutex::new(records), loads_left: AtomicU64::new(u64::MAX) })
    }

    /// Keeps the new nodes of a version.
    pub(crate) fn keep(&self, tree: &Tree, saved: &SavedVersion) {
        let new: Records = tree.new_nodes().map(|(key, record)| (key, owned(record))).collect();
        assert_eq!(new.len(), saved.new_nodes as usize);
        self.records.lock().unwrap().extend(new);
    }

    pub(crate) fn fail_after(&self, loads: u64) {
        self.loads_left.store(loads, Ordering::Relaxed);
    }
}

impl NodeSource for MapSource {
    fn load(&self, node: NodeKey) -> Result<Option<NodeRecord<'static>>, SourceError> {
        let spend = |left: u64| left.checked_sub(1);
        if self.loads_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_err() {
            return Err("the disk does not answer".into());
        }
        Ok(self.records.lock().unwrap().get(&node).cloned())
    }

    /// Gives what a version made of a path together.
    fn load_paths(&self, steps: &[Step<'_>]) -> Vec<LoadedPath> {
        assert!(steps.is_sorted_by_key(|step| step.node));
        let path = |step: &Step<'_>| {
            let Some(first) = self.load(step.node)? else { return Ok(Vec::new()) };
            let mut path = vec![(step.node, first)];
            while let Some((node, NodeRecord::Inner { key, left, right })) = path.last() {
                let child = if step.key < &key[..] { left } else { right };
                // Damaged nodes may lead back.
                let is_near = child.node.version() == node.version() && child.node > *node;
                if !is_near || child.height == 0 && !step.with_leaf {
                    break;
                }
                let record = self.records.lock().unwrap().get(&child.node).cloned();
                let Some(record) = record.map(|record| (child.node, record)) else { break };
                path.push(record);
            }
            Ok(path)
        };
        steps.iter().map(path).collect()
    }
}

/// Names in their order, which a save leaves open.
pub(crate) fn sorted(mut nodes: Vec<NodeKey>) -> Vec<NodeKey> {
    nodes.sort_unstable();
    nodes
}

pub(crate) fn owned(record: NodeRecord<'_>) -> NodeRecord<'static> {
    match record {
        NodeRecord::Leaf { key, value } => NodeRecord::Leaf { key: key.into_owned().into(), value: value.into_owned().into() },
        NodeRecord::Inner { key, left, right } => NodeRecord::Inner { key: key.into_owned().into(), left, right },
    }
}

pub(crate) fn open(source: &Arc<MapSource>, version: u64, root: Option<RootRecord>) -> Tree {
    Tree::open(Options::default(), Arc::clone(source) as Arc<dyn NodeSource>, version, root).unwrap()
}

/// Sets the tree's budget, and unloads all that is in storage as far as the budget needs it.
pub(crate) fn unload(tree: &mut Tree, limit: u64) {
    tree.budget().set_limit(limit);
    let bytes = tree.unload(u64::MAX).unwrap();
    assert_eq!(bytes, tree.memory_bytes());
}

/// As [`open`], with a budget that is always exceeded: what can be read without keeping it is.
pub(crate) fn open_without_room(source: &Arc<MapSource>, version: u64, root: Option<RootRecord>) -> Tree {
    Tree::open_within(Options::default(), Arc::clone(source) as Arc<dyn NodeSource>, version, root, Budget::new(0)).unwrap()
}

/// A random tree of `size` keys made over several versions, its saved root and its storage.
pub(crate) fn stored_tree(size: u64, seed: u64) -> (Tree, SavedVersion, Arc<MapSource>) {
    let source = MapSource::new(Records::new());
    let mut tree = open(&source, 0, None);
    let mut rng = SplitMix64(seed);
    loop {
        for _ in 0..=rng.below(size / 2 + 1) {
            if tree.size() < size {
                tree.set(&hard_key(rng.below(4 * size)), &rng.next().to_be_bytes()).unwrap();
            }
        }
        let saved = tree.save().unwrap();
        source.keep(&tree, &saved);
        if tree.size() == size {
            return (tree, saved, source);
        }
    }
}

/// The `i`-th key: the first ones are the odd cases, then come keys that share long beginnings.
pub(crate) fn hard_key(i: u64) -> Vec<u8> {
    const ODD: [&[u8]; 16] = [
        b"",
        b"\0",
        b"\0\0",
        b"\0\0\0\0\0\0\0\0",
        b"\0\0\0\0\0\0\0\0\0",
        b"a",
        b"a\0",
        b"a\0\0\0\0\0\0\0",
        b"a\0\0\0\0\0\0\0\0",
        b"ab",
        b"abcdefg",
        b"abcdefgh",
        b"abcdefgh\0",
        b"abcdefghi",
        b"\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    let Some(i) = i.checked_sub(ODD.len() as u64) else { return ODD[usize::try_from(i).unwrap()].to_vec() };
    match i % 3 {
        0 => [b"shared-prefix/".as_slice(), &i.to_be_bytes()].concat(),
        1 => format!("k{i}").into_bytes(),
        _ => vec![u8::try_from(i % 5).unwrap(); usize::try_from(i % 40).unwrap()],
    }
}
