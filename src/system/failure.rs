//! What a caller is told when an operation fails: a code for programs, a sentence for people, details for both.

mod library;

use serde::Serialize;
use serde_json::{Value, json};

use super::principal::Role;

/// What sort of failure it is; a server makes its status of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call itself is wrong.
    BadInput,
    /// What it is about is not there.
    NotFound,
    /// The state of things stands against it.
    Conflict,
    /// The principal may not.
    Denied,
    /// Not now, or not here.
    Unavailable,
    /// It took too long.
    TimedOut,
    /// What nobody who calls can help.
    Internal,
    /// It is more than is taken.
    TooLarge,
}

/// Why an operation failed. As JSON `{"code":..,"message":..,"details":..}`, without details if there are none.
#[derive(Clone, PartialEq, Debug, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct OperationError {
    /// The name of the failure, which stays: `no_store`.
    pub code: &'static str,
    /// A sentence that names the thing and the way out.
    pub message: String,
    /// What the sentence says, for programs; null if there is no more.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub details: Value,
    /// The sort of failure.
    #[serde(skip)]
    pub kind: ErrorKind,
}

impl OperationError {
    /// A failure without details.
    #[must_use]
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Value::Null, kind }
    }

    /// The same with details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// `invalid_input`: what is at `path` of the input cannot be taken. The path is as in `operations[2].key`; `.` is the input itself.
    #[must_use]
    pub fn invalid_input(path: &str, what: impl std::fmt::Display) -> Self {
        let message = if path == "." { format!("the input cannot be taken: {what}") } else { format!("{path}: {what}") };
        Self::new(ErrorKind::BadInput, "invalid_input", message).with_details(json!({ "path": path }))
    }

    /// `unknown_operation`: there is no such operation; `nearest` is what may have been meant.
    #[must_use]
    pub fn unknown_operation(id: &str, nearest: Option<&str>) -> Self {
        let hint = nearest.map_or_else(|| "system.components lists those there are".to_owned(), |id| format!("did you mean {id:?}?"));
        Self::new(ErrorKind::NotFound, "unknown_operation", format!("there is no operation {id:?}; {hint}"))
            .with_details(json!({ "operation": id, "nearest": nearest }))
    }

    /// `denied`: the principal lacks a role somewhere.
    #[must_use]
    pub fn denied(principal: &str, role: Role, place: &str) -> Self {
        let message = format!("{principal:?} lacks the role {role} for {place}; ask for a token that has it");
        Self::new(ErrorKind::Denied, "denied", message)
    }

    /// `deadline_exceeded`: the time for the call is over.
    #[must_use]
    pub fn deadline_exceeded() -> Self {
        Self::new(ErrorKind::TimedOut, "deadline_exceeded", "the deadline of the call has passed; ask for less at once, or allow more time")
    }

    /// `cancelled`: the caller does not want the answer any more.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::TimedOut, "cancelled", "the call was cancelled")
    }

    /// `service_stopped`: the system does not take operations now.
    #[must_use]
    pub fn service_stopped() -> Self {
        Self::new(ErrorKind::Unavailable, "service_stopped", "the system was stopped and takes no operations; start it again")
    }

    /// `feature_off`: the component belongs to a feature that the configuration switches off.
    #[must_use]
    pub fn feature_off(component: &str, feature: &str) -> Self {
        let message = format!("{component:?} belongs to the feature {feature:?}, which is off; set `{feature} = true` in [features]");
        Self::new(ErrorKind::Unavailable, "feature_off", message).with_details(json!({ "component": component, "feature": feature }))
    }

    /// `internal`: something that nobody who calls can help.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, "internal", message)
    }
}
