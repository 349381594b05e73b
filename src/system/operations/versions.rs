//! Versions of all stores: listing, saving, preparing, loading, removing.

mod list;
mod prepared;
mod upkeep;

use schemars::JsonSchema;
use serde::Serialize;

use crate::multistore::MultiVersion;
use crate::system::Principal;
use crate::system::Role;

pub use list::{GetVersion, ListVersions, VersionList, VersionOrNewest, VersionPage};
pub use prepared::{AbandonVersion, CommitVersion, PrepareInput, PrepareVersion, PreparedId, PreparedInfo, StoreRoot};
pub use upkeep::{
    DiscardChanges, KeepVersions, LoadVersion, PruneInput, PruneOutput, PruneVersions, RetentionInput, RollBack, SaveVersion, VersionNumber,
};

/// A saved version of all stores.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct VersionInfo {
    /// Its number.
    pub version: u64,
    /// The hash over all store roots, in hex.
    pub app_hash: String,
    /// When it was saved, in seconds since 1970.
    pub time: u64,
    /// The stores that the caller may read, in the order of their names.
    pub stores: Vec<StoreVersionInfo>,
}

/// A store in a version of all stores.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct StoreVersionInfo {
    /// Its name at the time.
    pub name: String,
    /// Its version; another one than that of all stores if it was saved alone before.
    pub version: u64,
    /// Its root hash, in hex.
    pub root_hash: String,
    /// Number of keys.
    pub size: u64,
    /// Levels of inner nodes.
    pub height: u8,
}

impl VersionInfo {
    /// What a principal may see of a version.
    fn seen_by(principal: &Principal, version: MultiVersion) -> Self {
        let may_read = |name: &str| principal.grants.allows(Role::Read, Some(name));
        let stores = version.stores.into_iter().filter(|store| may_read(&store.name)).map(|store| StoreVersionInfo {
            name: store.name,
            version: store.version,
            root_hash: store.root_hash.to_string(),
            size: store.size,
            height: store.height,
        });
        Self { version: version.version, app_hash: version.app_hash.to_string(), time: version.time, stores: stores.collect() }
    }
}
