//! A service's place in the table.

use std::sync::Arc;
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::Slots;
use crate::system::service::Service;
use crate::system::status::{ServiceState, ServiceStatus};

/// A service and how it is.
pub(super) struct Slot {
    pub(super) service: Arc<dyn Service>,
    /// As the service said when the system was built: its code does not run under the table's lock.
    dependencies: Vec<String>,
    pub(super) state: ServiceState,
    pub(super) last_error: Option<String>,
    pub(super) report: Value,
    /// Its thread, until somebody waited for its end.
    thread: Option<JoinHandle<()>>,
    /// Which thread that is, or was.
    thread_id: Option<ThreadId>,
    /// How often it was given a thread.
    runs: u64,
    /// It ended by itself, without an error.
    is_done: bool,
    since: u64,
    restarts: u64,
    feature_off: Option<String>,
}

/// A service that was told to stop.
pub(super) struct Asked {
    /// It did not run.
    pub(super) was_stopped: bool,
    /// Which of its runs it was.
    pub(super) run: u64,
    /// The thread of the run, unless somebody else waits for it.
    pub(super) thread: Option<JoinHandle<()>>,
    /// Which thread that is.
    pub(super) thread_id: Option<ThreadId>,
}

/// Whether a service is to stop; one that is not there is.
pub(super) fn is_stopping(slots: &Slots, id: &str) -> bool {
    slots.get(id).is_none_or(|slot| matches!(slot.state, ServiceState::Stopping | ServiceState::Stopped))
}

impl Slot {
    pub(super) fn new(service: Arc<dyn Service>, feature_off: Option<String>) -> Self {
        Self {
            dependencies: service.dependencies(),
            service,
            state: ServiceState::Stopped,
            last_error: None,
            report: Value::Null,
            thread: None,
            thread_id: None,
            runs: 0,
            is_done: false,
            since: now(),
            restarts: 0,
            feature_off,
        }
    }

    fn enter(&mut self, state: ServiceState) {
        self.state = state;
        self.since = now();
    }

    /// It has a thread now.
    pub(super) fn begin(&mut self, thread: JoinHandle<()>) {
        self.thread_id = Some(thread.thread().id());
        self.thread = Some(thread);
        self.runs += 1;
        self.is_done = false;
        self.enter(ServiceState::Starting);
    }

    /// It is tried again. Says whether it is, and not to stop.
    pub(super) fn begin_again(&mut self) -> bool {
        let goes_on = !matches!(self.state, ServiceState::Stopping);
        if goes_on {
            self.restarts += 1;
            self.enter(ServiceState::Starting);
        }
        goes_on
    }

    /// It does its work.
    pub(super) fn ready(&mut self) {
        if self.state == ServiceState::Starting {
            self.enter(ServiceState::Running);
        }
    }

    /// It failed. Says whether it is to be tried again.
    pub(super) fn fail(&mut self, error: &str, wait: Duration) -> bool {
        self.last_error = Some(error.to_owned());
        if self.state == ServiceState::Stopping {
            return false;
        }
        let next_try = now().saturating_add(wait.as_secs());
        self.enter(ServiceState::Failed { error: error.to_owned(), restarts: self.restarts, next_try });
        true
    }

    /// Its thread ends.
    pub(super) fn end(&mut self) {
        self.is_done = self.state != ServiceState::Stopping;
        self.enter(ServiceState::Stopped);
    }

    /// Tells it to stop.
    pub(super) fn ask_to_stop(&mut self) -> Asked {
        let was_stopped = self.state == ServiceState::Stopped;
        if !was_stopped && self.state != ServiceState::Stopping {
            self.enter(ServiceState::Stopping);
        }
        Asked { was_stopped, run: self.runs, thread: self.thread.take(), thread_id: self.thread_id }
    }

    /// Whether a run is over.
    pub(super) fn has_ended(&self, run: u64) -> bool {
        self.runs != run || self.state == ServiceState::Stopped
    }

    /// Nobody waits any more for the end of a run.
    pub(super) fn leave_behind(&mut self, run: u64, thread: Option<JoinHandle<()>>, error: String) {
        if !self.has_ended(run) {
            self.last_error = Some(error);
            self.thread = self.thread.take().or(thread);
        }
    }

    /// How often it was tried again.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether all that it depends on is ready, or done.
    pub(super) fn depends_on_ready(&self, slots: &Slots) -> bool {
        let is_ready = |id: &String| slots.get(id).is_none_or(|slot| slot.is_done || slot.state == ServiceState::Running);
        self.dependencies.iter().all(is_ready)
    }

    pub(super) fn status(&self, id: &str) -> ServiceStatus {
        ServiceStatus {
            id: id.to_owned(),
            state: self.state.clone(),
            since: self.since,
            restarts: self.restarts,
            last_error: self.last_error.clone(),
            report: self.report.clone(),
            feature_off: self.feature_off.clone(),
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
