//! A store whose working state is still to be computed, since a crash left much in the log above the newest checkpoint.
//!
//! Opening takes the time of a few reads whatever the length of that log: the newest version, its root hash and the values of its keys are
//! known without the tree. The tree is computed, and held against the recorded root hashes, by whoever needs it first; a
//! [`MultiStore`](crate::MultiStore) that may write does it in the background at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::database::Shared;
use super::{TreeStore, VersionInfo};
use crate::error::{Error, Result};
use crate::persist::StoreState;
use crate::persist::keys::StoreId;
use crate::persist::recent::{Dated, Recent};

/// Bytes of log that are done again at once when a store is opened: some 1,000 operations, 15 ms with cold nodes. Damage in these is found
/// at once as well.
const DONE_AT_ONCE: usize = 128 << 10;

/// The writer of a store, or what becomes it.
pub(crate) enum Opening {
    /// It is there.
    Done(Box<TreeStore>),
    /// Its working state is computed when it is needed.
    Later(Box<Unopened>),
}

/// A store without its tree. It counts among those that have a writer.
pub(crate) struct Unopened {
    database: Arc<Shared>,
    name: String,
    state: StoreState,
    /// The newest checkpoint.
    checkpoint: u64,
    /// Read when the first value is asked for.
    recent: Mutex<Option<Arc<Recent>>>,
    is_given_up: AtomicBool,
    /// Whether it counts no more among the stores that have a writer, or its working state does in its place.
    is_over: AtomicBool,
}

impl Opening {
    /// Begins to open a store that was entered among those that have a writer.
    pub(super) fn begin(database: &Arc<Shared>, name: &str, state: StoreState) -> Result<Self> {
        let mut unopened = Unopened {
            database: Arc::clone(database),
            name: name.to_owned(),
            state,
            checkpoint: 0,
            recent: Mutex::default(),
            is_given_up: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        };
        if unopened.is_long_work()? {
            return Ok(Self::Later(Box::new(unopened)));
        }
        Ok(Self::Done(Box::new(unopened.open(&|| true)?)))
    }

    /// The writer, with its working state.
    pub(super) fn now(self) -> Result<TreeStore> {
        match self {
            Self::Done(store) => Ok(*store),
            Self::Later(unopened) => unopened.open(&|| true),
        }
    }

    /// The database that it is in, and the name by which that knows it.
    pub(super) fn place(&self) -> (&Arc<Shared>, &str) {
        match self {
            Self::Done(store) => (store.database(), store.name()),
            Self::Later(unopened) => (&unopened.database, &unopened.name),
        }
    }

    /// One or the other.
    pub(super) fn split(self) -> (Option<TreeStore>, Option<Unopened>) {
        match self {
            Self::Done(store) => (Some(*store), None),
            Self::Later(unopened) => (None, Some(*unopened)),
        }
    }

    /// The store's number in its database.
    pub(crate) fn id(&self) -> StoreId {
        match self {
            Self::Done(store) => store.id(),
            Self::Later(unopened) => unopened.state.id,
        }
    }
}

impl From<TreeStore> for Opening {
    fn from(store: TreeStore) -> Self {
        Self::Done(Box::new(store))
    }
}

impl Unopened {
    fn is_long_work(&mut self) -> Result<bool> {
        if self.state.newest.is_none() {
            return Ok(false);
        }
        let disk = &self.database.disk;
        self.checkpoint = disk.flushed(self.state.id)?;
        Ok(!disk.has_newest_tree(&self.state, self.checkpoint) && disk.log_is_longer(&self.state, self.checkpoint, DONE_AT_ONCE)?)
    }

    /// Its newest version.
    pub(super) fn newest(&self) -> Option<VersionInfo> {
        self.state.newest.map(|(version, record)| VersionInfo::new(version, &record))
    }

    /// Whether the tree of a version is one that opening computes. `None` is the newest version.
    pub(super) fn computes(&self, version: Option<u64>) -> bool {
        version.is_none_or(|version| version > self.checkpoint)
    }

    /// The value of a key in the newest version, and the version that set it: from the log and the index, without the tree. The first call
    /// reads the log, O(operations since the checkpoint); the others take one read at most.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Dated>> {
        let recent = self.recent()?;
        self.database.disk.newest_value(self.state.id, &recent, key)
    }

    /// Set whole, so a panic elsewhere leaves it whole. Who comes while it is read waits instead of reading it too.
    fn recent(&self) -> Result<Arc<Recent>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recent) = &*recent {
            return Ok(Arc::clone(recent));
        }
        let read = Arc::new(self.database.disk.recent(&self.state, self.checkpoint)?);
        Ok(Arc::clone(recent.insert(read)))
    }

    /// Nobody wants it any more: computing it ends soon.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// Computes the working state. O(operations since the checkpoint). Fails with [`Error::Closed`] when `go_on` says no, or the store was
    /// given up; else it can be tried again.
    pub(super) fn open(&self, go_on: &dyn Fn() -> bool) -> Result<TreeStore> {
        let is_wanted = || go_on() && !self.is_given_up.load(Ordering::Relaxed);
        let go_on = || if is_wanted() { Ok(()) } else { Err(Error::Closed { store: self.name.clone() }) };
        let store = TreeStore::open(Arc::clone(&self.database), &self.name, &self.state, &go_on)?;
        self.is_over.store(true, Ordering::Relaxed);
        self.database.publish(&self.name, store.tree().clone());
        Ok(store)
    }

    /// The store may have another writer, though somebody may still be reading here.
    pub(super) fn let_go(&self) {
        if !self.is_over.swap(true, Ordering::Relaxed) {
            self.database.release_writer(&self.name);
        }
    }
}

impl Drop for Unopened {
    fn drop(&mut self) {
        self.let_go();
    }
}
