//! Writing nodes, orphans and index in the background.
//!
//! A commit makes a version durable by its operations (`log`) and its record (`commits`). All else is *derived data*: it follows from the
//! log and the checkpoint before. A *checkpoint* is a version whose nodes are all stored, and up to which the index has all changes; its
//! record `p` in `commits` says so, and is written last. The newest checkpoint of a store is its watermark: what came after is computed
//! anew from the log, hash-checked, when the database is opened (see [`replay`](super::replay)).
//!
//! Invariants
//! 1. Checkpoints of a store are written in the order of their versions, by one thread.
//! 2. When the record of a checkpoint is there, all nodes of its version are, and the index has every change up to it, unless a crash has
//!    set the index back (see [`index`](super::index)).
//! 3. The index may have changes of versions above the watermark as well (a crash in the middle of a flush): whoever asks it knows which
//!    keys changed since, from memory.
//! 4. The trees of versions above the watermark are in memory as long as they are queued, the newest one of each store always.
//! 5. After a failure nothing is flushed any more, and the database is poisoned. Nothing is lost: opening replays the log.
//!
//! ```text
//! commit --> lag of the store --(each checkpoint_interval versions)--> queue --> the flusher's thread --> nodes, latest, orphans, p
//!              newest tree, orphans, removed keys                       bounded: commits wait for room
//! ```

mod lag;
mod write;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use treering_tree::Tree;

use super::keys::StoreId;
use super::poison::Poison;
use crate::engine::Backend;
use crate::error::{Error, Result};
pub(crate) use lag::{Lag, Removed, Stored};

/// A version to make a checkpoint of.
pub(super) struct Job {
    store: StoreId,
    version: u64,
    /// The checkpoint before: nodes and changes up to it are stored.
    since: u64,
    tree: Tree,
    /// Stored nodes that were given up since the checkpoint before, in any order.
    orphans: Vec<treering_tree::NodeKey>,
    /// Keys removed, each with the version that did it.
    removed: Removed,
    /// Bytes that it keeps in memory, about.
    bytes: u64,
}

#[derive(Default)]
struct Table {
    lags: BTreeMap<StoreId, Lag>,
    /// The first one is being written.
    queue: VecDeque<Arc<Job>>,
    /// How many jobs were ever queued, and how many of these are done.
    queued: u64,
    done: u64,
    stopping: bool,
    /// Whether a checkpoint could not be written. A later one would tell of nodes that are not there.
    has_failed: bool,
}

impl Table {
    /// Bytes that wait behind the job under way.
    fn waiting_bytes(&self) -> u64 {
        self.queue.iter().skip(1).map(|job| job.bytes).sum()
    }
}

struct Inner {
    backend: Arc<dyn Backend>,
    poison: Arc<Poison>,
    table: Mutex<Table>,
    /// Told of every change of the queue.
    changed: Condvar,
    /// Bytes that may wait behind the job under way.
    limit: u64,
}

/// What is on its way to its final place.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FlushStatus {
    /// Checkpoints that are queued or being written.
    pub checkpoints: u64,
    /// Bytes of memory that they hold, about.
    pub bytes: u64,
}

/// The flusher of a database.
pub(crate) struct Flusher {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Versions from one checkpoint to the next.
    interval: u64,
}

impl Inner {
    /// The table is changed by steps that cannot fail half-way, so a panic elsewhere leaves it whole.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a condition on the table holds; fails when it cannot come true any more.
    fn wait_until(&self, holds: impl Fn(&Table) -> bool) -> Result<()> {
        let mut table = self.table();
        while !holds(&table) {
            self.poison.check()?;
            table = self.changed.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// The flusher's thread.
    fn run(&self) {
        while let Some(job) = self.next() {
            let written = write::checkpoint(&*self.backend, &job, self.limit);
            if let Err(error) = &written {
                self.poison.set(&format!("writing a checkpoint in the background: {error}"));
            }
            let mut table = self.table();
            table.queue.pop_front();
            if written.is_err() {
                table.has_failed = true;
                table.queue.clear();
            } else if let Some(lag) = table.lags.get_mut(&job.store) {
                lag.is_flushed(job.version);
            }
            drop(table);
            self.changed.notify_all();
            // Freeing what only this tree still reached takes time that no commit should pay.
            drop(job);
            self.table().done += 1;
            self.changed.notify_all();
        }
    }

    /// The next job; `None` when there will be none.
    fn next(&self) -> Option<Arc<Job>> {
        let mut table = self.table();
        loop {
            if let Some(job) = table.queue.front() {
                return Some(Arc::clone(job));
            }
            if table.stopping {
                return None;
            }
            table = self.changed.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Flusher {
    pub(super) fn new(backend: Arc<dyn Backend>, poison: Arc<Poison>, interval: u64, limit: u64) -> Self {
        let inner = Inner { backend, poison, table: Mutex::default(), changed: Condvar::new(), limit };
        Self { inner: Arc::new(inner), thread: Mutex::new(None), interval: interval.max(1) }
    }

    /// Waits until there is room in the queue: memory stays bounded when commits come faster than they can be flushed.
    pub(super) fn wait_for_room(&self) -> Result<()> {
        self.inner.wait_until(|table| table.waiting_bytes() <= self.inner.limit)
    }

    /// The store's lag; `stored` looks up how far it is stored when nothing is known of it yet.
    pub(super) fn with_lag<T>(
        &self,
        store: StoreId,
        stored: impl FnOnce() -> Result<Stored>,
        look: impl FnOnce(&mut Lag) -> T,
    ) -> Result<T> {
        if let Some(lag) = self.inner.table().lags.get_mut(&store) {
            return Ok(look(lag));
        }
        let stored = stored()?;
        Ok(look(self.inner.table().lags.entry(store).or_insert_with(|| Lag::new(stored))))
    }

    /// Queues the store's newest version as a checkpoint, if it is time for one, or if it is wanted in any case. Does nothing after a failure:
    /// the version is in the log, and whoever comes next hears of it.
    pub(super) fn queue(&self, store: StoreId, wanted: bool) -> Result<()> {
        let mut table = self.inner.table();
        if table.has_failed {
            return Ok(());
        }
        let Some(lag) = table.lags.get_mut(&store) else { return Ok(()) };
        if !(lag.is_due(self.interval) || wanted) {
            return Ok(());
        }
        let Some(job) = lag.take_job(store) else { return Ok(()) };
        table.queue.push_back(Arc::new(job));
        table.queued += 1;
        drop(table);
        self.inner.changed.notify_all();
        self.start()
    }

    fn start(&self) -> Result<()> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let inner = Arc::clone(&self.inner);
            let started = thread::Builder::new().name("treering-flush".to_owned()).spawn(move || inner.run());
            *thread = Some(started.map_err(|error| {
                self.inner.poison.set(&error.to_string());
                Error::Poisoned { cause: format!("the flusher's thread could not be started: {error}") }
            })?);
        }
        Ok(())
    }

    /// Queues the newest version of every store that has versions above its watermark.
    pub(super) fn queue_all(&self) -> Result<()> {
        let stores: Vec<StoreId> = self.inner.table().lags.keys().copied().collect();
        stores.into_iter().try_for_each(|store| self.queue(store, true))
    }

    /// Whether a checkpoint is queued or being written.
    pub(super) fn is_busy(&self) -> bool {
        !self.inner.table().queue.is_empty()
    }

    /// What is on its way.
    pub(super) fn status(&self) -> FlushStatus {
        let table = self.inner.table();
        FlushStatus { checkpoints: table.queue.len() as u64, bytes: table.queue.iter().map(|job| job.bytes).sum() }
    }

    /// Waits until all that is queued now is written; fails when something could not be.
    pub(super) fn drain(&self) -> Result<()> {
        let queued = self.inner.table().queued;
        self.inner.wait_until(|table| table.done >= queued)?;
        if self.inner.table().has_failed { self.inner.poison.check() } else { Ok(()) }
    }

    /// The tree of a version that is in memory here: the newest one of a store, or a queued one.
    pub(super) fn tree(&self, store: StoreId, version: u64) -> Option<Tree> {
        let table = self.inner.table();
        let newest = table.lags.get(&store).and_then(Lag::tree).filter(|tree| tree.version() == version);
        let queued = || table.queue.iter().find(|job| job.store == store && job.version == version).map(|job| &job.tree);
        newest.or_else(queued).cloned()
    }

    /// Forgets a store whose versions were removed or replaced. The queue must be empty.
    pub(super) fn forget(&self, store: StoreId) {
        let lag = self.inner.table().lags.remove(&store);
        drop(lag);
    }
}

impl Drop for Flusher {
    /// Writes what is queued, and ends the thread.
    fn drop(&mut self) {
        self.inner.table().stopping = true;
        self.inner.changed.notify_all();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A panic there was reported where it happened; what it was to write is in the log.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::engine::memory::MemoryBackend;
    use crate::engine::{BackendError, Batch, Durability, Keyspace, Scan};
    use treering_tree::Order;

    /// The first write fails, those after it succeed.
    #[derive(Default)]
    struct FailsOnce {
        inner: MemoryBackend,
        has_failed: AtomicBool,
    }

    impl Backend for FailsOnce {
        fn get(&self, keyspace: Keyspace, key: &[u8]) -> std::result::Result<Option<Vec<u8>>, BackendError> {
            self.inner.get(keyspace, key)
        }

        fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
            self.inner.scan(keyspace, from, to, order)
        }

        fn write(&self, batch: &Batch, durability: Durability) -> std::result::Result<(), BackendError> {
            if self.has_failed.swap(true, Ordering::SeqCst) {
                return self.inner.write(batch, durability);
            }
            Err(BackendError::new("writing", "no space left (injected)"))
        }

        fn flush(&self) -> std::result::Result<(), BackendError> {
            self.inner.flush()
        }
    }

    /// A commit that had begun before the flusher failed may hand on its version after it. Its checkpoint would say that the nodes of the one
    /// before are there, which could not be written.
    #[test]
    fn no_checkpoint_follows_one_that_could_not_be_written() {
        let (backend, poison) = (Arc::new(FailsOnce::default()), Arc::new(Poison::default()));
        let flusher = Flusher::new(Arc::clone(&backend) as Arc<dyn Backend>, Arc::clone(&poison), 1, 1 << 20);
        let (store, mut tree) = (StoreId(1), Tree::new());
        for version in 1..=3_u64 {
            tree.set(&version.to_be_bytes(), b"value").unwrap();
            let saved = tree.save().unwrap();
            let note = |lag: &mut Lag| {
                lag.add(&saved);
                lag.set_newest(tree.clone(), Removed::new());
            };
            flusher.with_lag(store, || Ok(Stored { checkpoint: 0, indexed: 0 }), note).unwrap();
            flusher.queue(store, false).unwrap();
            assert!(matches!(flusher.drain(), Err(Error::Poisoned { .. })), "version {version}");
            assert_eq!(flusher.tree(store, version).map(|tree| tree.version()), Some(version));
        }
        flusher.queue_all().unwrap();
        drop(flusher);
        for keyspace in Keyspace::ALL {
            assert_eq!(backend.scan(keyspace, &[], None, Order::Ascending).count(), 0, "{keyspace:?}");
        }
    }
}
