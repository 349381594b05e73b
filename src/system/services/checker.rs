//! `checker`: verifies the hashes of all stored nodes, again and again, slowly enough to leave the machine to others.
//!
//! What is wrong is told as an event and stays in the service's status; the pass goes on with the next store. That is no failure of the
//! service.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::error::Error;
use crate::event::DamageFound;
use crate::system::config::CheckerConfig;
use crate::system::service::{Service, ServiceContext, ServiceError, Wake};

/// How far it goes ahead before it waits for the clock: a pause for every node would cost more than the node.
const BURST: Duration = Duration::from_millis(20);
/// How often it says how far it is.
const REPORT: Duration = Duration::from_millis(500);

pub(super) struct Checker {
    interval: Duration,
    nodes_per_second: u64,
}

/// What it says of itself.
#[derive(Default)]
struct Progress {
    passes: u64,
    nodes: u64,
    /// When the last whole pass ended, in seconds since 1970.
    last_pass: Option<u64>,
    store: Option<String>,
    /// What is wrong, by the store; a store that is found right again is taken out.
    damage: BTreeMap<String, String>,
}

impl Progress {
    fn report(&self, context: &ServiceContext) {
        context.report(json!({
            "passes": self.passes,
            "last_pass": self.last_pass,
            "nodes_checked": self.nodes,
            "store": self.store,
            "damage": self.damage,
        }));
    }
}

/// Lets so many nodes a second pass.
struct Pace {
    nodes_per_second: u64,
    begun: Instant,
    passed: u64,
}

impl Pace {
    fn new(nodes_per_second: u64) -> Self {
        Self { nodes_per_second: nodes_per_second.max(1), begun: Instant::now(), passed: 0 }
    }

    /// How long to wait after these nodes. Time in which none came is not made up for.
    fn wait_after(&mut self, nodes: u64, now: Instant) -> Duration {
        self.passed += nodes;
        let due = Duration::from_nanos(self.passed.saturating_mul(1_000_000_000) / self.nodes_per_second);
        let wait = (self.begun + due).saturating_duration_since(now);
        if wait.is_zero() {
            (self.begun, self.passed) = (now, 0);
        }
        wait
    }
}

impl Checker {
    pub(super) fn new(config: &CheckerConfig) -> Self {
        Self { interval: config.interval, nodes_per_second: config.nodes_per_second }
    }

    /// Verifies all stores; `false` when it was told to stop.
    fn pass(&self, context: &ServiceContext, progress: &mut Progress) -> Result<bool, Error> {
        let mut pace = Pace::new(self.nodes_per_second);
        for listing in context.system().store().list_stores() {
            let name = listing.name;
            progress.store = Some(name.clone());
            progress.report(context);
            let mut reported = Instant::now();
            let verified = context.system().store().verify_store(&name, &mut |nodes| {
                progress.nodes += nodes;
                if reported.elapsed() >= REPORT {
                    progress.report(context);
                    reported = Instant::now();
                }
                let wait = pace.wait_after(nodes, Instant::now());
                let is_over = if wait >= BURST { context.wait(wait) == Wake::Stopping } else { context.stopping() };
                if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if context.stopping() {
                return Ok(false);
            }
            Self::conclude(context, progress, name, verified.map(drop))?;
        }
        progress.store = None;
        Ok(true)
    }

    /// Notes what was found of a store.
    fn conclude(context: &ServiceContext, progress: &mut Progress, store: String, verified: Result<(), Error>) -> Result<(), Error> {
        match verified {
            // It is as it should be, or was deleted or closed meanwhile.
            Ok(()) | Err(Error::NoStore { .. } | Error::Closed { .. }) => {
                progress.damage.remove(&store);
            }
            Err(error @ (Error::Damaged { .. } | Error::Tree(_))) => {
                let error = error.to_string();
                tracing::error!(store, error, "damage was found");
                context.system().events().publish_with(|| DamageFound { store: store.clone(), error: error.clone() });
                progress.damage.insert(store, error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Service for Checker {
    fn id(&self) -> &'static str {
        "checker"
    }

    fn description(&self) -> &'static str {
        "Verifies the hashes of all stored nodes, slowly, and tells of damage."
    }

    fn feature(&self) -> Option<&str> {
        Some("checker")
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        let mut progress = Progress::default();
        context.ready();
        while self.pass(context, &mut progress)? {
            progress.passes += 1;
            progress.last_pass = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs());
            progress.report(context);
            if context.wait(self.interval) == Wake::Stopping {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_kept_and_pauses_are_not_made_up_for() {
        let mut pace = Pace::new(1000);
        let start = pace.begun;
        let mut now = start;
        for _ in 0..100 {
            now += pace.wait_after(7, now);
        }
        assert_eq!(now - start, Duration::from_millis(700));
        now += Duration::from_mins(1);
        assert_eq!(pace.wait_after(1, now), Duration::ZERO);
        assert_eq!(pace.wait_after(500, now), Duration::from_millis(500));
    }
}
