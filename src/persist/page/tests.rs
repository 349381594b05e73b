use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;
use treering_proofs::HashFunction;
use treering_tree::{ChildRecord, NodeKey, NodeRecord, Step, Tree};

use super::*;
use crate::engine::Keyspace;
use crate::persist::frame::{Reader, Writer};

const STORE: StoreId = StoreId(3);
const FUNCTION: HashFunction = HashFunction::Sha256;

type Stored = BTreeMap<Vec<u8>, Vec<u8>>;

/// Stores the nodes made after a version, as a checkpoint does; gives them.
fn store(tree: &Tree, since: u64, stored: &mut Stored) -> BTreeMap<NodeKey, NodeRecord<'static>> {
    let mut pages = PageWriter::new(STORE);
    let mut put = |at: &[u8], record: &[u8]| {
        assert!(stored.insert(at.to_vec(), record.to_vec()).is_none(), "each key is put once");
        Ok(())
    };
    let mut nodes = BTreeMap::new();
    for (node, record) in tree.sorted_nodes_since(since) {
        nodes.insert(node, owned(&record));
        pages.add(node, record, &mut put).unwrap();
    }
    pages.finish(&mut put).unwrap();
    nodes
}

fn owned(record: &NodeRecord<'_>) -> NodeRecord<'static> {
    match record {
        NodeRecord::Leaf { key, value } => NodeRecord::Leaf { key: Cow::Owned(key.to_vec()), value: Cow::Owned(value.to_vec()) },
        NodeRecord::Inner { key, left, right } => NodeRecord::Inner { key: Cow::Owned(key.to_vec()), left: *left, right: *right },
    }
}

fn find(stored: &Stored, node: NodeKey) -> Option<NodeRecord<'static>> {
    let (page, place) = PageName::of(node);
    let at = page.key(STORE);
    let record = stored.get(&at[..])?;
    match Page::decode(&at, record).unwrap().find(place, FUNCTION)? {
        Found::Record(record) => Some(record),
        Found::ValueApart { key, value: at } => {
            let value = Reader::open(Keyspace::Nodes, &at, &stored[&at]).unwrap().rest().to_vec();
            assert!(value.len() > LONGEST_INSIDE);
            Some(NodeRecord::Leaf { key: Cow::Owned(key.to_vec()), value: Cow::Owned(value) })
        }
    }
}

/// Where the way to a key goes on from a node.
fn next(record: &NodeRecord<'_>, key: &[u8]) -> Option<NodeKey> {
    match record {
        NodeRecord::Leaf { .. } => None,
        NodeRecord::Inner { key: routing_key, left, right } => Some(if *key < **routing_key { left.node } else { right.node }),
    }
}

/// Saves versions of random changes, of small and long values.
fn versions(changes: &[Vec<(u16, Option<bool>)>]) -> Vec<Tree> {
    let mut tree = Tree::new();
    let save = |changes: &Vec<(u16, Option<bool>)>| {
        for &(key, change) in changes {
            match change {
                Some(is_long) => drop(tree.set(&key.to_be_bytes(), &vec![7; if is_long { LONGEST_INSIDE + 1 } else { LONGEST_INSIDE }])),
                None => drop(tree.remove(&key.to_be_bytes())),
            }
        }
        let _ = tree.save().unwrap();
        tree.clone()
    };
    changes.iter().map(save).collect()
}

fn changes() -> impl Strategy<Value = Vec<Vec<(u16, Option<bool>)>>> {
    let change = (0..200_u16, prop_oneof![8 => Just(Some(false)), 1 => Just(Some(true)), 2 => Just(None)]);
    prop::collection::vec(prop::collection::vec(change, 0..150), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_node_is_read_as_it_was_made(changes in changes(), interval in 1..4_usize) {
        let (mut stored, mut nodes, mut since) = (Stored::new(), BTreeMap::new(), 0);
        for tree in versions(&changes).iter().step_by(interval) {
            nodes.extend(store(tree, since, &mut stored));
            since = tree.version();
        }
        for (node, record) in &nodes {
            prop_assert_eq!(find(&stored, *node), Some(record.clone()), "{}", node);
        }
        for key in (0..250_u16).map(u16::to_be_bytes) {
            for with_leaf in [true, false] {
                let mut at = nodes.keys().next_back().map(|node| NodeKey::new(node.version(), 1));
                while let Some(node) = at.filter(|node| nodes.contains_key(node)) {
                    at = next(&nodes[&node], &key);
                    let (page, place) = PageName::of(node);
                    let stands = page.key(STORE);
                    let step = Step { node, key: &key, with_leaf };
                    let found = Page::decode(&stands, &stored[&stands[..]]).unwrap().path_below(place, &step, FUNCTION);
                    let mut below = at;
                    let mut expected = Vec::new();
                    while let Some(node) = below.filter(|node| PageName::of(*node).0 == page) {
                        let NodeRecord::Leaf { value, .. } = &nodes[&node] else {
                            expected.push((node, nodes[&node].clone()));
                            below = next(&nodes[&node], &key);
                            continue;
                        };
                        if with_leaf && value.len() <= LONGEST_INSIDE {
                            expected.push((node, nodes[&node].clone()));
                        }
                        break;
                    }
                    prop_assert_eq!(found, expected);
                }
            }
        }
        let counted: u64 = stored.iter().filter(|(at, _)| is_page(at)).map(|(at, record)| Page::decode(at, record).unwrap().count()).sum();
        prop_assert_eq!(counted, nodes.len() as u64);
        let names = stored.iter().filter(|(at, _)| is_page(at)).flat_map(|(at, record)| Page::decode(at, record).unwrap().values_apart().collect::<Vec<_>>());
        prop_assert!(names.eq(stored.keys().filter(|at| !is_page(at)).cloned()), "every value apart is named by its page");
    }

    /// What goes is what no later version has, as with pruning.
    #[test]
    fn what_stays_is_read_as_before(changes in changes()) {
        let trees = versions(&changes);
        let (mut stored, mut nodes) = (Stored::new(), BTreeMap::new());
        for tree in &trees {
            nodes.extend(store(tree, tree.version() - 1, &mut stored));
        }
        let newest = trees.last().unwrap();
        let left: BTreeMap<NodeKey, NodeRecord<'_>> = newest.nodes_since(0).collect();
        let mut gone: BTreeMap<PageName, u32> = BTreeMap::new();
        for node in nodes.keys().filter(|node| !left.contains_key(node)) {
            let (page, place) = PageName::of(*node);
            *gone.entry(page).or_default() |= 1 << place;
        }
        for (page, places) in gone {
            let at = page.key(STORE);
            let record = stored.remove(&at[..]).unwrap();
            let (rest, values) = Page::decode(&at, &record).unwrap().without(places);
            for value in values {
                prop_assert!(stored.remove(&value).is_some());
            }
            if let Some(rest) = rest {
                stored.insert(at.to_vec(), rest);
            }
        }
        for node in nodes.keys() {
            prop_assert_eq!(find(&stored, *node), left.get(node).map(owned), "{}", node);
        }
        let kept = |record: &NodeRecord<'_>| matches!(record, NodeRecord::Leaf { value, .. } if value.len() > LONGEST_INSIDE);
        prop_assert_eq!(stored.keys().filter(|at| !is_page(at)).count(), left.values().filter(|record| kept(record)).count());
    }
}

#[test]
fn a_page_stores_few_hashes_of_what_is_near() {
    let mut tree = Tree::new();
    for key in 0..16_u8 {
        tree.set(&[key], b"value").unwrap();
    }
    let _ = tree.save().unwrap();
    let mut stored = Stored::new();
    assert_eq!(store(&tree, 0, &mut stored).len(), 31);
    let [(_, record)] = <[_; 1]>::try_from(stored.into_iter().collect::<Vec<_>>()).unwrap();
    // Format, checksum, places; leaves of kind, two lengths, key and value; inner nodes of kind and two places, their keys being below. Those
    // above two leaves take work of 5, so hash, height and size of them are stored; then those above two of these take 1, and so on.
    let stored = 8;
    assert_eq!(record.len(), 1 + 4 + 4 + 16 * (3 + 1 + 5) + 15 * 3 + stored * (32 + 1 + 1));
}

#[test]
fn a_page_that_is_cut_off_or_changed_is_damaged() {
    let mut tree = Tree::new();
    for key in 0..40_u8 {
        tree.set(&[key], &[key; 3]).unwrap();
    }
    let _ = tree.save().unwrap();
    let mut stored = Stored::new();
    store(&tree, 0, &mut stored);
    for (at, record) in &stored {
        for length in 0..record.len() {
            assert!(Page::decode(at, &record[..length]).is_err());
        }
        for bit in 0..record.len() * 8 {
            let mut changed = record.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Page::decode(at, &changed).is_err());
        }
    }
}

/// Pages that no tree has, with a right checksum.
#[test]
fn a_page_of_nonsense_is_damaged() {
    let at = PageName { version: 5, number: 0 }.key(STORE);
    let page = |present: u32, entries: &[&[u8]]| {
        let mut writer = Writer::new();
        writer.raw(&present.to_be_bytes());
        for entry in entries {
            writer.raw(entry);
        }
        writer.seal(Keyspace::Nodes, &at)
    };
    let (leaf, apart): (&[u8], &[u8]) = (&[LEAF, 1, b'k', 1, b'v'], &[LEAF_APART, 1, b'k']);
    let inner = |left, right| [INNER | NEAR[0] | NEAR[1] | KEY_BELOW, left, right];
    let whole = page(0b1110, &[&inner(2, 3), leaf, leaf]);
    let whole = Page::decode(&at, &whole).unwrap();
    assert!(matches!(whole.find(1, FUNCTION), Some(Found::Record(NodeRecord::Inner { .. }))));
    assert!(whole.find(4, FUNCTION).is_none());
    for (what, record) in [
        ("a child that is not there", page(0b1110, &[&inner(2, 4), leaf, leaf])),
        ("a child that is its own parent", page(0b1110, &[&inner(1, 3), leaf, leaf])),
        ("a child before its parent", page(0b1110, &[leaf, &inner(1, 3), leaf])),
        ("a place behind the last", page(0b1110, &[&inner(2, 32), leaf, leaf])),
        ("a near child with its value apart", page(0b1110, &[&inner(2, 3), leaf, apart])),
        ("an unknown kind", page(0b10, &[&[2, 0, 0]])),
        ("unknown flags", page(0b1110, &[&[INNER | 32 | NEAR[0] | NEAR[1] | KEY_BELOW, 2, 3], leaf, leaf])),
        ("a node too many", page(0b10, &[leaf, leaf])),
        ("a node too few", page(0b110, &[leaf])),
    ] {
        assert!(Page::decode(&at, &record).is_err(), "{what}");
    }
    // Both children of each are the next one: looking at it takes no longer for that.
    let mut entries: Vec<Vec<u8>> = (1..31).map(|place| inner(place + 1, place + 1).to_vec()).collect();
    entries.push(leaf.to_vec());
    let record = page(!1, &entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let page = Page::decode(&at, &record).unwrap();
    let Some(Found::Record(NodeRecord::Inner { left: ChildRecord { size, .. }, .. })) = page.find(1, FUNCTION) else { panic!() };
    assert_eq!(size, 1 << 29);
}
