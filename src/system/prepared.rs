//! The version that is prepared and not committed yet, between two calls.
//!
//! While a version is prepared nothing can be changed, so one that nobody commits would be in everybody's way: it is dropped after a time
//! limit, and when the system stops.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::context::new_trace_id;
use crate::multistore::PreparedMultiVersion;

/// Keeps the prepared version; there is one at a time, as nothing can be changed beside it.
#[derive(Default)]
pub(super) struct PreparedVersions {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Set and taken whole, so a panic elsewhere leaves it whole. Dropping a version takes locks of the stores: never under this one.
    kept: Mutex<Option<Kept>>,
    /// Told when the version was taken.
    taken: Condvar,
}

struct Kept {
    id: String,
    version: PreparedMultiVersion,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the version `id` is taken or its time is over; then drops it.
    fn watch(&self, id: &str, until: Instant) {
        let mut kept = self.lock();
        while kept.as_ref().is_some_and(|kept| kept.id == id) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let expired = kept.take();
                drop(kept);
                drop(expired);
                return;
            }
            (kept, _) = self.taken.wait_timeout(kept, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl PreparedVersions {
    /// Keeps a version for a time, and gives the id that takes it out.
    ///
    /// # Errors
    /// When no thread can be started to watch the time: the version is dropped then.
    pub(super) fn keep(&self, version: PreparedMultiVersion, time: Duration) -> std::io::Result<String> {
        let id = new_trace_id();
        // A time that the clock cannot say is over at once.
        let until = Instant::now().checked_add(time).unwrap_or_else(Instant::now);
        // That it could be prepared says that the one before is over; what is left of it has no effect.
        let before = self.shared.lock().replace(Kept { id: id.clone(), version });
        self.shared.taken.notify_all();
        drop(before);
        let (shared, name) = (Arc::clone(&self.shared), id.clone());
        let spawned = thread::Builder::new().name("prepared version".to_owned()).spawn(move || shared.watch(&name, until));
        if let Err(error) = spawned {
            drop(self.take(&id));
            return Err(error);
        }
        Ok(id)
    }

    /// Takes a version out: by its id, if it is there.
    pub(super) fn take(&self, id: &str) -> Option<PreparedMultiVersion> {
        let taken = self.shared.lock().take_if(|kept| kept.id == id);
        self.shared.taken.notify_all();
        taken.map(|kept| kept.version)
    }

    /// Drops the version, whichever it is.
    pub(super) fn clear(&self) {
        let dropped = self.shared.lock().take();
        self.shared.taken.notify_all();
        drop(dropped);
    }
}
