//! The root of a tree to which keys are only added at the end, from its right edge alone.
//!
//! Added at the end, a key changes the nodes on the way to the last leaf and no other. So of a tree with any number of entries only those are
//! needed, each with what its left child is, to compute every further root: O(log n) memory, and one hash an entry beside its leaf's.
//! It is written apart from the tree that stores, and so checks that one, too.

use treering_proofs::preimage::{inner_hash, leaf_hash, value_hash};
use treering_proofs::{Hash, HashFunction};

/// What an inner node knows of a child.
#[derive(Clone, Copy)]
struct Child {
    hash: Hash,
    height: u8,
    size: u64,
}

impl Child {
    fn above(left: &Self, right: &Self, version: u64) -> Self {
        let (height, size) = (1 + left.height.max(right.height), left.size + right.size);
        Self { hash: inner_hash(FUNCTION, height, size, version, &left.hash, &right.hash), height, size }
    }
}

const FUNCTION: HashFunction = HashFunction::Sha256;

/// The right edge of a tree.
#[derive(Default)]
pub(super) struct Spine {
    /// The left child of each inner node on the edge, from the root down, with the height of the node.
    lefts: Vec<(Child, u8)>,
    /// The last leaf.
    last: Option<Child>,
    /// The version of the nodes on the edge.
    version: u64,
}

impl Spine {
    /// Adds a key behind all others, in a version that is not older than those before. O(log n).
    pub(super) fn push(&mut self, version: u64, key: &[u8], value: &[u8]) {
        self.version = version;
        let leaf = Child { hash: leaf_hash(FUNCTION, version, key, &value_hash(FUNCTION, value)), height: 0, size: 1 };
        if let Some(before) = self.last.replace(leaf) {
            self.lefts.push((before, 1));
            self.balance();
        }
    }

    /// From the bottom up: a node whose right child is too high goes down to its left, where nothing changes any more.
    fn balance(&mut self) {
        let mut below = 0;
        for place in (0..self.lefts.len()).rev() {
            let Some(&(left, _)) = self.lefts.get(place) else { return };
            if below > left.height + 1 && place + 1 < self.lefts.len() {
                let (middle, _) = self.lefts.remove(place + 1);
                let lowered = Child::above(&left, &middle, self.version);
                // What was two below is now one below.
                let right = self.lefts.get(place + 1).map_or(0, |&(_, height)| height);
                below = 1 + lowered.height.max(right);
                self.set(place, lowered, below);
            } else {
                below = 1 + left.height.max(below);
                self.set(place, left, below);
            }
        }
    }

    fn set(&mut self, place: usize, left: Child, height: u8) {
        if let Some(entry) = self.lefts.get_mut(place) {
            *entry = (left, height);
        }
    }

    /// The root hash. O(log n).
    pub(super) fn root(&self) -> Hash {
        let Some(last) = self.last else { return FUNCTION.empty_root() };
        self.lefts.iter().rev().fold(last, |right, (left, _)| Child::above(left, &right, self.version)).hash
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use treering_tree::Tree;

    use super::*;

    /// Versions of these many entries each, in the tree and along its edge.
    fn compare(groups: &[usize]) {
        let (mut tree, mut spine, mut number) = (Tree::new(), Spine::default(), 0u64);
        assert_eq!(spine.root(), FUNCTION.empty_root());
        for (&count, version) in groups.iter().zip(1..) {
            for _ in 0..count {
                number += 1;
                let (key, value) = (number.to_be_bytes(), vec![7; usize::try_from(number % 40).unwrap()]);
                tree.set(&key, &value).unwrap();
                spine.push(version, &key, &value);
            }
            assert_eq!(tree.save().unwrap().root_hash, spine.root(), "{number} entries in {version} versions");
        }
    }

    #[test]
    fn every_root_is_that_of_the_tree_entry_by_entry() {
        compare(&vec![1; 3000]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn and_in_groups_of_any_size(groups in proptest::collection::vec(1..60usize, 1..60)) {
            compare(&groups);
        }
    }
}
