//! Node streams that are no trees.

use treering_tree::{ExportNode, Importer, MAX_KEY_LEN, MAX_VALUE_LEN, Options, TreeError};

use crate::source::{seed, stored_tree};

fn leaf(key: &[u8], version: u64) -> ExportNode {
    ExportNode { key: key.to_vec(), value: Some(b"value".to_vec()), version, height: 0 }
}

fn inner(key: &[u8], version: u64, height: u8) -> ExportNode {
    ExportNode { key: key.to_vec(), value: None, version, height }
}

fn importer(nodes: &[ExportNode]) -> Importer {
    let mut importer = Importer::new(Options::default(), 5).unwrap();
    for node in nodes {
        importer.push(node.clone()).unwrap();
    }
    importer
}

/// Pushes the last node and gives what the importer says of it.
fn refusal(nodes: &[ExportNode]) -> &'static str {
    let (last, first) = nodes.split_last().unwrap();
    match importer(first).push(last.clone()).unwrap_err() {
        TreeError::Import { position, what } => {
            assert_eq!(position, first.len() as u64);
            what
        }
        error => panic!("{error}"),
    }
}

#[test]
fn each_kind_of_malformed_stream_has_its_error() {
    let (a, b, c) = (leaf(b"a", 1), leaf(b"b", 2), leaf(b"c", 3));
    assert!(refusal(&[leaf(b"a", 0)]).contains("version"));
    assert!(refusal(&[leaf(b"a", 6)]).contains("version"));
    assert!(refusal(&[inner(b"a", 1, 1)]).contains("before its two children"));
    assert!(refusal(&[a.clone(), inner(b"a", 1, 1)]).contains("before its two children"));
    assert!(refusal(&[b.clone(), a.clone(), inner(b"a", 2, 1)]).contains("not in order"));
    assert!(refusal(&[a.clone(), a.clone(), inner(b"a", 2, 1)]).contains("not in order"));
    assert!(refusal(&[a.clone(), b.clone(), inner(b"c", 2, 1)]).contains("smallest"));
    assert!(refusal(&[a.clone(), b.clone(), inner(b"b", 2, 2)]).contains("height"));
    assert!(refusal(&[a.clone(), b.clone(), inner(b"b", 1, 1)]).contains("older"));
    let (ab, d) = (inner(b"b", 2, 1), leaf(b"d", 3));
    let three = [a.clone(), b.clone(), ab.clone(), c.clone(), inner(b"c", 3, 2), d];
    assert!(refusal(&[&three[..], &[inner(b"d", 3, 3)]].concat()).contains("out of balance"));
    assert!(refusal(&[ExportNode { value: None, ..a.clone() }]).contains("a leaf has a value"));
    assert!(refusal(&[ExportNode { height: 1, ..a.clone() }]).contains("a leaf has a value"));
    assert!(matches!(importer(&[a, b]).finish(), Err(TreeError::Import { position: 2, .. })));
}

#[test]
fn sizes_over_the_limits_are_refused() {
    let long = leaf(&vec![0; MAX_KEY_LEN + 1], 1);
    assert!(matches!(importer(&[]).push(long), Err(TreeError::KeyTooLong { .. })));
    let long = ExportNode { value: Some(vec![0; MAX_VALUE_LEN + 1]), ..leaf(b"a", 1) };
    assert!(matches!(importer(&[]).push(long), Err(TreeError::ValueTooLong { .. })));
}

#[test]
fn a_refused_node_leaves_the_importer_as_it_was() {
    let (tree, saved, _) = stored_tree(50, seed(9));
    let mut importer = Importer::new(Options::default(), saved.version).unwrap();
    for node in tree.export().unwrap() {
        let node = node.unwrap();
        assert!(importer.push(inner(b"nonsense", 1, 200)).is_err());
        importer.push(node).unwrap();
    }
    let tree = importer.finish().unwrap();
    assert_eq!(tree.root_hash(), Some(saved.root_hash));
    tree.check().unwrap();
}

#[test]
fn an_empty_stream_is_an_empty_tree() {
    let tree = importer(&[]).finish().unwrap();
    assert_eq!((tree.version(), tree.size(), tree.root_record()), (5, 0, None));
}
