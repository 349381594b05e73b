//! A system as a whole: its services, its operations, who may do what, and what it tells.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "system/damage.rs"]
mod damage;
#[path = "common/engine.rs"]
mod engine;
#[path = "system/operations.rs"]
mod operations;
#[path = "system/parts.rs"]
mod parts;
#[path = "system/services.rs"]
mod services;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use treering::system::{Service, ServiceContext, ServiceError, ServiceState, SystemBuilder, SystemConfig, SystemHandle, SystemService};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// What services did, in order.
type Log = Arc<Mutex<Vec<String>>>;

type Run = Box<dyn Fn(&ServiceContext) -> Result<(), ServiceError> + Send + Sync>;

/// A service that does what a test says.
struct Part {
    id: &'static str,
    dependencies: Vec<&'static str>,
    feature: Option<&'static str>,
    run: Run,
}

impl Part {
    fn new(id: &'static str, run: impl Fn(&ServiceContext) -> Result<(), ServiceError> + Send + Sync + 'static) -> Self {
        Self { id, dependencies: Vec::new(), feature: None, run: Box::new(run) }
    }

    /// Is ready and waits for its end; logs both.
    fn logging(id: &'static str, log: &Log) -> Self {
        let log = Arc::clone(log);
        Self::new(id, move |context| {
            log.lock().unwrap().push(format!("+{id}"));
            context.ready();
            context.wait_for_stop();
            log.lock().unwrap().push(format!("-{id}"));
            Ok(())
        })
    }

    fn needs(mut self, dependencies: &[&'static str]) -> Self {
        self.dependencies = dependencies.to_vec();
        self
    }

    fn of_feature(mut self, feature: &'static str) -> Self {
        self.feature = Some(feature);
        self
    }
}

impl Service for Part {
    fn id(&self) -> &str {
        self.id
    }

    fn description(&self) -> &'static str {
        "A part of a test."
    }

    fn dependencies(&self) -> Vec<String> {
        self.dependencies.iter().map(|&id| id.to_owned()).collect()
    }

    fn feature(&self) -> Option<&str> {
        self.feature
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        (self.run)(context)
    }
}

/// In memory, quick to restart, without the services of the library.
fn config() -> SystemConfig {
    let mut config = SystemConfig::in_memory();
    config.services.restart_first = Duration::from_millis(10);
    config.services.restart_most = Duration::from_millis(40);
    for feature in ["pruner", "checker", "flusher"] {
        config.features.set(feature, false);
    }
    config
}

fn builder() -> SystemBuilder {
    SystemService::builder(config())
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn state(system: &SystemHandle, id: &str) -> ServiceState {
    system.status(id).unwrap().state
}
