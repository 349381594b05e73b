//! A database: opening, its stores, whole-database work.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use treering_proofs::{Hash, HashFunction, MAX_VERSION};
use treering_tree::{Tree, TreeError};

use super::lock::FolderLock;
use super::{HeldVersion, Opening, Snapshot, TreeStore};
use crate::config::ENGINE_CACHE_SHARE;
use crate::engine::{Backend, Durability};
use crate::error::{Error, Result};
use crate::persist::check::{CheckProgress, CheckSummary};
use crate::persist::multi::HomeChanges;
use crate::persist::prune::{Keep, PruneReport};
use crate::persist::records::{DatabaseRecord, StoreSettings, VersionRecord};
use crate::persist::stats::KindStats;
use crate::persist::usage::Usage;
use crate::persist::watch::Watch;
use crate::persist::{Disk, DiskOptions, StoreState};

/// One part in this many of `cache_size` may wait to be flushed.
const FLUSH_SHARE: u64 = 4;
/// Bytes of the longest store name.
const MAX_NAME_LEN: usize = 128;

/// What is fixed when a database is made.
#[derive(Clone, Copy, Debug)]
pub struct CreateOptions {
    /// The hash function (default SHA-256, that of cosmos/iavl).
    pub hash_function: HashFunction,
    /// The version of every store's first save (default 1).
    pub initial_version: u64,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self { hash_function: HashFunction::Sha256, initial_version: 1 }
    }
}

/// How to open a database.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Never change anything (default false). Works while another process writes; what it saves meanwhile is not seen.
    pub read_only: bool,
    /// Wait until a saved version is on the disk (default true). Without, a power cut may lose the newest versions, never tear one.
    pub sync_writes: bool,
    /// Bytes of memory for nodes and the engine's block cache, which has an eighth (default 1 GiB). With RocksDB, and versions that change
    /// at most a tenth of what fits, the resident memory of the whole process stays below five quarters of it and 128 MiB. The latter is for
    /// code (20 MiB), write buffers (as much as the block cache, 12 MiB at least and 96 MiB at most), what of a checkpoint is on its way
    /// to the disk (a sixteenth, 2 to 32 MiB), open tables, and what allocators keep (with glibc's, what is free is given back while memory is
    /// short).
    ///
    /// It cannot hold when a version's changes do not fit, nor when branches of a tree beside the working state live long, nor for
    /// nodes that are lent: [`TreeStore::range`] and the walks of [`Snapshot::tree`] keep what they load, [`Snapshot::scan`] does not.
    /// See [`Tree::unload`](treering_tree::Tree::unload).
    pub cache_size: u64,
    /// The hash function that the database must have (default: whichever it has).
    pub hash_function: Option<HashFunction>,
    /// Threads that apply a block and hash when a version is saved (default: as many as there are processors, but at most 4). The result
    /// is the same with any number.
    pub hash_threads: usize,
    /// Of each store every so many versions one is a checkpoint, whose nodes are stored (default 1: every version is). With more, nodes
    /// that live shorter never reach the disk: fewer bytes are written and kept. Versions in between are computed from the checkpoint
    /// below by doing the logged operations again, hash-checked, when they are read for the first time, and so is what a crash leaves
    /// above the newest checkpoint: each takes time by the operations since. A [`MultiStore`](crate::MultiStore) does the latter in the
    /// background, and answers what needs no tree meanwhile. Can be another one each time a database is opened.
    pub checkpoint_interval: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            sync_writes: true,
            cache_size: 1 << 30,
            hash_function: None,
            hash_threads: default_threads(),
            checkpoint_interval: 1,
        }
    }
}

/// More were not measured.
const MOST_THREADS: usize = 4;

pub(crate) fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, |threads| threads.get().min(MOST_THREADS))
}

/// A saved version of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VersionInfo {
    /// Its number.
    pub version: u64,
    /// The root hash; that of the empty string for an empty store.
    pub root_hash: Hash,
    /// Number of keys.
    pub size: u64,
    /// Levels of inner nodes.
    pub height: u8,
    /// The commit that made it.
    pub commit: u64,
    /// When it was saved, in seconds since 1970.
    pub time: u64,
}

impl VersionInfo {
    pub(crate) fn new(version: u64, record: &VersionRecord) -> Self {
        let (size, height) = record.root.map_or((0, 0), |root| (root.size, root.height));
        Self { version, root_hash: record.root_hash, size, height, commit: record.commit, time: record.time }
    }
}

/// A database, open. Cheap to clone: clones are the same database, which closes when the last of them, of its stores and of its
/// snapshots is gone.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(super) disk: Disk,
    path: PathBuf,
    /// Stores that have a writer.
    writers: Mutex<BTreeSet<String>>,
    /// The newest version of a store in memory, for readers.
    published: Mutex<HashMap<String, Tree>>,
    _lock: Option<Arc<FolderLock>>,
}

impl Database {
    /// Makes a database in an empty backend.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`], [`Error::Tree`] for an impossible initial version, [`Error::Engine`].
    pub fn create_on(backend: &dyn Backend, create: &CreateOptions) -> Result<()> {
        check_initial_version(create.initial_version)?;
        if Disk::is_there(backend)? {
            return Err(Error::DatabaseExists { path: PathBuf::new() });
        }
        let record = DatabaseRecord { hash_function: create.hash_function, initial_version: create.initial_version };
        Disk::create(backend, record)
    }

    /// Makes a database, unless an interrupted making left one.
    pub(crate) fn create_or_keep_on(backend: &dyn Backend, create: &CreateOptions) -> Result<()> {
        match Self::create_on(backend, create) {
            // Nothing was ever promised of it, so it is made anew as asked for now.
            Err(Error::DatabaseExists { .. }) => {
                Disk::create(backend, DatabaseRecord { hash_function: create.hash_function, initial_version: create.initial_version })
            }
            made => made,
        }
    }

    /// Opens the database in a backend of your own.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::OtherHashFunction`], [`Error::NewerFormat`], [`Error::Damaged`], [`Error::Engine`].
    pub fn open_on(backend: Arc<dyn Backend>, options: &OpenOptions) -> Result<Self> {
        Self::assemble(backend, options, Path::new(""), None)
    }

    pub(crate) fn assemble(backend: Arc<dyn Backend>, options: &OpenOptions, path: &Path, lock: Option<Arc<FolderLock>>) -> Result<Self> {
        let disk_options = DiskOptions {
            durability: if options.sync_writes { Durability::Synced } else { Durability::Buffered },
            read_only: options.read_only,
            hash_threads: options.hash_threads,
            checkpoint_interval: options.checkpoint_interval,
            flush_bytes: options.cache_size / FLUSH_SHARE,
        };
        let disk = Disk::open(backend, disk_options)?.ok_or_else(|| Error::NoDatabase { path: path.to_owned() })?;
        let found = disk.database().hash_function;
        if let Some(expected) = options.hash_function.filter(|expected| *expected != found) {
            return Err(Error::OtherHashFunction { expected, found });
        }
        disk.budget().set_limit(options.cache_size - options.cache_size / ENGINE_CACHE_SHARE);
        let shared = Shared { disk, path: path.to_owned(), writers: Mutex::default(), published: Mutex::default(), _lock: lock };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The hash function.
    #[must_use]
    pub fn hash_function(&self) -> HashFunction {
        self.shared.disk.database().hash_function
    }

    /// The version of every store's first save.
    #[must_use]
    pub fn initial_version(&self) -> u64 {
        self.shared.disk.database().initial_version
    }

    /// The database's folder; empty for one on a backend of your own.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The names of all stores, in order.
    #[must_use]
    pub fn store_names(&self) -> Vec<String> {
        self.shared.disk.stores().into_keys().collect()
    }

    /// Makes a store.
    ///
    /// # Errors
    /// [`Error::StoreExists`], [`Error::StoreName`], [`Error::ReadOnly`], [`Error::Engine`].
    pub fn create_store(&self, name: &str) -> Result<()> {
        check_name(name)?;
        self.shared.disk.create_store(name, StoreSettings::default())
    }

    /// Gives a store another name. Its versions, roots and proofs stay; app hashes, which hold the names, change with the next commit.
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::StoreExists`], [`Error::StoreName`], [`Error::StoreInUse`] while either name has a writer,
    /// [`Error::ReadOnly`], [`Error::Engine`].
    pub fn rename_store(&self, from: &str, to: &str) -> Result<()> {
        check_name(to)?;
        self.shared.no_writer(from)?;
        self.shared.no_writer(to)?;
        self.shared.disk.rename_store(from, to, &HomeChanges::default())
    }

    /// Removes a store with all its versions, in one atomic step. O(versions).
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::StoreInUse`] while it has a writer, [`Error::Pinned`] while a snapshot of it is open,
    /// [`Error::ReadOnly`], [`Error::Engine`].
    pub fn delete_store(&self, name: &str) -> Result<()> {
        self.shared.no_writer(name)?;
        self.shared.disk.delete_stores(&[name.to_owned()], &HomeChanges::default())
    }

    /// The writer of a store: its working state, at the newest version. There is one at a time.
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::StoreInUse`], [`Error::ReadOnly`].
    pub fn store(&self, name: &str) -> Result<TreeStore> {
        self.shared.disk.writable()?;
        self.open_store(name)?.now()
    }

    /// The writer of a store, also of a read-only database: then nothing can be changed through it.
    pub(crate) fn open_store(&self, name: &str) -> Result<Opening> {
        self.opening(name, self.shared.disk.store(name)?)
    }

    /// The writer of a store that is made by its first version, if it is not there yet.
    pub(crate) fn expect_store(&self, name: &str) -> Result<Opening> {
        self.opening(name, self.shared.disk.expect_store(name))
    }

    /// What its stores and snapshots share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What lies below.
    pub(crate) fn disk(&self) -> &Disk {
        &self.shared.disk
    }

    fn opening(&self, name: &str, state: StoreState) -> Result<Opening> {
        if !self.shared.writers().insert(name.to_owned()) {
            return Err(Error::StoreInUse { name: name.to_owned() });
        }
        Opening::begin(&self.shared, name, state)
    }

    /// As [`Database::store`]; a store that is not there yet is made by its first saved version, in the same atomic step.
    ///
    /// # Errors
    /// [`Error::StoreName`], [`Error::StoreInUse`], [`Error::ReadOnly`].
    pub fn store_or_new(&self, name: &str) -> Result<TreeStore> {
        check_name(name)?;
        self.shared.disk.writable()?;
        self.expect_store(name)?.now()
    }

    /// A version of a store to read; `None` for the newest. It is kept while the snapshot lives. O(1).
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::NoVersion`] (also for the newest when none was saved).
    pub fn snapshot(&self, name: &str, version: Option<u64>) -> Result<Snapshot> {
        Shared::snapshot(&self.shared, name, version)
    }

    /// The saved versions of a store, in order. O(versions).
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::Damaged`], [`Error::Engine`].
    pub fn versions(&self, name: &str) -> Result<Vec<VersionInfo>> {
        let store = self.shared.disk.store(name)?.id;
        let versions = self.shared.disk.versions(store)?;
        Ok(versions.iter().map(|(version, record)| VersionInfo::new(*version, record)).collect())
    }

    /// Removes versions of a store, and all records that only they needed, beside its writer, who goes on meanwhile. The newest version stays in
    /// any case, and so do versions that a snapshot or the working state is based on: they are deferred.
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::KeepsNothing`], [`Error::ReadOnly`], [`Error::Poisoned`], [`Error::Engine`]. A pruning that was cut short is
    /// finished by the next one.
    pub fn prune(&self, name: &str, keep: &Keep) -> Result<PruneReport> {
        self.shared.disk.prune(name, keep)
    }

    /// Walks every kept version of every store, recomputes every hash, and compares the index with the newest tree. O(nodes).
    ///
    /// # Errors
    /// The first thing that is wrong, as [`Error::Damaged`] or [`Error::Tree`]; [`Error::Engine`].
    pub fn check(&self, progress: &mut dyn FnMut(CheckProgress<'_>)) -> Result<CheckSummary> {
        self.shared.disk.check(progress, &mut Watch::new(&mut || ControlFlow::Continue(())))
    }

    /// What is in memory, and how often it was not. O(versions held).
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.disk.usage()
    }

    /// Counts all records. O(records).
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn stats(&self) -> Result<Vec<KindStats>> {
        self.shared.disk.stats(&mut Watch::new(&mut || ControlFlow::Continue(())))
    }

    /// Waits until the checkpoints that are on their way in the background are stored.
    ///
    /// # Errors
    /// [`Error::Poisoned`] when storing one failed: then opening again recovers.
    pub fn wait_until_flushed(&self) -> Result<()> {
        self.shared.disk.wait_until_flushed()
    }

    /// Gets everything onto the disk in its final place, so that the next open is quick. Dropping the database does it too, but cannot
    /// report a failure. What was saved is safe either way.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn close(self) -> Result<()> {
        self.shared.disk.flush()
    }
}

impl Shared {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A version of a store to read.
    pub(super) fn snapshot(shared: &Arc<Self>, name: &str, version: Option<u64>) -> Result<Snapshot> {
        shared.hold(name, version)?.open(shared)
    }

    /// A version of a store to read, before its tree is there: no other read than that of its record.
    pub(crate) fn hold(&self, name: &str, version: Option<u64>) -> Result<HeldVersion> {
        let state = self.disk.store(name)?;
        let newest = state.newest.map_or(0, |(version, _)| version);
        let version = version.unwrap_or(newest);
        let (record, pin) = self.disk.pin(name, state.id, version)?;
        Ok(HeldVersion::new(name, state.id, (version, record), pin))
    }

    /// The sets under these locks are changed by single calls that cannot fail half-way, so a panic elsewhere leaves them whole.
    fn writers(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn published_trees(&self) -> MutexGuard<'_, HashMap<String, Tree>> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A branch of the published tree, if it is that version.
    pub(super) fn published(&self, name: &str, version: u64, record: &VersionRecord) -> Option<Tree> {
        let trees = self.published_trees();
        let tree = trees.get(name)?;
        (tree.version() == version && tree.root_hash() == Some(record.root_hash)).then(|| tree.clone())
    }

    /// Lets readers share the nodes in memory.
    pub(super) fn publish(&self, name: &str, tree: Tree) {
        self.published_trees().insert(name.to_owned(), tree);
    }

    /// Fails when the store has a writer.
    fn no_writer(&self, name: &str) -> Result<()> {
        if self.writers().contains(name) { Err(Error::StoreInUse { name: name.to_owned() }) } else { Ok(()) }
    }

    /// A writer's store got another name.
    pub(super) fn rename_writer(&self, from: &str, to: &str) {
        self.unpublish(from);
        let mut writers = self.writers();
        writers.remove(from);
        writers.insert(to.to_owned());
    }

    pub(super) fn unpublish(&self, name: &str) {
        self.published_trees().remove(name);
    }

    pub(super) fn release_writer(&self, name: &str) {
        self.unpublish(name);
        self.writers().remove(name);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nothing is lost when this fails: the write-ahead log has it all. `close` reports it.
        let _ = self.disk.flush();
    }
}

pub(crate) fn check_initial_version(version: u64) -> Result<()> {
    if (1..=MAX_VERSION).contains(&version) {
        return Ok(());
    }
    Err(TreeError::InitialVersion { version, why: "versions go from 1 to 2^63 - 1" }.into())
}

pub(crate) fn check_name(name: &str) -> Result<()> {
    let refuse = |why| Err(Error::StoreName { name: name.to_owned(), why });
    if name.is_empty() {
        return refuse("it is empty");
    }
    if name.len() > MAX_NAME_LEN {
        return refuse("it is longer than 128 bytes");
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) || matches!(name, "." | "..") {
        return refuse("it has a path separator or a control character, or names a folder");
    }
    Ok(())
}
