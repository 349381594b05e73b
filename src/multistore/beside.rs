//! What a log that is kept beside the stores needs of them: a place on the disk, and what was said of it.

use std::sync::Arc;

use treering_proofs::HashFunction;
use treering_tree::Order;

use super::{MultiStore, MultiVersion};
use crate::config::{CACHE_SIZE, Config, Settings};
use crate::engine::Access;
use crate::error::{Error, Result};
use crate::persist::companion::Companion;
use crate::store::{CreateOptions, Database, OpenOptions};

/// Versions of all stores, and what stands beside versions, each with that version.
pub(crate) type VersionsAndCompanions = (Vec<MultiVersion>, Vec<(u64, Companion)>);

impl MultiStore {
    /// The versions of all stores, and what stands beside them, at one moment; each in order. O(versions x stores).
    pub(crate) fn versions_and_companions(&self) -> Result<VersionsAndCompanions> {
        let mut held = self.inner().work();
        let disk = held.get()?.databases.home()?.disk();
        let versions = disk.multi_versions(Order::Ascending).map(|record| record.map(MultiVersion::from));
        Ok((versions.collect::<Result<_>>()?, disk.companions().collect::<Result<_>>()?))
    }

    /// Opens a database of its own in the folder `name` beside those of the engines, on the home's engine, with so many bytes of memory; makes it
    /// if it is not there. Where the stores are read only, it is too; `None` if there is none then. It keeps the folder locked.
    pub(crate) fn open_beside(&self, name: &str, cache_size: u64, options: &OpenOptions) -> Result<Option<Database>> {
        let mut held = self.inner().work();
        let databases = &held.get()?.databases;
        let engine = databases.engines.get(&databases.home)?;
        let folder = databases.folder(name);
        let read_only = databases.is_read_only || options.read_only;
        let access = match (read_only, engine.exists(&folder)) {
            (true, false) => return Ok(None),
            (true, true) => Access::ReadOnly,
            (false, true) => Access::ReadWrite,
            (false, false) => Access::Create,
        };
        let settings = Settings::check(engine.name(), &engine.keys(), &Config::new().with(CACHE_SIZE, cache_size))?;
        let backend = engine.open(&folder, access, &settings)?;
        let options = OpenOptions { read_only, cache_size, hash_function: Some(HashFunction::Sha256), ..*options };
        match Database::assemble(Arc::clone(&backend), &options, &folder, databases.lock.clone()) {
            // A making that was interrupted may have left an engine with no database in it, too.
            Err(Error::NoDatabase { .. }) if !read_only => {
                Database::create_or_keep_on(&*backend, &CreateOptions::default())?;
                Database::assemble(backend, &options, &folder, databases.lock.clone()).map(Some)
            }
            opened => opened.map(Some),
        }
    }
}
