//! What runs in the background.

use std::time::Duration;

use serde_json::Value;

use super::system_service::SystemHandle;

/// Why a service failed.
pub type ServiceError = Box<dyn std::error::Error + Send + Sync>;

/// Something that runs in the background, on a thread of its own, from the start of the system to its stop.
pub trait Service: Send + Sync + 'static {
    /// Its name: words joined by dots, such as `checker`.
    fn id(&self) -> &str;

    /// What it is for, in a sentence.
    fn description(&self) -> &str;

    /// The ids of the services that must be ready before it is started.
    fn dependencies(&self) -> Vec<String> {
        Vec::new()
    }

    /// The switch in `[features]` that it belongs to; `None`: it is always on.
    fn feature(&self) -> Option<&str> {
        None
    }

    /// Does the work until [`ServiceContext::stopping`]. It must return soon after that: within the time limit of the configuration. One that
    /// returns before, without an error, is done and stays stopped; one that fails or panics is called again after a while.
    ///
    /// # Errors
    /// Why it cannot go on.
    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError>;
}

/// Why a wait has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// The service is to stop.
    Stopping,
    /// The time is over.
    Elapsed,
}

/// What a service sees of the system while it runs.
pub struct ServiceContext {
    pub(super) id: String,
    pub(super) system: SystemHandle,
}

impl ServiceContext {
    /// The system.
    #[must_use]
    pub fn system(&self) -> &SystemHandle {
        &self.system
    }

    /// Whether the service is to stop.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.system.supervisor().is_stopping(&self.id)
    }

    /// Sleeps, but not longer than until the service is to stop.
    #[must_use]
    pub fn wait(&self, at_most: Duration) -> Wake {
        self.system.supervisor().wait(&self.id, Some(at_most))
    }

    /// Sleeps until the service is to stop.
    pub fn wait_for_stop(&self) {
        let _ = self.system.supervisor().wait(&self.id, None);
    }

    /// Says that the service does its work now. Those that depend on it wait for this.
    pub fn ready(&self) {
        self.system.supervisor().ready(&self.id);
    }

    /// Says how the work goes, for the service's status.
    pub fn report(&self, report: Value) {
        self.system.supervisor().report(&self.id, report);
    }
}
