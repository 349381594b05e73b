//! Variable-length integers: groups of seven bits, the lowest first (LEB128).
//!
//! Unsigned numbers are written as they are (Go's `binary.PutUvarint`, protobuf). Signed numbers
//! are zigzag-coded first (Go's `binary.PutVarint`): 0 → `00`, -1 → `01`, 1 → `02`, 64 → `8001`.
//! Decoding accepts the one shortest form of a number only, so that no two byte strings mean the same.
//!
//! ```
//! use treering_proofs::varint::{put_varint, take_varint};
//!
//! let mut bytes = Vec::new();
//! put_varint(&mut bytes, 64);
//! assert_eq!(bytes, [0x80, 0x01]);
//! assert_eq!(take_varint(&mut bytes.as_slice()), Ok(64));
//! ```

use alloc::vec::Vec;

/// The most bytes that a 64-bit number takes.
pub const MAX_LEN: usize = 10;

/// Why bytes are not a variable-length integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VarintError {
    /// The bytes ended within the number.
    #[error("the bytes end inside a variable-length integer")]
    Truncated,
    /// The number was padded with zero groups.
    #[error("a variable-length integer is not in its shortest form")]
    NotMinimal,
    /// The number needs more than 64 bits.
    #[error("a variable-length integer has more than 64 bits")]
    TooLong,
}

/// An encoded number in a fixed buffer.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl AsRef<[u8]> for Encoded {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Encodes an unsigned number.
#[must_use]
pub fn uvarint(mut number: u64) -> Encoded {
    let mut bytes = [0; MAX_LEN];
    let mut len = 0;
    for slot in &mut bytes {
        let group = (number & 0x7f) as u8;
        number >>= 7;
        len += 1;
        if number == 0 {
            *slot = group;
            break;
        }
        *slot = group | 0x80;
    }
    Encoded { bytes, len }
}

/// Encodes a signed number, zigzag.
#[must_use]
pub fn varint(number: i64) -> Encoded {
    uvarint(zigzag(number))
}

/// Appends an unsigned number.
#[inline]
pub fn put_uvarint(out: &mut Vec<u8>, number: u64) {
    match u8::try_from(number) {
        Ok(byte @ 0..=0x7f) => out.push(byte),
        _ => out.extend_from_slice(uvarint(number).as_ref()),
    }
}

/// Appends a signed number, zigzag.
pub fn put_varint(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(varint(number).as_ref());
}

/// Takes an unsigned number off the front of `input`.
///
/// # Errors
/// When the bytes end early, have more than 64 bits, or are not the shortest form.
pub fn take_uvarint(input: &mut &[u8]) -> Result<u64, VarintError> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = input.split_first().ok_or(VarintError::Truncated)?;
        *input = rest;
        let group = u64::from(byte & 0x7f);
        if shift == 63 && byte > 1 {
            return Err(VarintError::TooLong);
        }
        number |= group << shift;
        if byte & 0x80 == 0 {
            return if byte == 0 && shift > 0 { Err(VarintError::NotMinimal) } else { Ok(number) };
        }
    }
    Err(VarintError::TooLong)
}

/// Takes a zigzag signed number off the front of `input`.
///
/// # Errors
/// As [`take_uvarint`].
pub fn take_varint(input: &mut &[u8]) -> Result<i64, VarintError> {
    let coded = take_uvarint(input)?;
    Ok((coded >> 1).cast_signed() ^ -((coded & 1).cast_signed()))
}

const fn zigzag(number: i64) -> u64 {
    (number << 1).cast_unsigned() ^ (number >> 63).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_the_shortest_form() {
        for number in [0, 1, 63, 64, 127, 128, 16_383, 16_384, u64::MAX >> 1, u64::MAX] {
            let encoded = uvarint(number);
            let mut input = encoded.as_ref();
            assert_eq!(take_uvarint(&mut input), Ok(number));
            assert!(input.is_empty());
        }
        for number in [0, -1, 1, -64, 64, i64::MIN, i64::MAX] {
            assert_eq!(take_varint(&mut varint(number).as_ref()), Ok(number));
        }
        assert_eq!(varint(-1).as_ref(), [1]);
        assert_eq!(varint(4).as_ref(), [8]);
    }

    #[test]
    fn other_forms_are_refused() {
        let refused: [(&[u8], VarintError); 5] = [
            (&[], VarintError::Truncated),
            (&[0x80], VarintError::Truncated),
            (&[0x80, 0x00], VarintError::NotMinimal),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], VarintError::TooLong),
            (&[0x80; 11], VarintError::TooLong),
        ];
        for (bytes, error) in refused {
            assert_eq!(take_uvarint(&mut &*bytes), Err(error));
        }
    }
}
