//! `versions.prepare`, `versions.commit`, `versions.abandon`: saving in two steps, over several calls.
//!
//! While a version is prepared nothing can be changed, so one that nobody commits would be in everybody's way: it is dropped after a time
//! limit, and when the system stops.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::stores::Done;
use super::VersionInfo;
use crate::multistore::PreparedMultiVersion;
use crate::system::{
    Access, ErrorKind, Operation, OperationContext, OperationError, Role, Service, ServiceContext, ServiceError, SystemHandle, Wake,
    new_trace_id,
};

/// Seconds that a prepared version is kept if nothing is said.
const DEFAULT_SECONDS: u32 = 60;
/// Seconds that it can be kept.
const MOST_SECONDS: u32 = 3600;
/// How often it is looked whether its time is over.
const LOOK: Duration = Duration::from_millis(500);

/// The version that is prepared; there is one at a time, as nothing can be changed beside it.
#[derive(Clone, Default)]
pub(in crate::system::operations) struct PreparedVersions(Arc<Mutex<Option<Kept>>>);

struct Kept {
    id: String,
    until: Instant,
    version: PreparedMultiVersion,
}

impl PreparedVersions {
    /// Set and taken whole, so a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the version if its time is over. Dropping takes locks of the stores, so it is done without ours.
    fn expire(&self) {
        let expired = self.lock().take_if(|kept| Instant::now() >= kept.until);
        drop(expired);
    }

    fn take(&self, id: &str) -> Result<Kept, OperationError> {
        self.expire();
        self.lock().take_if(|kept| kept.id == id).ok_or_else(|| {
            let message =
                format!("there is no prepared version {id:?} (any more); prepare one again, and commit it before its time is over");
            OperationError::new(ErrorKind::NotFound, "no_prepared", message).with_details(json!({ "prepared": id }))
        })
    }

    /// Drops the version, whichever it is.
    fn clear(&self) {
        let dropped = self.lock().take();
        drop(dropped);
    }
}

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
pub struct PrepareVersion {
    pub(in crate::system::operations) versions: PreparedVersions,
}

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
        self.versions.expire();
        let version = system.store().prepare()?;
        let info = PreparedInfo {
            prepared: new_trace_id(),
            version: version.version(),
            app_hash: version.app_hash().to_string(),
            roots: version.roots().iter().map(|(store, root)| StoreRoot { store: store.clone(), root_hash: root.to_string() }).collect(),
            seconds,
        };
        // A time that the clock cannot say is over at once.
        let until = Instant::now().checked_add(Duration::from_secs(seconds.into())).unwrap_or_else(Instant::now);
        // That it could be prepared says that there is no other one, except one that is being committed or dropped just now.
        let before = self.versions.lock().replace(Kept { id: info.prepared.clone(), until, version });
        drop(before);
        Ok(info)
    }
}

/// `versions.commit`.
pub struct CommitVersion {
    pub(in crate::system::operations) versions: PreparedVersions,
}

impl Operation for CommitVersion {
    type Input = PreparedId;
    type Output = VersionInfo;
    const ID: &'static str = "versions.commit";
    const DESCRIPTION: &'static str = "Saves a prepared version, durably.";

    fn access(&self, _: &PreparedId) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, _: &SystemHandle, context: &OperationContext, input: PreparedId) -> Result<VersionInfo, OperationError> {
        let kept = self.versions.take(&input.prepared)?;
        Ok(VersionInfo::seen_by(&context.principal, kept.version.commit()?))
    }
}

/// `versions.abandon`.
pub struct AbandonVersion {
    pub(in crate::system::operations) versions: PreparedVersions,
}

impl Operation for AbandonVersion {
    type Input = PreparedId;
    type Output = Done;
    const ID: &'static str = "versions.abandon";
    const DESCRIPTION: &'static str = "Drops a prepared version; the working states are as they were.";

    fn access(&self, _: &PreparedId) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, _: &SystemHandle, _: &OperationContext, input: PreparedId) -> Result<Done, OperationError> {
        drop(self.versions.take(&input.prepared)?);
        Ok(Done {})
    }
}

/// The service `prepared`: drops prepared versions in time.
pub(in crate::system::operations) struct PreparedKeeper {
    pub(in crate::system::operations) versions: PreparedVersions,
}

impl Service for PreparedKeeper {
    fn id(&self) -> &'static str {
        "prepared"
    }

    fn description(&self) -> &'static str {
        "Drops prepared versions that were not committed in time, and when the system stops."
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        context.ready();
        while context.wait(LOOK) == Wake::Elapsed {
            self.versions.expire();
        }
        self.versions.clear();
        Ok(())
    }
}
