//! What a store can do, as traits that can be used as objects.
//!
//! Every [`Store`] reads and writes keys. What else it can do it says with [`Store::capabilities`], and gives with `as_versioned` and
//! the like; what it cannot do is [`Error::Unsupported`], which names the engine and the feature. After [`Store::close`] every call says
//! [`Error::Closed`].
//!
//! ```
//! use std::ops::ControlFlow;
//! use treering::{MultiStore, Store, Transactional, Versioned};
//!
//! fn count(store: &dyn Store) -> treering::Result<u64> {
//!     let mut count = 0;
//!     store.iterate(&mut |_, _| {
//!         count += 1;
//!         ControlFlow::Continue(())
//!     })?;
//!     Ok(count)
//! }
//!
//! let stores = MultiStore::in_memory()?;
//! let bank = stores.create_store("bank", None, &Default::default())?;
//! bank.set(b"alice", b"5")?;
//! let tx = bank.as_transactional()?.begin_tx()?;
//! tx.set(b"bob", b"7")?;
//! assert_eq!((count(&bank)?, count(&*tx)?), (1, 2));
//! tx.commit()?;
//! assert_eq!(count(&bank)?, 2);
//! bank.as_versioned()?.save_version()?;
//! # Ok::<(), treering::Error>(())
//! ```

use std::ops::{Bound, ControlFlow};
use std::path::PathBuf;

use treering_proofs::{Hash, Proof};
use treering_tree::Order;

use super::{PreparedVersion, Snapshot, VersionInfo};
use crate::engine::Capabilities;
use crate::error::{Error, Feature, Result};
use crate::persist::prune::{Keep, PruneReport};

/// Called with each key and its value; says whether to go on.
pub type Visit<'v> = &'v mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>;

/// Keys and values.
///
/// Laws: `get` gives what the last `set` of the key gave, and nothing after a `delete`; `has` is whether `get` would give something;
/// `iterate` visits every key that is there once, in the order of the bytes, as of the moment it was called.
pub trait Store: Send + Sync {
    /// The name.
    fn name(&self) -> String;

    /// The name of the engine that keeps it, such as `rocksdb`.
    fn engine(&self) -> String;

    /// Where it is on the disk; empty for one that is not.
    fn path(&self) -> PathBuf;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The value of `key`, if it is there. O(log n).
    ///
    /// # Errors
    /// [`Error::Closed`]; when a record cannot be read, or is damaged.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Sets `key` to `value`. O(log n).
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::ReadOnly`], [`Error::Tree`] for a key over 64 KiB or a value over 16 MiB, [`Error::KeyTooLong`] for what
    /// the engine cannot keep; nothing is changed then.
    fn set(&self, key: &[u8], value: &[u8]) -> Result<()>;

    /// Removes `key`; it need not be there. O(log n).
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::ReadOnly`]; when a record cannot be read, or is damaged.
    fn delete(&self, key: &[u8]) -> Result<()>;

    /// Whether `key` is there. O(log n).
    ///
    /// # Errors
    /// As [`Store::get`].
    fn has(&self, key: &[u8]) -> Result<bool>;

    /// Visits all keys in ascending order, as they are now: what is changed meanwhile, also by the visitor, is not seen.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn iterate(&self, visit: Visit<'_>) -> Result<()>;

    /// Ends the use of the store through all its handles. Changes that were not saved are gone. Closing again does nothing.
    ///
    /// # Errors
    /// When something cannot be written.
    fn close(&self) -> Result<()>;

    /// Ranges.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    fn as_range_queryable(&self) -> Result<&dyn RangeQueryable> {
        Err(self.unsupported(Feature::RangeQueries))
    }

    /// Transactions.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    fn as_transactional(&self) -> Result<&dyn Transactional> {
        Err(self.unsupported(Feature::Transactions))
    }

    /// Versions.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    fn as_versioned(&self) -> Result<&dyn Versioned> {
        Err(self.unsupported(Feature::Versions))
    }

    /// Proofs.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    fn as_provable(&self) -> Result<&dyn Provable> {
        Err(self.unsupported(Feature::Proofs))
    }

    /// The error for what this store cannot do.
    fn unsupported(&self, feature: Feature) -> Error {
        Error::Unsupported { engine: self.engine(), feature }
    }
}

/// Reading ranges of keys in order.
pub trait RangeQueryable: Store {
    /// Visits the keys within bounds in the order asked for, as they are now.
    ///
    /// # Errors
    /// As [`Store::get`].
    fn iterate_range(&self, start: Bound<&[u8]>, end: Bound<&[u8]>, order: Order, visit: Visit<'_>) -> Result<()>;
}

/// Transactions: several operations that happen together or not at all.
pub trait Transactional: Store {
    /// Begins a transaction. O(1).
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::ReadOnly`]; in a transaction [`Error::NestedTransactionOpen`].
    fn begin_tx(&self) -> Result<Box<dyn Transaction>> {
        self.begin_tx_with(TransactionMode::ReadWrite)
    }

    /// Begins a transaction, which may be one that only reads: it sees the store as it is now, whatever happens meanwhile, and is never in
    /// conflict.
    ///
    /// # Errors
    /// As [`Transactional::begin_tx`].
    fn begin_tx_with(&self, mode: TransactionMode) -> Result<Box<dyn Transaction>>;
}

/// Whether a transaction writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransactionMode {
    /// Reads and writes.
    ReadWrite,
    /// Reads only.
    ReadOnly,
}

/// A place in a transaction to go back to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Savepoint(pub(super) u64);

/// How a transaction went in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Committed {
    /// Its place in the order of everything that changed the store since it was opened: the outcome is that of running the transactions
    /// one after another in this order. One that wrote nothing shares the place of the change before it. `None` for a nested one, which
    /// has the place of the outer one.
    pub sequence: Option<u64>,
    /// How many keys it set or deleted; of a nested one, together with what the outer one had before.
    pub writes: u64,
}

/// A transaction, from `begin_tx` to its end.
///
/// It sees the store as it was at the beginning, and its own changes. Committed transactions are serializable: the outcome, to the last bit
/// of the root hash, is that of running them one after another in the order in which they were committed. One whose reads (of keys that
/// are there or not, and of ranges) were changed meanwhile fails with [`Error::Conflict`] and has no effect. Dropped, it is rolled back.
///
/// Nested transactions (`as_transactional`) are part of the outer one when they are committed; the outer one rests while one is open.
pub trait Transaction: Store {
    /// Its number.
    fn id(&self) -> u64;

    /// Makes all changes part of the store's working state (or of the outer transaction), and ends the transaction. O(1) when nothing was
    /// committed since it began, else O(reads + writes).
    ///
    /// # Errors
    /// [`Error::Conflict`], [`Error::StateReplaced`], [`Error::Closed`]: it is rolled back then. [`Error::TransactionEnded`],
    /// [`Error::NestedTransactionOpen`], [`Error::VersionPrepared`]: it stays as it is.
    fn commit(&self) -> Result<Committed>;

    /// Forgets all changes, and ends the transaction, also of a store that was closed.
    ///
    /// # Errors
    /// [`Error::TransactionEnded`], [`Error::NestedTransactionOpen`].
    fn rollback(&self) -> Result<()>;

    /// Whether it was neither committed nor rolled back yet.
    fn is_active(&self) -> bool;

    /// Whether it only reads.
    fn is_read_only(&self) -> bool;

    /// Marks a place to go back to. O(1).
    ///
    /// # Errors
    /// [`Error::TransactionEnded`], [`Error::NestedTransactionOpen`].
    fn savepoint(&self) -> Result<Savepoint>;

    /// Forgets all changes since the savepoint, which stays; later ones are gone.
    ///
    /// # Errors
    /// [`Error::NoSavepoint`], [`Error::TransactionEnded`], [`Error::NestedTransactionOpen`].
    fn rollback_to_savepoint(&self, savepoint: Savepoint) -> Result<()>;

    /// Forgets the savepoint and later ones; changes stay.
    ///
    /// # Errors
    /// As [`Transaction::rollback_to_savepoint`].
    fn release_savepoint(&self, savepoint: Savepoint) -> Result<()>;
}

/// Versions: saved states, each with its root hash.
pub trait Versioned: Store {
    /// Makes the working state a version, durably.
    ///
    /// # Errors
    /// [`Error::VersionExists`], [`Error::VersionPrepared`], [`Error::Poisoned`], [`Error::Engine`], [`Error::Closed`], [`Error::ReadOnly`].
    fn save_version(&self) -> Result<VersionInfo> {
        self.prepare()?.commit()
    }

    /// Computes what saving would give, with nothing durable yet. Until the result is committed or dropped the store cannot be changed.
    ///
    /// # Errors
    /// As [`Versioned::save_version`].
    fn prepare(&self) -> Result<PreparedVersion>;

    /// Bases the working state on another version; changes that were not saved are forgotten.
    ///
    /// # Errors
    /// [`Error::NoVersion`], [`Error::VersionPrepared`], [`Error::Closed`].
    fn load_version(&self, version: u64) -> Result<()>;

    /// Forgets all changes since the last save or load.
    ///
    /// # Errors
    /// [`Error::VersionPrepared`], [`Error::Closed`].
    fn discard_changes(&self) -> Result<()>;

    /// The saved versions in order. O(versions).
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Damaged`], [`Error::Engine`].
    fn list_versions(&self) -> Result<Vec<VersionInfo>>;

    /// The version that the working state is based on; 0 before the first save.
    ///
    /// # Errors
    /// [`Error::Closed`].
    fn current_version(&self) -> Result<u64>;

    /// The root hash that saving now would give.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Tree`] when no further version is possible.
    fn working_hash(&self) -> Result<Hash>;

    /// A version to read; `None` for the newest. It is kept while the snapshot lives.
    ///
    /// # Errors
    /// [`Error::NoVersion`], [`Error::Closed`].
    fn snapshot(&self, version: Option<u64>) -> Result<Snapshot>;

    /// Removes versions, and all records that only they needed.
    ///
    /// # Errors
    /// [`Error::KeepsNothing`], [`Error::Poisoned`], [`Error::Engine`], [`Error::Closed`].
    fn prune(&self, keep: &Keep) -> Result<PruneReport>;

    /// Makes `version` the newest one: all newer ones are removed, in one atomic step. Changes that were not saved are forgotten.
    ///
    /// # Errors
    /// [`Error::NoVersion`], [`Error::Pinned`] when snapshots of, or transactions on, newer versions are open, [`Error::VersionPrepared`],
    /// [`Error::Poisoned`], [`Error::Engine`], [`Error::Closed`].
    fn rollback_to(&self, version: u64) -> Result<()>;
}

/// Proofs of what saved versions say.
pub trait Provable: Store {
    /// The proof of what the newest version says about `key`, to be verified against its root hash. O(log n).
    ///
    /// # Errors
    /// [`Error::NoVersion`] when none was saved, [`Error::Closed`]; when a node cannot be read.
    fn prove(&self, key: &[u8]) -> Result<Proof>;

    /// As [`Provable::prove`], at a version.
    ///
    /// # Errors
    /// As [`Provable::prove`].
    fn prove_at(&self, key: &[u8], version: u64) -> Result<Proof>;
}
