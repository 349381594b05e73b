//! The envelope of every record: a format byte, the payload, a checksum.
//!
//! ```text
//! record = format (1 byte, 1) || payload || crc32 (4 bytes, big endian)
//! ```
//!
//! The checksum (CRC-32, IEEE) covers the record's keyspace and key, the format byte and the payload: a record that is damaged, cut
//! off or in another's place is found out. Numbers in payloads are big endian where they are fixed in width, else unsigned LEB128.

use treering_proofs::{Hash, varint};
use treering_tree::NodeKey;

use super::keys;
use crate::engine::Keyspace;
use crate::error::{Error, Result};

/// The newest format of any record.
pub(crate) const FORMAT: u8 = 1;
const CHECKSUM: usize = 4;

/// A record in the making.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self::with_capacity(64)
    }

    /// A writer of a payload of about so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut record = Vec::with_capacity(1 + bytes + CHECKSUM);
        record.push(FORMAT);
        Self(record)
    }

    /// A writer that reuses the allocation of an earlier record.
    pub(crate) fn reuse(mut record: Vec<u8>) -> Self {
        record.clear();
        record.push(FORMAT);
        Self(record)
    }

    pub(crate) fn byte(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        varint::put_uvarint(&mut self.0, number);
        self
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Bytes with their length before them.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64).raw(bytes)
    }

    pub(crate) fn hash(&mut self, hash: &Hash) -> &mut Self {
        self.raw(hash.as_bytes())
    }

    pub(crate) fn node_key(&mut self, node: NodeKey) -> &mut Self {
        self.number(node.version()).number(u64::from(node.nonce()))
    }

    /// The finished record, to be stored under `key`.
    pub(crate) fn seal(mut self, keyspace: Keyspace, key: &[u8]) -> Vec<u8> {
        let checksum = checksum(keyspace, key, &self.0);
        self.0.extend_from_slice(&checksum);
        self.0
    }
}

fn checksum(keyspace: Keyspace, key: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(keyspace.name().as_bytes());
    crc.update(key);
    crc.update(body);
    crc.finalize().to_be_bytes()
}

/// A record's payload, read from the front. Every failure names the record.
pub(crate) struct Reader<'a> {
    keyspace: Keyspace,
    key: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks a record's envelope.
    pub(crate) fn open(keyspace: Keyspace, key: &'a [u8], record: &'a [u8]) -> Result<Self> {
        let mut reader = Self { keyspace, key, rest: record };
        let Some((body, stored)) = record.split_last_chunk::<CHECKSUM>() else { return Err(reader.damaged("it is cut off")) };
        let Some((&format, payload)) = body.split_first() else { return Err(reader.damaged("it is cut off")) };
        // A newer format may have another envelope, so it is told before the checksum is looked at, unless the checksum shows damage.
        let sound = checksum(keyspace, key, body) == *stored;
        if format > FORMAT && sound {
            return Err(Error::NewerFormat { what: reader.name(), found: format, supported: FORMAT });
        }
        if !sound {
            return Err(reader.damaged("its checksum is wrong"));
        }
        if format != FORMAT {
            return Err(reader.damaged("its format is unknown"));
        }
        reader.rest = payload;
        Ok(reader)
    }

    fn name(&self) -> String {
        keys::name(self.keyspace, self.key)
    }

    pub(crate) fn damaged(&self, what: &str) -> Error {
        Error::Damaged { record: self.name(), what: what.to_owned() }
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        let Some((&byte, rest)) = self.rest.split_first() else { return Err(self.damaged("it ends early")) };
        self.rest = rest;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        varint::take_uvarint(&mut self.rest).map_err(|_| self.damaged("a number in it is malformed"))
    }

    pub(crate) fn small_number<T: TryFrom<u64>>(&mut self) -> Result<T> {
        let number = self.number()?;
        T::try_from(number).map_err(|_| self.damaged("a number in it is too large"))
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((bytes, rest)) = self.rest.split_at_checked(length) else { return Err(self.damaged("it ends early")) };
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.small_number()?;
        self.raw(length)
    }

    pub(crate) fn hash(&mut self) -> Result<Hash> {
        let bytes = self.raw(Hash::LEN)?;
        Hash::try_from(bytes).map_err(|_| self.damaged("it ends early"))
    }

    pub(crate) fn node_key(&mut self) -> Result<NodeKey> {
        let (version, nonce) = (self.number()?, self.small_number()?);
        Ok(NodeKey::new(version, nonce))
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Four bytes, big endian.
    pub(crate) fn fixed_number(&mut self) -> Result<u32> {
        let Some((bytes, rest)) = self.rest.split_first_chunk() else { return Err(self.damaged("it ends early")) };
        self.rest = rest;
        Ok(u32::from_be_bytes(*bytes))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(self) -> Result<()> {
        if self.is_done() { Ok(()) } else { Err(self.damaged("it has bytes behind its end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_round_trips_and_every_flipped_bit_is_found() {
        let mut writer = Writer::new();
        writer.byte(7).number(300).bytes(b"abc");
        let record = writer.seal(Keyspace::Meta, b"key");
        let mut reader = Reader::open(Keyspace::Meta, b"key", &record).unwrap();
        assert_eq!((reader.byte().unwrap(), reader.number().unwrap(), reader.bytes().unwrap()), (7, 300, &b"abc"[..]));
        reader.finish().unwrap();
        for bit in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Reader::open(Keyspace::Meta, b"key", &damaged).is_err(), "bit {bit}");
        }
        assert!(Reader::open(Keyspace::Meta, b"other", &record).is_err());
        assert!(Reader::open(Keyspace::Latest, b"key", &record).is_err());
        for length in 0..record.len() {
            assert!(Reader::open(Keyspace::Meta, b"key", &record[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut writer = Writer::new();
        writer.byte(7);
        writer.0[0] = FORMAT + 1;
        let record = writer.seal(Keyspace::Meta, b"key");
        assert!(matches!(Reader::open(Keyspace::Meta, b"key", &record), Err(Error::NewerFormat { found: 2, .. })));
    }
}
