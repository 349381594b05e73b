//! Operations on stores as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place;
use crate::config::{Config, Retention};
use crate::error::Error;
use crate::multistore::StoreListing;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// A store, with the numbers of its newest saved version; they are null before the first.
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
    /// Whether its working state was changed since it was saved or loaded.
    pub changed: bool,
    /// Which of its versions are kept.
    #[schemars(with = "RetentionSchema")]
    pub retention: Retention,
}

/// What [`Retention`] looks like in JSON.
#[derive(JsonSchema)]
#[schemars(rename = "Retention")]
#[expect(dead_code, reason = "only its schema is used")]
struct RetentionSchema {
    /// How many of the newest versions are kept; all if it is not there.
    max_versions: Option<u64>,
    /// Seconds after which a version goes; never if it is not there.
    version_ttl: Option<u64>,
    /// Versions with a multiple of this number stay.
    keep_every: Option<u64>,
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

/// A store to be made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStore {
    /// Its name.
    pub name: String,
    /// The engine that is to keep it; the default engine if none is named.
    #[serde(default)]
    pub engine: Option<String>,
    /// Settings for this store alone, such as `max_versions`.
    #[serde(default)]
    pub config: serde_json::Map<String, serde_json::Value>,
}

/// A store by its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreName {
    /// The store.
    pub store: String,
}

/// A new name for a store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// The name it has.
    pub from: String,
    /// The name it is to have.
    pub to: String,
}

/// Done; there is nothing to say about it.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, JsonSchema)]
pub struct Done {}

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
        // After closing nothing is listed, which would look as if there were no stores.
        system.store().hash_function()?;
        let mut stores = Vec::new();
        for listing in system.store().list_stores() {
            context.check()?;
            if context.principal.grants.allows(Role::Read, Some(&listing.name)) {
                // One that was deleted meanwhile is left out.
                stores.extend(info_if_there(system, &listing.name)?);
            }
        }
        Ok(StoreList { stores })
    }
}

/// `stores.get`.
pub struct GetStore;

impl Operation for GetStore {
    type Input = StoreName;
    type Output = StoreInfo;
    const ID: &'static str = "stores.get";
    const DESCRIPTION: &'static str = "Gives one store.";

    fn access(&self, input: &StoreName) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: StoreName) -> Result<StoreInfo, OperationError> {
        info(system, &input.store)
    }
}

/// `stores.create`.
pub struct CreateStore;

impl Operation for CreateStore {
    type Input = NewStore;
    type Output = StoreInfo;
    const ID: &'static str = "stores.create";
    const DESCRIPTION: &'static str = "Makes a store. It is part of the next version of all stores.";

    fn access(&self, input: &NewStore) -> Access {
        Access::store(Role::Admin, &input.name)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: NewStore) -> Result<StoreInfo, OperationError> {
        let config = serde_json::Value::Object(input.config).to_string();
        let config = Config::from_json(&config).map_err(|error| OperationError::invalid_input("config", error))?;
        system.store().create_store(&input.name, input.engine.as_deref(), &config)?;
        info(system, &input.name)
    }
}

/// `stores.delete`.
pub struct DeleteStore;

impl Operation for DeleteStore {
    type Input = StoreName;
    type Output = Done;
    const ID: &'static str = "stores.delete";
    const DESCRIPTION: &'static str = "Removes a store with all its versions; versions of all stores that had it cannot be gone back to.";

    fn access(&self, input: &StoreName) -> Access {
        Access::store(Role::Admin, &input.store)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: StoreName) -> Result<Done, OperationError> {
        system.store().delete_store(&input.store)?;
        Ok(Done {})
    }
}

/// `stores.rename`.
pub struct RenameStore;

impl Operation for RenameStore {
    type Input = NewName;
    type Output = StoreInfo;
    const ID: &'static str = "stores.rename";
    const DESCRIPTION: &'static str = "Gives a store another name, which app hashes have from the next version on.";

    fn access(&self, input: &NewName) -> Access {
        Access::stores(Role::Admin, [&input.from, &input.to])
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: NewName) -> Result<StoreInfo, OperationError> {
        system.store().rename_store(&input.from, &input.to)?;
        info(system, &input.to)
    }
}

/// What is known of a store.
fn info(system: &SystemHandle, name: &str) -> Result<StoreInfo, OperationError> {
    let store = place::store(system, name)?;
    let listings = system.store().list_stores();
    let stores = listings.iter().map(|listing| listing.name.clone()).collect();
    let gone = || Error::NoStore { name: name.to_owned(), stores };
    let StoreListing { name, engine, retention } = listings.iter().find(|listing| listing.name == name).cloned().ok_or_else(gone)?;
    let newest = store.newest_version()?;
    Ok(StoreInfo {
        version: newest.map(|newest| newest.version),
        root_hash: newest.map(|newest| newest.root_hash.to_string()),
        size: newest.map(|newest| newest.size),
        height: newest.map(|newest| newest.height),
        changed: store.is_changed()?,
        name,
        engine,
        retention,
    })
}

fn info_if_there(system: &SystemHandle, name: &str) -> Result<Option<StoreInfo>, OperationError> {
    match info(system, name) {
        Err(error) if error.code == "no_store" => Ok(None),
        info => info.map(Some),
    }
}
