//! The one place that knows what lies where on the disk.
//!
//! Invariants
//! 1. A version is there when its record in `commits` is; its operations in `log` were on the disk before (the single commit point).
//! 2. Nodes and index follow in the background, checkpoint by checkpoint (see [`flush`]). What is above the newest checkpoint is computed
//!    from the log when it is needed (see [`replay`]).
//! 3. A node made at c and given up at the checkpoint o is there as long as a kept version has its checkpoint in [c, o).
//! 4. `latest` holds the keys and values of the newest checkpoint, each with the version that set it; while a flush is under way, some of
//!    the next one. A crash may set it back to an earlier checkpoint: it is brought forward from the log (see [`index`]).
//! 5. After a failed write nothing is written any more until the database is opened again.
//!
//! ```text
//! store -> Disk ---- commit, flush, replay, registry, prune, rollback, check   what is done
//!            \------ keys, frame, page, log, records            how it is laid out (formats are documented there)
//!             \----- Backend                                    where it is kept
//! ```

mod allocator;
pub(crate) mod check;
pub(crate) mod commit;
pub(crate) mod companion;
pub(crate) mod flush;
mod frame;
pub(crate) mod index;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod multi;
mod pace;
pub(crate) mod page;
mod pins;
mod poison;
pub(crate) mod prune;
pub(crate) mod recent;
pub(crate) mod records;
mod registry;
pub(crate) mod replay;
pub(crate) mod rollback;
mod source;
pub(crate) mod stats;
mod trees;
pub(crate) mod usage;
mod verify;
mod walk;
pub(crate) mod watch;
mod window;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use treering_tree::{Budget, Order};

use crate::engine::{Backend, BackendError, Batch, Durability, Keyspace};
use crate::error::{Error, Result};
use keys::StoreId;
use poison::Poison;
use records::{CommitRecord, DatabaseRecord, Standing, StoreSettings, VersionRecord};

pub(crate) use pins::Pin;

/// A store as it stands.
#[derive(Clone, Debug)]
pub(crate) struct StoreState {
    pub(crate) id: StoreId,
    /// Whether it is on the disk: a store may wait for its first version.
    pub(crate) registered: bool,
    /// Its newest version, if it has any.
    pub(crate) newest: Option<(u64, VersionRecord)>,
    pub(crate) settings: StoreSettings,
}

impl StoreState {
    /// A store that is not on the disk yet.
    fn waiting(id: StoreId) -> Self {
        Self { id, registered: false, newest: None, settings: StoreSettings::default() }
    }
}

/// What changes with commits.
#[derive(Clone)]
struct State {
    stores: BTreeMap<String, StoreState>,
    next_commit: u64,
    /// The number of the next new store. Commits name stores by number, so none is given twice.
    next_store: u32,
}

impl State {
    /// The number of the store `name`, which is there or waits for its first version.
    fn id_of(&self, name: &str) -> Result<StoreId> {
        let no_store = || Error::NoStore { name: name.to_owned(), stores: self.stores.keys().cloned().collect() };
        self.stores.get(name).map(|store| store.id).ok_or_else(no_store)
    }

    /// The number of the store `name`, or the one that it will have.
    fn id_for(&self, name: &str) -> StoreId {
        self.stores.get(name).map_or(StoreId(self.next_store), |store| store.id)
    }

    /// The store `name` is on the disk, with this newest version.
    fn newest_is(&mut self, name: &str, newest: Option<(u64, VersionRecord)>) {
        if let Some(store) = self.stores.get_mut(name) {
            store.registered = true;
            store.newest = newest;
        }
    }
}

/// How to write and hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiskOptions {
    pub(crate) durability: Durability,
    pub(crate) read_only: bool,
    pub(crate) hash_threads: usize,
    /// Versions of a store from one checkpoint to the next.
    pub(crate) checkpoint_interval: u64,
    /// Bytes that may wait to be flushed.
    pub(crate) flush_bytes: u64,
}

/// An open database, without a working state.
pub(crate) struct Disk {
    backend: Arc<dyn Backend>,
    options: DiskOptions,
    database: DatabaseRecord,
    state: Mutex<State>,
    /// Held by whoever commits. The state is locked only to be copied before and to be replaced after the write, so readers never wait for
    /// the disk.
    commits: Mutex<()>,
    /// Held by whoever removes versions, before `commits`: a pruning in the background must not meet versions that are rolled back and
    /// saved anew under the same numbers meanwhile. Saving does not need it.
    removals: Mutex<()>,
    pins: pins::Pins,
    /// Of the nodes in memory of all trees.
    budget: Arc<Budget>,
    reads: Arc<usage::Reads>,
    free_memory: allocator::FreeMemory,
    flusher: flush::Flusher,
    /// Trees of versions that were read lately.
    trees: Mutex<trees::OldTrees>,
    unindexed: index::Unindexed,
    poison: Arc<Poison>,
}

/// A version's record as it is stored.
#[derive(Clone, Copy)]
struct VersionRow {
    version: u64,
    record: VersionRecord,
    standing: Standing,
}

impl Disk {
    /// Whether the backend holds a database.
    pub(crate) fn is_there(backend: &dyn Backend) -> Result<bool> {
        Ok(backend.get(Keyspace::Meta, keys::DATABASE)?.is_some())
    }

    /// Makes a database in an empty backend.
    pub(crate) fn create(backend: &dyn Backend, database: DatabaseRecord) -> Result<()> {
        let mut batch = Batch::new();
        batch.put(Keyspace::Meta, keys::DATABASE, database.encode());
        Ok(backend.write(&batch, Durability::Synced)?)
    }

    /// Opens a database. Reads one record a store: O(stores), whatever the number of versions and keys.
    pub(crate) fn open(backend: Arc<dyn Backend>, options: DiskOptions) -> Result<Option<Self>> {
        let Some(record) = backend.get(Keyspace::Meta, keys::DATABASE)? else { return Ok(None) };
        let database = DatabaseRecord::decode(&record)?;
        let stores = read_stores(&*backend)?;
        let newest_commit = newest_commit(&*backend)?;
        let next_store = read_next_store(&*backend, &stores)?;
        check_standing(&stores, newest_commit.as_ref())?;
        let next_commit = newest_commit.map_or(1, |(newest, _)| newest + 1);
        let state = Mutex::new(State { stores, next_commit, next_store });
        if !options.read_only {
            forget_unfinished_log(&*backend, next_commit)?;
        }
        let poison = Arc::new(Poison::default());
        let interval = options.checkpoint_interval;
        let flusher = flush::Flusher::new(Arc::clone(&backend), Arc::clone(&poison), interval, options.flush_bytes);
        Ok(Some(Self {
            backend,
            options,
            database,
            state,
            commits: Mutex::new(()),
            removals: Mutex::new(()),
            pins: pins::Pins::default(),
            budget: Budget::unlimited(),
            reads: Arc::default(),
            free_memory: allocator::FreeMemory::default(),
            flusher,
            trees: Mutex::default(),
            unindexed: index::Unindexed::default(),
            poison,
        }))
    }

    /// Gives free memory back to the system, now and then: for when memory is short.
    pub(crate) fn give_back_free_memory(&self) {
        self.free_memory.give_back();
    }

    /// The budget for nodes in memory.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) fn database(&self) -> DatabaseRecord {
        self.database
    }

    /// The state is replaced only after a write has succeeded, so a panic elsewhere leaves it whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one commit at a time be under way.
    fn commits(&self) -> MutexGuard<'_, ()> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one removal of versions at a time be under way.
    fn removals(&self) -> MutexGuard<'_, ()> {
        self.removals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stores that are on the disk.
    pub(crate) fn stores(&self) -> BTreeMap<String, StoreState> {
        let mut stores = self.state().stores.clone();
        stores.retain(|_, store| store.registered);
        stores
    }

    /// A store that is on the disk.
    pub(crate) fn store(&self, name: &str) -> Result<StoreState> {
        let mut stores = self.stores();
        let no_store =
            |stores: &BTreeMap<String, StoreState>| Error::NoStore { name: name.to_owned(), stores: stores.keys().cloned().collect() };
        stores.remove(name).ok_or_else(|| no_store(&stores))
    }

    /// Fails when nothing may be written.
    pub(crate) fn writable(&self) -> Result<()> {
        if self.options.read_only {
            return Err(Error::ReadOnly);
        }
        self.poison.check()
    }

    /// The only way to write. A failure poisons the handle: what is on the disk is known again after opening.
    fn write(&self, batch: &Batch) -> Result<()> {
        self.writable()?;
        self.write_as(batch, self.options.durability)
    }

    /// Writes what need not be on the disk at once: removals that opening, or the next pruning, does again.
    fn write_later(&self, batch: &Batch) -> Result<()> {
        self.writable()?;
        self.write_as(batch, Durability::Buffered)
    }

    fn write_as(&self, batch: &Batch, durability: Durability) -> Result<()> {
        self.noted(self.backend.write(batch, durability))
    }

    /// A failed write poisons the handle.
    fn noted(&self, written: std::result::Result<(), BackendError>) -> Result<()> {
        written.map_err(|error| {
            self.poison(&error.to_string());
            Error::from(error)
        })
    }

    /// Lets nothing be written any more: it is not known how things stand.
    pub(crate) fn poison(&self, cause: &str) {
        self.poison.set(cause);
    }

    /// Fails for a user's key that the engine could not take.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<()> {
        let max = self.backend.max_key_len().saturating_sub(keys::LATEST_PREFIX);
        if key.len() > max { Err(Error::KeyTooLong { length: key.len(), max }) } else { Ok(()) }
    }

    /// Makes a store's newest version a checkpoint, and waits until it and all others under way are stored.
    pub(crate) fn make_checkpoint(&self, store: StoreId) -> Result<()> {
        self.flusher.queue(store, true)?;
        self.wait_until_flushed()
    }

    /// Waits until what is queued is stored.
    pub(crate) fn wait_until_flushed(&self) -> Result<()> {
        self.flusher.drain()?;
        self.poison.check()
    }

    /// What is on its way to its final place. Fails after a failed write.
    pub(crate) fn flush_status(&self) -> Result<flush::FlushStatus> {
        self.poison.check()?;
        Ok(self.flusher.status())
    }

    /// Gets everything onto the disk, as checkpoints of the newest versions.
    pub(crate) fn flush(&self) -> Result<()> {
        if self.options.read_only || self.poison.is_set() {
            return Ok(());
        }
        self.flusher.queue_all()?;
        self.flusher.drain()?;
        Ok(self.backend.flush()?)
    }

    /// The record of a version.
    pub(crate) fn version(&self, name: &str, store: StoreId, version: u64) -> Result<VersionRecord> {
        match self.version_if_kept(store, version)? {
            Some(record) => Ok(record),
            None => Err(Error::NoVersion { store: name.to_owned(), version, kept: self.kept_in_words(store)? }),
        }
    }

    /// Whether a version is there.
    pub(crate) fn has_version(&self, store: StoreId, version: u64) -> Result<bool> {
        Ok(self.version_if_kept(store, version)?.is_some())
    }

    /// The record of a version, if it is there.
    pub(crate) fn version_if_kept(&self, store: StoreId, version: u64) -> Result<Option<VersionRecord>> {
        let at = keys::version(store, version);
        let record = self.backend.get(Keyspace::Commits, &at)?;
        let row = record.map(|record| VersionRecord::decode(&at, &record)).transpose()?;
        Ok(row.filter(|&(_, standing)| standing == Standing::Kept).map(|(record, _)| record))
    }

    fn kept_in_words(&self, store: StoreId) -> Result<String> {
        let edge = |order| self.version_scan(store, order).next().transpose();
        Ok(match (edge(Order::Ascending)?, edge(Order::Descending)?) {
            (Some((oldest, _)), Some((newest, _))) if oldest == newest => format!("the only one kept is {oldest}"),
            (Some((oldest, _)), Some((newest, _))) => format!("the oldest one kept is {oldest}, the newest {newest}"),
            _ => "none was saved yet".to_owned(),
        })
    }

    /// All versions of a store in order.
    pub(crate) fn versions(&self, store: StoreId) -> Result<Vec<(u64, VersionRecord)>> {
        self.version_scan(store, Order::Ascending).collect()
    }

    /// The oldest version of a store that is there.
    pub(crate) fn oldest_version(&self, name: &str) -> Result<Option<u64>> {
        let oldest = self.version_scan(self.store(name)?.id, Order::Ascending).next().transpose()?;
        Ok(oldest.map(|(version, _)| version))
    }

    /// The versions of a store, one by one.
    pub(crate) fn version_scan(&self, store: StoreId, order: Order) -> impl Iterator<Item = Result<(u64, VersionRecord)>> + '_ {
        scan_versions(&*self.backend, store, order)
    }

    /// The records of a store's versions from `first` to `last`, also of removed ones that are still needed.
    fn version_rows(&self, store: StoreId, first: u64, last: u64) -> impl Iterator<Item = Result<VersionRow>> + '_ {
        let (from, to) = keys::versions_between(store, first, last);
        scan_rows(&*self.backend, &from, &to, Order::Ascending)
    }
}

fn read_stores(backend: &dyn Backend) -> Result<BTreeMap<String, StoreState>> {
    let (from, to) = keys::stores();
    let mut stores = BTreeMap::new();
    for pair in backend.scan(Keyspace::Meta, &from, Some(&to), Order::Ascending) {
        let (key, record) = pair?;
        let (name, id, settings) = records::decode_store(&key, &record)?;
        let newest = scan_versions(backend, id, Order::Descending).next().transpose()?;
        stores.insert(name, StoreState { id, registered: true, newest, settings });
    }
    Ok(stores)
}

/// The number of the next new store. One that is given twice would mix up two stores.
fn read_next_store(backend: &dyn Backend, stores: &BTreeMap<String, StoreState>) -> Result<u32> {
    let damaged = |what: &str| Err(Error::Damaged { record: keys::name(Keyspace::Meta, keys::NEXT_STORE), what: what.to_owned() });
    let next = match backend.get(Keyspace::Meta, keys::NEXT_STORE)? {
        Some(record) => records::decode_next_store(&record)?,
        None if !stores.is_empty() => return damaged("it is missing, though there are stores"),
        None => 0,
    };
    if stores.values().any(|store| store.id.0 >= next) {
        return damaged("a store has the number that it gives to the next one, or a higher one");
    }
    Ok(next)
}

/// The kept versions of a store.
fn scan_versions(backend: &dyn Backend, store: StoreId, order: Order) -> impl Iterator<Item = Result<(u64, VersionRecord)>> + '_ {
    let (from, to) = keys::versions(store);
    let rows = scan_rows(backend, &from, &to, order);
    let kept = rows.filter(|row| row.as_ref().map_or(true, |row| row.standing == Standing::Kept));
    kept.map(|row| row.map(|row| (row.version, row.record)))
}

fn scan_rows<'a>(backend: &'a dyn Backend, from: &[u8], to: &[u8], order: Order) -> impl Iterator<Item = Result<VersionRow>> + use<'a> {
    backend.scan(Keyspace::Commits, from, Some(to), order).map(|pair| {
        let (key, record) = pair?;
        let damaged = || Error::Damaged { record: keys::name(Keyspace::Commits, &key), what: "its key is malformed".to_owned() };
        let version = keys::version_number(&key).ok_or_else(damaged)?;
        let (record, standing) = VersionRecord::decode(&key, &record)?;
        Ok(VersionRow { version, record, standing })
    })
}

/// Removes the operations of a commit that a crash kept from being finished.
fn forget_unfinished_log(backend: &dyn Backend, next_commit: u64) -> Result<()> {
    let from = keys::logs_from(next_commit);
    let last = backend.scan(Keyspace::Log, &from, None, Order::Descending).next().transpose()?;
    let Some((last, _)) = last else { return Ok(()) };
    let mut batch = Batch::new();
    batch.delete_range(Keyspace::Log, from, [&last[..], &[0]].concat());
    Ok(backend.write(&batch, Durability::Buffered)?)
}

fn newest_commit(backend: &dyn Backend) -> Result<Option<(u64, CommitRecord)>> {
    let (from, to) = keys::commits();
    let newest = backend.scan(Keyspace::Commits, &from, Some(&to), Order::Descending).next().transpose()?;
    let Some((key, record)) = newest else { return Ok(None) };
    let damaged = || Error::Damaged { record: keys::name(Keyspace::Commits, &key), what: "its key is malformed".to_owned() };
    let number = keys::commit_number(&key).ok_or_else(damaged)?;
    Ok(Some((number, CommitRecord::decode(&key, &record)?)))
}

/// The newest commit lists the newest version of every store: no record of a store, of its newest version or of the commit itself is lost.
fn check_standing(stores: &BTreeMap<String, StoreState>, commit: Option<&(u64, CommitRecord)>) -> Result<()> {
    let newest = |store: &StoreState| store.newest.map(|(version, record)| (store.id, (version, record.root_hash)));
    let standing: BTreeMap<_, _> = stores.values().filter_map(newest).collect();
    let committed = commit.into_iter().flat_map(|(_, commit)| &commit.stores);
    let listed: BTreeMap<_, _> = committed.map(|store| (store.store, (store.version, store.root_hash))).collect();
    if standing == listed {
        return Ok(());
    }
    let record = commit.map_or("commits".to_owned(), |(number, _)| keys::name(Keyspace::Commits, &keys::commit(*number)));
    let what = "the newest commit does not list the newest version of every store: it, a store's record or a version's is missing";
    Err(Error::Damaged { record, what: what.to_owned() })
}
