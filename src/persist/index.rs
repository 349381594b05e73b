//! The flat index: the newest value of every key, behind `get`.
//!
//! It is derived data, and written as such ([`Durability::Derived`]): with RocksDB it is left out of the write-ahead log, which an opening after
//! a crash reads whole (what that gives is told in `engine::rocksdb`). A crash may therefore set the index back. The record `indexed` is
//! written after all that it speaks of, and says how far the index goes at least. What is missing up to the newest checkpoint is taken from
//! the log: by whoever opens the store to write, or, where nothing may be written, into memory.
//!
//! Invariants
//! 1. The index has every change up to the version in `indexed`; of later ones it may have some, up to the newest checkpoint or the one that
//!    was being written.
//! 2. The logs of all versions above the settled `indexed` are there: pruning leaves them, and a rollback, which sets the index back, settles
//!    it before and after.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::flush::{Lag, Stored};
use super::keys::{self, StoreId};
use super::log::Operation;
use super::recent::{Change, Dated, Recent};
use super::{Disk, StoreState, records};
use crate::engine::{Backend, BackendError, Batch, Durability, Keyspace};
use crate::error::{Error, Result};

/// Bytes of index entries that are written at once: small enough that a commit waiting for them does not notice.
const AT_ONCE: usize = 1 << 20;

type Written = std::result::Result<(), BackendError>;

/// The version that set a key, and the value.
pub(super) type Set<'a> = (u64, &'a [u8]);

/// Changes of a store's index on their way.
pub(super) struct IndexWriter<'a> {
    backend: &'a dyn Backend,
    store: StoreId,
    batch: Batch,
}

impl<'a> IndexWriter<'a> {
    pub(super) fn new(backend: &'a dyn Backend, store: StoreId) -> Self {
        Self { backend, store, batch: Batch::new() }
    }

    /// What a key was set to; `None`: it is gone.
    pub(super) fn change(&mut self, key: &[u8], state: Option<Set<'_>>) -> Written {
        match state {
            Some((version, value)) => {
                let (at, record) = records::encode_latest(self.store, key, version, value);
                self.batch.put(Keyspace::Latest, &at, &record);
            }
            None => self.batch.delete(Keyspace::Latest, keys::latest(self.store, key)),
        }
        self.write_when_full()
    }

    /// The index has every change up to a checkpoint now.
    pub(super) fn finish(mut self, version: u64) -> Written {
        let (at, record) = records::encode_indexed(self.store, version);
        self.batch.put(Keyspace::Latest, at, record);
        self.backend.write(&self.batch, Durability::Derived)
    }

    fn write_when_full(&mut self) -> Written {
        if self.batch.bytes() < AT_ONCE {
            return Ok(());
        }
        self.backend.write(&self.batch, Durability::Derived)?;
        self.batch.clear();
        Ok(())
    }
}

/// What a crash took from indexes that may not be written.
#[derive(Default)]
pub(super) struct Unindexed {
    /// Held by whoever brings an index forward.
    completing: Mutex<()>,
    /// The changes since the version that the index was set back to.
    beside: Mutex<BTreeMap<StoreId, Arc<Recent>>>,
}

impl Unindexed {
    /// Nothing is kept under this lock.
    fn completing(&self) -> MutexGuard<'_, ()> {
        self.completing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changed by single steps, so a panic elsewhere leaves it whole.
    fn beside(&self) -> MutexGuard<'_, BTreeMap<StoreId, Arc<Recent>>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, store: StoreId, key: &[u8]) -> Option<Change> {
        let recent = self.beside().get(&store).cloned();
        recent?.change(key).cloned()
    }
}

impl Disk {
    /// The version up to which a store's index has every change.
    pub(super) fn indexed(&self, store: StoreId) -> Result<u64> {
        let at = keys::indexed(store);
        let missing = || Error::Damaged {
            record: keys::name(Keyspace::Latest, &at),
            what: "it is missing, as in databases of earlier builds".to_owned(),
        };
        records::decode_indexed(&at, &self.backend.get(Keyspace::Latest, &at)?.ok_or_else(missing)?)
    }

    /// The version up to which a store's index will have every change after a crash, or an earlier one.
    pub(super) fn settled(&self, store: StoreId) -> Result<u64> {
        let at = keys::indexed(store);
        let record = self.backend.get_settled(Keyspace::Latest, &at)?;
        record.map_or(Ok(0), |record| records::decode_indexed(&at, &record))
    }

    /// Gets the index onto the disk as it is. A failure poisons the handle, as that of a write does.
    pub(super) fn settle_index(&self) -> Result<()> {
        self.noted(self.backend.settle(Keyspace::Latest))
    }

    /// Brings an index that a crash has set back forward to the newest checkpoint. O(operations in between). `go_on` is asked after each
    /// version: what it fails with ends the work, which can be begun again.
    pub(super) fn complete_index(&self, store: &StoreState, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        if !store.registered {
            return Ok(());
        }
        let _one = self.unindexed.completing();
        let behind = self.flusher.with_lag(store.id, || self.first_look(store.id), |lag| lag.index_behind())?;
        let Some(stored) = behind else { return Ok(()) };
        if self.options.read_only {
            let recent = Arc::new(self.recent(store, stored.indexed)?);
            self.unindexed.beside().insert(store.id, recent);
        } else {
            self.redo_index(store.id, stored, go_on)?;
        }
        self.flusher.with_lag(store.id, || self.first_look(store.id), Lag::is_indexed)
    }

    fn redo_index(&self, store: StoreId, stored: Stored, go_on: &dyn Fn() -> Result<()>) -> Result<()> {
        self.writable()?;
        let mut writer = IndexWriter::new(&*self.backend, store);
        let mut before = stored.indexed;
        for row in self.version_rows(store, stored.indexed.saturating_add(1), stored.checkpoint) {
            let row = row?;
            if before != 0 && row.version != before + 1 {
                let record = keys::name(Keyspace::Commits, &keys::version(store, before + 1));
                return Err(Error::Damaged { record, what: "it is missing, though the index needs its log".to_owned() });
            }
            before = row.version;
            let mut written = Ok(());
            self.operations(store, row.record.commit, |operation| {
                if written.is_ok() {
                    written = match operation {
                        Operation::Set(key, value) => writer.change(key, Some((row.version, value))),
                        Operation::Delete(key) => writer.change(key, None),
                    };
                }
            })?;
            self.noted(written)?;
            go_on()?;
        }
        self.noted(writer.finish(stored.checkpoint))
    }

    /// The value of a key at a kept version and the version that set it, if the flat index knows it: when it has all changes up to `complete`,
    /// and nothing newer has set or removed the key since. The caller knows which keys changed between `complete` and the version.
    pub(crate) fn latest_until(&self, store: StoreId, key: &[u8], version: u64, complete: u64) -> Result<Option<Dated>> {
        if self.flushed(store)? < complete {
            return Ok(None);
        }
        Ok(self.latest_with_version(store, key)?.filter(|&(_, set_in)| set_in <= version))
    }

    /// The value of a key that did not change since the newest checkpoint, from the flat index.
    pub(crate) fn latest(&self, store: StoreId, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.latest_with_version(store, key)?.map(|(value, _)| value))
    }

    /// The same, with the version that set it.
    pub(crate) fn latest_with_version(&self, store: StoreId, key: &[u8]) -> Result<Option<Dated>> {
        if self.options.read_only
            && let Some((version, value)) = self.unindexed.change(store, key)
        {
            return Ok(value.map(|value| (value, version)));
        }
        let at = keys::latest(store, key);
        self.reads.add_index();
        let Some(record) = self.backend.get(Keyspace::Latest, &at)? else { return Ok(None) };
        let (set_in, value) = records::decode_latest(&at, &record)?;
        Ok(Some((value.to_vec(), set_in)))
    }
}
