//! Which pairs of leaves prove an absence: the adjacent ones around the key, and no others.

use treering_proofs::HashFunction::Sha256;
use treering_proofs::{AbsenceProof, Neighbour, Neighbours, VerifyError, verify_absence};

use crate::naive_tree::Tree;

#[test]
fn of_all_pairs_of_leaves_only_adjacent_ones_are_neighbours() {
    for count in 1..=20 {
        let tree = Tree::numbered(Sha256, count);
        let root = tree.root();
        for left in 0..tree.leaves.len() {
            for right in 0..tree.leaves.len() {
                let mut key = tree.leaves[left].key.clone();
                key.push(0);
                let neighbours = Neighbours::Between { left: tree.existence(left), right: tree.existence(right) };
                let proof = AbsenceProof { key: key.clone(), neighbours };
                let result = verify_absence(Sha256, &root, &key, &proof);
                if right == left + 1 {
                    let absence = result.unwrap();
                    assert_eq!((absence.index(), absence.tree_size()), (right as u64, count));
                } else if right > left {
                    assert!(matches!(result, Err(VerifyError::NeighboursNotAdjacent { .. })));
                } else {
                    assert_eq!(result, Err(VerifyError::NeighbourMisplaced { neighbour: Neighbour::Right }));
                }
            }
        }
    }
}

#[test]
fn only_the_outermost_leaves_stand_alone() {
    for count in 1..=20 {
        let tree = Tree::numbered(Sha256, count);
        let root = tree.root();
        for index in 0..tree.leaves.len() {
            let before = AbsenceProof { key: vec![], neighbours: Neighbours::BeforeFirst(tree.existence(index)) };
            let result = verify_absence(Sha256, &root, b"", &before);
            if index == 0 {
                assert_eq!(result.unwrap().right().unwrap().key(), tree.leaves[0].key);
            } else {
                let neighbour = Neighbour::Right;
                assert!(matches!(result, Err(VerifyError::NeighbourNotOutermost { neighbour: n, .. }) if n == neighbour));
            }
            let after = AbsenceProof { key: b"z".into(), neighbours: Neighbours::AfterLast(tree.existence(index)) };
            let result = verify_absence(Sha256, &root, b"z", &after);
            if index + 1 == tree.leaves.len() {
                assert_eq!(result.unwrap().left().unwrap().key(), tree.leaves[index].key);
            } else {
                let neighbour = Neighbour::Left;
                assert!(matches!(result, Err(VerifyError::NeighbourNotOutermost { neighbour: n, .. }) if n == neighbour));
            }
        }
    }
}
