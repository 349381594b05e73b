//! Where bytes are kept: the small [`Backend`] trait, and one file an engine.
//!
//! A backend is an ordered map from keys to values in each of a few [keyspaces](Keyspace), which applies a [`Batch`] whole or not at all.
//! It knows nothing of trees; what lies where is the business of [`persist`](crate::persist).

pub mod memory;
#[cfg(feature = "rocksdb")]
pub mod rocksdb;

use std::fmt;

use treering_tree::Order;

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
}

/// One change of a [`Batch`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Sets a key.
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
    },
    /// Removes a key, if it is there.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
    /// Removes all keys in `from..to`.
    DeleteRange {
        /// The first key.
        from: Vec<u8>,
        /// The first key that stays.
        to: Vec<u8>,
    },
}

/// Changes to apply in order, all or none.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Batch {
    changes: Vec<(Keyspace, Change)>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key.
    pub fn put(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>, value: Vec<u8>) {
        self.changes.push((keyspace, Change::Put { key: key.into(), value }));
    }

    /// Removes a key.
    pub fn delete(&mut self, keyspace: Keyspace, key: impl Into<Vec<u8>>) {
        self.changes.push((keyspace, Change::Delete { key: key.into() }));
    }

    /// Removes all keys in `from..to`.
    pub fn delete_range(&mut self, keyspace: Keyspace, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) {
        self.changes.push((keyspace, Change::DeleteRange { from: from.into(), to: to.into() }));
    }

    /// The changes in order.
    #[must_use]
    pub fn changes(&self) -> &[(Keyspace, Change)] {
        &self.changes
    }

    /// How many changes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
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

/// Pairs in key order; an error ends them.
pub type Scan<'a> = Box<dyn Iterator<Item = Result<Pair, BackendError>> + 'a>;

/// An ordered map in each keyspace, with atomic batches.
///
/// Laws: a batch is applied whole or not at all, also across a crash; a read sees every batch whose `write` has returned; a scan sees
/// the state at its start.
pub trait Backend: Send + Sync {
    /// The value of `key`.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError>;

    /// The pairs with keys in `from..to` (`None`: to the end).
    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_>;

    /// Applies a batch.
    ///
    /// # Errors
    /// When the engine cannot write; then nothing of the batch is there.
    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError>;

    /// Gets all that was written onto the disk, so that the next open has nothing to recover.
    ///
    /// # Errors
    /// When the engine cannot write.
    fn flush(&self) -> Result<(), BackendError>;
}
