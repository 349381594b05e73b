//! What users hold: a [`Database`], the [`TreeStore`]s in it, [`Snapshot`]s of their versions.

mod branch;
mod database;
#[cfg(feature = "rocksdb")]
mod folder;
mod lock;
mod scan;
mod snapshot;
mod tree_store;

pub use database::{CreateOptions, Database, OpenOptions, VersionInfo};
pub use scan::Scan;
pub use snapshot::Snapshot;
pub use tree_store::{StoreRange, TreeStore};
