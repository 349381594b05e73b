//! Any bytes as the two steps of a proof that IBC clients take: no panic, and whatever decodes has exactly this one encoding.
//!
//! The form belongs to the command line, which is no library: its file is compiled in here.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treering::proofs::{Hash, HashFunction};

#[path = "../../src/cli/merkle_proof.rs"]
mod merkle_proof;

fuzz_target!(|bytes: &[u8]| {
    let Ok(proof) = merkle_proof::decode(bytes) else { return };
    assert_eq!(merkle_proof::encode(HashFunction::Sha256, &proof).as_deref(), Ok(bytes));
    // Nobody knows a proof for the app hash of zeros.
    assert!(proof.verify(HashFunction::Sha256, &Hash::default(), &proof.store.name, proof.proof.key()).is_err());
});
