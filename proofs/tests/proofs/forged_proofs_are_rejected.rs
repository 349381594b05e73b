//! Forgeries that worked somewhere once, and lies about each field, each rejected for the right reason.

use treering_proofs::HashFunction::Sha256;
use treering_proofs::preimage::{inner_hash, leaf_hash, prefix_of_left_child, suffix_of_left_child, value_hash};
use treering_proofs::{
    AbsenceProof, ExistenceProof, Hash, Ics23Error, MAX_VERSION, Neighbour, Neighbours, PathStep, Proof, Sibling, VerifyError, from_ics23,
    to_ics23, verify_absence, verify_existence,
};

use crate::naive_tree::Tree;
use crate::oracle;

/// An honest tree with 13 leaves, and the honest proof of the one in the middle.
fn honest() -> (Tree, ExistenceProof) {
    let tree = Tree::numbered(Sha256, 13);
    let proof = tree.existence(6);
    (tree, proof)
}

/// The error after a change to the honest proof.
fn after(change: impl FnOnce(&mut ExistenceProof)) -> VerifyError {
    let (tree, mut proof) = honest();
    change(&mut proof);
    proof.verify(Sha256, &tree.root()).unwrap_err()
}

/// The protobuf bytes of an existence proof with inner ops as given.
fn ics23_with_ops(proof: &ExistenceProof, ops: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    use prost::Message;
    let bytes = to_ics23(Sha256, &Proof::Existence(proof.clone())).unwrap();
    let mut message = ics23::CommitmentProof::decode(bytes.as_slice()).unwrap();
    let Some(ics23::commitment_proof::Proof::Exist(exist)) = &mut message.proof else { panic!("it exists") };
    exist.path = ops.iter().map(|(prefix, suffix)| ics23::InnerOp { hash: 1, prefix: prefix.clone(), suffix: suffix.clone() }).collect();
    message.encode_to_vec()
}

/// BNB Smart Chain bridge, October 2022: an inner node of the proof carried a left and a right sibling, and only one
/// was hashed; the other smuggled in a leaf. Here a sibling has one side by type, and the ICS-23 form of an
/// inner op with hashes on both sides of the child is no inner op.
#[test]
fn bsc_2022_an_inner_node_with_both_sides_is_rejected() {
    let (_, proof) = honest();
    let forged = value_hash(Sha256, b"smuggled in");
    let mut ops = vec![];
    for step in &proof.path {
        let (Sibling::Left(sibling) | Sibling::Right(sibling)) = step.sibling;
        let mut prefix = prefix_of_left_child(step.height, step.size, step.version);
        prefix.extend(sibling.as_bytes());
        prefix.push(0x20);
        ops.push((prefix, suffix_of_left_child(&forged)));
    }
    let error = from_ics23(&ics23_with_ops(&proof, &ops)).unwrap_err();
    assert!(matches!(error, Ics23Error::InnerOp { level: 1, .. }), "{error}");
}

/// Dragonberry, October 2022: a forged absence out of true existence proofs that are not the key's neighbours.
#[test]
fn dragonberry_absence_of_a_present_key_is_rejected() {
    let (tree, _) = honest();
    let root = tree.root();
    let key = b"k006";
    let forge = |neighbours| verify_absence(Sha256, &root, key, &AbsenceProof { key: key.to_vec(), neighbours });
    for left in 0..6 {
        for right in 7..13 {
            let neighbours = Neighbours::Between { left: tree.existence(left), right: tree.existence(right) };
            assert!(matches!(forge(neighbours), Err(VerifyError::NeighboursNotAdjacent { .. })));
        }
    }
    for (left, right, misplaced) in [(5, 6, Neighbour::Right), (6, 7, Neighbour::Left)] {
        let neighbours = Neighbours::Between { left: tree.existence(left), right: tree.existence(right) };
        assert_eq!(forge(neighbours), Err(VerifyError::NeighbourMisplaced { neighbour: misplaced }));
    }
    let alone = forge(Neighbours::BeforeFirst(tree.existence(7)));
    assert!(matches!(alone, Err(VerifyError::NeighbourNotOutermost { neighbour: Neighbour::Right, .. })));
    let alone = forge(Neighbours::AfterLast(tree.existence(5)));
    assert!(matches!(alone, Err(VerifyError::NeighbourNotOutermost { neighbour: Neighbour::Left, .. })));
    assert_eq!(forge(Neighbours::EmptyTree), Err(VerifyError::TreeNotEmpty { root }));
}

/// Dragonberry, the other half: bytes of the tree hidden in a prefix or suffix, so that a child is taken to be
/// on another side, or at another level, than it is.
#[test]
fn dragonberry_stuffed_prefixes_and_suffixes_are_rejected() {
    let (tree, proof) = honest();
    let step = proof.path[0];
    let (Sibling::Left(sibling) | Sibling::Right(sibling)) = step.sibling;
    let header = prefix_of_left_child(step.height, step.size, step.version);
    let with = |extra: &[u8]| [header.as_slice(), extra].concat();
    let right = suffix_of_left_child(&sibling);
    let stuffed = [
        (with(&[]), vec![]),                                   // no sibling at all
        (with(&[0]), right.clone()),                           // a byte more before the child
        (with(sibling.as_ref()), vec![]),                      // no length before the child
        (with(&[sibling.as_ref(), &[0x21]].concat()), vec![]), // another length before the child
        (with(&[sibling.as_ref(), &[0x20, 0x20]].concat()), vec![]),
        (with(&[]), [right.as_slice(), &[0]].concat()), // a byte more after the sibling
        (with(&[]), right[1..].to_vec()),               // no length before the sibling
        (with(&[]), right[..32].to_vec()),
        (with(&[]), right.repeat(2)),
        (header[..header.len() - 1].to_vec(), right.clone()), // no length before the child
        (vec![0x02, 0x84, 0x00, 0x02, 0x20], right.clone()),  // a size of two bytes for one
        (vec![0x01, 0x04, 0x02, 0x20], right.clone()),        // a negative height
        (vec![0x00, 0x02, 0x02, 0x20], right.clone()),        // the height of a leaf
        (vec![0x80, 0x04, 0x04, 0x02, 0x20], right.clone()),  // a height over 255
        (vec![], right.clone()),
    ];
    for op in stuffed {
        let bytes = ics23_with_ops(&proof, std::slice::from_ref(&op));
        assert!(from_ics23(&bytes).is_err(), "{op:?}");
    }
    assert!(from_ics23(&ics23_with_ops(&proof, &[(header, right)])).is_ok());
    drop(tree);
}

/// `GroveDB`: a value shown beside the hash of another. Here the hash is always that of the value shown.
#[test]
fn grovedb_a_value_is_bound_to_its_hash() {
    let (tree, mut proof) = honest();
    let genuine = proof.value.clone();
    proof.value = b"forged".to_vec();
    let root = tree.root();
    let forged = verify_existence(Sha256, &root, b"k006", b"forged", &proof);
    assert!(matches!(forged, Err(VerifyError::RootMismatch { .. })));
    let other = verify_existence(Sha256, &root, b"k006", &genuine, &proof);
    assert_eq!(other, Err(VerifyError::ValueMismatch));
    proof.value = value_hash(Sha256, &genuine).as_bytes().to_vec();
    assert!(matches!(proof.verify(Sha256, &root), Err(VerifyError::RootMismatch { .. })));
}

/// The two children of an inner node, passed off as key and value of a leaf.
#[test]
fn an_inner_node_does_not_pass_as_a_leaf() {
    let (left, right) = (Hash::new([1; 32]), Hash::new([2; 32]));
    let root = inner_hash(Sha256, 1, 2, 1, &left, &right);
    // As near as a leaf can come: the left hash for a key of 32 bytes, the right one as value.
    let forged = ExistenceProof { key: left.as_bytes().to_vec(), value: right.as_bytes().to_vec(), version: 1, path: vec![] };
    assert!(matches!(forged.verify(Sha256, &root), Err(VerifyError::RootMismatch { .. })));
    // Cut short at an inner node, in a real tree.
    for level in 0..3 {
        after(|proof| drop(proof.path.drain(..=level)));
        after(|proof| proof.path.truncate(level));
    }
    // In ICS-23 form with the inner node's prefix in the leaf op.
    let bytes = to_ics23(Sha256, &Proof::Existence(forged)).unwrap();
    for prefix in [[2, 4, 2], [2, 2, 2], [0, 4, 2]] {
        let mut bytes = bytes.clone();
        let at = bytes.len() - 3;
        bytes[at..].copy_from_slice(&prefix);
        assert!(matches!(from_ics23(&bytes), Err(Ics23Error::LeafOp { .. })), "{prefix:?}");
    }
}

/// A leaf whose key is made to look like the inside of an inner node, passed off as that inner node.
#[test]
fn a_leaf_does_not_pass_as_an_inner_node() {
    let ghost = leaf_hash(Sha256, 1, b"ghost", &value_hash(Sha256, b"boo"));
    // The attacker sets a key of his own choice that continues as an inner node would: `0x20 ghost 0x20 ...`.
    let key = ghost.as_bytes().to_vec();
    let hash = value_hash(Sha256, b"value");
    let root = leaf_hash(Sha256, 1, &key, &hash);
    for (height, size) in [(0, 1), (0, 2), (1, 2), (1, 1)] {
        let step = PathStep { height, size, version: 1, sibling: Sibling::Right(hash) };
        let forged = ExistenceProof { key: b"ghost".to_vec(), value: b"boo".to_vec(), version: 1, path: vec![step] };
        assert!(forged.verify(Sha256, &root).is_err());
    }
    // With height 0 and size 1 the bytes do agree, so that only the check of the height stands in between.
    let step = PathStep { height: 0, size: 1, version: 1, sibling: Sibling::Right(hash) };
    let forged = ExistenceProof { key: b"ghost".to_vec(), value: b"boo".to_vec(), version: 1, path: vec![step] };
    assert_eq!(inner_hash(Sha256, 0, 1, 1, &ghost, &hash), root);
    assert_eq!(forged.verify(Sha256, &root), Err(VerifyError::HeightNotGrowing { level: 1, height: 0, child: 0 }));
    let bytes = to_ics23(Sha256, &Proof::Existence(forged)).unwrap();
    assert!(matches!(from_ics23(&bytes), Err(Ics23Error::InnerOp { level: 1, .. })));
    assert!(!oracle::accepts(&ics23::iavl_spec(), &root, b"ghost", Some(b"boo"), &bytes));
}

#[test]
fn heights_must_grow_by_one_or_two() {
    let (_, proof) = honest();
    let height = proof.path[1].height;
    let below = proof.path[0].height;
    let error = after(|proof| proof.path[1].height = below);
    assert_eq!(error, VerifyError::HeightNotGrowing { level: 2, height: below, child: below });
    let error = after(|proof| proof.path[1].height = below + 3);
    assert_eq!(error, VerifyError::HeightOutOfBalance { level: 2, height: below + 3, child: below });
    assert!(height > below);
}

#[test]
fn sizes_must_grow_within_what_balance_allows() {
    let (_, proof) = honest();
    let below = proof.path[0].size;
    let error = after(|proof| proof.path[1].size = below);
    assert_eq!(error, VerifyError::SizeNotGrowing { level: 2, size: below, child: below });
    let height = proof.path[1].height;
    let error = after(|proof| proof.path[1].size = 1000);
    assert_eq!(error, VerifyError::SizeImpossible { level: 2, size: 1000, height });
    let error = after(|proof| proof.path[0].size = 0);
    assert_eq!(error, VerifyError::SizeNotGrowing { level: 1, size: 0, child: 1 });
    // A lie that a tree could have is still not this tree's.
    let (tree, mut proof) = honest();
    let last = proof.path.last_mut().unwrap();
    last.size -= 1;
    assert!(matches!(proof.verify(Sha256, &tree.root()), Err(VerifyError::RootMismatch { .. })));
}

#[test]
fn versions_must_not_fall_towards_the_root() {
    let error = after(|proof| proof.version = 8);
    assert!(matches!(error, VerifyError::VersionBelowChild { level: 1, child: 8, .. }));
    let error = after(|proof| proof.version = MAX_VERSION + 1);
    assert_eq!(error, VerifyError::VersionOutOfRange { level: 0, version: MAX_VERSION + 1 });
    let error = after(|proof| proof.path[2].version = u64::MAX);
    assert_eq!(error, VerifyError::VersionOutOfRange { level: 3, version: u64::MAX });
}

#[test]
fn more_than_128_levels_are_rejected() {
    let error = after(|proof| proof.path = vec![proof.path[0]; 129]);
    assert_eq!(error, VerifyError::TooManyLevels { levels: 129 });
}

#[test]
fn a_bad_neighbour_is_named() {
    let (tree, _) = honest();
    let mut proof =
        AbsenceProof { key: b"k0065".to_vec(), neighbours: Neighbours::Between { left: tree.existence(6), right: tree.existence(7) } };
    assert!(proof.verify(Sha256, &tree.root()).is_ok());
    let Neighbours::Between { right, .. } = &mut proof.neighbours else { panic!("it is between") };
    right.value.push(0);
    let error = proof.verify(Sha256, &tree.root()).unwrap_err();
    assert!(matches!(&error, VerifyError::InNeighbour { neighbour: Neighbour::Right, .. }));
    assert!(error.to_string().starts_with("the proof of the right neighbour does not hold: the proof leads to"));
}

#[test]
fn a_proof_of_another_key_is_no_answer() {
    let (tree, proof) = honest();
    let proof = Proof::Existence(proof);
    assert_eq!(proof.verify(Sha256, &tree.root(), b"k007"), Err(VerifyError::KeyMismatch));
    let proof = tree.prove(b"k0065");
    assert_eq!(proof.verify(Sha256, &tree.root(), b"k0066"), Err(VerifyError::KeyMismatch));
}
