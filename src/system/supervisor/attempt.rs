//! What the thread of a service does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::slot::{self, Slot};
use super::{Slots, Supervisor};
use crate::event::{ServiceFailed, ServiceStarted, ServiceStopped};
use crate::system::config::ServicesConfig;
use crate::system::service::{Service, ServiceContext};
use crate::system::system_service::SystemHandle;

/// Calls a service until it is done or told to stop.
pub(super) fn keep_running(service: &Arc<dyn Service>, system: &SystemHandle) {
    let (id, supervisor) = (service.id(), system.supervisor());
    let mut backoff = Backoff::new(&system.configuration().services);
    while wait_for_dependencies(supervisor, id) {
        let begun = Instant::now();
        tracing::info!(service = id, "a service is started");
        system.events().publish_with(|| ServiceStarted { service: id.to_owned() });
        let Err(error) = call(service, system) else { break };
        let wait = backoff.next(begun.elapsed());
        tracing::warn!(service = id, error, "a service failed");
        let goes_on = supervisor.change(id, |slot| slot.fail(&error, wait)).unwrap_or(false);
        let restarts = supervisor.slots().get(id).map_or(0, Slot::restarts);
        system.events().publish_with(|| ServiceFailed { service: id.to_owned(), error, restarts });
        if !goes_on || supervisor.wait_until(Some(wait), |slots| slot::is_stopping(slots, id)) {
            break;
        }
        if !supervisor.change(id, Slot::begin_again).unwrap_or(false) {
            break;
        }
    }
    // Told before it shows, so that who waits for the end finds the event there.
    system.events().publish_with(|| ServiceStopped { service: id.to_owned() });
    supervisor.change(id, Slot::end);
    tracing::info!(service = id, "a service has stopped");
}

/// Waits until all that a service depends on is ready; `false` when it is to stop.
fn wait_for_dependencies(supervisor: &Supervisor, id: &str) -> bool {
    let is_stopping = |slots: &Slots| slot::is_stopping(slots, id);
    let may_begin = |slots: &Slots| slots.get(id).is_none_or(|slot| slot.depends_on_ready(slots));
    supervisor.wait_until(None, |slots| is_stopping(slots) || may_begin(slots));
    !supervisor.is_stopping(id)
}

/// Calls it once; a panic is an error.
fn call(service: &Arc<dyn Service>, system: &SystemHandle) -> Result<(), String> {
    let context = ServiceContext { id: service.id().to_owned(), system: system.clone() };
    // A service that panicked is called again as it is: whether it can go on is its own to know.
    match catch_unwind(AssertUnwindSafe(|| service.run(&context))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(format!("it panicked: {}", said(&*panic))),
    }
}

/// What a panic says.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}

/// How long to wait before the next try.
struct Backoff<'a> {
    config: &'a ServicesConfig,
    next: Duration,
}

impl<'a> Backoff<'a> {
    fn new(config: &'a ServicesConfig) -> Self {
        Self { config, next: config.restart_first }
    }

    /// The wait after a try that ran for so long.
    fn next(&mut self, ran: Duration) -> Duration {
        if ran >= self.config.restart_reset {
            self.next = self.config.restart_first;
        }
        let wait = self.next.min(self.config.restart_most);
        self.next = wait.saturating_mul(2);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_good_run() {
        let config = ServicesConfig { restart_most: Duration::from_secs(5), ..ServicesConfig::default() };
        let mut backoff = Backoff::new(&config);
        let waits = [0, 0, 0, 0, 59, 60, 0].map(|ran| backoff.next(Duration::from_secs(ran)).as_secs());
        assert_eq!(waits, [1, 2, 4, 5, 5, 1, 2]);
    }
}
