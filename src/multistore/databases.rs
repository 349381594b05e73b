//! The databases of a `MultiStore`, one an engine, in folders with the engines' names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, Settings};
use crate::engine::{Access, Engine, Registry};
use crate::error::{Error, Result};
use crate::persist::Disk;
use crate::persist::keys::StoreId;
use crate::persist::multi::Place;
use crate::store::lock::FolderLock;
use crate::store::{CreateOptions, Database, OpenOptions};

/// Databases, opened when they are first needed.
pub(super) struct Databases {
    /// The folder of all; empty when there is none.
    pub(super) root: PathBuf,
    pub(super) engines: Registry,
    pub(super) settings: BTreeMap<String, Settings>,
    pub(super) home: String,
    pub(super) is_read_only: bool,
    pub(super) hash_threads: usize,
    pub(super) lock: Option<Arc<FolderLock>>,
    pub(super) open: BTreeMap<String, Database>,
}

impl Databases {
    /// How to open the database of an engine.
    pub(super) fn options(&self, engine: &str) -> Result<OpenOptions> {
        let settings = self.settings(engine)?;
        Ok(OpenOptions {
            read_only: self.is_read_only && self.engines.get(engine)?.capabilities().persistence,
            sync_writes: settings.sync_writes(),
            cache_size: settings.cache_size(),
            hash_function: None,
            hash_threads: self.hash_threads,
            checkpoint_interval: settings.checkpoint_interval(),
        })
    }

    pub(super) fn settings(&self, engine: &str) -> Result<Settings> {
        match self.settings.get(engine) {
            Some(settings) => Ok(settings.clone()),
            None => Ok(Settings::check(engine, &self.engines.get(engine)?.keys(), &Config::new())?),
        }
    }

    /// Where the database of an engine lies.
    pub(super) fn folder(&self, engine: &str) -> PathBuf {
        if self.root.as_os_str().is_empty() { PathBuf::new() } else { self.root.join(engine) }
    }

    /// The home database.
    pub(super) fn home(&self) -> Result<&Database> {
        self.open.get(&self.home).ok_or(Error::AllClosed)
    }

    /// The engine of a place.
    pub(super) fn engine_of<'a>(&'a self, place: &'a Place) -> &'a str {
        if place.is_home() { &self.home } else { &place.engine }
    }

    /// The database and the number there of the store at a place, if both are there. For the home the store is not looked for.
    pub(super) fn store_at(&self, place: &Place) -> Option<(&Disk, StoreId)> {
        let disk = self.open.get(self.engine_of(place))?.disk();
        if place.is_home() {
            return Some((disk, StoreId(u32::try_from(place.number).ok()?)));
        }
        disk.store(&place.number.to_string()).ok().map(|store| (disk, store.id))
    }

    /// The database of an engine, opened or made now if it was not yet.
    pub(super) fn get(&mut self, engine: &str) -> Result<&Database> {
        if !self.open.contains_key(engine) {
            let database = self.open_other(engine)?;
            self.open.insert(engine.to_owned(), database);
        }
        self.open.get(engine).ok_or(Error::AllClosed)
    }

    /// Lets nothing be written any more: it is not known how the databases stand to each other.
    pub(super) fn poison(&self, error: &Error) {
        for database in self.open.values() {
            database.disk().poison(&error.to_string());
        }
    }

    /// The databases beside the home.
    pub(super) fn others(&self) -> impl Iterator<Item = (&str, &Database)> {
        self.open.iter().filter(|(engine, _)| **engine != self.home).map(|(engine, database)| (engine.as_str(), database))
    }

    fn open_other(&self, name: &str) -> Result<Database> {
        let engine = self.engines.get(name)?;
        let (settings, home) = (self.settings(name)?, self.home()?);
        let (path, options) = (self.folder(name), self.options(name)?);
        let (hash_function, initial_version) = (home.hash_function(), home.initial_version());
        let access = access(&*engine, &path, options.read_only);
        let backend = engine.open(&path, access, &settings)?;
        // A making that was interrupted may have left an engine with no database in it, too.
        let is_to_make = access == Access::Create || access == Access::ReadWrite && !Disk::is_there(&*backend)?;
        if is_to_make {
            // What was left is made anew: the home knows of no store in it.
            Database::create_or_keep_on(&*backend, &CreateOptions { hash_function, initial_version })?;
        }
        let options = OpenOptions { hash_function: Some(hash_function), ..options };
        Database::assemble(backend, &options, &path, self.lock.clone())
    }
}

fn access(engine: &dyn Engine, path: &Path, is_read_only: bool) -> Access {
    match (engine.exists(path), is_read_only) {
        (_, true) => Access::ReadOnly,
        (true, false) => Access::ReadWrite,
        (false, false) => Access::Create,
    }
}
