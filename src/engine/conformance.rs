//! What every [`Backend`] must do, as a test that you run on your own one.
//!
//! [`check_backend`] compares a backend with a `BTreeMap` over random batches, looks at it from several threads while it is written, and
//! closes and opens it again. It panics, as a test does, with the law that is broken and the seed that shows it;
//! [`check_backend_from`] runs that seed again.
//!
//! The laws, with the names that the messages use:
//! 1. `batches apply in order`: after a batch the contents are what its changes give one after the other, in all keyspaces.
//! 2. `scans agree with gets`: a scan gives exactly the pairs of its range in its order; an empty or inverted range has none.
//! 3. `a scan sees the state of its start`: that of the call to `scan`, whatever is written before its first or last pair is read.
//! 4. `no reader sees half a batch`, and none misses one whose `write` has returned.
//! 5. `what was written is there after opening again`, for a backend that persists.
//! 6. `derived writes are seen at once`, as all others; `what is settled is no older than asked for`.
//! 7. `what is ingested is seen at once, over what was there`, and is there after opening again.
//!
//! ```
//! use std::sync::Arc;
//! use treering::engine::conformance::{Persistence, check_backend};
//! use treering::engine::memory::MemoryBackend;
//!
//! // A backend that persists would open the same place each time.
//! check_backend(Persistence::None, &mut || Arc::new(MemoryBackend::new()));
//! ```

mod batches;
mod derived;
mod model;
mod numbers;
mod readers;
mod snapshots;

use std::sync::Arc;

use super::{Backend, BackendError, Batch, Durability};
use model::Model;
use numbers::Numbers;

/// Where the random choices begin when nobody says otherwise.
const DEFAULT_SEED: u64 = 1;

/// Whether a backend's contents outlive it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persistence {
    /// Every call of the closure gives an empty backend.
    None,
    /// The first call of the closure gives an empty backend, every later one opens it again. The suite drops a backend before it asks
    /// for the next.
    Disk,
}

/// Checks all laws, from the seed in the environment variable `TREERING_SEED` or a fixed one. Takes some seconds.
///
/// # Panics
/// When a law is broken, naming it and the seed.
pub fn check_backend(persistence: Persistence, open: &mut dyn FnMut() -> Arc<dyn Backend>) {
    let seed = std::env::var("TREERING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(DEFAULT_SEED);
    check_backend_from(seed, persistence, open);
}

/// Checks all laws from this seed.
///
/// # Panics
/// When a law is broken, naming it and the seed.
pub fn check_backend_from(seed: u64, persistence: Persistence, open: &mut dyn FnMut() -> Arc<dyn Backend>) {
    let mut subject = Subject::open(seed, persistence, open);
    batches::check(&mut subject);
    snapshots::check(&mut subject);
    readers::check(&mut subject);
    derived::check(&mut subject);
    subject.reopen();
}

/// A backend under test, with what it should contain.
struct Subject<'a> {
    seed: u64,
    persistence: Persistence,
    open: &'a mut dyn FnMut() -> Arc<dyn Backend>,
    backend: Arc<dyn Backend>,
    model: Model,
    numbers: Numbers,
}

impl<'a> Subject<'a> {
    fn open(seed: u64, persistence: Persistence, open: &'a mut dyn FnMut() -> Arc<dyn Backend>) -> Self {
        let backend = open();
        let subject = Self { seed, persistence, open, backend, model: Model::default(), numbers: Numbers(seed) };
        subject.model.compare(subject.backend.as_ref(), &subject.law("a new backend is empty"));
        subject
    }

    /// The beginning of the message when a law is broken.
    fn law(&self, law: &str) -> String {
        format!("law broken: {law} (TREERING_SEED={})", self.seed)
    }

    /// Writes a batch here and to the model.
    fn write(&mut self, batch: &Batch, durability: Durability) {
        done(self.backend.write(batch, durability), &self.law("a batch can be written"));
        self.model.apply(batch);
    }

    /// Closes and opens a backend that persists, and compares all of it.
    fn reopen(&mut self) {
        if self.persistence == Persistence::None {
            return;
        }
        let law = self.law("what was written is there after opening again");
        // The old one must be gone before the new one is opened.
        let memory: Arc<dyn Backend> = Arc::new(super::memory::MemoryBackend::new());
        let old = std::mem::replace(&mut self.backend, memory);
        let kept = Arc::strong_count(&old) > 1;
        assert!(!kept, "the closure keeps the backend that it gave; it must be dropped before the next is opened");
        drop(old);
        self.backend = (self.open)();
        self.model.compare(self.backend.as_ref(), &law);
    }
}

/// The value of a call that may not fail.
fn done<T>(result: Result<T, BackendError>, law: &str) -> T {
    result.unwrap_or_else(|error| panic!("{law}: {error}"))
}

#[cfg(test)]
mod tests;
