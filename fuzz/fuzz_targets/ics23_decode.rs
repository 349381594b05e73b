//! Any bytes as an ICS-23 proof: no panic, and whatever decodes has exactly this one encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treering_proofs::{Hash, HashFunction, Proof, StoreProof, from_ics23, to_ics23};

fuzz_target!(|bytes: &[u8]| {
    let root = Hash::default();
    if let Ok(proof) = from_ics23(bytes) {
        assert_eq!(to_ics23(HashFunction::Sha256, &proof).as_deref(), Ok(bytes));
        assert!(proof.verify(HashFunction::Sha256, &root, proof.key()).is_err());
        let own = proof.to_bytes().expect("what ICS-23 form can hold is within our limits");
        assert_eq!(Proof::from_bytes(&own), Ok(proof));
    }
    if let Ok(proof) = StoreProof::from_ics23(bytes) {
        assert_eq!(proof.to_ics23().as_deref(), Ok(bytes));
        assert!(proof.verify(&root, &proof.name).is_err());
    }
});
