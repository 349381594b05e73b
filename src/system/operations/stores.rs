//! Operations on stores as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Retention;
use crate::multistore::{MultiVersion, StoreListing};
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// A store, with the numbers of its part in the newest version of all stores; they are null before the first.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct StoreInfo {
    /// Its name.
    pub name: String,
    /// The engine that keeps it.
    pub engine: String,
    /// Its newest version.
    pub version: Option<u64>,
    /// The root hash, in hex.
    pub root_hash: Option<String>,
    /// Number of keys.
    pub size: Option<u64>,
    /// Levels of inner nodes.
    pub height: Option<u8>,
    /// Which of its versions are kept.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub retention: Retention,
}

/// Nothing.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoInput {}

/// Stores, in the order of their names.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct StoreList {
    /// The stores.
    pub stores: Vec<StoreInfo>,
}

/// `stores.list`.
pub struct ListStores;

impl Operation for ListStores {
    type Input = NoInput;
    type Output = StoreList;
    const ID: &'static str = "stores.list";
    const DESCRIPTION: &'static str = "Lists the stores that the caller may read.";

    fn access(&self, _: &NoInput) -> Access {
        Access::granted(Role::Read)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, _: NoInput) -> Result<StoreList, OperationError> {
        let newest = system.store().newest_version()?;
        let mut listings = system.store().list_stores();
        listings.retain(|listing| context.principal.grants.allows(Role::Read, Some(&listing.name)));
        Ok(StoreList { stores: listings.into_iter().map(|listing| info(listing, newest.as_ref())).collect() })
    }
}

fn info(listing: StoreListing, newest: Option<&MultiVersion>) -> StoreInfo {
    let part = newest.and_then(|newest| newest.stores.iter().find(|part| part.name == listing.name));
    StoreInfo {
        version: part.map(|part| part.version),
        root_hash: part.map(|part| part.root_hash.to_string()),
        size: part.map(|part| part.size),
        height: part.map(|part| part.height),
        name: listing.name,
        engine: listing.engine,
        retention: listing.retention,
    }
}
