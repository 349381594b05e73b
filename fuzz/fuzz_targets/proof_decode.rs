//! Any bytes as a proof in our own form: no panic, and whatever decodes has exactly this one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treering_proofs::{Hash, HashFunction, MultiStoreProof, Proof, StoreProof};

fuzz_target!(|bytes: &[u8]| {
    let root = Hash::default();
    if let Ok(proof) = Proof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes().as_deref(), Ok(bytes));
        // Nobody knows a proof for the root of zeros.
        assert!(proof.verify(HashFunction::Sha256, &root, proof.key()).is_err());
    }
    if let Ok(proof) = StoreProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes().as_deref(), Ok(bytes));
        assert!(proof.verify(&root, &proof.name).is_err());
    }
    if let Ok(proof) = MultiStoreProof::from_bytes(bytes) {
        assert_eq!(proof.to_bytes().as_deref(), Ok(bytes));
        assert!(proof.verify(HashFunction::Blake3, &root, &proof.store.name, proof.proof.key()).is_err());
    }
});
