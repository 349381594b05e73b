//! A store that many threads use: a [`TreeStore`] behind a lock, with transactions.

mod many;
mod opening;
#[cfg(test)]
mod tests;
mod versioned;
mod views;

use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use treering_tree::Order;

use super::branch::Branch;
use super::database::Shared;
use super::history::{History, Obstacle, Reads};
use super::prepared::Promise;
use super::traits::{Committed, Provable, RangeQueryable, Store, Transaction, TransactionMode, Transactional, Versioned, Visit};
use super::transaction::StoreTransaction;
use super::unopened::Opening;
use super::work::Work;
use super::{TreeStore, VersionInfo};
use crate::engine::Capabilities;
use crate::error::{Error, Feature, Result};
use crate::event::{EventBus, StoreClosed, TransactionCommit};

pub use many::FoundValue;
#[cfg(feature = "system")]
pub(crate) use many::{TakeSeen, ValueSeen};
pub(crate) use versioned::saved_event;
pub(crate) use views::KeyChange;
pub use views::WorkingView;

/// A store to share between threads: cheap to clone, all clones are the same store.
///
/// Reads see the working state; they wait while it is changed or saved. Snapshots never wait for a save, nor do reads in a transaction
/// that has begun. Writes outside of transactions are transactions of one operation. See the traits [`Store`], [`RangeQueryable`],
/// [`Transactional`], [`Versioned`] and [`Provable`].
#[derive(Clone)]
pub struct SharedStore {
    pub(super) core: Arc<Core>,
}

/// What all handles of a store share.
pub(super) struct Core {
    name: Mutex<String>,
    engine: String,
    path: PathBuf,
    capabilities: Capabilities,
    events: EventBus,
    after_save: Option<Arc<dyn Fn() + Send + Sync>>,
    transactions: AtomicU64,
    /// For transactions, which do not wait for the lock to learn it.
    is_closed: AtomicBool,
    working: RwLock<Working>,
    /// What the working state comes from, while it is not there yet.
    opening: opening::Slot,
    /// Where saved versions are read, without waiting for who changes the working state. `None` after closing.
    saved: Mutex<Option<Saved>>,
}

/// The database of a store, and the store's name in it.
#[derive(Clone)]
struct Saved {
    database: Arc<Shared>,
    name: String,
}

/// The working state, under the lock.
struct Working {
    /// `None` before its tree was computed, and after closing.
    store: Option<TreeStore>,
    history: History,
    /// Is there while a version is prepared.
    promise: Weak<Promise>,
}

/// What is known of a store beside its contents.
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) engine: String,
    pub(crate) path: PathBuf,
    pub(crate) capabilities: Capabilities,
    pub(crate) events: EventBus,
    /// Called after each saved version.
    pub(crate) after_save: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl SharedStore {
    pub(crate) fn new(store: Opening, about: About) -> Self {
        let About { name, engine, path, capabilities, events, after_save } = about;
        let (database, inner_name) = store.place();
        let saved = Mutex::new(Some(Saved { database: Arc::clone(database), name: inner_name.to_owned() }));
        let (store, opening) = store.split();
        let opening = opening::Slot::new(opening);
        let working = RwLock::new(Working { store, history: History::default(), promise: Weak::new() });
        let (name, transactions, is_closed) = (Mutex::new(name), AtomicU64::new(0), AtomicBool::new(false));
        Self {
            core: Arc::new(Core { name, engine, path, capabilities, events, after_save, transactions, is_closed, working, opening, saved }),
        }
    }

    /// The same store opened again, after all handles of it were closed.
    pub(crate) fn reopened(&self, store: Opening) -> Self {
        let core = &self.core;
        let about = About {
            name: core.name(),
            engine: core.engine.clone(),
            path: core.path.clone(),
            capabilities: core.capabilities,
            events: core.events.clone(),
            after_save: core.after_save.clone(),
        };
        Self::new(store, about)
    }

    /// The events of this store: what happens to it is published here.
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.core.events
    }

    /// Sets and removes keys (those without a value), one after another: the same as as many calls of `set` and `delete`, but quicker.
    ///
    /// # Errors
    /// As [`Store::set`] and [`Store::delete`]; nothing is changed then.
    pub fn apply(&self, operations: &[(&[u8], Option<&[u8]>)]) -> Result<()> {
        self.core.change(|store, history| {
            for (key, _) in operations {
                history.changed_key(key);
            }
            store.apply(operations)
        })
    }

    /// Whether anything changed since the last save or load.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn is_changed(&self) -> Result<bool> {
        match self.core.opening.get() {
            Some(_) => Ok(false),
            None => self.core.look(|store| Ok(store.is_changed())),
        }
    }

    /// Whether nobody changes or saves the store just now, so that a read of the working state does not wait. It may be otherwise right
    /// after.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.core.opening.get().is_none() && self.core.working.try_read().is_ok()
    }

    /// Whether the store was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.is_closed.load(Ordering::Acquire)
    }

    /// The newest saved version, if any.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn newest_version(&self) -> Result<Option<VersionInfo>> {
        match self.core.opening.get() {
            Some(unopened) => Ok(unopened.newest()),
            None => self.core.look(|store| Ok(store.newest())),
        }
    }

    /// Holds the store: nobody reads or writes it meanwhile.
    pub(crate) fn lock(&self) -> Result<Locked<'_>> {
        Ok(Locked { core: &self.core, working: self.core.write()? })
    }
}

impl From<TreeStore> for SharedStore {
    /// Shares a store of a [`Database`](super::Database), with an event bus of its own.
    fn from(store: TreeStore) -> Self {
        let path = store.database().path().to_owned();
        let capabilities = Capabilities { persistence: !path.as_os_str().is_empty(), ..Capabilities::TREE };
        let (name, engine, events) = (store.name().to_owned(), "of a database".to_owned(), EventBus::new());
        Self::new(store.into(), About { name, engine, path, capabilities, events, after_save: None })
    }
}

/// A store that is held.
pub(crate) struct Locked<'a> {
    core: &'a Core,
    working: RwLockWriteGuard<'a, Working>,
}

impl Locked<'_> {
    /// The store below, if it was not closed.
    pub(crate) fn store(&mut self) -> Result<&mut TreeStore> {
        self.working.store.as_mut().ok_or_else(|| self.core.closed())
    }

    /// Fails when a version is prepared, or the store is closed.
    pub(crate) fn changeable(&self) -> Result<()> {
        self.core.changeable(&self.working)
    }

    /// Nothing may change while the promise lives.
    pub(crate) fn keep(&mut self, promise: &Arc<Promise>) {
        self.working.promise = Arc::downgrade(promise);
    }

    /// The working state was saved.
    pub(crate) fn is_saved(&mut self) {
        self.working.history.saved();
    }

    /// The working state was replaced.
    pub(crate) fn is_replaced(&mut self, by: &'static str) {
        self.working.history.replaced(by);
    }

    /// The store got another name, also in its database if that is where its name is.
    pub(crate) fn is_renamed(&mut self, name: &str, is_in_database: bool) -> Result<()> {
        if is_in_database {
            self.store()?.is_renamed(name);
            if let Some(saved) = &mut *self.core.saved() {
                name.clone_into(&mut saved.name);
            }
        }
        name.clone_into(&mut self.core.name.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Closes the store without a word. Gives whether it was open.
    pub(crate) fn close(&mut self) -> bool {
        self.core.is_closed.store(true, Ordering::Release);
        *self.core.saved() = None;
        let was_to_come = self.core.opening.end();
        self.working.store.take().is_some() || was_to_come
    }
}

impl Core {
    pub(super) fn name(&self) -> String {
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn engine(&self) -> &str {
        &self.engine
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    pub(super) fn events(&self) -> &EventBus {
        &self.events
    }

    pub(super) fn next_transaction(&self) -> u64 {
        self.transactions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Set and taken whole, so a panic elsewhere leaves it whole.
    fn saved(&self) -> MutexGuard<'_, Option<Saved>> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where saved versions are read.
    fn source(&self) -> Result<Saved> {
        self.saved().clone().ok_or_else(|| self.closed())
    }

    /// Fails when the store was closed. Takes no lock.
    pub(super) fn open(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) { Err(self.closed()) } else { Ok(()) }
    }

    fn closed(&self) -> Error {
        Error::Closed { store: self.name() }
    }

    /// A thread that panicked while it held the lock may have left the working state half changed.
    fn panicked(&self) -> Error {
        Error::Poisoned { cause: format!("a thread panicked while it changed store {:?}", self.name()) }
    }

    fn read(&self) -> Result<RwLockReadGuard<'_, Working>> {
        self.ready(&|| true)?;
        self.working.read().map_err(|_| self.panicked())
    }

    fn write(&self) -> Result<RwLockWriteGuard<'_, Working>> {
        self.ready(&|| true)?;
        self.hold()
    }

    /// The working state as it is, even if it is not there yet.
    fn hold(&self) -> Result<RwLockWriteGuard<'_, Working>> {
        self.working.write().map_err(|_| self.panicked())
    }

    fn look<T>(&self, look: impl FnOnce(&TreeStore) -> Result<T>) -> Result<T> {
        let working = self.read()?;
        look(working.store.as_ref().ok_or_else(|| self.closed())?).map_err(|error| self.told(error))
    }

    /// The error under the store's own name: its database may know it by another.
    fn told(&self, error: Error) -> Error {
        error.about_store(&self.name())
    }

    fn changeable(&self, working: &Working) -> Result<()> {
        match &working.store {
            None => Err(self.closed()),
            Some(_) if working.promise.strong_count() > 0 => Err(Error::VersionPrepared { store: self.name() }),
            Some(_) => Ok(()),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut TreeStore, &mut History) -> Result<T>) -> Result<T> {
        let mut working = self.write()?;
        self.changeable(&working)?;
        let Working { store, history, .. } = &mut *working;
        change(store.as_mut().ok_or_else(|| self.closed())?, history).map_err(|error| self.told(error))
    }

    fn branch(&self) -> Result<Branch> {
        self.look(|store| Ok(store.branch()))
    }

    /// A branch for a transaction, and the change after which it begins. One that writes must be ended: until then later changes are
    /// remembered for it.
    pub(super) fn begin(&self, mode: TransactionMode) -> Result<(Branch, u64)> {
        let mut working = self.write()?;
        let Working { store, history, .. } = &mut *working;
        let store = store.as_ref().ok_or_else(|| self.closed())?;
        if mode == TransactionMode::ReadOnly {
            return Ok((store.branch(), history.now()));
        }
        store.database().disk.writable()?;
        Ok((store.branch(), history.begin()))
    }

    /// A transaction that writes ends without an effect.
    pub(super) fn end(&self, start: u64) {
        // The history is whole even if a thread panicked while it changed the tree.
        self.working.write().unwrap_or_else(PoisonError::into_inner).history.end(start);
    }

    /// Makes the work of a transaction part of the working state. Takes the work if the transaction ends with it, and tells of it before
    /// anything else can happen to the store.
    pub(super) fn commit(&self, transaction: u64, start: u64, work: &mut Option<Work>, reads: &Reads) -> Result<Committed> {
        let mut working = self.write()?;
        if let Err(error) = self.changeable(&working) {
            if working.store.is_none() {
                *work = None;
                working.history.end(start);
            }
            return Err(error);
        }
        let Some(work) = work.take() else { return Err(Error::TransactionEnded { store: self.name() }) };
        let Working { store, history, .. } = &mut *working;
        let store = store.as_mut().ok_or_else(|| self.closed())?;
        let outcome = self.go_in(store, history, start, work, reads);
        history.end(start);
        if let Ok(Committed { writes, .. }) = outcome {
            self.tell_commit(transaction, writes);
        }
        outcome
    }

    pub(super) fn tell_commit(&self, transaction: u64, writes: u64) {
        self.events.publish_with(|| TransactionCommit { store: self.name(), transaction, writes });
    }

    fn go_in(&self, store: &mut TreeStore, history: &mut History, start: u64, work: Work, reads: &Reads) -> Result<Committed> {
        let writes = work.writes.len() as u64;
        if work.operations.is_empty() {
            // It saw the state after `start`, and changed nothing.
            return Ok(Committed { sequence: Some(start), writes });
        }
        match history.obstacle(start, reads) {
            Some(Obstacle::Key(key)) => return Err(Error::Conflict { store: self.name(), key }),
            Some(Obstacle::Replaced(by)) => return Err(Error::StateReplaced { store: self.name(), by }),
            None => {}
        }
        let written = work.writes.clone();
        if history.is_newest(start) {
            store.adopt(work);
        } else {
            store.apply_writes(&work.operations)?;
        }
        Ok(Committed { sequence: Some(history.changed_keys(&written)), writes })
    }

    /// Saves what was promised.
    pub(super) fn save_promised(&self, promise: Arc<Promise>) -> Result<VersionInfo> {
        let mut working = self.write()?;
        // The store is held: nothing can come between the promise and the saving.
        drop(promise);
        self.save(&mut working)
    }

    fn save(&self, Working { store, history, .. }: &mut Working) -> Result<VersionInfo> {
        let info = store.as_mut().ok_or_else(|| self.closed())?.save_version().map_err(|error| self.told(error))?;
        history.saved();
        self.events.publish_with(|| saved_event(self.name(), &info));
        if let Some(after_save) = &self.after_save {
            after_save();
        }
        Ok(info)
    }
}

impl Store for SharedStore {
    fn name(&self) -> String {
        self.core.name()
    }

    fn engine(&self) -> String {
        self.core.engine.clone()
    }

    fn path(&self) -> PathBuf {
        self.core.path.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.core.capabilities
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.core.opening.get() {
            Some(unopened) => Ok(self.core.early(&unopened, key)?.map(|(value, _)| value)),
            None => self.core.look(|store| store.get(key)),
        }
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.core.change(|store, history| {
            store.set(key, value)?;
            history.changed_key(key);
            Ok(())
        })
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        self.core.change(|store, history| {
            store.delete(key)?;
            history.changed_key(key);
            Ok(())
        })
    }

    fn has(&self, key: &[u8]) -> Result<bool> {
        match self.core.opening.get() {
            Some(_) => Ok(self.get(key)?.is_some()),
            None => self.core.look(|store| store.has(key)),
        }
    }

    fn iterate(&self, visitor: Visit<'_>) -> Result<()> {
        self.iterate_range(Bound::Unbounded, Bound::Unbounded, Order::Ascending, visitor)
    }

    fn close(&self) -> Result<()> {
        self.core.opening.give_up();
        if (Locked { core: &self.core, working: self.core.hold()? }).close() {
            self.core.events.publish_with(|| StoreClosed { store: self.name() });
        }
        Ok(())
    }

    fn as_range_queryable(&self) -> Result<&dyn RangeQueryable> {
        if self.core.capabilities.range_queries { Ok(self) } else { Err(self.unsupported(Feature::RangeQueries)) }
    }

    fn as_transactional(&self) -> Result<&dyn Transactional> {
        if self.core.capabilities.transactions { Ok(self) } else { Err(self.unsupported(Feature::Transactions)) }
    }

    fn as_versioned(&self) -> Result<&dyn Versioned> {
        if self.core.capabilities.versioning { Ok(self) } else { Err(self.unsupported(Feature::Versions)) }
    }

    fn as_provable(&self) -> Result<&dyn Provable> {
        if self.core.capabilities.versioning { Ok(self) } else { Err(self.unsupported(Feature::Proofs)) }
    }
}

impl Transactional for SharedStore {
    fn begin_tx_with(&self, mode: TransactionMode) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(StoreTransaction::begin(&self.core, mode)?))
    }
}
