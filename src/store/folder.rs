//! A database in a folder, on RocksDB.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::database::{CreateOptions, Database, OpenOptions, check_initial_version};
use super::lock::FolderLock;
use super::manifest::{Manifest, check_is_empty};
use crate::config::ENGINE_CACHE_SHARE;
use crate::engine::Access;
use crate::engine::rocksdb::{RocksBackend, RocksOptions};
use crate::error::{Error, Result};

/// The folder of RocksDB within the database's.
const ROCKSDB: &str = "rocksdb";

impl Database {
    /// Makes a database in `path`, a folder that is empty or not there yet, and opens it.
    ///
    /// # Errors
    /// [`Error::DatabaseExists`], [`Error::FolderInUse`], [`Error::Tree`] for an impossible initial version, [`Error::Io`],
    /// [`Error::Engine`].
    pub fn create(path: impl AsRef<Path>, create: &CreateOptions, open: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        check_initial_version(create.initial_version)?;
        if Manifest::read(path)?.is_some() {
            return Err(Error::DatabaseExists { path: path.to_owned() });
        }
        fs::create_dir_all(path).map_err(|source| Error::Io { action: "creating", path: path.to_owned(), source })?;
        check_is_empty(path, |name| name == ROCKSDB)?;
        let lock = FolderLock::take(path)?;
        let backend = RocksBackend::open(&path.join(ROCKSDB), Access::Create, &rocks_options(open))?;
        Self::create_or_keep_on(&backend, create)?;
        Manifest::new(ROCKSDB).write(path)?;
        Self::assemble(Arc::new(backend), open, path, Some(Arc::new(lock)))
    }

    /// Opens the database in folder `path`. Takes time by the number of stores, not of versions or keys.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::OtherEngine`] and [`Error::SeveralEngines`] for what only a [`MultiStore`](crate::MultiStore) can open,
    /// [`Error::Locked`] when it is open for writing elsewhere, [`Error::OtherHashFunction`], [`Error::NewerFormat`],
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let Some(manifest) = Manifest::read(path)? else { return Err(Error::NoDatabase { path: path.to_owned() }) };
        if manifest.home != ROCKSDB {
            return Err(Error::OtherEngine { path: path.to_owned(), expected: ROCKSDB.to_owned(), found: manifest.home });
        }
        let lock = if options.read_only { None } else { Some(Arc::new(FolderLock::take(path)?)) };
        let access = if options.read_only { Access::ReadOnly } else { Access::ReadWrite };
        let backend = RocksBackend::open(&path.join(ROCKSDB), access, &rocks_options(options))?;
        let database = Self::assemble(Arc::new(backend), options, path, lock)?;
        if !database.disk().placed_stores()?.is_empty() {
            return Err(Error::SeveralEngines { path: path.to_owned() });
        }
        Ok(database)
    }
}

fn rocks_options(options: &OpenOptions) -> RocksOptions {
    let block_cache = usize::try_from(options.cache_size / ENGINE_CACHE_SHARE).unwrap_or(usize::MAX);
    RocksOptions { block_cache, ..RocksOptions::default() }
}
