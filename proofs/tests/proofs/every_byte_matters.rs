//! A changed byte makes a proof fail, or leaves it proving the same.

use treering_proofs::{Evidence, Hash, HashFunction, Proof, from_ics23, to_ics23};

use crate::naive_tree::Tree;
use crate::{golden, oracle};

/// One proof as bytes, with what it proves.
struct Encoded {
    root: Hash,
    evidence: Evidence,
    bytes: Vec<u8>,
    decode: fn(&[u8]) -> Option<Proof>,
}

impl Encoded {
    fn both_forms(root: Hash, proof: &Proof) -> [Self; 2] {
        let evidence = proof.verify(HashFunction::Sha256, &root, proof.key()).unwrap();
        let ics23 = to_ics23(HashFunction::Sha256, proof).unwrap();
        let own = proof.to_bytes().unwrap();
        [
            Self { root, evidence: evidence.clone(), bytes: ics23, decode: |bytes| from_ics23(bytes).ok() },
            Self { root, evidence, bytes: own, decode: |bytes| Proof::from_bytes(bytes).ok() },
        ]
    }

    fn check(&self, changed: &[u8]) {
        let Some(proof) = (self.decode)(changed) else {
            return;
        };
        // One statement has one encoding: what decodes was not another spelling of the same.
        assert!(changed == self.bytes || (self.decode)(&self.bytes).as_ref() != Some(&proof));
        let Ok(evidence) = proof.verify(HashFunction::Sha256, &self.root, self.evidence.key()) else {
            return;
        };
        assert_eq!(evidence, self.evidence);
        if let Ok(ics23) = to_ics23(HashFunction::Sha256, &proof) {
            assert!(oracle::agrees(&self.root, &evidence, &ics23));
        }
    }
}

#[test]
fn every_bit_of_every_golden_proof_matters() {
    for golden in golden::proofs().iter().filter(|golden| golden.verifies) {
        for encoded in Encoded::both_forms(golden.root, &from_ics23(&golden.proof).unwrap()) {
            let mut changed = encoded.bytes.clone();
            for at in 0..changed.len() {
                for bit in 0..8 {
                    changed[at] ^= 1 << bit;
                    encoded.check(&changed);
                    changed[at] ^= 1 << bit;
                }
            }
        }
    }
}

#[test]
fn every_value_of_every_byte_of_some_proofs_matters() {
    let tree = Tree::numbered(HashFunction::Sha256, 13);
    for key in [&b"k007"[..], b"k0075", b"a", b"z"] {
        for encoded in Encoded::both_forms(tree.root(), &tree.prove(key)) {
            let mut changed = encoded.bytes.clone();
            for at in 0..changed.len() {
                for xor in 1..=255 {
                    changed[at] ^= xor;
                    encoded.check(&changed);
                    changed[at] ^= xor;
                }
            }
        }
    }
}

#[test]
fn inserted_removed_and_doubled_bytes_are_rejected() {
    let tree = Tree::numbered(HashFunction::Sha256, 13);
    for key in [&b"k007"[..], b"k0075", b"a", b"z"] {
        for encoded in Encoded::both_forms(tree.root(), &tree.prove(key)) {
            for at in 0..=encoded.bytes.len() {
                assert!((encoded.decode)(&encoded.bytes[..at]).is_none_or(|_| at == encoded.bytes.len()));
                for insert in 0..=255 {
                    let mut changed = encoded.bytes.clone();
                    changed.insert(at, insert);
                    encoded.check(&changed);
                }
                for len in 1..40.min(encoded.bytes.len() - at) {
                    let mut changed = encoded.bytes.clone();
                    let removed: Vec<_> = changed.drain(at..at + len).collect();
                    encoded.check(&changed);
                    changed.splice(at..at, removed.repeat(2));
                    encoded.check(&changed);
                }
            }
        }
    }
}
