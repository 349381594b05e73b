//! `versions.prepare`, `versions.commit`, `versions.abandon`: saving in two steps, over several calls.
//!
//! While a version is prepared nothing can be changed, so one that nobody commits would be in everybody's way: it is dropped after a time
//! limit, and when the system stops.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::stores::Done;
use super::VersionInfo;
use crate::multistore::PreparedMultiVersion;
use crate::system::{Access, ErrorKind, Operation, OperationContext, OperationError, Role, SystemHandle};

/// Seconds that a prepared version is kept if nothing is said.
const DEFAULT_SECONDS: u32 = 60;
/// Seconds that it can be kept.
const MOST_SECONDS: u32 = 3600;

/// Preparing a version.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareInput {
    /// Seconds after which it is dropped if it was not committed: 60 if it is left out, 3600 at most.
    #[serde(default)]
    pub seconds: Option<u32>,
}

/// A version that is prepared: what saving will give.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct PreparedInfo {
    /// What to commit or abandon it by.
    pub prepared: String,
    /// The number that it will have.
    pub version: u64,
    /// The app hash that it will have, in hex.
    pub app_hash: String,
    /// The root hash that each store will have, in the order of their names.
    pub roots: Vec<StoreRoot>,
    /// Seconds until it is dropped.
    pub seconds: u32,
}

/// The root hash of a store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct StoreRoot {
    /// The store.
    pub store: String,
    /// Its root hash, in hex.
    pub root_hash: String,
}

/// A prepared version, by what preparing gave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreparedId {
    /// What `versions.prepare` gave.
    pub prepared: String,
}

/// `versions.prepare`.
pub struct PrepareVersion;

impl Operation for PrepareVersion {
    type Input = PrepareInput;
    type Output = PreparedInfo;
    const ID: &'static str = "versions.prepare";
    const DESCRIPTION: &'static str =
        "Computes the app hash that saving would give. Until it is committed, abandoned or its time is over, nothing can be changed.";

    fn access(&self, _: &PrepareInput) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: PrepareInput) -> Result<PreparedInfo, OperationError> {
        let seconds = input.seconds.unwrap_or(DEFAULT_SECONDS);
        if !(1..=MOST_SECONDS).contains(&seconds) {
            return Err(OperationError::invalid_input("seconds", format!("{seconds} is not between 1 and {MOST_SECONDS}")));
        }
        let version = system.store().prepare()?;
        let roots = version.roots().iter().map(|(store, root)| StoreRoot { store: store.clone(), root_hash: root.to_string() });
        let (number, app_hash, roots) = (version.version(), version.app_hash().to_string(), roots.collect());
        let kept = system.prepared().keep(version, Duration::from_secs(seconds.into()));
        let prepared = kept.map_err(|error| OperationError::internal(format!("no thread could be started to watch its time: {error}")))?;
        Ok(PreparedInfo { prepared, version: number, app_hash, roots, seconds })
    }
}

/// `versions.commit`.
pub struct CommitVersion;

impl Operation for CommitVersion {
    type Input = PreparedId;
    type Output = VersionInfo;
    const ID: &'static str = "versions.commit";
    const DESCRIPTION: &'static str = "Saves a prepared version, durably.";

    fn access(&self, _: &PreparedId) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: PreparedId) -> Result<VersionInfo, OperationError> {
        let saved = take(system, &input.prepared)?.commit()?;
        Ok(VersionInfo::seen_by(&context.principal, saved))
    }
}

/// `versions.abandon`.
pub struct AbandonVersion;

impl Operation for AbandonVersion {
    type Input = PreparedId;
    type Output = Done;
    const ID: &'static str = "versions.abandon";
    const DESCRIPTION: &'static str = "Drops a prepared version; the working states are as they were.";

    fn access(&self, _: &PreparedId) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: PreparedId) -> Result<Done, OperationError> {
        drop(take(system, &input.prepared)?);
        Ok(Done {})
    }
}

fn take(system: &SystemHandle, id: &str) -> Result<PreparedMultiVersion, OperationError> {
    system.prepared().take(id).ok_or_else(|| {
        let message = format!("there is no prepared version {id:?} (any more); prepare one again, and commit it before its time is over");
        OperationError::new(ErrorKind::NotFound, "no_prepared", message).with_details(json!({ "prepared": id }))
    })
}
