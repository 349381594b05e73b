//! The file of a batch: its changes in order, with a checksum.
//!
//! In JSON, for reading, a change a line; keys and values as in [`text`](super::text):
//!
//! ```json
//! {"crc32": "46a455b7", "changes": [
//! {"put":{"keyspace":"latest","key":"\\x00\\x01alice","value":"10"}},
//! {"delete":{"keyspace":"nodes","key":"a"}},
//! {"delete_range":{"keyspace":"log","from":"a","to":"b"}}
//! ]}
//! ```
//!
//! In Borsh: `crc32: u32`, then `changes`: a `Vec` of enums, in the order above, whose fields are the keyspace's place in
//! [`Keyspace::ALL`] (`u8`) and one or two `Vec<u8>`.
//!
//! The checksum is CRC-32 over the Borsh bytes of `changes` in both, so that it covers the contents and not how JSON lays them out.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::Format;
use super::text::{to_bytes, to_text};
use crate::engine::{Batch, Change, Keyspace};

#[derive(BorshSerialize, BorshDeserialize)]
enum Stored {
    Put { keyspace: u8, key: Vec<u8>, value: Vec<u8> },
    Delete { keyspace: u8, key: Vec<u8> },
    DeleteRange { keyspace: u8, from: Vec<u8>, to: Vec<u8> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Shown {
    Put { keyspace: String, key: String, value: String },
    Delete { keyspace: String, key: String },
    DeleteRange { keyspace: String, from: String, to: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    crc32: String,
    changes: Vec<Shown>,
}

/// The bytes of the file.
pub(super) fn encode(batch: &Batch, format: Format) -> Result<Vec<u8>, String> {
    let changes: Vec<Stored> = batch.changes().map(|(keyspace, change)| stored(keyspace, change)).collect();
    let bytes = borsh::to_vec(&changes).map_err(|error| error.to_string())?;
    let checksum = crc32fast::hash(&bytes);
    match format {
        Format::Borsh => Ok([checksum.to_le_bytes().as_slice(), &bytes].concat()),
        Format::Json => {
            let lines = batch.changes().map(|(keyspace, change)| serde_json::to_string(&shown(keyspace, change)));
            let lines = lines.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
            Ok(format!("{{\"crc32\": \"{checksum:08x}\", \"changes\": [\n{}\n]}}\n", lines.join(",\n")).into_bytes())
        }
    }
}

/// The batch of the file; an error says what is damaged.
pub(super) fn decode(bytes: &[u8], format: Format) -> Result<Batch, String> {
    let (checksum, changes) = match format {
        Format::Borsh => {
            let (checksum, changes) = bytes.split_first_chunk().ok_or("the file is too short")?;
            (u32::from_le_bytes(*checksum), borsh::from_slice::<Vec<Stored>>(changes).map_err(|error| error.to_string())?)
        }
        Format::Json => {
            let document: Document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            let checksum = u32::from_str_radix(&document.crc32, 16).map_err(|error| format!("crc32: {error}"))?;
            (checksum, document.changes.into_iter().map(from_shown).collect::<Result<Vec<_>, _>>()?)
        }
    };
    let found = crc32fast::hash(&borsh::to_vec(&changes).map_err(|error| error.to_string())?);
    if found != checksum {
        return Err(format!("the checksum of its changes is {found:08x}, it should be {checksum:08x}"));
    }
    to_batch(&changes)
}

fn to_batch(changes: &[Stored]) -> Result<Batch, String> {
    let mut batch = Batch::new();
    for change in changes {
        match change {
            Stored::Put { keyspace, key, value } => batch.put(numbered(*keyspace)?, key, value),
            Stored::Delete { keyspace, key } => batch.delete(numbered(*keyspace)?, key),
            Stored::DeleteRange { keyspace, from, to } => batch.delete_range(numbered(*keyspace)?, from, to),
        }
    }
    Ok(batch)
}

fn stored(keyspace: Keyspace, change: Change<'_>) -> Stored {
    let keyspace = number(keyspace);
    match change {
        Change::Put { key, value } => Stored::Put { keyspace, key: key.to_vec(), value: value.to_vec() },
        Change::Delete { key } => Stored::Delete { keyspace, key: key.to_vec() },
        Change::DeleteRange { from, to } => Stored::DeleteRange { keyspace, from: from.to_vec(), to: to.to_vec() },
    }
}

fn shown(keyspace: Keyspace, change: Change<'_>) -> Shown {
    let keyspace = keyspace.name().to_owned();
    match change {
        Change::Put { key, value } => Shown::Put { keyspace, key: to_text(key), value: to_text(value) },
        Change::Delete { key } => Shown::Delete { keyspace, key: to_text(key) },
        Change::DeleteRange { from, to } => Shown::DeleteRange { keyspace, from: to_text(from), to: to_text(to) },
    }
}

fn from_shown(change: Shown) -> Result<Stored, String> {
    Ok(match change {
        Shown::Put { keyspace, key, value } => Stored::Put { keyspace: named(&keyspace)?, key: to_bytes(&key)?, value: to_bytes(&value)? },
        Shown::Delete { keyspace, key } => Stored::Delete { keyspace: named(&keyspace)?, key: to_bytes(&key)? },
        Shown::DeleteRange { keyspace, from, to } => {
            Stored::DeleteRange { keyspace: named(&keyspace)?, from: to_bytes(&from)?, to: to_bytes(&to)? }
        }
    })
}

fn named(name: &str) -> Result<u8, String> {
    let keyspace = Keyspace::ALL.into_iter().find(|keyspace| keyspace.name() == name);
    keyspace.map(number).ok_or_else(|| format!("there is no keyspace {name:?}"))
}

/// The keyspace's number on disk, which never changes.
const fn number(keyspace: Keyspace) -> u8 {
    match keyspace {
        Keyspace::Meta => 0,
        Keyspace::Commits => 1,
        Keyspace::Log => 2,
        Keyspace::Nodes => 3,
        Keyspace::Latest => 4,
        Keyspace::Orphans => 5,
    }
}

fn numbered(found: u8) -> Result<Keyspace, String> {
    let keyspace = Keyspace::ALL.into_iter().find(|keyspace| number(*keyspace) == found);
    keyspace.ok_or_else(|| format!("there is no keyspace {found}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Batch {
        let mut batch = Batch::new();
        batch.put(Keyspace::Latest, b"\x00\x01alice", b"10");
        batch.delete(Keyspace::Nodes, b"a");
        batch.delete_range(Keyspace::Log, b"a", b"b");
        batch
    }

    #[test]
    fn the_documented_file_is_the_one_written() {
        let json = String::from_utf8(encode(&sample(), Format::Json).unwrap()).unwrap();
        let lines = include_str!("record.rs").lines().skip_while(|line| *line != "//! ```json").skip(1);
        let documented: Vec<_> = lines.take_while(|line| *line != "//! ```").filter_map(|line| line.strip_prefix("//! ")).collect();
        assert_eq!(json, documented.join("\n") + "\n");
        let borsh = encode(&sample(), Format::Borsh).unwrap();
        let changes = ["00", "04", "07000000", "0001616c696365", "02000000", "3130", "01", "03", "01000000", "61"];
        let range = ["02", "02", "01000000", "61", "01000000", "62"];
        assert_eq!(hex::encode(borsh), ["b755a446", "03000000", &changes.concat(), &range.concat()].concat());
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for format in [Format::Json, Format::Borsh] {
            let sound = encode(&sample(), format).unwrap();
            let expected: Vec<_> = sample().changes().map(|(keyspace, change)| format!("{keyspace} {change:?}")).collect();
            for place in 0..sound.len() * 8 {
                let mut damaged = sound.clone();
                damaged[place / 8] ^= 1 << (place % 8);
                // White space and the case of the checksum's digits say nothing.
                if let Ok(batch) = decode(&damaged, format) {
                    let found: Vec<_> = batch.changes().map(|(keyspace, change)| format!("{keyspace} {change:?}")).collect();
                    assert_eq!(found, expected, "{format:?}: bit {place}");
                }
            }
            for length in 0..sound.len() - 1 {
                assert!(decode(&sound[..length], format).is_err(), "{format:?}: cut to {length} bytes");
            }
        }
    }

    fn change() -> impl Strategy<Value = (usize, u8, Vec<u8>, Vec<u8>)> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        (0..Keyspace::ALL.len(), 0..3_u8, bytes(), bytes())
    }

    proptest! {
        #[test]
        fn decoding_is_the_inverse_of_encoding(changes in prop::collection::vec(change(), 0..20)) {
            let mut batch = Batch::new();
            for (keyspace, kind, first, second) in changes {
                let keyspace = Keyspace::ALL[keyspace];
                match kind {
                    0 => batch.put(keyspace, first, second),
                    1 => batch.delete(keyspace, first),
                    _ => batch.delete_range(keyspace, first, second),
                }
            }
            for format in [Format::Json, Format::Borsh] {
                let read = decode(&encode(&batch, format).unwrap(), format).unwrap();
                prop_assert!(read.changes().eq(batch.changes()));
            }
        }
    }
}
