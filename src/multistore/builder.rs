//! Making and opening stores.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock, Weak};

use treering_proofs::HashFunction;
use treering_tree::Order;

use super::companions::Companions;
use super::databases::Databases;
use super::pruner::{Pruner, Wake};
use super::{Handle, Inner, MultiStore, Work, recovery, stores};
use crate::config::{MultiStoreConfig, Settings};
use crate::engine::{Access, Engine, Registry};
use crate::error::{Error, Result};
use crate::event::EventBus;
use crate::store::lock::FolderLock;
use crate::store::manifest::{Manifest, check_is_empty};
use crate::store::{CreateOptions, Database, OpenOptions, check_initial_version, default_threads};

/// What to set before making or opening a [`MultiStore`].
///
/// ```
/// use treering::MultiStore;
/// use treering::config::{Config, MultiStoreConfig};
/// use treering::proofs::HashFunction;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("chain");
/// let config = MultiStoreConfig::new(&path).with_engine_config("rocksdb", Config::new().with("max_versions", 100));
/// let chain = MultiStore::builder(config).hash_function(HashFunction::Blake3).initial_version(7).create()?;
/// assert_eq!(chain.save_version()?.version, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing happens until `create`, `open` or `open_or_create`"]
pub struct MultiStoreBuilder {
    config: MultiStoreConfig,
    own_engines: Vec<Arc<dyn Engine>>,
    home: Option<String>,
    hash_function: Option<HashFunction>,
    initial_version: Option<u64>,
    hash_threads: usize,
    is_read_only: bool,
    events: EventBus,
}

impl MultiStoreBuilder {
    pub(super) fn new(config: MultiStoreConfig) -> Self {
        Self {
            config,
            own_engines: Vec::new(),
            home: None,
            hash_function: None,
            initial_version: None,
            hash_threads: default_threads(),
            is_read_only: false,
            events: EventBus::new(),
        }
    }

    /// Adds an engine of your own.
    pub fn engine(mut self, engine: Arc<dyn Engine>) -> Self {
        self.own_engines.push(engine);
        self
    }

    /// The engine of the home database, which keeps the records of the whole. When made: by default the default engine, or, if that keeps
    /// nothing on the disk, the first that does. When opened: the one that it must be.
    pub fn home(mut self, engine: impl Into<String>) -> Self {
        self.home = Some(engine.into());
        self
    }

    /// The hash function. When made: SHA-256, that of the Cosmos SDK, by default. When opened: the one that it must be.
    pub fn hash_function(mut self, function: HashFunction) -> Self {
        self.hash_function = Some(function);
        self
    }

    /// The number of the first version (default 1). When opened it is not looked at.
    pub fn initial_version(mut self, version: u64) -> Self {
        self.initial_version = Some(version);
        self
    }

    /// Threads that hash when a version is saved; see [`OpenOptions::hash_threads`].
    pub fn hash_threads(mut self, threads: usize) -> Self {
        self.hash_threads = threads;
        self
    }

    /// Nothing is ever changed, on any engine. With `rocksdb` and `file` this works while another process writes; what it saves meanwhile is not seen.
    pub fn read_only(mut self) -> Self {
        self.is_read_only = true;
        self
    }

    /// Tells what happens on a bus that is there already.
    pub fn events(mut self, bus: EventBus) -> Self {
        self.events = bus;
        self
    }

    /// Makes stores in a folder that is empty or not there yet (or in memory, without a folder).
    ///
    /// # Errors
    /// [`Error::DatabaseExists`], [`Error::FolderInUse`], [`Error::Config`], [`Error::Registry`], [`Error::Tree`] for an impossible initial
    /// version, [`Error::Io`], [`Error::Engine`].
    pub fn create(self) -> Result<MultiStore> {
        let (engines, settings) = self.engines()?;
        let create = CreateOptions {
            hash_function: self.hash_function.unwrap_or(HashFunction::Sha256),
            initial_version: self.initial_version.unwrap_or(CreateOptions::default().initial_version),
        };
        check_initial_version(create.initial_version)?;
        let root = self.config.root_path.clone();
        let home = self.home_of_new(&engines)?;
        let is_on_disk = !root.as_os_str().is_empty();
        let lock = if is_on_disk { Some(Arc::new(prepare_folder(&root, &engines)?)) } else { None };
        let mut databases = self.databases(engines, settings, home, lock);
        databases.is_read_only = false;
        let (home, folder) = (databases.home.clone(), databases.folder(&databases.home));
        let backend = databases.engines.get(&home)?.open(&folder, Access::Create, &databases.settings(&home)?)?;
        Database::create_or_keep_on(&*backend, &create)?;
        if is_on_disk {
            Manifest::new(&home).write(&root)?;
        }
        let database = Database::assemble(backend, &databases.options(&home)?, &root, databases.lock.clone())?;
        databases.open.insert(home, database);
        self.assemble(databases)
    }

    /// Opens the stores in a folder, and puts right what a crash left. Takes time by the number of stores, not of versions or keys.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Locked`] when it is open for writing elsewhere, [`Error::OtherHashFunction`], [`Error::OtherEngine`],
    /// [`Error::NewerFormat`], [`Error::Config`], [`Error::Registry`] for an engine that is not there, [`Error::NeedsCleaning`],
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn open(self) -> Result<MultiStore> {
        let (engines, settings) = self.engines()?;
        let root = self.config.root_path.clone();
        let Some(manifest) = Manifest::read(&root)? else { return Err(Error::NoDatabase { path: root }) };
        if let Some(expected) = self.home.clone().filter(|home| *home != manifest.home) {
            return Err(Error::OtherEngine { path: root, expected, found: manifest.home });
        }
        let home = manifest.home;
        let engine = engines.get(&home)?;
        let is_read_only = self.is_read_only || settings.get(&home).is_some_and(Settings::read_only);
        let lock = if is_read_only { None } else { Some(Arc::new(FolderLock::take(&root)?)) };
        let mut databases = self.databases(engines, settings, home.clone(), lock);
        databases.is_read_only = is_read_only;
        let access = if is_read_only { Access::ReadOnly } else { Access::ReadWrite };
        let backend = engine.open(&databases.folder(&home), access, &databases.settings(&home)?)?;
        let options = OpenOptions { hash_function: self.hash_function, ..databases.options(&home)? };
        let database = Database::assemble(backend, &options, &root, databases.lock.clone())?;
        databases.open.insert(home, database);
        self.assemble(databases)
    }

    /// Opens the stores in a folder, or makes them if there are none.
    ///
    /// # Errors
    /// As [`MultiStoreBuilder::open`] and [`MultiStoreBuilder::create`].
    pub fn open_or_create(self) -> Result<MultiStore> {
        if Manifest::read(&self.config.root_path)?.is_some() { self.open() } else { self.create() }
    }

    fn engines(&self) -> Result<(Registry, BTreeMap<String, Settings>)> {
        let mut engines = Registry::with_compiled_in();
        for engine in &self.own_engines {
            engines.register(Arc::clone(engine))?;
        }
        let settings = engines.check(&self.config)?;
        Ok((engines, settings))
    }

    fn home_of_new(&self, engines: &Registry) -> Result<String> {
        if let Some(home) = &self.home {
            engines.get(home)?;
            return Ok(home.clone());
        }
        let persists = |name: &str| engines.get(name).is_ok_and(|engine| engine.capabilities().persistence);
        let default = &self.config.default_engine;
        if self.config.root_path.as_os_str().is_empty() || persists(default) {
            return Ok(default.clone());
        }
        let rocksdb = MultiStoreConfig::new("").default_engine;
        let names = engines.names();
        let home = names.iter().find(|name| **name == rocksdb).or_else(|| names.iter().find(|name| persists(name)));
        Ok(home.map_or_else(|| default.clone(), |home| (*home).to_owned()))
    }

    fn databases(&self, engines: Registry, settings: BTreeMap<String, Settings>, home: String, lock: Option<Arc<FolderLock>>) -> Databases {
        Databases {
            root: self.config.root_path.clone(),
            engines,
            settings,
            home,
            is_read_only: self.is_read_only,
            hash_threads: self.hash_threads,
            lock,
            open: BTreeMap::new(),
        }
    }

    fn assemble(self, mut databases: Databases) -> Result<MultiStore> {
        recovery::recover(&mut databases)?;
        let newest = databases.home()?.disk().multi_versions(Order::Descending).next().transpose()?;
        let wake = Arc::new(Wake::default());
        let members = stores::members(&mut databases, &self.events, &wake, newest.as_ref())?;
        let newest = newest.map_or(0, |record| record.version);
        let companions = Companions { log: None, newest: databases.home()?.disk().companion(newest)? };
        let is_read_only = databases.is_read_only;
        let inner = Arc::new(Inner {
            root: self.config.root_path,
            events: self.events,
            default_engine: Mutex::new(self.config.default_engine),
            members: RwLock::new(members),
            saved: RwLock::new(None),
            work: Mutex::new(Some(Work { databases, current: newest, newest, companions, promise: Weak::new() })),
            wake,
            removals: Mutex::new(()),
        });
        inner.publish(inner.work().0.as_ref());
        let pruner = if is_read_only { None } else { Some(Pruner::start(&inner)?) };
        Ok(MultiStore { handle: Arc::new(Handle { inner, pruner: Mutex::new(pruner) }) })
    }
}

/// Makes and locks the folder.
fn prepare_folder(root: &Path, engines: &Registry) -> Result<FolderLock> {
    if Manifest::read(root)?.is_some() {
        return Err(Error::DatabaseExists { path: root.to_owned() });
    }
    fs::create_dir_all(root).map_err(|source| Error::Io { action: "creating", path: root.to_owned(), source })?;
    check_is_empty(root, |name| engines.names().iter().any(|engine| name == *engine))?;
    FolderLock::take(root)
}
