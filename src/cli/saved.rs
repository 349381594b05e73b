//! Saved versions, as commands print them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use treering::proofs::Hash;
use treering::{MultiVersion, VersionInfo};

use super::notation::{Utc, counted};

/// Number, root hash, number of keys and height of a saved version.
#[derive(Serialize)]
pub(crate) struct Saved {
    version: u64,
    root: Hash,
    size: u64,
    height: u8,
}

impl From<&VersionInfo> for Saved {
    fn from(info: &VersionInfo) -> Self {
        Self { version: info.version, root: info.root_hash, size: info.size, height: info.height }
    }
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, root, size, height } = self;
        write!(f, "version {version}  root {root}  {}, height {height}", counted(*size, "key"))
    }
}

/// Number, app hash and stores of a saved version of all stores.
#[derive(Serialize)]
pub(crate) struct SavedTogether {
    version: u64,
    app_hash: Hash,
    stores: BTreeMap<String, Part>,
}

/// A store in it.
#[derive(Serialize)]
struct Part {
    /// Its own number for it, another one if it was saved alone before.
    version: u64,
    root: Hash,
    size: u64,
    height: u8,
}

impl From<&MultiVersion> for SavedTogether {
    fn from(saved: &MultiVersion) -> Self {
        let part = |store: &treering::StoreVersion| {
            let &treering::StoreVersion { version, root_hash: root, size, height, .. } = store;
            Part { version, root, size, height }
        };
        let stores = saved.stores.iter().map(|store| (store.name.clone(), part(store)));
        Self { version: saved.version, app_hash: saved.app_hash, stores: stores.collect() }
    }
}

impl SavedTogether {
    /// The version on one line, with its time, and each store on one below it.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, time: Option<Utc>) -> fmt::Result {
        write!(f, "version {}  app hash {}", self.version, self.app_hash)?;
        time.map_or(Ok(()), |time| write!(f, "  {time}"))?;
        let width = self.stores.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, Part { version, root, size, height }) in &self.stores {
            write!(f, "\n  {name:width$}  root {root}  {}, height {height}", counted(*size, "key"))?;
            if *version != self.version {
                write!(f, ", its own version {version}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SavedTogether {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}
