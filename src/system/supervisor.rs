//! Keeps services running.
//!
//! Every service has a thread while it is started. The thread waits for the services that this one depends on, calls it, and calls it again
//! after a while when it fails or panics. All that is known of services lies in one table behind one lock, which no code of a service ever
//! runs under.
//!
//! ```text
//! Stopped -> Starting -> Running -> Stopping -> Stopped
//!               ^  \________|
//!               |     fails |
//!               +- Failed <-+
//! ```

mod attempt;
mod slot;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::SystemError;
use super::service::{Service, Wake};
use super::status::{ServiceState, ServiceStatus, StartReport, StopReport};
use super::system_service::SystemHandle;
use slot::{Asked, Slot};

type Slots = BTreeMap<String, Slot>;

/// The services of a system and how they are.
pub(super) struct Supervisor {
    slots: Mutex<Slots>,
    /// Told of every change of a slot.
    changed: Condvar,
    /// All services, each after those that it depends on.
    order: Vec<String>,
}

/// Whether a service that was told to stop has.
enum End {
    Reached,
    Awaited,
}

impl Supervisor {
    /// Services in their order of start, each with the feature that is off if it belongs to one.
    pub(super) fn new(services: Vec<(Arc<dyn Service>, Option<String>)>) -> Self {
        let order = services.iter().map(|(service, _)| service.id().to_owned()).collect();
        let slots = services.into_iter().map(|(service, off)| (service.id().to_owned(), Slot::new(service, off)));
        Self { slots: Mutex::new(slots.collect()), changed: Condvar::new(), order }
    }

    /// Slots are changed by steps that cannot fail half-way.
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, id: &str, change: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let changed = self.slots().get_mut(id).map(change);
        self.changed.notify_all();
        changed
    }

    /// Waits until a condition on the table holds, or some time is over; `None`: however long it takes. Says whether it holds.
    fn wait_until(&self, at_most: Option<Duration>, holds: impl Fn(&Slots) -> bool) -> bool {
        let end = at_most.and_then(|time| Instant::now().checked_add(time));
        let mut slots = self.slots();
        while !holds(&slots) {
            let Some(end) = end else {
                slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            slots = self.changed.wait_timeout(slots, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Whether a service is to stop.
    pub(super) fn is_stopping(&self, id: &str) -> bool {
        slot::is_stopping(&self.slots(), id)
    }

    /// Lets a service sleep until it is to stop.
    pub(super) fn wait(&self, id: &str, at_most: Option<Duration>) -> Wake {
        if self.wait_until(at_most, |slots| slot::is_stopping(slots, id)) { Wake::Stopping } else { Wake::Elapsed }
    }

    /// A service says that it is ready.
    pub(super) fn ready(&self, id: &str) {
        self.change(id, Slot::ready);
    }

    /// A service says how its work goes.
    pub(super) fn report(&self, id: &str, report: Value) {
        self.change(id, |slot| slot.report = report);
    }

    /// How all services are, in the order of their ids.
    pub(super) fn statuses(&self) -> Vec<ServiceStatus> {
        self.slots().iter().map(|(id, slot)| slot.status(id)).collect()
    }

    /// Starts these services, which are on, in their order. Those that run already are left alone.
    pub(super) fn start(&self, system: &SystemHandle, wanted: impl Fn(&str) -> bool) -> Result<StartReport, SystemError> {
        let time = system.configuration().services.start_timeout;
        let mut report = StartReport::default();
        for id in self.order.iter().filter(|id| wanted(id)) {
            self.spawn(system, id)?;
            let is_settled = |slots: &Slots| slots.get(id).is_none_or(|slot| !matches!(slot.state, ServiceState::Starting));
            // What waits for a service that failed is not waited for.
            let is_blocked = |slots: &Slots| slots.get(id).is_some_and(|slot| !slot.depends_on_ready(slots));
            self.wait_until(Some(time), |slots| is_settled(slots) || is_blocked(slots));
            let is_ready = self.slots().get(id).is_some_and(|slot| matches!(slot.state, ServiceState::Running | ServiceState::Stopped));
            if is_ready { report.ready.push(id.clone()) } else { report.waiting.push(id.clone()) }
        }
        Ok(report)
    }

    /// Gives a service that does not run its thread.
    fn spawn(&self, system: &SystemHandle, id: &str) -> Result<(), SystemError> {
        let mut slots = self.slots();
        let Some(slot) = slots.get_mut(id) else { return Ok(()) };
        match slot.state {
            ServiceState::Stopped => {}
            ServiceState::Stopping => return Err(SystemError::StillStopping { id: id.to_owned() }),
            _ => return Ok(()),
        }
        let (service, system) = (Arc::clone(&slot.service), system.clone());
        let name = format!("treering-{id}");
        let started = thread::Builder::new().name(name).spawn(move || attempt::keep_running(&service, &system));
        slot.begin(started.map_err(|source| SystemError::Thread { id: id.to_owned(), source })?);
        Ok(())
    }

    /// Stops these services in the reverse of their order, each with the time limit.
    pub(super) fn stop(&self, at_most: Duration, wanted: impl Fn(&str) -> bool) -> StopReport {
        let mut report = StopReport::default();
        for id in self.order.iter().rev().filter(|id| wanted(id)) {
            let Some(asked) = self.change(id, Slot::ask_to_stop) else { continue };
            let was_stopped = asked.was_stopped;
            match self.wait_for_end(id, asked, at_most) {
                End::Reached if was_stopped => {}
                End::Reached => report.stopped.push(id.clone()),
                End::Awaited => report.abandoned.push(id.clone()),
            }
        }
        report
    }

    /// Waits for the end of the run that was told to stop; somebody may have begun another one by then.
    fn wait_for_end(&self, id: &str, asked: Asked, at_most: Duration) -> End {
        let Asked { run, thread, thread_id, .. } = asked;
        // A service that stops itself, or those that it depends on, would wait for its own end.
        let is_own_thread = thread_id == Some(thread::current().id());
        let at_most = if is_own_thread { Duration::ZERO } else { at_most };
        if self.wait_until(Some(at_most), |slots| slots.get(id).is_none_or(|slot| slot.has_ended(run))) {
            // Its last steps, after which it holds nothing of the system. A panic of the service was caught in it.
            let _ = thread.filter(|_| !is_own_thread).map(JoinHandle::join);
            return End::Reached;
        }
        let seconds = at_most.as_secs_f64();
        tracing::warn!(service = id, seconds, "a service did not stop in time and is left behind");
        self.change(id, |slot| slot.leave_behind(run, thread, format!("it did not stop within {seconds} s")));
        End::Awaited
    }
}
