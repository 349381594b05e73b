//! Keeps services running.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::service::Wake;

/// The services of a system and how they are.
#[derive(Default)]
pub(super) struct Supervisor {
    slots: Mutex<BTreeMap<String, Slot>>,
    /// Told of every change of a slot.
    changed: Condvar,
}

/// A service.
#[derive(Default)]
struct Slot {
    is_ready: bool,
    is_stopping: bool,
    report: Value,
}

impl Supervisor {
    /// Slots are changed by single assignments.
    fn slots(&self) -> MutexGuard<'_, BTreeMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stopping(&self, id: &str) -> bool {
        self.slots().get(id).is_none_or(|slot| slot.is_stopping)
    }

    pub(super) fn wait(&self, id: &str, at_most: Option<Duration>) -> Wake {
        let end = at_most.and_then(|time| Instant::now().checked_add(time));
        let mut slots = self.slots();
        loop {
            if slots.get(id).is_none_or(|slot| slot.is_stopping) {
                return Wake::Stopping;
            }
            let Some(end) = end else {
                slots = self.changed.wait(slots).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Wake::Elapsed;
            }
            slots = self.changed.wait_timeout(slots, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Slot)) {
        self.slots().get_mut(id).map(change);
        self.changed.notify_all();
    }

    pub(super) fn ready(&self, id: &str) {
        self.change(id, |slot| slot.is_ready = true);
    }

    pub(super) fn report(&self, id: &str, report: Value) {
        self.change(id, |slot| slot.report = report);
    }
}
