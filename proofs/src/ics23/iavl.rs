//! Proofs about keys: the IAVL spec.

use alloc::vec::Vec;

use super::Ics23Error;
use super::ops::{InnerOp, existence, put_inner_op, read_existence, whole_hash};
use super::wire::{Reader, put_bytes, put_message};
use crate::absence::{AbsenceProof, Neighbours};
use crate::existence::{ExistenceProof, PathStep, Sibling};
use crate::preimage::{HASH_LEN_BYTE, MAX_VERSION, leaf_prefix, prefix_of_left_child, prefix_of_right_child, suffix_of_left_child};
use crate::proof::Proof;
use crate::varint::take_varint;

/// The longest prefix of an inner op in the IAVL spec, not counting a child in it: three numbers and a length.
///
/// Some verifiers take longer ones in some places; refusing them everywhere keeps to what all take.
const MAX_PREFIX_LEN: usize = 12;

pub(super) fn encode(proof: &Proof) -> Result<Vec<u8>, Ics23Error> {
    let mut out = Vec::new();
    match proof {
        Proof::Existence(proof) => put_message(&mut out, 1, &encode_existence(proof)?),
        Proof::Absence(proof) => put_message(&mut out, 2, &encode_absence(proof)?),
    }
    Ok(out)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Proof, Ics23Error> {
    const MESSAGE: &str = "CommitmentProof";
    let mut reader = Reader::new(MESSAGE, bytes);
    let proof = if let Some(exist) = reader.message(1)? {
        Proof::Existence(decode_existence(exist)?)
    } else if let Some(nonexist) = reader.message(2)? {
        Proof::Absence(decode_absence(nonexist)?)
    } else {
        return Err(Ics23Error::MissingField { message: MESSAGE, field: "exist or nonexist" });
    };
    reader.finish()?;
    Ok(proof)
}

fn encode_absence(proof: &AbsenceProof) -> Result<Vec<u8>, Ics23Error> {
    let (left, right) = match &proof.neighbours {
        Neighbours::EmptyTree => return Err(Ics23Error::EmptyTree),
        Neighbours::BeforeFirst(right) => (None, Some(right)),
        Neighbours::AfterLast(left) => (Some(left), None),
        Neighbours::Between { left, right } => (Some(left), Some(right)),
    };
    let mut out = Vec::new();
    put_bytes(&mut out, 1, &proof.key);
    for (number, neighbour) in [(2, left), (3, right)] {
        if let Some(neighbour) = neighbour {
            put_message(&mut out, number, &encode_existence(neighbour)?);
        }
    }
    Ok(out)
}

fn decode_absence(bytes: &[u8]) -> Result<AbsenceProof, Ics23Error> {
    const MESSAGE: &str = "NonExistenceProof";
    let mut reader = Reader::new(MESSAGE, bytes);
    let key = reader.bytes(1, "key")?.to_vec();
    let left = reader.message(2)?.map(decode_existence).transpose()?;
    let right = reader.message(3)?.map(decode_existence).transpose()?;
    reader.finish()?;
    let neighbours = match (left, right) {
        (None, None) => {
            return Err(Ics23Error::MissingField { message: MESSAGE, field: "left or right" });
        }
        (None, Some(right)) => Neighbours::BeforeFirst(right),
        (Some(left), None) => Neighbours::AfterLast(left),
        (Some(left), Some(right)) => Neighbours::Between { left, right },
    };
    Ok(AbsenceProof { key, neighbours })
}

fn encode_existence(proof: &ExistenceProof) -> Result<Vec<u8>, Ics23Error> {
    check_number(proof.version)?;
    let mut out = existence(&proof.key, &proof.value, &leaf_prefix(proof.version))?;
    for step in &proof.path {
        let PathStep { height, size, version, sibling } = *step;
        check_number(size)?;
        check_number(version)?;
        let (prefix, suffix) = match sibling {
            Sibling::Left(left) => (prefix_of_right_child(height, size, version, &left), Vec::new()),
            Sibling::Right(right) => (prefix_of_left_child(height, size, version), suffix_of_left_child(&right)),
        };
        check_prefix(prefix_of_left_child(height, size, version).len())?;
        put_inner_op(&mut out, &prefix, &suffix);
    }
    Ok(out)
}

fn decode_existence(bytes: &[u8]) -> Result<ExistenceProof, Ics23Error> {
    let parts = read_existence(bytes)?;
    let version = read_leaf_prefix(parts.leaf_prefix)?;
    let path = parts.path.iter().zip(1..).map(|(op, level)| read_step(level, op));
    Ok(ExistenceProof { key: parts.key.to_vec(), value: parts.value.to_vec(), version, path: path.collect::<Result<_, _>>()? })
}

/// The version in a leaf's prefix.
fn read_leaf_prefix(mut prefix: &[u8]) -> Result<u64, Ics23Error> {
    let (height, size, version) = read_header(&mut prefix)?;
    if height != 0 || size != 1 {
        return Err(Ics23Error::LeafOp { field: "prefix must have height 0 and size 1" });
    }
    if !prefix.is_empty() {
        return Err(Ics23Error::LeafOp { field: "prefix must end after three numbers" });
    }
    Ok(version)
}

/// The node that an inner op is of.
fn read_step(level: usize, op: &InnerOp<'_>) -> Result<PathStep, Ics23Error> {
    let wrong = |field| Ics23Error::InnerOp { level, field };
    let mut rest = op.prefix;
    let (height, size, version) = read_header(&mut rest)?;
    check_prefix(op.prefix.len() - rest.len() + 1)?;
    let height = u8::try_from(height).map_err(|_| wrong("prefix has an impossible height"))?;
    if height == 0 {
        return Err(wrong("prefix is that of a leaf"));
    }
    let sibling = match (rest, op.suffix) {
        ([HASH_LEN_BYTE], [HASH_LEN_BYTE, right @ ..]) => {
            Sibling::Right(whole_hash(right).ok_or(wrong("suffix must be one hash with its length"))?)
        }
        ([HASH_LEN_BYTE, left @ .., HASH_LEN_BYTE], []) => {
            Sibling::Left(whole_hash(left).ok_or(wrong("prefix must end with one hash between lengths"))?)
        }
        _ => {
            return Err(wrong("there must be one sibling, before or after the child"));
        }
    };
    Ok(PathStep { height, size, version, sibling })
}

/// Height, size and version.
fn read_header(input: &mut &[u8]) -> Result<(u64, u64, u64), Ics23Error> {
    let mut number = || u64::try_from(take_varint(input)?).map_err(|_| Ics23Error::NumberOutOfRange);
    Ok((number()?, number()?, number()?))
}

const fn check_number(number: u64) -> Result<(), Ics23Error> {
    if number > MAX_VERSION {
        return Err(Ics23Error::NumberOutOfRange);
    }
    Ok(())
}

/// `len` counts the three numbers and the length of a hash.
const fn check_prefix(len: usize) -> Result<(), Ics23Error> {
    if len > MAX_PREFIX_LEN {
        return Err(Ics23Error::LongPrefix { len });
    }
    Ok(())
}
