//! The ICS-23 proofs of the Go implementation.

use treering_proofs::{HashFunction, Ics23Error, from_ics23, to_ics23};

use crate::{golden, oracle};

#[test]
fn golden_proofs_verify_and_come_back_byte_for_byte() {
    for golden in golden::proofs().iter().filter(|golden| golden.verifies) {
        let proof = from_ics23(&golden.proof).unwrap();
        let evidence = proof.verify(HashFunction::Sha256, &golden.root, &golden.key).unwrap();
        assert_eq!(evidence.key(), golden.key);
        assert_eq!(evidence.value(), golden.value.as_deref());
        assert_eq!(evidence.tree_size(), golden.size);
        assert_eq!(to_ics23(HashFunction::Sha256, &proof).unwrap(), golden.proof);
        assert!(oracle::agrees(&golden.root, &evidence, &golden.proof));
    }
}

#[test]
fn golden_proofs_with_empty_keys_or_values_are_refused_with_the_reason() {
    let mut refused = 0;
    for golden in golden::proofs().iter().filter(|golden| !golden.verifies) {
        let error = from_ics23(&golden.proof).unwrap_err();
        assert!(matches!(error, Ics23Error::EmptyKey | Ics23Error::EmptyValue), "{error}");
        assert!(golden.note.is_some());
        assert!(error.to_string().contains("own proof form can"));
        assert!(!oracle::accepts(&ics23::iavl_spec(), &golden.root, &golden.key, golden.value.as_deref(), &golden.proof));
        refused += 1;
    }
    assert_eq!(refused, 17);
}

#[test]
fn golden_proofs_do_not_verify_against_another_root_or_key() {
    let goldens = golden::proofs();
    let goldens: Vec<_> = goldens.iter().filter(|golden| golden.verifies).collect();
    for pair in goldens.windows(2) {
        let proof = from_ics23(&pair[0].proof).unwrap();
        assert_eq!(pair[0].key == pair[1].key, proof.verify(HashFunction::Sha256, &pair[0].root, &pair[1].key).is_ok());
        assert_eq!(pair[0].root == pair[1].root, proof.verify(HashFunction::Sha256, &pair[1].root, &pair[0].key).is_ok());
        assert!(proof.verify(HashFunction::Blake3, &pair[0].root, &pair[0].key).is_err());
    }
}
