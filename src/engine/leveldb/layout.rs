//! Where the keys of our keyspaces lie among LevelDB's.
//!
//! ```text
//! 00                     format (1 byte)         first of all keys
//! keyspace (1), key      value                   01 meta, 02 commits, 03 log, 04 nodes, 05 latest, 06 orphans
//! ff                     nothing                 last of all keys
//! ```
//!
//! The first and the last key are written with every batch, so that every memtable and every table has both: see the module above for why.

use crate::engine::Keyspace;

/// The format, and the newest that this program knows.
pub(super) const FORMAT: u8 = 1;
/// The first key, with the format.
pub(super) const FIRST: &[u8] = &[0x00];
/// The last key.
pub(super) const LAST: &[u8] = &[0xff];

const fn prefix(keyspace: Keyspace) -> u8 {
    match keyspace {
        Keyspace::Meta => 1,
        Keyspace::Commits => 2,
        Keyspace::Log => 3,
        Keyspace::Nodes => 4,
        Keyspace::Latest => 5,
        Keyspace::Orphans => 6,
    }
}

/// The key as the database has it.
pub(super) fn key(keyspace: Keyspace, key: &[u8]) -> Vec<u8> {
    [&[prefix(keyspace)], key].concat()
}

/// What is behind all keys of a keyspace.
pub(super) fn end(keyspace: Keyspace) -> Vec<u8> {
    vec![prefix(keyspace) + 1]
}

/// The key within its keyspace.
pub(super) fn inner(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or_default()
}
