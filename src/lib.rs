#![doc = include_str!("../README.md")]

pub mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod engine;
mod error;
pub mod event;
mod multistore;
mod persist;
#[cfg(feature = "server")]
pub mod server;
mod store;
#[cfg(feature = "system")]
pub mod system;

pub use error::{Error, Feature, Result};
pub use multistore::{
    BatchChange, CompanionLog, EngineStats, HistoryEntry, HistoryMark, MultiSnapshot, MultiStore, MultiStoreBuilder, MultiVersion,
    PreparedMultiVersion, StoreListing, StoreVersion,
};
pub use persist::check::{CheckProgress, CheckSummary};
pub use persist::companion::Companion;
pub use persist::flush::FlushStatus;
pub use persist::prune::{Keep, PruneReport};
pub use persist::stats::KindStats;
pub use persist::usage::Usage;
pub use store::traits;
pub use store::{
    Committed, CreateOptions, Database, EachChange, FoundValue, OpenOptions, PreparedVersion, Provable, RangeQueryable, Savepoint, Scan,
    SharedStore, Snapshot, SnapshotDiff, Store, StoreRange, Transaction, TransactionMode, Transactional, TreeStore, VersionInfo, Versioned,
    WorkingView,
};
pub use treering_proofs as proofs;
pub use treering_tree as tree;

pub use proofs::{Hash, HashFunction};
pub use tree::{NodeKey, Order, Style, Tree};
