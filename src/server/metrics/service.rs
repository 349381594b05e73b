//! The service `metrics`: counts what takes long to count, now and then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Metrics;
use crate::event::Pattern;
use crate::system::{Service, ServiceContext, ServiceError, Wake};

/// The topic of saved versions.
const SAVED: &str = "multistore.version.saved";
/// How often versions that are to go are counted.
const RETIRED: Duration = Duration::from_secs(30);
/// When all records are counted first: not while a system is still starting.
const FIRST_COUNT: Duration = Duration::from_mins(1);
/// How often all records are counted: that reads the whole database.
const COUNT: Duration = Duration::from_hours(6);

/// The service.
pub(in crate::server) struct MetricsService(pub(in crate::server) Arc<Metrics>);

impl Service for MetricsService {
    fn id(&self) -> &'static str {
        "metrics"
    }

    fn description(&self) -> &'static str {
        "Counts saved versions, and now and then all records, for /metrics."
    }

    fn feature(&self) -> Option<&str> {
        Some("metrics")
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        let store = context.system().store();
        let commits = self.0.commits.clone();
        let _counting = store.events().on(Pattern::parse(SAVED)?, move |_| {
            commits.inc();
        })?;
        context.ready();
        let mut next_count = Instant::now() + FIRST_COUNT;
        loop {
            self.0.state.look_at_retired(store)?;
            if Instant::now() >= next_count {
                self.0.state.count(store)?;
                next_count = Instant::now() + COUNT;
            }
            if context.wait(RETIRED) == Wake::Stopping {
                return Ok(());
            }
        }
    }
}
