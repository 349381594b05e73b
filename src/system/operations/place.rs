//! Finding what a call is about, with errors that say what there is instead.

use serde_json::{Value, json};

use crate::error::Error;
use crate::store::{SharedStore, Snapshot, Versioned};
use crate::system::{OperationError, SystemHandle};

/// A store by its name.
///
/// # Errors
/// `no_store`; `closed` when the stores were closed.
pub(super) fn store(system: &SystemHandle, name: &str) -> Result<SharedStore, OperationError> {
    system.store().get_store(name).map_err(|error| match error {
        // After closing there is no store at all: that they are closed says more.
        Error::NoStore { .. } if system.store().hash_function().is_err() => Error::AllClosed.into(),
        error => error.into(),
    })
}

/// A version of a store; `None` for the newest.
///
/// # Errors
/// `no_version`, whose details have the oldest and the newest version kept.
pub(super) fn snapshot(store: &SharedStore, version: Option<u64>) -> Result<Snapshot, OperationError> {
    store.snapshot(version).map_err(|error| {
        let is_missing = matches!(error, Error::NoVersion { .. });
        let mut error = OperationError::from(error);
        if is_missing && let Value::Object(details) = &mut error.details {
            let window = store.version_window().ok().flatten();
            details.insert("oldest".to_owned(), json!(window.map(|(oldest, _)| oldest)));
            details.insert("newest".to_owned(), json!(window.map(|(_, newest)| newest)));
        }
        error
    })
}
