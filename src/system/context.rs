//! What every call of an operation comes with.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use super::failure::OperationError;
use super::principal::Principal;

/// Says that a call is not wanted any more. Cheap to clone: clones are the same.
#[derive(Clone, Default, Debug)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// One that was not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says it, for good.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who calls, until when an answer is of use, and under which name the call is told of.
///
/// ```
/// use std::time::Duration;
/// use treering::system::{OperationContext, Principal};
///
/// let context = OperationContext::new(Principal::local()).with_timeout(Duration::ZERO).with_trace_id("block-7");
/// assert_eq!(context.check().unwrap_err().code, "deadline_exceeded");
/// ```
#[derive(Clone, Debug)]
pub struct OperationContext {
    /// Who calls.
    pub principal: Principal,
    /// When the answer is of no use any more.
    pub deadline: Option<Instant>,
    /// Says whether it still is.
    pub cancelled: CancelToken,
    /// The call's name in events, logs and the audit trail.
    pub trace_id: String,
    /// Called around what waits for storage.
    pub(crate) waiting: fn(&mut dyn FnMut()),
}

impl OperationContext {
    /// A call of `principal`, without a deadline, under a name of its own.
    #[must_use]
    pub fn new(principal: Principal) -> Self {
        Self { principal, deadline: None, cancelled: CancelToken::new(), trace_id: new_trace_id(), waiting: |work| work() }
    }

    /// A call of the process itself, which may do everything.
    #[must_use]
    pub fn local() -> Self {
        Self::new(Principal::local())
    }

    /// The same with a deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The same with a deadline that is `timeout` from now.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        // A deadline that the clock cannot say is none.
        let deadline = Instant::now().checked_add(timeout);
        Self { deadline, ..self }
    }

    /// The same, cancelled by `token`.
    #[must_use]
    pub fn with_cancel_token(mut self, token: CancelToken) -> Self {
        self.cancelled = token;
        self
    }

    /// The same under another name.
    #[must_use]
    pub fn with_trace_id(mut self, trace_id: impl Into<String>) -> Self {
        self.trace_id = trace_id.into();
        self
    }

    /// Does work that waits for storage, perhaps long, in the way that is right for the thread of the call. Where calls are made on threads that
    /// must not wait, an operation that mostly finds all in memory does the rest in here.
    pub(crate) fn wait_in<T>(&self, work: impl FnOnce() -> T) -> T {
        let (mut work, mut done) = (Some(work), None);
        (self.waiting)(&mut || done = work.take().map(|work| work()));
        done.unwrap_or_else(|| unreachable!("whoever is called around work does it"))
    }

    /// Whether to go on. Long operations call it between steps; it costs about as much as reading the clock.
    ///
    /// # Errors
    /// `cancelled` or `deadline_exceeded`.
    pub fn check(&self) -> Result<(), OperationError> {
        if self.cancelled.is_cancelled() {
            return Err(OperationError::cancelled());
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(OperationError::deadline_exceeded()),
            _ => Ok(()),
        }
    }
}

/// 16 hex digits, which calls of this process do not share, and those of others hardly. No secret.
#[must_use]
pub fn new_trace_id() -> String {
    /// Odd, so that multiplying by it, as each step below, gives every number once.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    static CALLS: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().build_hasher().finish()));
    let mut number = CALLS.fetch_add(1, Ordering::Relaxed).wrapping_mul(SPREAD);
    number = (number ^ (number >> 32)).wrapping_mul(SPREAD);
    number ^= number >> 29;
    hex::encode(number.to_be_bytes())
}
