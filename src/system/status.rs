//! How a service is.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// What a service is doing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum ServiceState {
    /// It does not run: it was not started, was stopped, or is done.
    Stopped,
    /// It waits for those that it depends on, or is not ready yet.
    Starting,
    /// It is ready.
    Running,
    /// It was told to stop and has not yet.
    Stopping,
    /// It failed, and will be tried again.
    Failed {
        /// What it failed with.
        error: String,
        /// How often it was tried again before.
        restarts: u64,
        /// When it will be tried again, in seconds since 1970.
        next_try: u64,
    },
}

/// A service and how it is.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct ServiceStatus {
    /// Its id.
    pub id: String,
    /// What it is doing.
    pub state: ServiceState,
    /// Since when it does, in seconds since 1970.
    pub since: u64,
    /// How often it was started again after a failure, since the system was built.
    pub restarts: u64,
    /// What it failed with last.
    pub last_error: Option<String>,
    /// What it says of its work; null if it says nothing.
    pub report: Value,
    /// The feature that it belongs to, and which is off: it cannot be started.
    pub feature_off: Option<String>,
}

/// How stopping went.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, JsonSchema)]
pub struct StopReport {
    /// The services that stopped, in that order.
    pub stopped: Vec<String>,
    /// Those that did not within their time. They were told to, and may end yet; until then they cannot be started.
    pub abandoned: Vec<String>,
}

/// How starting went.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, JsonSchema)]
pub struct StartReport {
    /// The services that are ready, or done already, in the order of their start.
    pub ready: Vec<String>,
    /// Those that are not: they failed and will be tried again, wait for such a one, or take longer than starting waits.
    pub waiting: Vec<String>,
}
