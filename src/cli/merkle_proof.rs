//! A proof in two steps as IBC clients take it: the protobuf message `ibc.core.commitment.v1.MerkleProof` of ibc-go.
//!
//! | field | |
//! |---|---|
//! | 1 `proofs` | `CommitmentProof`: the key in its store (IAVL spec) |
//! | 1 `proofs` | `CommitmentProof`: the store under the app hash (Tendermint spec) |
//!
//! The lower step comes first. Only this encoding is read: two fields, their lengths in the shortest form, nothing left over.

use treering::proofs::limits::MAX_PROOF_LEN;
use treering::proofs::varint::{VarintError, put_uvarint, take_uvarint};
use treering::proofs::{HashFunction, Ics23Error, MultiStoreProof, StoreProof, from_ics23, to_ics23};

/// Field 1, length-delimited.
const PROOFS: u8 = 1 << 3 | 2;

/// Why bytes are not such a proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MerkleProofError {
    /// Not the two fields.
    #[error("it is not a MerkleProof of two steps: the key in a store, the store under the app hash")]
    Steps,
    /// A length is malformed.
    #[error("it has a malformed length: {0}")]
    Length(#[from] VarintError),
    /// A step is no proof.
    #[error(transparent)]
    Step(#[from] Ics23Error),
}

/// The bytes of a proof.
pub(crate) fn encode(function: HashFunction, proof: &MultiStoreProof) -> Result<Vec<u8>, Ics23Error> {
    let mut bytes = Vec::new();
    for step in [to_ics23(function, &proof.proof)?, proof.store.to_ics23()?] {
        bytes.push(PROOFS);
        put_uvarint(&mut bytes, step.len() as u64);
        bytes.extend_from_slice(&step);
    }
    Ok(bytes)
}

/// Reads what [`encode`] gives.
pub(crate) fn decode(mut bytes: &[u8]) -> Result<MultiStoreProof, MerkleProofError> {
    let key = take_step(&mut bytes)?;
    let store = take_step(&mut bytes)?;
    if !bytes.is_empty() {
        return Err(MerkleProofError::Steps);
    }
    Ok(MultiStoreProof { store: StoreProof::from_ics23(store)?, proof: from_ics23(key)? })
}

fn take_step<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], MerkleProofError> {
    let rest = bytes.strip_prefix(&[PROOFS]).ok_or(MerkleProofError::Steps)?;
    *bytes = rest;
    let len = usize::try_from(take_uvarint(bytes)?).ok().filter(|len| *len <= MAX_PROOF_LEN).ok_or(MerkleProofError::Steps)?;
    let (step, rest) = bytes.split_at_checked(len).ok_or(MerkleProofError::Steps)?;
    *bytes = rest;
    Ok(step)
}

#[cfg(test)]
mod tests {
    use treering::{MultiStore, Store};

    use super::*;

    #[test]
    fn only_what_is_written_can_be_read() {
        let stores = MultiStore::in_memory().unwrap();
        for name in ["bank", "gov"] {
            stores.store_or_new(name).unwrap().set(b"key", b"value").unwrap();
        }
        stores.save_version().unwrap();
        let proof = stores.snapshot(None).unwrap().prove("gov", b"key").unwrap();
        let bytes = encode(HashFunction::Sha256, &proof).unwrap();
        assert_eq!(decode(&bytes).unwrap(), proof);
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err(), "the first {len} bytes");
        }
        assert!(decode(&[&bytes[..], &bytes[..]].concat()).is_err());
        assert!(decode(&[&bytes[..], &[0]].concat()).is_err());
        let swapped = [take(&bytes, 1), take(&bytes, 0)].concat();
        assert!(decode(&swapped).is_err());
    }

    /// One of the two fields with its tag and length.
    fn take(mut bytes: &[u8], number: usize) -> Vec<u8> {
        for _ in 0..number {
            take_step(&mut bytes).unwrap();
        }
        let before = bytes;
        take_step(&mut bytes).unwrap();
        before[..before.len() - bytes.len()].to_vec()
    }
}
