//! As much of protobuf as ICS-23 proofs need, and only its canonical form.
//!
//! Fields come in the order of their numbers, each number once (but for repeated fields). Empty byte strings
//! and zeros are left out; messages are written even when empty.

use alloc::vec::Vec;

use super::Ics23Error;
use crate::varint::{put_uvarint, take_uvarint};

const VARINT: u8 = 0;
const LENGTH_DELIMITED: u8 = 2;

/// Fields have one-byte tags: numbers below 16.
const fn tag(number: u8, wire_type: u8) -> u8 {
    number << 3 | wire_type
}

pub(super) fn put_number(out: &mut Vec<u8>, number: u8, value: u64) {
    if value != 0 {
        out.push(tag(number, VARINT));
        put_uvarint(out, value);
    }
}

pub(super) fn put_bytes(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_message(out, number, bytes);
    }
}

pub(super) fn put_message(out: &mut Vec<u8>, number: u8, message: &[u8]) {
    out.push(tag(number, LENGTH_DELIMITED));
    put_uvarint(out, message.len() as u64);
    out.extend_from_slice(message);
}

/// Reads the fields of one message in their order.
pub(super) struct Reader<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, rest: bytes }
    }

    /// The next field if it is this number, else 0.
    pub(super) fn number(&mut self, number: u8, field: &'static str) -> Result<u64, Ics23Error> {
        if !self.take_tag(tag(number, VARINT)) {
            return Ok(0);
        }
        match take_uvarint(&mut self.rest)? {
            0 => Err(Ics23Error::EmptyField { message: self.message, field }),
            value => Ok(value),
        }
    }

    /// The next field if it is this byte string, else an empty one.
    pub(super) fn bytes(&mut self, number: u8, field: &'static str) -> Result<&'a [u8], Ics23Error> {
        match self.message(number)? {
            None => Ok(&[]),
            Some([]) => Err(Ics23Error::EmptyField { message: self.message, field }),
            Some(bytes) => Ok(bytes),
        }
    }

    /// The next field if it is this message.
    pub(super) fn message(&mut self, number: u8) -> Result<Option<&'a [u8]>, Ics23Error> {
        if !self.take_tag(tag(number, LENGTH_DELIMITED)) {
            return Ok(None);
        }
        let len = usize::try_from(take_uvarint(&mut self.rest)?).map_err(|_| Ics23Error::Truncated)?;
        let (message, rest) = self.rest.split_at_checked(len).ok_or(Ics23Error::Truncated)?;
        self.rest = rest;
        Ok(Some(message))
    }

    /// Nothing may be left.
    pub(super) const fn finish(self) -> Result<(), Ics23Error> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Ics23Error::UnexpectedBytes { message: self.message, len: self.rest.len() })
    }

    fn take_tag(&mut self, tag: u8) -> bool {
        match self.rest.split_first() {
            Some((&first, rest)) if first == tag => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}
