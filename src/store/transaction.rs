//! Transactions on a shared store, and transactions nested in them.
//!
//! Invariants
//! 1. `State::work` is there while the transaction is active, and only then.
//! 2. While a nested transaction is open the outer one's work is not touched: it rests.
//! 3. Locks are taken from the inner transaction outwards, the store's last.

use std::ops::Bound;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treering_tree::Order;

use super::history::{Bytes, Reads};
use super::shared::Core;
use super::traits::{Committed, RangeQueryable, Savepoint, Store, Transaction, TransactionMode, Transactional, Visit};
use super::work::{Work, visit};
use crate::engine::Capabilities;
use crate::error::{Error, Feature, Result};
use crate::event::{TransactionBegin, TransactionRollback};

/// Numbers the savepoints of all transactions, so that none takes another one's for its own.
static SAVEPOINTS: AtomicU64 = AtomicU64::new(0);

/// A handle on a transaction; dropped, it rolls back.
pub(super) struct StoreTransaction {
    shared: Arc<Shared>,
}

/// What the handle and a nested transaction share.
struct Shared {
    id: u64,
    mode: TransactionMode,
    /// Whether reads are noted: not where nothing can come to depend on them.
    notes_reads: bool,
    below: Below,
    store: Arc<Core>,
    state: Mutex<State>,
}

/// What a transaction is committed to.
enum Below {
    /// The store, as of this change.
    Store { start: u64 },
    /// The transaction that it is nested in.
    Outer(Arc<Shared>),
}

struct State {
    work: Option<Work>,
    reads: Reads,
    /// Their numbers grow.
    savepoints: Vec<(u64, Work)>,
    is_resting: bool,
}

impl State {
    fn new(work: Work, reads: Reads) -> Self {
        Self { work: Some(work), reads, savepoints: Vec::new(), is_resting: false }
    }

    /// The transaction ended: what it held goes.
    fn clear(&mut self) {
        self.reads = Reads::default();
        self.savepoints.clear();
    }
}

impl StoreTransaction {
    /// Begins a transaction on a store.
    pub(super) fn begin(store: &Arc<Core>, mode: TransactionMode) -> Result<Self> {
        let (branch, start) = store.begin(mode)?;
        let id = store.next_transaction();
        let state = Mutex::new(State::new(Work::new(branch), Reads::default()));
        let read_only = mode == TransactionMode::ReadOnly;
        let shared = Shared { id, mode, notes_reads: !read_only, below: Below::Store { start }, store: Arc::clone(store), state };
        store.events().publish_with(|| TransactionBegin { store: store.name(), transaction: id, read_only });
        Ok(Self { shared: Arc::new(shared) })
    }

    fn nested(&self, mode: TransactionMode) -> Result<Self> {
        let outer = &self.shared;
        let mut state = outer.usable()?;
        if outer.mode == TransactionMode::ReadOnly && mode == TransactionMode::ReadWrite {
            return Err(outer.read_only());
        }
        let work = state.work.clone().ok_or_else(|| outer.ended())?;
        let nested = State::new(work, state.reads.clone());
        state.is_resting = true;
        let store = Arc::clone(&outer.store);
        let id = store.next_transaction();
        let (notes_reads, below) = (outer.notes_reads, Below::Outer(Arc::clone(outer)));
        Ok(Self { shared: Arc::new(Shared { id, mode, notes_reads, below, store, state: Mutex::new(nested) }) })
    }
}

impl Shared {
    /// A panic cannot leave the state half changed: the tree's calls change nothing when they fail, and what follows them does not fail.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of an active transaction without an open nested one, on an open store.
    fn usable(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.work.is_none() {
            return Err(self.ended());
        }
        self.store.open()?;
        if state.is_resting {
            return Err(Error::NestedTransactionOpen { store: self.store.name() });
        }
        Ok(state)
    }

    fn ended(&self) -> Error {
        Error::TransactionEnded { store: self.store.name() }
    }

    fn read_only(&self) -> Error {
        Error::ReadOnlyTransaction { store: self.store.name() }
    }

    /// Reads with the work at hand, and notes what was read.
    fn read<T>(&self, note: impl FnOnce(&mut Reads), read: impl FnOnce(&Work) -> Result<T>) -> Result<T> {
        let mut state = self.usable()?;
        if self.notes_reads {
            note(&mut state.reads);
        }
        read(state.work.as_ref().ok_or_else(|| self.ended())?)
    }

    fn write(&self, write: impl FnOnce(&mut Work) -> Result<()>) -> Result<()> {
        let mut state = self.usable()?;
        if self.mode == TransactionMode::ReadOnly {
            return Err(self.read_only());
        }
        write(state.work.as_mut().ok_or_else(|| self.ended())?)
    }

    fn commit(&self) -> Result<Committed> {
        let mut guard = match self.usable() {
            Err(closed @ Error::Closed { .. }) => {
                self.abandon();
                return Err(closed);
            }
            usable => usable?,
        };
        let state = &mut *guard;
        let committed = match &self.below {
            Below::Store { start } if self.mode == TransactionMode::ReadOnly => Ok(self.stop_reading(state, *start)),
            Below::Store { start } => self.store.commit(self.id, *start, &mut state.work, &state.reads),
            Below::Outer(outer) => outer.take_in(state),
        };
        let has_ended = state.work.is_none();
        if has_ended {
            state.clear();
        }
        drop(guard);
        if has_ended && committed.is_err() {
            self.tell_rollback();
        }
        committed
    }

    /// Ends a transaction that only reads, of which the store knows nothing.
    fn stop_reading(&self, state: &mut State, start: u64) -> Committed {
        state.work = None;
        self.store.tell_commit(self.id, 0);
        Committed { sequence: Some(start), writes: 0 }
    }

    /// The work of a nested transaction becomes that of this one.
    fn take_in(&self, nested: &mut State) -> Result<Committed> {
        let mut state = self.state();
        let Some(work) = nested.work.take() else { return Err(self.ended()) };
        if state.work.is_none() {
            return Err(self.ended());
        }
        let committed = Committed { sequence: None, writes: work.writes.len() as u64 };
        state.work = Some(work);
        state.reads = std::mem::take(&mut nested.reads);
        state.is_resting = false;
        Ok(committed)
    }

    /// Ends the transaction without an effect, also while a nested one is open, which cannot be committed then.
    fn abandon(&self) {
        let mut state = self.state();
        let Some(work) = state.work.take() else { return };
        drop(work);
        match &self.below {
            Below::Store { .. } if self.mode == TransactionMode::ReadOnly => {}
            Below::Store { start } => self.store.end(*start),
            Below::Outer(outer) => {
                let mut outer = outer.state();
                // What was read may have decided what is written.
                outer.reads = std::mem::take(&mut state.reads);
                outer.is_resting = false;
            }
        }
        state.clear();
        drop(state);
        self.tell_rollback();
    }

    fn tell_rollback(&self) {
        if let Below::Store { .. } = self.below {
            self.store.events().publish_with(|| TransactionRollback { store: self.store.name(), transaction: self.id });
        }
    }

    /// The place of a savepoint among those there are.
    fn find(&self, state: &State, Savepoint(number): Savepoint) -> Result<usize> {
        let none = || Error::NoSavepoint { store: self.store.name(), savepoint: number };
        state.savepoints.binary_search_by_key(&number, |&(other, _)| other).map_err(|_| none())
    }
}

impl Store for StoreTransaction {
    fn name(&self) -> String {
        self.shared.store.name()
    }

    fn engine(&self) -> String {
        self.shared.store.engine().to_owned()
    }

    fn path(&self) -> PathBuf {
        self.shared.store.path().to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { versioning: false, ..self.shared.store.capabilities() }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.shared.read(|reads| reads.key(key), |work| work.branch.get(key))
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.shared.write(|work| work.set(key, value))
    }

    fn delete(&self, key: &[u8]) -> Result<()> {
        self.shared.write(|work| work.delete(key))
    }

    fn has(&self, key: &[u8]) -> Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    fn iterate(&self, visitor: Visit<'_>) -> Result<()> {
        self.iterate_range(Bound::Unbounded, Bound::Unbounded, Order::Ascending, visitor)
    }

    /// Rolls back, if the transaction is active.
    fn close(&self) -> Result<()> {
        if self.is_active() { self.rollback() } else { Ok(()) }
    }

    fn as_range_queryable(&self) -> Result<&dyn RangeQueryable> {
        if self.capabilities().range_queries { Ok(self) } else { Err(self.unsupported(Feature::RangeQueries)) }
    }

    fn as_transactional(&self) -> Result<&dyn Transactional> {
        Ok(self)
    }

    fn unsupported(&self, feature: Feature) -> Error {
        Error::Unsupported { engine: format!("{} in a transaction", self.shared.store.engine()), feature }
    }
}

impl RangeQueryable for StoreTransaction {
    fn iterate_range(&self, start: Bound<&[u8]>, end: Bound<&[u8]>, order: Order, visitor: Visit<'_>) -> Result<()> {
        // The whole range counts as read, until it is known where the visitor stopped: it may commit before that.
        let mut place = 0;
        let note = |reads: &mut Reads| place = reads.range(start.map(Bytes::from), end.map(Bytes::from));
        let branch = self.shared.read(note, |work| Ok(work.branch.clone()))?;
        let stopped_at = visit(&branch, (start, end), order, visitor)?;
        let Some(last) = stopped_at else { return Ok(()) };
        if self.shared.notes_reads {
            let last = Bound::Included(Bytes::from(last));
            let (start, end) = match order {
                Order::Ascending => (start.map(Bytes::from), last),
                Order::Descending => (last, end.map(Bytes::from)),
            };
            self.shared.state().reads.narrow(place, start, end);
        }
        Ok(())
    }
}

impl Transactional for StoreTransaction {
    fn begin_tx_with(&self, mode: TransactionMode) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(self.nested(mode)?))
    }
}

impl Transaction for StoreTransaction {
    fn id(&self) -> u64 {
        self.shared.id
    }

    fn commit(&self) -> Result<Committed> {
        self.shared.commit()
    }

    fn rollback(&self) -> Result<()> {
        match self.shared.usable() {
            // What was closed is given up all the same.
            Ok(_) | Err(Error::Closed { .. }) => {}
            Err(error) => return Err(error),
        }
        self.shared.abandon();
        Ok(())
    }

    fn is_active(&self) -> bool {
        self.shared.state().work.is_some()
    }

    fn is_read_only(&self) -> bool {
        self.shared.mode == TransactionMode::ReadOnly
    }

    fn savepoint(&self) -> Result<Savepoint> {
        let mut state = self.shared.usable()?;
        let work = state.work.clone().ok_or_else(|| self.shared.ended())?;
        let number = SAVEPOINTS.fetch_add(1, Ordering::Relaxed) + 1;
        state.savepoints.push((number, work));
        Ok(Savepoint(number))
    }

    fn rollback_to_savepoint(&self, savepoint: Savepoint) -> Result<()> {
        let mut state = self.shared.usable()?;
        let place = self.shared.find(&state, savepoint)?;
        state.savepoints.truncate(place + 1);
        state.work = state.savepoints.last().map(|(_, work)| work.clone());
        Ok(())
    }

    fn release_savepoint(&self, savepoint: Savepoint) -> Result<()> {
        let mut state = self.shared.usable()?;
        let place = self.shared.find(&state, savepoint)?;
        state.savepoints.truncate(place);
        Ok(())
    }
}

impl Drop for Shared {
    /// One by one: a chain of nested transactions may be too long for the stack.
    fn drop(&mut self) {
        let mut below = std::mem::replace(&mut self.below, Below::Store { start: 0 });
        while let Below::Outer(outer) = below {
            let Some(mut outer) = Arc::into_inner(outer) else { return };
            below = std::mem::replace(&mut outer.below, Below::Store { start: 0 });
        }
    }
}

impl Drop for StoreTransaction {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}
