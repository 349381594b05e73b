//! Branches, saves, drops, reopening and unloading in every order, against a sorted map and a naive tree per branch.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use treering_proofs::{Hash, HashFunction};
use treering_tree::{NodeKey, RootRecord, Tree};

use crate::naive::NaiveTree;
use crate::source::{MapSource, Records, hard_key, open, owned, unload};

/// What to do; the first number chooses the branch.
#[derive(Clone, Debug)]
enum Op {
    Set(usize, u64, u8),
    Remove(usize, u64),
    /// Many at once, so that trees get some height.
    SetMany(usize, u64, u64),
    RemoveMany(usize, u64, u64),
    Save(usize),
    WorkingHash(usize),
    Fork(usize),
    Drop(usize),
    Discard(usize),
    Reopen(usize),
    OpenOld(usize, usize),
    Unload(usize, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let branch = 0..6usize;
    let key = 0..120u64;
    prop_oneof![
        12 => (branch.clone(), key.clone(), any::<u8>()).prop_map(|(b, k, v)| Op::Set(b, k, v)),
        10 => (branch.clone(), key.clone()).prop_map(|(b, k)| Op::Remove(b, k)),
        4 => (branch.clone(), key.clone(), 1..60u64).prop_map(|(b, k, n)| Op::SetMany(b, k, n)),
        2 => (branch.clone(), key, 1..40u64).prop_map(|(b, k, n)| Op::RemoveMany(b, k, n)),
        8 => branch.clone().prop_map(Op::Save),
        3 => branch.clone().prop_map(Op::WorkingHash),
        7 => branch.clone().prop_map(Op::Fork),
        7 => branch.clone().prop_map(Op::Drop),
        3 => branch.clone().prop_map(Op::Discard),
        3 => branch.clone().prop_map(Op::Reopen),
        3 => (branch.clone(), 0..20usize).prop_map(|(b, v)| Op::OpenOld(b, v)),
        6 => (branch, 0..9000u64).prop_map(|(b, n)| Op::Unload(b, n)),
    ]
}

type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone)]
struct Saved {
    version: u64,
    root: Option<RootRecord>,
    hash: Hash,
    contents: Contents,
    naive: NaiveTree,
}

/// A tree, and what it must be.
struct Branch {
    tree: Tree,
    /// Where the tree's memory loads from; shared by its branches.
    source: Arc<MapSource>,
    /// What the branch saved, and the branches it came from: branches number their nodes alike, so each has its own store.
    records: Records,
    contents: Contents,
    naive: NaiveTree,
    saved: Vec<Saved>,
}

impl Branch {
    fn new() -> Self {
        let source = MapSource::new(Records::new());
        let hash = HashFunction::Sha256.empty_root();
        let first = Saved { version: 0, root: None, hash, contents: Contents::new(), naive: NaiveTree::default() };
        Self {
            tree: open(&source, 0, None),
            source,
            records: Records::new(),
            contents: Contents::new(),
            naive: NaiveTree::default(),
            saved: vec![first],
        }
    }

    fn fork(&self) -> Self {
        Self {
            tree: self.tree.clone(),
            source: Arc::clone(&self.source),
            records: self.records.clone(),
            contents: self.contents.clone(),
            naive: self.naive.clone(),
            saved: self.saved.clone(),
        }
    }

    fn set(&mut self, key: u64, value: u8) {
        let key = hard_key(key);
        let was_there = self.tree.set(&key, &[value]).unwrap();
        self.naive.set(&key, &[value]);
        assert_eq!(was_there, self.contents.insert(key, vec![value]).is_some());
    }

    fn remove(&mut self, key: u64) {
        let key = hard_key(key);
        let was_there = self.tree.remove(&key).unwrap();
        self.naive.remove(&key);
        assert_eq!(was_there, self.contents.remove(&key).is_some());
    }

    fn save(&mut self) {
        let saved = self.tree.save().unwrap();
        let hash = self.naive.save(HashFunction::Sha256, saved.version);
        assert_eq!(saved.root_hash, hash);
        assert_eq!(self.tree.root_record(), saved.root);
        self.records.extend(self.tree.new_nodes().map(|(key, record)| (key, owned(record))));
        let (contents, naive) = (self.contents.clone(), self.naive.clone());
        self.saved.push(Saved { version: saved.version, root: saved.root, hash, contents, naive });
    }

    fn working_hash(&mut self) {
        let version = self.tree.next_version().unwrap();
        assert_eq!(self.tree.working_hash().unwrap(), self.naive.clone().save(HashFunction::Sha256, version));
    }

    /// Goes back to a saved version; what came after it is forgotten.
    fn open_saved(&mut self, place: usize) {
        self.saved.truncate(place + 1);
        let saved = self.saved.last().unwrap().clone();
        self.records.retain(|node, _| node.version() <= saved.version);
        self.source = MapSource::new(self.records.clone());
        self.tree = open(&self.source, saved.version, saved.root);
        (self.contents, self.naive) = (saved.contents, saved.naive);
        assert_eq!(self.tree.root_hash(), Some(saved.hash));
    }

    fn unload(&mut self, budget: u64) {
        if self.tree.branches() == 1 {
            // The storage must have what is unloaded: this branch's nodes, not those of the ones that are gone.
            self.source.records.lock().unwrap().clone_from(&self.records);
            unload(&mut self.tree, budget);
        }
    }

    fn check(&self) {
        self.tree.check().unwrap();
        let contents: Contents = self.tree.iter().map(|entry| entry.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect();
        assert_eq!(contents, self.contents);
        let size = self.contents.len();
        assert_eq!(self.tree.size(), size as u64);
        assert_eq!(self.tree.height(), self.naive.height());
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let bound = 1.44 * (size as f64).max(1.0).log2() + 2.0;
        assert!(f64::from(self.tree.height()) <= bound);
        for key in (0..120).map(hard_key) {
            assert_eq!(self.tree.get(&key).unwrap(), self.contents.get(&key).map(Vec::as_slice));
        }
    }

    fn check_old_versions(&self) {
        let source = MapSource::new(self.records.clone());
        for saved in &self.saved {
            let tree = open(&source, saved.version, saved.root);
            assert_eq!(tree.root_hash(), Some(saved.hash));
            tree.check().unwrap();
            let contents: Contents = tree.iter().map(|entry| entry.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect();
            assert_eq!(contents, saved.contents);
        }
    }
}

fn run(ops: Vec<Op>) {
    let mut branches = vec![Branch::new()];
    for op in ops {
        let count = branches.len();
        let (Op::Set(b, ..)
        | Op::Remove(b, _)
        | Op::SetMany(b, ..)
        | Op::RemoveMany(b, ..)
        | Op::Save(b)
        | Op::WorkingHash(b)
        | Op::Fork(b)
        | Op::Drop(b)
        | Op::Discard(b)
        | Op::Reopen(b)
        | Op::OpenOld(b, _)
        | Op::Unload(b, _)) = op;
        let at = b % count;
        let branch = &mut branches[at];
        match op {
            Op::Set(_, key, value) => branch.set(key, value),
            Op::Remove(_, key) => branch.remove(key),
            Op::SetMany(_, key, n) => (0..n).for_each(|i| branch.set((key + 7 * i) % 120, 1)),
            Op::RemoveMany(_, key, n) => (0..n).for_each(|i| branch.remove((key + i) % 120)),
            Op::Save(_) => branch.save(),
            Op::WorkingHash(_) => branch.working_hash(),
            Op::Fork(_) if count < 8 => {
                let fork = branch.fork();
                branches.push(fork);
            }
            Op::Drop(_) if count > 1 => drop(branches.swap_remove(at)),
            Op::Fork(_) | Op::Drop(_) => {}
            Op::Discard(_) | Op::Reopen(_) => branch.open_saved(branch.saved.len() - 1),
            Op::OpenOld(_, place) => branch.open_saved(place % branch.saved.len()),
            Op::Unload(_, budget) => branch.unload(budget),
        }
        branches.iter().for_each(Branch::check);
    }
    branches.iter().for_each(Branch::check_old_versions);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_branch_is_a_sorted_map_of_its_own(ops in prop::collection::vec(op(), 1..120)) {
        run(ops);
    }
}

/// A branch that ends reads what it shares with others: nobody may reuse those slots before it is done, and it must not take what
/// they put there for its own.
#[test]
fn ending_a_branch_does_not_free_what_the_others_made() {
    const KEYS: u64 = 40_000;
    let mut tree = Tree::new();
    for i in 0..KEYS {
        tree.set(&i.to_be_bytes(), b"1").unwrap();
    }
    let _ = tree.save().unwrap();
    for round in 0..10u64 {
        // The left half stays shared, and the walk over what the branch made comes to it last.
        let mut branch = tree.clone();
        for i in KEYS / 2..KEYS {
            branch.set(&i.to_be_bytes(), b"branch").unwrap();
        }
        // What the tree makes from now on is younger than the branch.
        drop(tree.clone());
        std::thread::scope(|scope| {
            scope.spawn(move || drop(branch));
            while tree.branches() > 1 {
                std::hint::spin_loop();
            }
            for i in 0..KEYS {
                tree.set(&i.to_be_bytes(), &round.to_be_bytes()).unwrap();
            }
        });
        tree.check().unwrap();
        for i in 0..KEYS {
            assert_eq!(tree.get(&i.to_be_bytes()).unwrap(), Some(&round.to_be_bytes()[..]));
        }
    }
}

#[test]
fn a_version_with_one_node_key_of_its_own_is_the_root() {
    let mut tree = Tree::new();
    tree.set(b"a", b"1").unwrap();
    assert_eq!(tree.save().unwrap().root.unwrap().node, NodeKey::new(1, 1));
    tree.set(b"b", b"2").unwrap();
    assert_eq!(tree.save().unwrap().root.unwrap().node, NodeKey::new(2, 1));
}
