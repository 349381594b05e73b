//! What each event says: one struct a topic.

use serde::{Deserialize, Serialize};
use treering_proofs::Hash;

/// A store was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoreCreated {
    /// Its name.
    pub store: String,
    /// The engine that keeps it, such as `rocksdb`.
    pub engine: String,
}

/// A store was removed with all its versions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoreDeleted {
    /// Its name.
    pub store: String,
}

/// A store got another name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoreRenamed {
    /// The name it had.
    pub from: String,
    /// The name it has now.
    pub to: String,
}

/// A store's handle was closed; the store itself stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoreClosed {
    /// Its name.
    pub store: String,
}

/// A version of a store is durable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VersionSaved {
    /// The store.
    pub store: String,
    /// The version.
    pub version: u64,
    /// Its root hash.
    pub root_hash: Hash,
    /// Number of keys.
    pub size: u64,
    /// Levels of inner nodes.
    pub height: u8,
    /// When it was saved, in seconds since 1970.
    pub time: u64,
}

/// The working tree of a store was set to a version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VersionLoaded {
    /// The store.
    pub store: String,
    /// The version.
    pub version: u64,
}

/// Versions of a store were removed to save room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VersionPruned {
    /// The store.
    pub store: String,
    /// How many versions went.
    pub versions: u64,
    /// How many nodes went.
    pub nodes: u64,
    /// The oldest version that is left, if there is any.
    pub oldest: Option<u64>,
}

/// The newest versions of a store were removed to go back to an older one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VersionRolledBack {
    /// The store.
    pub store: String,
    /// The version that is the newest now.
    pub version: u64,
}

/// A transaction was begun.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TransactionBegin {
    /// The store.
    pub store: String,
    /// The transaction's number.
    pub transaction: u64,
    /// Whether it only reads.
    pub read_only: bool,
}

/// A transaction's writes became part of the working tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TransactionCommit {
    /// The store.
    pub store: String,
    /// The transaction's number.
    pub transaction: u64,
    /// How many keys it set or deleted.
    pub writes: u64,
}

/// A transaction ended without an effect.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TransactionRollback {
    /// The store.
    pub store: String,
    /// The transaction's number.
    pub transaction: u64,
}

/// One store in a version of the multistore.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SavedStore {
    /// The store.
    pub store: String,
    /// Its version, which need not be that of the multistore.
    pub version: u64,
    /// Its root hash.
    pub root_hash: Hash,
}

/// A version of all stores together is durable.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MultistoreVersionSaved {
    /// The version.
    pub version: u64,
    /// The hash over all stores.
    pub app_hash: Hash,
    /// When it was saved, in seconds since 1970.
    pub time: u64,
    /// The stores, in the order of their names.
    pub stores: Vec<SavedStore>,
}

/// The working trees of all stores were set to a version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MultistoreVersionLoaded {
    /// The version.
    pub version: u64,
}

/// The newest versions of all stores were removed to go back to an older one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MultistoreVersionRolledBack {
    /// The version that is the newest now.
    pub version: u64,
}

/// Versions of all stores were removed to save room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MultistoreVersionPruned {
    /// How many versions went.
    pub versions: u64,
    /// How many nodes went, of all stores.
    pub nodes: u64,
    /// The oldest version that is left, if there is any.
    pub oldest: Option<u64>,
}

/// A service of a system was started, for the first time or again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceStarted {
    /// Its id.
    pub service: String,
}

/// A service of a system was stopped, or is done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceStopped {
    /// Its id.
    pub service: String,
}

/// A service of a system failed; unless it was being stopped, it will be started again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceFailed {
    /// Its id.
    pub service: String,
    /// What it failed with.
    pub error: String,
    /// How often it was started again before.
    pub restarts: u64,
}

/// An operation of a system was executed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OperationExecuted {
    /// Its id.
    pub operation: String,
    /// Who called it.
    pub principal: String,
    /// The call's name.
    pub trace_id: String,
    /// How long it took, in microseconds.
    pub duration_us: u64,
}

/// An operation of a system was called and failed, or was denied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OperationFailed {
    /// Its id.
    pub operation: String,
    /// Who called it.
    pub principal: String,
    /// The call's name.
    pub trace_id: String,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The code of what it failed with.
    pub code: String,
}

/// A check in the background found a record that is not what it must be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DamageFound {
    /// The store.
    pub store: String,
    /// What was found.
    pub error: String,
}
