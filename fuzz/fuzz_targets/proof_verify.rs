//! Honest proofs of a tree, changed field by field: each must be rejected, or prove what is true of the tree.
//!
//! The input: number of leaves, hash function, shape, key, number of changes; then the changes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treering_proofs::{HashFunction, Proof, from_ics23, to_ics23};

#[path = "../../proofs/tests/proofs/mutation.rs"]
mod mutation;
#[path = "../../proofs/tests/proofs/naive_tree.rs"]
mod naive_tree;

use naive_tree::{Leaf, Tree};

fuzz_target!(|bytes: &[u8]| {
    let mut input = bytes.iter().copied();
    let mut byte = || input.next().unwrap_or_default();
    let count = byte() % 40;
    let function = if byte() % 2 == 0 { HashFunction::Sha256 } else { HashFunction::Blake3 };
    let shape = usize::from(byte());
    // Even keys are present, odd ones absent.
    let leaves = (0..count).map(|number| Leaf {
        key: vec![2 * number],
        value: vec![number; usize::from(number % 5)],
        version: u64::from(number) * 37 % 11,
    });
    let tree = Tree::new(function, leaves.collect(), shape);
    let root = tree.root();

    let key = [byte() % 82];
    let mut proof = tree.prove(&key);
    let honest = proof.verify(function, &root, &key).expect("an honest proof verifies");
    assert!(tree.agrees(&honest));

    for _ in 0..byte() % 4 {
        mutation::mutate(&mut proof, &tree, &mut || {
            // Mostly small numbers, sometimes one of 64 bits.
            let small = byte();
            if small < 250 { small.into() } else { u64::from_be_bytes([byte(); 8]).rotate_left(small.into()) }
        });
    }
    check(&tree, &proof);
    let own = proof.to_bytes().expect("small proofs are within the limits");
    assert_eq!(Proof::from_bytes(&own).as_ref(), Ok(&proof));
    if let Some(decoded) = to_ics23(function, &proof).ok().and_then(|bytes| from_ics23(&bytes).ok()) {
        assert_eq!(decoded, proof);
    }
});

/// Whatever the proof proves, about whatever key, must be true.
fn check(tree: &Tree, proof: &Proof) {
    if let Ok(evidence) = proof.verify(tree.function, &tree.root(), proof.key()) {
        assert!(tree.agrees(&evidence), "proven, but not so: {proof:?}");
    }
}
