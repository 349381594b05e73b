//! Proofs about stores in the app hash: the Tendermint spec.

use alloc::vec::Vec;

use super::Ics23Error;
use super::ops::{InnerOp, existence, put_inner_op, read_existence, whole_hash};
use super::wire::{Reader, put_message};
use crate::apphash::{INNER_TAG, LEAF_TAG, StoreProof};
use crate::existence::Sibling;

pub(super) fn encode(proof: &StoreProof) -> Result<Vec<u8>, Ics23Error> {
    let mut exist = existence(proof.name.as_bytes(), proof.root.as_ref(), &[LEAF_TAG])?;
    for sibling in &proof.path {
        match sibling {
            Sibling::Left(left) => {
                let mut prefix = Vec::from([INNER_TAG]);
                prefix.extend_from_slice(left.as_ref());
                put_inner_op(&mut exist, &prefix, &[]);
            }
            Sibling::Right(right) => put_inner_op(&mut exist, &[INNER_TAG], right.as_ref()),
        }
    }
    let mut out = Vec::new();
    put_message(&mut out, 1, &exist);
    Ok(out)
}

pub(super) fn decode(bytes: &[u8]) -> Result<StoreProof, Ics23Error> {
    const MESSAGE: &str = "CommitmentProof";
    let mut reader = Reader::new(MESSAGE, bytes);
    let exist = reader.message(1)?.ok_or(Ics23Error::MissingField { message: MESSAGE, field: "exist" })?;
    reader.finish()?;
    let parts = read_existence(exist)?;
    if parts.leaf_prefix != [LEAF_TAG] {
        return Err(Ics23Error::LeafOp { field: "prefix must be 00" });
    }
    let name = core::str::from_utf8(parts.key).map_err(|_| Ics23Error::Store { field: "name" })?;
    let root = whole_hash(parts.value).ok_or(Ics23Error::Store { field: "root" })?;
    let path = parts.path.iter().zip(1..).map(|(op, level)| read_sibling(level, op));
    Ok(StoreProof { name: name.into(), root, path: path.collect::<Result<_, _>>()? })
}

fn read_sibling(level: usize, op: &InnerOp<'_>) -> Result<Sibling, Ics23Error> {
    let wrong = |field| Ics23Error::InnerOp { level, field };
    match (op.prefix, op.suffix) {
        ([INNER_TAG], right) => whole_hash(right).map(Sibling::Right).ok_or(wrong("suffix must be one hash")),
        ([INNER_TAG, left @ ..], []) => whole_hash(left).map(Sibling::Left).ok_or(wrong("prefix must be 01 and one hash at most")),
        _ => Err(wrong("there must be one sibling, before or after the child")),
    }
}
