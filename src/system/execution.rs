//! What happened in a call of an operation, and those who are told of every call.

use std::time::Duration;

use super::access::Access;
use super::context::OperationContext;
use super::failure::OperationError;

/// A call of an operation that has ended, well or not. Calls whose input could not be read are none.
#[derive(Clone, Copy, Debug)]
pub struct Execution<'a> {
    /// The operation.
    pub operation: &'static str,
    /// Who called, and under which name.
    pub context: &'a OperationContext,
    /// What the call needed to be allowed.
    pub access: &'a Access,
    /// The input as canonical JSON: fields in the order of the operation, defaults filled in. `None` unless somebody wanted it.
    pub input: Option<&'a [u8]>,
    /// What it failed with.
    pub failure: Option<&'a OperationError>,
    /// How long it took.
    pub duration: Duration,
}

/// Somebody who is told of every call of an operation, on the thread of the call and before the caller has the answer.
pub trait Observer: Send + Sync + 'static {
    /// Whether it wants to know the input of calls that need such access. It costs writing the input as JSON.
    fn wants_input(&self, access: &Access) -> bool {
        let _ = access;
        false
    }

    /// Asked before an operation runs that the principal may run.
    ///
    /// # Errors
    /// What the caller is told instead: then the operation does not run.
    fn admit(&self, operation: &str, access: &Access) -> Result<(), OperationError> {
        let _ = (operation, access);
        Ok(())
    }

    /// Tells it. What it waits for, the caller waits for.
    ///
    /// # Errors
    /// What the caller is told instead of the answer. What the operation did stays done.
    fn executed(&self, execution: &Execution<'_>) -> Result<(), OperationError>;
}
