//! A database in a folder, on RocksDB.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::database::{CreateOptions, Database, OpenOptions, check_initial_version};
use super::lock::FolderLock;
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
        if RocksBackend::exists(&path.join(ROCKSDB)) {
            return Err(Error::DatabaseExists { path: path.to_owned() });
        }
        fs::create_dir_all(path).map_err(|source| Error::Io { action: "creating", path: path.to_owned(), source })?;
        check_is_empty(path)?;
        let lock = FolderLock::take(path)?;
        let backend = RocksBackend::open(&path.join(ROCKSDB), Access::Create, &rocks_options(open))?;
        Self::create_on(&backend, create)?;
        Self::assemble(Arc::new(backend), open, path, Some(lock))
    }

    /// Opens the database in folder `path`. Takes time by the number of stores, not of versions or keys.
    ///
    /// # Errors
    /// [`Error::NoDatabase`], [`Error::Locked`] when it is open for writing elsewhere, [`Error::OtherHashFunction`], [`Error::NewerFormat`],
    /// [`Error::Damaged`], [`Error::Engine`].
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let path = path.as_ref();
        let folder = path.join(ROCKSDB);
        if !RocksBackend::exists(&folder) {
            return Err(Error::NoDatabase { path: path.to_owned() });
        }
        let lock = if options.read_only { None } else { Some(FolderLock::take(path)?) };
        let access = if options.read_only { Access::ReadOnly } else { Access::ReadWrite };
        let backend = RocksBackend::open(&folder, access, &rocks_options(options))?;
        Self::assemble(Arc::new(backend), options, path, lock)
    }
}

fn rocks_options(options: &OpenOptions) -> RocksOptions {
    let block_cache = usize::try_from(options.cache_size / ENGINE_CACHE_SHARE).unwrap_or(usize::MAX);
    RocksOptions { block_cache, ..RocksOptions::default() }
}

fn check_is_empty(folder: &Path) -> Result<()> {
    let failed = |source| Error::Io { action: "reading", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !FolderLock::is_lock_file(&name) && name != ROCKSDB {
            return Err(Error::FolderInUse { path: folder.to_owned() });
        }
    }
    Ok(())
}
