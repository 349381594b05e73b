//! `pruner`: removes the versions that their stores' retention does not keep.
//!
//! The stores do it by themselves after a save, and a failure there shows with the next save only. This service does it from time to time
//! whether anything is saved or not, and fails when that fails.

use std::time::Duration;

use serde_json::json;

use crate::config::Retention;
use crate::event::{Event, Pattern, Subscription};
use crate::system::config::PrunerConfig;
use crate::system::service::{Service, ServiceContext, ServiceError, Wake};

/// Events that may wait until they are counted.
const ROOM: usize = 4096;

pub(super) struct Pruner {
    interval: Duration,
}

/// What was removed, by this service or beside it.
#[derive(Default)]
struct Removed {
    versions: u64,
    nodes: u64,
}

impl Removed {
    fn count(&mut self, events: &Subscription) {
        while let Ok(published) = events.try_recv() {
            if let Event::VersionPruned(pruned) = &*published.event {
                self.versions += pruned.versions;
                self.nodes += pruned.nodes;
            }
        }
    }
}

impl Pruner {
    pub(super) fn new(config: &PrunerConfig) -> Self {
        Self { interval: config.interval }
    }
}

impl Service for Pruner {
    fn id(&self) -> &'static str {
        "pruner"
    }

    fn description(&self) -> &'static str {
        "Removes the versions that max_versions, version_ttl and keep_every do not keep."
    }

    fn feature(&self) -> Option<&str> {
        Some("pruner")
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        let store = context.system().store();
        let events = store.events().subscribe(Pattern::parse("store.version.pruned")?, ROOM);
        let (mut runs, mut removed) = (0_u64, Removed::default());
        context.ready();
        loop {
            store.prune_by_retention()?;
            runs += 1;
            removed.count(&events);
            let keeps_all = |retention: Retention| retention.keeps_everything();
            let pruned_stores = store.list_stores().iter().filter(|listing| !keeps_all(listing.retention)).count();
            context.report(json!({
                "runs": runs,
                "stores_with_retention": pruned_stores,
                "versions_removed": removed.versions,
                "nodes_removed": removed.nodes,
            }));
            if context.wait(self.interval) == Wake::Stopping {
                return Ok(());
            }
        }
    }
}
