//! What both specs share: existence proofs made of one leaf op and inner ops.

use alloc::vec::Vec;

use super::Ics23Error;
use super::wire::{Reader, put_bytes, put_message, put_number};
use crate::hash::Hash;
use crate::limits;

/// `HashOp.SHA256`.
const SHA256: u64 = 1;

/// `LengthOp.VAR_PROTO`.
const VAR_PROTO: u64 = 1;

/// An existence proof whose leaf op is taken apart, and whose inner ops are not.
pub(super) struct Parts<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) leaf_prefix: &'a [u8],
    pub(super) path: Vec<InnerOp<'a>>,
}

/// The bytes around the child's hash in the preimage of an inner node.
pub(super) struct InnerOp<'a> {
    pub(super) prefix: &'a [u8],
    pub(super) suffix: &'a [u8],
}

/// Starts an existence proof: key, value, leaf op.
pub(super) fn existence(key: &[u8], value: &[u8], leaf_prefix: &[u8]) -> Result<Vec<u8>, Ics23Error> {
    check_leaf(key, value)?;
    let mut out = Vec::new();
    put_bytes(&mut out, 1, key);
    put_bytes(&mut out, 2, value);
    let mut leaf = Vec::new();
    put_number(&mut leaf, 1, SHA256);
    put_number(&mut leaf, 3, SHA256);
    put_number(&mut leaf, 4, VAR_PROTO);
    put_bytes(&mut leaf, 5, leaf_prefix);
    put_message(&mut out, 3, &leaf);
    Ok(out)
}

/// Continues an existence proof with its next inner op.
pub(super) fn put_inner_op(out: &mut Vec<u8>, prefix: &[u8], suffix: &[u8]) {
    let mut op = Vec::new();
    put_number(&mut op, 1, SHA256);
    put_bytes(&mut op, 2, prefix);
    put_bytes(&mut op, 3, suffix);
    put_message(out, 4, &op);
}

/// Takes an existence proof apart.
pub(super) fn read_existence(bytes: &[u8]) -> Result<Parts<'_>, Ics23Error> {
    const MESSAGE: &str = "ExistenceProof";
    let mut reader = Reader::new(MESSAGE, bytes);
    let key = reader.bytes(1, "key")?;
    let value = reader.bytes(2, "value")?;
    let leaf = reader.message(3)?.ok_or(Ics23Error::MissingField { message: MESSAGE, field: "leaf" })?;
    let leaf_prefix = read_leaf_op(leaf)?;
    let mut path = Vec::new();
    while let Some(op) = reader.message(4)? {
        limits::check_levels(path.len() + 1)?;
        path.push(read_inner_op(path.len() + 1, op)?);
    }
    reader.finish()?;
    check_leaf(key, value)?;
    Ok(Parts { key, value, leaf_prefix, path })
}

fn read_leaf_op(bytes: &[u8]) -> Result<&[u8], Ics23Error> {
    let mut reader = Reader::new("LeafOp", bytes);
    let wrong = |field| Ics23Error::LeafOp { field };
    if reader.number(1, "hash")? != SHA256 {
        return Err(wrong("hash must be SHA256"));
    }
    if reader.number(2, "prehash_key")? != 0 {
        return Err(wrong("prehash_key must be NO_HASH"));
    }
    if reader.number(3, "prehash_value")? != SHA256 {
        return Err(wrong("prehash_value must be SHA256"));
    }
    if reader.number(4, "length")? != VAR_PROTO {
        return Err(wrong("length must be VAR_PROTO"));
    }
    let prefix = reader.bytes(5, "prefix")?;
    reader.finish()?;
    Ok(prefix)
}

fn read_inner_op(level: usize, bytes: &[u8]) -> Result<InnerOp<'_>, Ics23Error> {
    let mut reader = Reader::new("InnerOp", bytes);
    if reader.number(1, "hash")? != SHA256 {
        return Err(Ics23Error::InnerOp { level, field: "hash must be SHA256" });
    }
    let prefix = reader.bytes(2, "prefix")?;
    let suffix = reader.bytes(3, "suffix")?;
    reader.finish()?;
    Ok(InnerOp { prefix, suffix })
}

/// The verifiers of ICS-23 refuse leaves without a key or a value.
const fn check_leaf(key: &[u8], value: &[u8]) -> Result<(), Ics23Error> {
    if key.is_empty() {
        return Err(Ics23Error::EmptyKey);
    }
    if value.is_empty() {
        return Err(Ics23Error::EmptyValue);
    }
    Ok(())
}

/// All of these bytes, as a hash.
pub(super) fn whole_hash(bytes: &[u8]) -> Option<Hash> {
    Hash::try_from(bytes).ok()
}
