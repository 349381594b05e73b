//! The official ICS-23 verifier.

use ics23::{CommitmentProof, HostFunctionsManager, ProofSpec, verify_membership, verify_non_membership};
use prost::Message;
use treering_proofs::{Evidence, Hash};

/// Does it accept these bytes as proof of `value` (`None`: of absence)?
pub(crate) fn accepts(spec: &ProofSpec, root: &Hash, key: &[u8], value: Option<&[u8]>, proof: &[u8]) -> bool {
    let Ok(proof) = CommitmentProof::decode(proof) else {
        return false;
    };
    let root = root.as_bytes().to_vec();
    match value {
        Some(value) => verify_membership::<HostFunctionsManager>(&proof, spec, &root, key, value),
        None => verify_non_membership::<HostFunctionsManager>(&proof, spec, &root, key),
    }
}

/// Does it accept them as proof of what was proven to us?
pub(crate) fn agrees(root: &Hash, evidence: &Evidence, proof: &[u8]) -> bool {
    accepts(&ics23::iavl_spec(), root, evidence.key(), evidence.value(), proof)
}
