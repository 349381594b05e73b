//! The library's errors as those of operations: one table.

use serde_json::{Value, json};
use treering_tree::TreeError;

use super::{ErrorKind, OperationError};
use crate::error::Error;

impl From<Error> for OperationError {
    fn from(error: Error) -> Self {
        let (kind, code) = kind_and_code(&error);
        Self { code, message: error.to_string(), details: details(&error), kind }
    }
}

/// The table.
fn kind_and_code(error: &Error) -> (ErrorKind, &'static str) {
    use ErrorKind::{BadInput, Conflict, Internal, NotFound, TooLarge, Unavailable};
    match error {
        Error::NoDatabase { .. } => (Unavailable, "no_database"),
        Error::DatabaseExists { .. } => (Conflict, "database_exists"),
        Error::FolderInUse { .. } => (Conflict, "folder_in_use"),
        Error::Locked { .. } => (Unavailable, "locked"),
        Error::NewerFormat { .. } => (Internal, "newer_format"),
        Error::OlderFormat { .. } => (Internal, "older_format"),
        Error::OtherHashFunction { .. } => (Conflict, "other_hash_function"),
        Error::Damaged { .. } => (Internal, "damaged"),
        Error::Engine(_) => (Internal, "engine"),
        Error::Io { .. } => (Internal, "io"),
        Error::Tree(error) => kind_and_code_of_tree(error),
        Error::NoStore { .. } => (NotFound, "no_store"),
        Error::StoreExists { .. } => (Conflict, "store_exists"),
        Error::StoreName { .. } => (BadInput, "store_name"),
        Error::StoreInUse { .. } => (Conflict, "store_in_use"),
        Error::NoVersion { .. } => (NotFound, "no_version"),
        Error::VersionExists { .. } | Error::MultiVersionExists { .. } => (Conflict, "version_exists"),
        Error::Pinned { .. } => (Conflict, "pinned"),
        Error::KeepsNothing => (BadInput, "keeps_nothing"),
        Error::ReadOnly => (Unavailable, "read_only"),
        Error::KeyTooLong { .. } => (TooLarge, "key_too_long"),
        Error::Closed { .. } | Error::AllClosed => (Unavailable, "closed"),
        Error::Unsupported { .. } => (BadInput, "unsupported"),
        Error::Conflict { .. } => (Conflict, "conflict"),
        Error::StateReplaced { .. } => (Conflict, "state_replaced"),
        Error::TransactionEnded { .. } => (Conflict, "transaction_ended"),
        Error::ReadOnlyTransaction { .. } => (BadInput, "read_only_transaction"),
        Error::NestedTransactionOpen { .. } => (Conflict, "nested_transaction_open"),
        Error::NoSavepoint { .. } => (NotFound, "no_savepoint"),
        Error::VersionPrepared { .. } => (Conflict, "version_prepared"),
        Error::BehindNewest { .. } => (Conflict, "behind_newest"),
        Error::NoMultiVersion { .. } => (NotFound, "no_multi_version"),
        Error::StoreDeleted { .. } => (Conflict, "store_deleted"),
        Error::OtherEngine { .. } => (Conflict, "other_engine"),
        Error::SeveralEngines { .. } => (Conflict, "several_engines"),
        Error::NeedsCleaning { .. } => (Unavailable, "needs_cleaning"),
        Error::Config(_) => (BadInput, "config"),
        Error::Registry(_) => (BadInput, "unknown_engine"),
        Error::Poisoned { .. } => (Unavailable, "poisoned"),
        Error::CompanionLog { .. } => (Unavailable, "audit_unavailable"),
    }
}

fn kind_and_code_of_tree(error: &TreeError) -> (ErrorKind, &'static str) {
    match error {
        TreeError::KeyTooLong { .. } => (ErrorKind::TooLarge, "key_too_long"),
        TreeError::ValueTooLong { .. } => (ErrorKind::TooLarge, "value_too_long"),
        TreeError::MissingNode { .. } | TreeError::HashMismatch { .. } | TreeError::Malformed { .. } => (ErrorKind::Internal, "damaged"),
        TreeError::Unsaved => (ErrorKind::Conflict, "unsaved"),
        TreeError::Load { .. } => (ErrorKind::Internal, "engine"),
        _ => (ErrorKind::Internal, "tree"),
    }
}

/// What a program may want to know of an error beside its code.
fn details(error: &Error) -> Value {
    match error {
        Error::NoStore { name, stores } => json!({ "store": name, "stores": stores }),
        Error::StoreExists { name } | Error::StoreName { name, .. } | Error::StoreInUse { name } => json!({ "store": name }),
        Error::NoVersion { store, version, kept } => json!({ "store": store, "version": version, "kept": kept }),
        Error::NoMultiVersion { version, edges, kept } => {
            json!({ "version": version, "oldest": edges.map(|edges| edges.0), "newest": edges.map(|edges| edges.1), "kept": kept })
        }
        Error::VersionExists { store, version, found, saving, .. } => {
            json!({ "store": store, "version": version, "found": found, "saving": saving })
        }
        Error::MultiVersionExists { version, found, saving, .. } => json!({ "version": version, "found": found, "saving": saving }),
        Error::Pinned { store, versions } => json!({ "store": store, "versions": versions }),
        Error::KeyTooLong { length, max } => json!({ "length": length, "max": max }),
        Error::Tree(TreeError::KeyTooLong { length }) => json!({ "length": length, "max": treering_tree::MAX_KEY_LEN }),
        Error::Tree(TreeError::ValueTooLong { length }) => json!({ "length": length, "max": treering_tree::MAX_VALUE_LEN }),
        Error::Conflict { store, key } => json!({ "store": store, "key": hex::encode(key) }),
        Error::BehindNewest { store, version, newest } => json!({ "store": store, "version": version, "newest": newest }),
        Error::StoreDeleted { version, store } => json!({ "store": store, "version": version }),
        Error::NoSavepoint { store, savepoint } => json!({ "store": store, "savepoint": savepoint }),
        Error::Closed { store }
        | Error::StateReplaced { store, .. }
        | Error::TransactionEnded { store }
        | Error::ReadOnlyTransaction { store }
        | Error::NestedTransactionOpen { store }
        | Error::VersionPrepared { store } => json!({ "store": store }),
        Error::Damaged { record, what } => json!({ "record": record, "what": what }),
        Error::Unsupported { engine, feature } => json!({ "engine": engine, "feature": feature.to_string() }),
        _ => Value::Null,
    }
}
