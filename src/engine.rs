//! Where bytes are kept: the small [`Backend`] trait, one file an engine; [`Engine`] opens them by name, from a [`Registry`].
//!
//! A backend is an ordered map from keys to values in each of a few [keyspaces](Keyspace), which applies a [`Batch`] whole or not at all.
//! It knows nothing of trees; what lies where is the business of `persist`.

mod builtin;
#[cfg(feature = "conformance")]
pub mod conformance;
mod definition;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "fjall")]
pub mod fjall;
#[cfg(feature = "leveldb")]
pub mod leveldb;
pub mod memory;
mod registry;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;

use std::fmt;

use treering_tree::Order;

#[cfg(feature = "file")]
pub use builtin::FileEngine;
#[cfg(feature = "fjall")]
pub use builtin::FjallEngine;
#[cfg(feature = "leveldb")]
pub use builtin::LevelEngine;
pub use builtin::MemoryEngine;
#[cfg(feature = "rocksdb")]
pub use builtin::RocksEngine;
pub use definition::{Capabilities, Engine};
pub use registry::{EngineError, Registry};

/// The kinds of record, each in an ordered map of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Keyspace {
    /// Facts about the database and its stores.
    Meta,
    /// Versions and commits.
    Commits,
    /// The operations of each version.
    Log,
    /// Tree nodes.
    Nodes,
    /// The newest value of every key.
    Latest,
    /// Nodes that a version stopped using.
    Orphans,
}

impl Keyspace {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Meta, Self::Commits, Self::Log, Self::Nodes, Self::Latest, Self::Orphans];

    /// Its name on disk and in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Commits => "commits",
            Self::Log => "log",
            Self::Nodes => "nodes",
            Self::Latest => "latest",
            Self::Orphans => "orphans",
        }
    }
}

impl fmt::Display for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a write must survive a power cut before it counts as done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// On the disk when the call returns (fsync).
    Synced,
    /// With the operating system: it survives a crash of the process, not one of the machine.
    Buffered,
    /// As the engine likes best, for what can be computed anew: a crash of the process may lose it, together with all that was written
    /// this way to the same keyspace later. Only for batches of one keyspace. Engines that gain nothing from it take it as buffered.
    Derived,
}

/// How a backend is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Makes the database when there is none.
    Create,
    /// Opens one that is there.
    ReadWrite,
    /// Opens one that is there and never changes it. Where the engine can, it works while another process writes, whose later commits are
    /// not seen; other engines refuse it then.
    ReadOnly,
}

/// One change of a [`Batch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<'a> {
    /// Sets a key.
    Put {
        /// The key.
        key: &'a [u8],
        /// Its new value.
        value: &'a [u8],
    },
    /// Removes a key, if it is there.
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// Removes all keys in `from..to`.
    DeleteRange {
        /// The first key.
        from: &'a [u8],
        /// The first key that stays.
        to: &'a [u8],
    },
}

/// Changes to apply in order, all or none.
///
/// Keys and values of all changes lie in one buffer: a version has a hundred thousand of them, and as many small allocations cost more
/// than copying (measured: a tenth of a block's time).
#[derive(Clone, Default, Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// A change whose first part (a key) and second part (a value, the end of a range, nothing) end at these places of the buffer.
#[derive(Clone, Copy, Debug)]
struct Entry {
    keyspace: Keyspace,
    kind: Kind,
    first_end: usize,
    second_end: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Put,
    Delete,
    DeleteRange,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn push(&mut self, keyspace: Keyspace, kind: Kind, first: &[u8], second: &[u8]) {
        self.bytes.extend_from_slice(first);
        let first_end = self.bytes.len();
        self.bytes.extend_from_slice(second);
        self.entries.push(Entry { keyspace, kind, first_end, second_end: self.bytes.len() });
    }

    /// Sets a key.
    pub fn put(&mut self, keyspace: Keyspace, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.push(keyspace, Kind::Put, key.as_ref(), value.as_ref());
    }

    /// Removes a key.
    pub fn delete(&mut self, keyspace: Keyspace, key: impl AsRef<[u8]>) {
        self.push(keyspace, Kind::Delete, key.as_ref(), &[]);
    }

    /// Removes all keys in `from..to`.
    pub fn delete_range(&mut self, keyspace: Keyspace, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) {
        self.push(keyspace, Kind::DeleteRange, from.as_ref(), to.as_ref());
    }

    /// The changes in order.
    pub fn changes(&self) -> impl Iterator<Item = (Keyspace, Change<'_>)> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            // Places only grow, and end at the buffer's end.
            let first = self.bytes.get(start..entry.first_end).unwrap_or_default();
            let second = self.bytes.get(entry.first_end..entry.second_end).unwrap_or_default();
            start = entry.second_end;
            let change = match entry.kind {
                Kind::Put => Change::Put { key: first, value: second },
                Kind::Delete => Change::Delete { key: first },
                Kind::DeleteRange => Change::DeleteRange { from: first, to: second },
            };
            (entry.keyspace, change)
        })
    }

    /// Puts again what is put here; all else is left out.
    pub(crate) fn put_each(&self, put: &mut Put<'_>) -> Result<(), BackendError> {
        self.changes().try_for_each(|(_, change)| match change {
            Change::Put { key, value } => put(key, value),
            Change::Delete { .. } | Change::DeleteRange { .. } => Ok(()),
        })
    }

    /// Removes all changes, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// How many changes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of all keys and values together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Why a backend could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{action}: {source}")]
pub struct BackendError {
    /// What was tried, such as "reading from nodes".
    pub action: String,
    /// What the engine says.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl BackendError {
    /// An error of the action `action`.
    pub fn new(action: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { action: action.into(), source: source.into() }
    }
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Takes a pair.
pub type Put<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), BackendError> + 'a;

/// Puts many pairs.
pub type PutAll<'a> = dyn FnMut(&mut Put<'_>) -> Result<(), BackendError> + 'a;

/// Bytes that [`Backend::ingest`] writes in one batch by default.
const INGESTED_AT_ONCE: usize = 1 << 20;

/// Pairs in key order; an error ends them.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<Pair, BackendError>> + 'a>;

/// An ordered map in each keyspace, with atomic batches.
///
/// Laws: a batch is applied whole or not at all, also across a crash; what a crash of the machine leaves is a prefix of the batches, with
/// every one that was [`Durability::Synced`]; what is [`Durability::Derived`] comes to the disk after what was written before, and is a prefix
/// of its own in each keyspace; a read sees every batch whose `write` has returned; a scan sees the state at its start.
pub trait Backend: Send + Sync {
    /// The value of `key`.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError>;

    /// The values of several keys, in their order. Engines that can read many at once, quicker than one by one, do.
    fn get_many(&self, keyspace: Keyspace, keys: &[&[u8]]) -> Vec<Result<Option<Vec<u8>>, BackendError>> {
        keys.iter().map(|key| self.get(keyspace, key)).collect()
    }

    /// The pairs with keys in `from..to` (`None`: to the end).
    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_>;

    /// Bytes of the longest key that it takes; 70,000 are enough for all that is ever asked of it.
    fn max_key_len(&self) -> usize {
        usize::MAX
    }

    /// Applies a batch.
    ///
    /// # Errors
    /// When the engine cannot write; then nothing of the batch is there.
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError>;

    /// Gets what was written as [`Durability::Derived`] to where buffered writes are: a crash of the process does not lose it any more. By
    /// default such writes are there already.
    ///
    /// # Errors
    /// When the engine cannot write.
    fn settle(&self, keyspace: Keyspace) -> Result<(), BackendError> {
        let _ = keyspace;
        Ok(())
    }

    /// The value of `key` without what was written to its keyspace last: all of it back to a write that is settled may be left out, also what
    /// was not [`Durability::Derived`].
    ///
    /// # Errors
    /// When the engine cannot read.
    fn get_settled(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.get(keyspace, key)
    }

    /// Sets many keys of a keyspace: `pairs` puts them, one after another, in ascending order of keys. What is ingested is seen when the call
    /// returns. Unlike a batch it may be applied in part by a crash, and may survive one that loses what was written before and was neither
    /// synced nor settled. Engines that have a quicker way for large amounts of sorted data take it; by default these are
    /// buffered writes.
    ///
    /// # Errors
    /// When the engine cannot write, and what `pairs` gives; then some pairs may be there.
    fn ingest(&self, keyspace: Keyspace, pairs: &mut PutAll<'_>) -> Result<(), BackendError> {
        let mut batch = Batch::new();
        pairs(&mut |key, value| {
            batch.put(keyspace, key, value);
            if batch.bytes() < INGESTED_AT_ONCE {
                return Ok(());
            }
            self.write(&batch, Durability::Buffered)?;
            batch.clear();
            Ok(())
        })?;
        if batch.is_empty() { Ok(()) } else { self.write(&batch, Durability::Buffered) }
    }

    /// Gives the room of what was removed in `from..to` back to the system, which engines else do little by little. May take long, and
    /// changes nothing that is there; by default it does nothing.
    ///
    /// # Errors
    /// When the engine cannot read or write.
    fn reclaim(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Result<(), BackendError> {
        let _ = (keyspace, from, to);
        Ok(())
    }

    /// Gets all that was written onto the disk, so that the next open has nothing to recover.
    ///
    /// # Errors
    /// When the engine cannot write.
    fn flush(&self) -> Result<(), BackendError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_its_changes_in_order() {
        let mut batch = Batch::new();
        assert!(batch.is_empty());
        batch.put(Keyspace::Nodes, b"a", b"1");
        batch.delete(Keyspace::Latest, b"");
        batch.delete_range(Keyspace::Log, b"x", b"yy");
        batch.put(Keyspace::Meta, b"", b"");
        let expected = [
            (Keyspace::Nodes, Change::Put { key: b"a", value: b"1" }),
            (Keyspace::Latest, Change::Delete { key: b"" }),
            (Keyspace::Log, Change::DeleteRange { from: b"x", to: b"yy" }),
            (Keyspace::Meta, Change::Put { key: b"", value: b"" }),
        ];
        assert_eq!(batch.changes().collect::<Vec<_>>(), expected);
        assert_eq!((batch.len(), batch.bytes()), (4, 5));
    }
}
