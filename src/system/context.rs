//! What every call of an operation comes with.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
}

impl OperationContext {
    /// A call of `principal`, without a deadline, under a name of its own.
    #[must_use]
    pub fn new(principal: Principal) -> Self {
        Self { principal, deadline: None, cancelled: CancelToken::new(), trace_id: new_trace_id() }
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

/// 16 hex digits, which calls of this and of other processes hardly share. No secret.
#[must_use]
pub fn new_trace_id() -> String {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // Its keys come from the system's randomness; the count makes two calls differ for sure to the hash function.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(CALLS.fetch_add(1, Ordering::Relaxed));
    format!("{:016x}", hasher.finish())
}
