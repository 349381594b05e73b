//! What users hold: a [`Database`], the [`TreeStore`]s in it, [`Snapshot`]s of their versions; and a [`SharedStore`] for many threads, with
//! [`traits`] that say what it can do.

mod branch;
mod database;
#[cfg(feature = "rocksdb")]
mod folder;
mod history;
pub(crate) mod lock;
pub(crate) mod manifest;
mod prepared;
mod range;
mod saved_already;
mod scan;
mod shared;
mod snapshot;
pub mod traits;
mod transaction;
mod tree_store;
mod unopened;
mod work;

pub use database::{CreateOptions, Database, OpenOptions, VersionInfo};
pub(crate) use database::{check_initial_version, check_name, default_threads};
pub use prepared::PreparedVersion;
pub(crate) use prepared::Promise;
pub use range::StoreRange;
pub(crate) use saved_already::SavedAlready;
pub use scan::Scan;
pub(crate) use shared::{About, KeyChange, Locked, saved_event};
pub use shared::{FoundValue, SharedStore, WorkingView};
#[cfg(feature = "system")]
pub(crate) use shared::{TakeSeen, ValueSeen};
pub(crate) use snapshot::HeldVersion;
pub use snapshot::Snapshot;
pub use snapshot::changes::EachChange;
pub use snapshot::compare::SnapshotDiff;
pub use traits::{Committed, Provable, RangeQueryable, Savepoint, Store, Transaction, TransactionMode, Transactional, Versioned};
pub use tree_store::TreeStore;
pub(crate) use unopened::Opening;
