//! Records that lie: an error that names a node, or the right answer; never a panic, a wrong answer or a walk without end.

use treering_proofs::Hash;
use treering_tree::{CheckError, ChildRecord, NodeKey, NodeRecord, Order, Tree, TreeError};

use crate::source::{MapSource, Records, hard_key, open, open_without_room, seed, stored_tree};
use crate::workload::SplitMix64;

fn flip(bytes: &[u8], rng: &mut SplitMix64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match rng.below(4) {
        0 => bytes.push(0),
        1 if !bytes.is_empty() => drop(bytes.pop()),
        _ if !bytes.is_empty() => {
            let at = usize::try_from(rng.below(bytes.len() as u64)).unwrap();
            bytes[at] ^= 1 << rng.below(8);
        }
        _ => bytes.push(1),
    }
    bytes
}

fn damage_child(child: &mut ChildRecord, rng: &mut SplitMix64) {
    let bit = rng.below(64);
    match rng.below(5) {
        0 => child.node = NodeKey::new(child.node.version() ^ (1 << bit), child.node.nonce()),
        1 => child.node = NodeKey::new(child.node.version(), child.node.nonce() ^ (1 << (bit % 32))),
        2 => child.hash = Hash::try_from(&flip(child.hash.as_ref(), rng)[..]).unwrap_or_default(),
        3 => child.height ^= 1 << (bit % 8),
        _ => child.size ^= 1 << bit,
    }
}

/// Damages all that is bound by hashes: everything but routing keys.
fn damage(record: &mut NodeRecord<'static>, rng: &mut SplitMix64) {
    match record {
        NodeRecord::Leaf { key, value } => match rng.below(2) {
            0 => *key = flip(key, rng).into(),
            _ => *value = flip(value, rng).into(),
        },
        NodeRecord::Inner { left, right, .. } => match rng.below(3) {
            0 => damage_child(left, rng),
            1 => damage_child(right, rng),
            _ => std::mem::swap(left, right),
        },
    }
}

/// Asks everything; each answer must be the healthy tree's or an error.
fn compare(healthy: &Tree, damaged: &Tree) {
    for key in (0..160).map(hard_key) {
        if let Ok(value) = damaged.get(&key) {
            assert_eq!(value, healthy.get(&key).unwrap());
        }
        if let Ok(rank) = damaged.index_of(&key) {
            assert_eq!(rank, healthy.index_of(&key).unwrap());
        }
        if let Ok(proof) = damaged.prove(&key) {
            assert_eq!(proof, healthy.prove(&key).unwrap());
        }
    }
    for key in (0..160).map(hard_key) {
        if let Ok(value) = damaged.get_copy(&key) {
            assert_eq!(value.as_deref(), healthy.get(&key).unwrap());
        }
    }
    for order in [Order::Ascending, Order::Descending] {
        let all = || std::ops::Bound::Unbounded;
        let mut pairs = damaged.scan_copies(all(), all(), order).zip(healthy.scan_copies(all(), all(), order));
        assert!(pairs.all(|(found, expected)| found.is_err() || found.unwrap() == expected.unwrap()));
    }
    for index in 0..healthy.size() {
        if let Ok(entry) = damaged.get_copy_by_index(index) {
            assert_eq!(entry, healthy.get_copy_by_index(index).unwrap());
        }
        if let Ok(entry) = damaged.get_by_index(index) {
            assert_eq!(entry, healthy.get_by_index(index).unwrap());
        }
    }
    let mut pairs = damaged.range_between(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded, Order::Ascending).zip(healthy);
    assert!(pairs.all(|(found, expected)| found.is_err() || found.unwrap() == expected.unwrap()));
    for (found, expected) in damaged.export().unwrap().zip(healthy.export().unwrap()) {
        assert!(found.is_err() || found.unwrap() == expected.unwrap());
    }
}

fn edit(tree: &mut Tree) -> Result<Hash, TreeError> {
    for i in (0..160).step_by(3) {
        tree.set(&hard_key(i), b"edited")?;
        tree.remove(&hard_key(i + 1))?;
    }
    tree.working_hash()
}

#[test]
fn damage_is_an_error_or_does_not_matter() {
    let mut rng = SplitMix64(seed(6));
    let (mut healthy, saved, source) = stored_tree(40, rng.next());
    let records: Records = source.records.lock().unwrap().clone();
    let mut names: Vec<NodeKey> = records.keys().copied().collect();
    names.sort();
    let mut noticed = 0;
    let mut edited = healthy.clone();
    let edited_root = edit(&mut edited).unwrap();
    for round in 0..1500 {
        let mut damaged = records.clone();
        let victim = names[usize::try_from(rng.below(names.len() as u64)).unwrap()];
        if round % 5 == 0 {
            let other = names[usize::try_from(rng.below(names.len() as u64)).unwrap()];
            damaged.insert(victim, records[&other].clone());
        } else {
            damage(damaged.get_mut(&victim).unwrap(), &mut rng);
        }
        let source = MapSource::new(damaged);
        compare(&healthy, &open_without_room(&source, saved.version, saved.root));
        let mut tree = open(&source, saved.version, saved.root);
        compare(&healthy, &tree);
        match tree.check() {
            Ok(_) => {}
            Err(CheckError::Tree(TreeError::HashMismatch { .. } | TreeError::Malformed { .. } | TreeError::MissingNode { .. })) => {
                noticed += 1;
            }
            Err(CheckError::Broken { .. }) => noticed += 1,
            Err(error) => panic!("{error}"),
        }
        let checked = tree.check().is_ok();
        match edit(&mut tree) {
            Ok(root) if checked => assert_eq!(root, edited_root),
            Ok(_) | Err(_) => {}
        }
    }
    assert!(noticed > 500, "{noticed} of the damages were in use and found");
    healthy.check().unwrap();
    assert_eq!(healthy.working_hash().unwrap(), saved.root_hash);
}

#[test]
fn a_wrong_routing_key_is_found_by_a_check() {
    let (_, saved, source) = stored_tree(40, seed(7));
    let records: Records = source.records.lock().unwrap().clone();
    let reached = open(&source, saved.version, saved.root);
    reached.check().unwrap();
    for (node, record) in reached.nodes_since(0) {
        let NodeRecord::Inner { key, left, right } = record else { continue };
        let mut damaged = records.clone();
        let key = [&key[..], b"\0"].concat();
        damaged.insert(node, NodeRecord::Inner { key: key.into(), left, right });
        let tree = open(&MapSource::new(damaged), saved.version, saved.root);
        let error = tree.check().unwrap_err();
        assert!(matches!(error, CheckError::Broken { node: Some(found), .. } if found == node), "{error}");
    }
}

#[test]
fn names_that_no_node_can_have_are_refused() {
    let (_, saved, source) = stored_tree(5, seed(8));
    let root = saved.root.unwrap();
    for (version, nonce) in [(0, 1), (saved.version, 0), (1 << 63, 1), (u64::MAX, u32::MAX)] {
        let name = NodeKey::new(version, nonce);
        let record = source.records.lock().unwrap()[&root.node].clone();
        source.records.lock().unwrap().insert(name, record);
        for open in [open, open_without_room] {
            let tree = open(&source, saved.version, Some(treering_tree::RootRecord { node: name, ..root }));
            let scanned = tree.scan_copies(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded, Order::Ascending).next().unwrap();
            let fetched = tree.fetch([&b"a"[..], b"b"]);
            for error in [tree.get(b"a").unwrap_err(), tree.get_copy(b"a").unwrap_err(), scanned.unwrap_err(), fetched.unwrap_err()] {
                assert!(matches!(error, TreeError::Malformed { node, .. } if node == name), "{error}");
            }
        }
    }
}
