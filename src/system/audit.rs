//! The audit log: who did what, in a tree of its own that shows every later change.
//!
//! Every operation that writes or administers has an entry, and every one that was denied; others if it is told so. An operation is answered
//! when its entry is on the disk. The entries are the values of one store in a database of its own, in the folder `audit` beside those of
//! the engines, on the engine of the home: key is the entry's number (eight bytes, big endian), value its JSON. So app hashes are the
//! same with and without it.
//!
//! Beside every version of all stores stands how the log stood then ([`Companion`]): [`AuditTrail::verify`] holds the log against these
//! records, and against the roots of its own versions, which it computes anew from the entries.
//!
//! Laws
//! 1. Numbers begin at 1 and have no gaps; every version of the log has more entries than the one before.
//! 2. When the log cannot be written, nothing that needs an entry runs any more, and no version of the stores is saved. What was running
//!    when it failed is answered with `audit_unavailable`, and with what became of it.
//! 3. What stands beside a version was on the disk before that version was.
//!
//! What the log cannot show is the loss of entries after the newest version of all stores by someone who rewrites the database itself, or
//! that of everything. Who keeps the root that `treering audit verify` prints elsewhere can show that, too.
//!
//! ```text
//! operations -> AuditLog -> queue (bounded) -> writer: all that waits is one version of the log -> audit database
//!                   \-> MultiStore: how the log stands, beside every version
//! ```

mod entry;
mod page;
mod spine;
mod trail;
mod verify;
mod writer;

use std::sync::Arc;

use super::access::{Access, Stores};
use super::execution::{Execution, Observer};
use super::failure::{ErrorKind, OperationError};
use super::principal::Role;
use crate::engine::Backend;
use crate::error::{Error, Result};
use crate::multistore::{CompanionLog, MultiStore, MultiVersion};
use crate::persist::companion::Companion;
use entry::digest;
use serde_json::json;
use writer::Writer;

pub use entry::{AuditEntry, Call, SavedMark};
pub use page::{AuditPage, PageRequest};
pub use trail::AuditTrail;
pub use verify::{AuditReport, Finding, verify};

/// The code of an operation that was denied.
const DENIED: &str = "denied";
/// The result of an operation that succeeded.
const OK: &str = "ok";

/// What has entries beside operations that write, administer or were denied.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct AuditOptions {
    /// Operations that only read.
    pub reads: bool,
}

/// The audit log of a system, which writes it. It is an [`Observer`] of its operations.
pub struct AuditLog {
    options: AuditOptions,
    trail: AuditTrail,
    writer: Writer,
}

impl AuditLog {
    /// Opens the audit log of the stores, or makes it, and writes from now on beside every version of them how it stands.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], those of opening a database.
    pub fn open(stores: &MultiStore, options: AuditOptions) -> Result<Arc<Self>> {
        let trail = AuditTrail::open_to_write(stores)?;
        Self::attached(stores, trail, options)
    }

    /// The same on a backend of your own.
    ///
    /// # Errors
    /// As [`AuditLog::open`].
    pub fn open_on(stores: &MultiStore, backend: Arc<dyn Backend>, options: AuditOptions) -> Result<Arc<Self>> {
        let trail = AuditTrail::open_on(backend)?;
        Self::attached(stores, trail, options)
    }

    fn attached(stores: &MultiStore, trail: AuditTrail, options: AuditOptions) -> Result<Arc<Self>> {
        let writer = Writer::start(&trail)?;
        let log = Arc::new(Self { options, trail, writer });
        stores.set_companion_log(Some(Arc::clone(&log) as Arc<dyn CompanionLog>))?;
        Ok(log)
    }

    /// What is written already, to read.
    #[must_use]
    pub fn trail(&self) -> &AuditTrail {
        &self.trail
    }

    /// Adds an entry, and gives its number when it is on the disk. Waits while too many others do.
    ///
    /// # Errors
    /// `audit_unavailable` when the log cannot be written, or is closed.
    pub fn record(&self, call: Call) -> std::result::Result<u64, OperationError> {
        let written = self.writer.add(call).and_then(|number| self.writer.wait_for(number).map(|()| number));
        written.map_err(|cause| unavailable(&cause))
    }

    /// Adds an entry, and gives the number that it will have on the disk. Waits only while too many others do.
    ///
    /// # Errors
    /// As [`AuditLog::record`].
    pub fn add(&self, call: Call) -> std::result::Result<u64, OperationError> {
        self.writer.add(call).map_err(|cause| unavailable(&cause))
    }

    /// Why nothing can be written any more, if that is so. It stays so until the system is started anew.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.writer.failure()
    }

    /// Writes what waits, and takes no more. Closing again does nothing.
    ///
    /// # Errors
    /// `audit_unavailable` when something could not be written.
    pub fn close(&self) -> std::result::Result<(), OperationError> {
        self.writer.close().map_err(|cause| unavailable(&cause))
    }

    /// Whether a call that needs such access has an entry when it was not denied.
    fn has_entry(&self, access: &Access) -> bool {
        access.role > Role::Read || self.options.reads
    }
}

impl Observer for AuditLog {
    fn wants_input(&self, access: &Access) -> bool {
        self.has_entry(access)
    }

    fn admit(&self, _operation: &str, access: &Access) -> std::result::Result<(), OperationError> {
        if self.has_entry(access) { self.writer.check().map_err(|cause| unavailable(&cause)) } else { Ok(()) }
    }

    fn executed(&self, execution: &Execution<'_>) -> std::result::Result<(), OperationError> {
        let is_denied = execution.failure.is_some_and(|failure| failure.code == DENIED);
        if !is_denied && !self.has_entry(execution.access) {
            return Ok(());
        }
        let call = Call::of(execution);
        if is_denied {
            // Nothing happened that could go unnoticed, and a refusal stays one.
            let _ = self.add(call);
            return Ok(());
        }
        let entered = if execution.access.role > Role::Read { self.record(call) } else { self.add(call) };
        entered.map(drop).map_err(|error| after_the_fact(error, execution))
    }
}

impl CompanionLog for AuditLog {
    fn standing(&self) -> Result<Option<Companion>> {
        self.writer.standing().map_err(|cause| Error::CompanionLog { cause })
    }

    fn saved(&self, version: &MultiVersion, beside: Companion) {
        self.writer.mark(SavedMark::of(version, beside));
    }
}

impl Call {
    fn of(execution: &Execution<'_>) -> Self {
        Self {
            trace_id: execution.context.trace_id.clone(),
            principal: execution.context.principal.name.clone(),
            operation: execution.operation.to_owned(),
            role: execution.access.role,
            stores: match &execution.access.stores {
                Stores::Named(names) => Some(names.clone()),
                Stores::All | Stores::Granted => None,
            },
            input_digest: execution.input.map(digest),
            result: execution.failure.map_or(OK, |failure| failure.code).to_owned(),
            duration: execution.duration,
        }
    }
}

fn unavailable(cause: &str) -> OperationError {
    let message =
        format!("the audit log cannot be written ({cause}); nothing that needs an entry is done: mend it and start the system again");
    OperationError::new(ErrorKind::Unavailable, "audit_unavailable", message)
}

/// The same for an operation that ran already: what became of it is told, too.
fn after_the_fact(error: OperationError, execution: &Execution<'_>) -> OperationError {
    let result = execution.failure.map_or(OK, |failure| failure.code);
    let message = format!("{}; {:?} had run already, with the result {result:?}", error.message, execution.operation);
    OperationError { message, ..error }.with_details(json!({ "operation": execution.operation, "result": result }))
}
