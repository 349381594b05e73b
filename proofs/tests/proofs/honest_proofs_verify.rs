//! Every honest proof verifies; every changed one fails or proves something that is true all the same.

use proptest::collection::vec;
use proptest::prelude::*;
use treering_proofs::HashFunction::{Blake3, Sha256};
use treering_proofs::{
    AbsenceProof, Evidence, HashFunction, Ics23Error, Neighbours, Proof, from_ics23, to_ics23, verify_absence, verify_existence,
};

use crate::mutation::mutate;
use crate::naive_tree::{Leaf, Tree};
use crate::oracle;

fn leaves() -> impl Strategy<Value = Vec<Leaf>> {
    let leaf = (vec(0_u8..4, 0..5), vec(any::<u8>(), 0..4), 0_u64..1 << 40);
    vec(leaf.prop_map(|(key, value, version)| Leaf { key, value, version }), 0..60)
}

fn function() -> impl Strategy<Value = HashFunction> {
    prop_oneof![Just(Sha256), Just(Blake3)]
}

fn check_honest(tree: &Tree, key: &[u8]) {
    let (function, root) = (tree.function, tree.root());
    let proof = tree.prove(key);
    let evidence = proof.verify(function, &root, key).unwrap();
    assert!(tree.agrees(&evidence));
    assert_eq!(Proof::from_bytes(&proof.to_bytes().unwrap()), Ok(proof.clone()));
    let json = serde_json::to_string(&proof).unwrap();
    assert_eq!(serde_json::from_str::<Proof>(&json).unwrap(), proof);
    match &proof {
        Proof::Existence(proof) => {
            assert_eq!(evidence, Evidence::Present(verify_existence(function, &root, key, &proof.value, proof).unwrap()));
        }
        Proof::Absence(proof) => {
            assert_eq!(evidence, Evidence::Absent(verify_absence(function, &root, key, proof).unwrap()));
        }
    }
    match to_ics23(function, &proof) {
        Ok(bytes) => {
            assert_eq!(from_ics23(&bytes), Ok(proof));
            assert!(oracle::agrees(&root, &evidence, &bytes));
        }
        Err(Ics23Error::HashFunction { function }) => assert_eq!(function, Blake3),
        Err(Ics23Error::EmptyTree) => assert!(tree.leaves.is_empty()),
        Err(Ics23Error::EmptyKey) => assert!(tree.leaves[0].key.is_empty()),
        Err(Ics23Error::EmptyValue) => {
            assert!(tree.leaves.iter().any(|leaf| leaf.value.is_empty()));
        }
        Err(error) => panic!("{error}"),
    }
}

fn check_mutated(tree: &Tree, key: &[u8], choices: &[u64]) {
    let mut choices = choices.iter().copied();
    let mut proof = tree.prove(key);
    let rounds = choices.next().unwrap_or_default() % 3 + 1;
    for _ in 0..rounds {
        mutate(&mut proof, tree, &mut || choices.next().unwrap_or_default());
    }
    // Not only for the key asked for first: whatever it proves about whatever key must be true.
    let asked = proof.key().to_vec();
    let Ok(evidence) = proof.verify(tree.function, &tree.root(), &asked) else {
        return;
    };
    assert!(tree.agrees(&evidence), "{proof:?} proves what is not so");
    if let Ok(bytes) = to_ics23(tree.function, &proof) {
        assert!(oracle::agrees(&tree.root(), &evidence, &bytes), "the official verifier refuses {proof:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn honest_proofs_verify_in_every_form(
        function in function(), leaves in leaves(), lean: usize, absent in vec(0_u8..4, 0..6),
    ) {
        let tree = Tree::new(function, leaves, lean);
        check_honest(&tree, &absent);
        for leaf in &tree.leaves {
            check_honest(&tree, &leaf.key);
        }
    }

    #[test]
    fn mutated_proofs_fail_or_prove_what_is_true(
        function in function(), leaves in leaves(), lean: usize, keys in vec(vec(0_u8..4, 0..6), 8),
        choices in vec(vec(any::<u64>(), 16), 64),
    ) {
        let tree = Tree::new(function, leaves, lean);
        let present = tree.leaves.iter().map(|leaf| leaf.key.clone());
        for key in keys.into_iter().chain(present.take(8)) {
            for choices in &choices {
                check_mutated(&tree, &key, choices);
            }
        }
    }
}

#[test]
fn an_empty_tree_proves_every_key_absent() {
    let tree = Tree::new(Sha256, Vec::new(), 0);
    check_honest(&tree, b"");
    check_honest(&tree, b"key");
    let proof = AbsenceProof { key: b"key".to_vec(), neighbours: Neighbours::EmptyTree };
    let full = Tree::numbered(Sha256, 1);
    assert!(verify_absence(Sha256, &full.root(), b"key", &proof).is_err());
    assert!(verify_absence(Blake3, &tree.root(), b"key", &proof).is_err());
}

#[test]
fn empty_keys_and_values_are_proven_by_our_own_form() {
    let leaf = |key: &[u8], value: &[u8]| Leaf { key: key.to_vec(), value: value.to_vec(), version: 3 };
    let tree = Tree::new(Sha256, vec![leaf(b"", b"v"), leaf(b"b", b""), leaf(b"c", b"v")], 0);
    for key in [&b""[..], b"a", b"b", b"bb", b"c", b"d"] {
        check_honest(&tree, key);
    }
    assert_eq!(to_ics23(Sha256, &tree.prove(b"")), Err(Ics23Error::EmptyKey));
    assert_eq!(to_ics23(Sha256, &tree.prove(b"b")), Err(Ics23Error::EmptyValue));
    assert_eq!(to_ics23(Sha256, &tree.prove(b"bb")), Err(Ics23Error::EmptyValue));
    assert!(to_ics23(Sha256, &tree.prove(b"d")).is_ok());
}

#[test]
fn the_absence_of_the_empty_key_has_an_ics23_form() {
    let tree = Tree::numbered(Sha256, 5);
    assert!(to_ics23(Sha256, &tree.prove(b"")).is_ok());
    check_honest(&tree, b"");
}

#[test]
fn versions_too_large_for_the_iavl_spec_are_refused_by_the_ics23_form_only() {
    let leaf = |key: u8| Leaf { key: vec![key], value: vec![1], version: treering_proofs::MAX_VERSION };
    let tree = Tree::new(Sha256, (0..9).map(leaf).collect(), 0);
    let proof = tree.prove(&[4]);
    assert!(proof.verify(Sha256, &tree.root(), &[4]).is_ok());
    assert!(matches!(to_ics23(Sha256, &proof), Err(Ics23Error::LongPrefix { len: 13 })));
}
