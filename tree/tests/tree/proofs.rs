//! Every honest proof verifies, and says what the tree says.

use treering_proofs::{Evidence, HashFunction, Proof};
use treering_tree::{Options, Tree};

use crate::source::{hard_key, seed};
use crate::workload::SplitMix64;

fn check_proof(tree: &Tree, key: &[u8]) {
    let root = tree.root_hash().unwrap();
    let proof = tree.prove(key).unwrap();
    let evidence = proof.verify(tree.hash_function(), &root, key).unwrap_or_else(|error| panic!("{key:?}: {error}"));
    let expected = tree.get(key).unwrap();
    assert_eq!(matches!(proof, Proof::Existence(_)), expected.is_some());
    assert_eq!(evidence.value(), expected);
    assert_eq!(evidence.tree_size(), tree.size());
    match evidence {
        Evidence::Present(existence) => assert_eq!(Ok(existence.index()), tree.index_of(key).unwrap()),
        Evidence::Absent(absence) => assert_eq!(Err(absence.index()), tree.index_of(key).unwrap()),
    }
}

#[test]
fn honest_proofs_verify() {
    let mut rng = SplitMix64(seed(10));
    for hash_function in [HashFunction::Sha256, HashFunction::Blake3] {
        for size in [0, 1, 2, 3, 5, 50, 200] {
            let mut tree = Tree::with_options(Options { hash_function, ..Options::default() }).unwrap();
            while tree.size() < size {
                for _ in 0..5 {
                    tree.set(&hard_key(16 + rng.below(3 * size)), &rng.next().to_be_bytes()).unwrap();
                }
                if rng.below(3) == 0 {
                    let _ = tree.save().unwrap();
                }
            }
            let _ = tree.save().unwrap();
            // Before the first key, behind the last one, and all between.
            for key in (0..3 * size + 40).map(hard_key).chain([vec![], vec![0xff; 20]]) {
                check_proof(&tree, &key);
            }
        }
    }
}
