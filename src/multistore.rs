//! Many named stores, saved together.
//!
//! A [`MultiStore`] holds stores on one or several engines. [`MultiStore::save_version`] makes one version of all of them, atomically, with
//! the app hash over all store roots (that of the Cosmos SDK); what it saved can be loaded, proven, rolled back to and pruned as a whole.
//!
//! Invariants
//! 1. A version of the whole is there when its record is in the home database; all that it lists was written before, or in the same batch.
//! 2. The versions that the newest version of the whole lists are held: no store is pruned or rolled back below them alone.
//! 3. Who changes which stores there are, or saves, loads, rolls back or deletes, holds `Inner::work`; stores are locked after it, in the
//!    order of their names.
//!
//! ```text
//! MultiStore -- home database (stores of its engine; records of the whole)    one batch: the commit point
//!           \-- database of another engine (its stores)                       written before, taken back if the home's is not there
//! ```

mod again;
mod batch;
#[cfg(feature = "system")]
mod beside;
mod builder;
mod companions;
mod databases;
mod history;
mod inspect;
mod member;
mod pages;
mod proof;
mod pruner;
mod recovery;
mod rollback;
mod saved;
mod saving;
mod snapshot;
mod stores;
mod upkeep;
mod versions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use crate::config::{KeyDescription, MultiStoreConfig};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::event::EventBus;
use crate::store::{Promise, SharedStore};
use companions::Companions;
use databases::Databases;
use member::Member;
use pruner::{Pruner, Wake};
use treering_proofs::HashFunction;

pub use batch::BatchChange;
pub use builder::MultiStoreBuilder;
pub use companions::CompanionLog;
pub use history::{HistoryEntry, HistoryMark};
pub use member::StoreListing;
use saved::Saved;
pub use saving::PreparedMultiVersion;
pub use snapshot::MultiSnapshot;
pub use versions::{MultiVersion, StoreVersion};

/// The engine that is always there.
const MEMORY: &str = "memory";

/// Named stores that are saved together. Cheap to clone: clones are the same.
///
/// ```
/// use treering::{MultiStore, Store};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("chain");
/// let chain = MultiStore::create(&path)?;
/// let bank = chain.create_store("bank", None, &Default::default())?;
/// let gov = chain.create_store("gov", None, &Default::default())?;
/// bank.set(b"alice", b"100")?;
/// gov.set(b"proposal/1", b"more trees")?;
/// let first = chain.save_version()?;
///
/// // Anyone who trusts the app hash can check a value without the database.
/// let proof = chain.snapshot(Some(first.version))?.prove("bank", b"alice")?;
/// let evidence = proof.verify(chain.hash_function()?, &first.app_hash, "bank", b"alice")?;
/// assert_eq!(evidence.value(), Some(&b"100"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MultiStore {
    handle: Arc<Handle>,
}

/// When the last handle goes, background work ends first.
struct Handle {
    inner: Arc<Inner>,
    pruner: Mutex<Option<Pruner>>,
}

/// What all handles share.
struct Inner {
    root: PathBuf,
    events: EventBus,
    default_engine: Mutex<String>,
    members: RwLock<BTreeMap<String, Member>>,
    /// `None` after closing.
    work: Mutex<Option<Work>>,
    /// What the work says of saved versions, for who only reads them. `None` after closing.
    saved: RwLock<Option<Arc<Saved>>>,
    wake: Arc<Wake>,
    /// Held, before `work`, by whoever prunes or rolls back: what was found to go must not be rolled back and saved anew meanwhile.
    removals: Mutex<()>,
}

/// What saving and everything else that changes the whole works with.
struct Work {
    databases: Databases,
    /// The version of the whole that the working states are based on; 0 before the first.
    current: u64,
    /// The newest one.
    newest: u64,
    /// What stands beside the versions.
    companions: Companions,
    /// Is there while a version is prepared.
    promise: Weak<Promise>,
}

/// The work, held. When it is put down, readers see what became of it.
struct Held<'a>(MutexGuard<'a, Option<Work>>, &'a Inner);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.1.publish(self.0.as_ref());
    }
}

impl Held<'_> {
    fn get(&mut self) -> Result<&mut Work> {
        self.0.as_mut().ok_or(Error::AllClosed)
    }
}

impl Inner {
    /// Records are changed on the disk first and here after, by calls that cannot fail, so a panic elsewhere leaves this whole.
    fn work(&self) -> Held<'_> {
        Held(self.work.lock().unwrap_or_else(PoisonError::into_inner), self)
    }

    /// Lets one removal of versions at a time be under way.
    fn removals(&self) -> MutexGuard<'_, ()> {
        self.removals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The map is changed by single calls.
    fn members(&self) -> RwLockReadGuard<'_, BTreeMap<String, Member>> {
        self.members.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn members_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Member>> {
        self.members.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without what holds its version, which would stand in the way of a deletion.
    fn store(&self, name: &str) -> Result<SharedStore> {
        let members = self.members();
        let no_store = || Error::NoStore { name: name.to_owned(), stores: members.keys().cloned().collect() };
        members.get(name).map(|member| member.store.clone()).ok_or_else(no_store)
    }

    fn member(&self, name: &str) -> Result<Member> {
        let members = self.members();
        members.get(name).cloned().ok_or_else(|| Error::NoStore { name: name.to_owned(), stores: members.keys().cloned().collect() })
    }
}

impl MultiStore {
    /// Makes stores in a new or empty folder, with the defaults of everything. For more see [`MultiStore::builder`].
    ///
    /// # Errors
    /// As [`MultiStoreBuilder::create`].
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(MultiStoreConfig::new(path)).create()
    }

    /// Opens the stores in a folder.
    ///
    /// # Errors
    /// As [`MultiStoreBuilder::open`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(MultiStoreConfig::new(path)).open()
    }

    /// Stores that lie in memory and are gone with the last handle.
    ///
    /// # Errors
    /// As [`MultiStoreBuilder::create`].
    pub fn in_memory() -> Result<Self> {
        Self::builder(MultiStoreConfig::new("").with_default_engine(MEMORY)).create()
    }

    /// What to set before making or opening stores.
    pub fn builder(config: MultiStoreConfig) -> MultiStoreBuilder {
        MultiStoreBuilder::new(config)
    }

    /// The folder; empty for stores in memory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.handle.inner.root
    }

    /// Where what happens is told.
    #[must_use]
    pub fn events(&self) -> &EventBus {
        &self.handle.inner.events
    }

    /// The hash function of all stores.
    ///
    /// # Errors
    /// [`Error::AllClosed`].
    pub fn hash_function(&self) -> Result<HashFunction> {
        Ok(self.inner().saved()?.home()?.hash_function())
    }

    fn inner(&self) -> &Arc<Inner> {
        &self.handle.inner
    }

    /// The store `name`. All handles of it are the same store; one that was closed is opened again.
    ///
    /// # Errors
    /// [`Error::NoStore`], which lists the stores there are; those of opening.
    pub fn get_store(&self, name: &str) -> Result<SharedStore> {
        let store = self.inner().store(name)?;
        if !store.is_closed() {
            return Ok(store);
        }
        self.inner().reopen_closed(&self.inner().work().get()?.databases)?;
        self.inner().store(name)
    }

    /// All stores, in the order of their names.
    #[must_use]
    pub fn list_stores(&self) -> Vec<StoreListing> {
        let members = self.inner().members();
        let listing = |(name, member): (&String, &Member)| StoreListing {
            name: name.clone(),
            engine: member.engine.clone(),
            retention: member.retention,
        };
        members.iter().map(listing).collect()
    }

    /// Whether there is a store of this name.
    #[must_use]
    pub fn store_exists(&self, name: &str) -> bool {
        self.inner().members().contains_key(name)
    }

    /// Whether there is such a store and a read of its working state does not wait for anybody, as [`SharedStore::is_idle`].
    #[must_use]
    pub fn is_idle(&self, name: &str) -> bool {
        let members = self.inner().members.try_read();
        members.is_ok_and(|members| members.get(name).is_some_and(|member| !member.store.is_closed() && member.store.is_idle()))
    }

    /// The engine of new stores for which none is named.
    #[must_use]
    pub fn default_engine(&self) -> String {
        self.inner().default_engine.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the engine of new stores for which none is named.
    ///
    /// # Errors
    /// [`Error::Registry`] for an engine that is not there, [`Error::AllClosed`].
    pub fn set_default_engine(&self, engine: &str) -> Result<()> {
        self.engine(engine)?;
        engine.clone_into(&mut self.inner().default_engine.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Adds an engine of your own for new stores. One that has stores already must be given to the [builder](MultiStoreBuilder::engine).
    ///
    /// # Errors
    /// [`Error::Registry`] when the name is taken or malformed, [`Error::AllClosed`].
    pub fn register_engine(&self, engine: Arc<dyn Engine>) -> Result<()> {
        Ok(self.inner().work().get()?.databases.engines.register(engine)?)
    }

    /// The names of all engines.
    ///
    /// # Errors
    /// [`Error::AllClosed`].
    pub fn list_engines(&self) -> Result<Vec<String>> {
        Ok(self.inner().work().get()?.databases.engines.names().into_iter().map(str::to_owned).collect())
    }

    /// The engine `name`, to ask what it can do.
    ///
    /// # Errors
    /// [`Error::Registry`], which lists the engines there are; [`Error::AllClosed`].
    pub fn engine(&self, name: &str) -> Result<Arc<dyn Engine>> {
        Ok(self.inner().work().get()?.databases.engines.get(name)?)
    }

    /// All keys of the configuration, for all engines.
    ///
    /// # Errors
    /// [`Error::AllClosed`].
    pub fn describe_keys(&self) -> Result<Vec<KeyDescription>> {
        Ok(self.inner().work().get()?.databases.engines.describe_keys())
    }

    /// Closes all stores and databases, through all handles: what was not saved is gone, what was is on the disk in its final place.
    /// Closing again does nothing.
    ///
    /// # Errors
    /// [`Error::Engine`] when something cannot be written; what was saved is safe all the same.
    pub fn close_all(&self) -> Result<()> {
        self.handle.stop_pruning();
        let Some(work) = self.inner().work().0.take() else { return Ok(()) };
        let members = std::mem::take(&mut *self.inner().members_mut());
        for member in members.into_values() {
            crate::store::Store::close(&member.store)?;
        }
        work.databases.open.into_values().try_for_each(crate::store::Database::close)
    }
}

impl Handle {
    fn stop_pruning(&self) {
        let pruner = self.pruner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pruner) = pruner {
            pruner.stop();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop_pruning();
    }
}
