#![doc = include_str!("../README.md")]

pub mod engine;
mod error;
pub mod event;
mod persist;
mod store;

pub use error::{Error, Result};
pub use persist::check::{CheckProgress, CheckSummary};
pub use persist::prune::{Keep, PruneReport};
pub use persist::stats::KindStats;
pub use store::{CreateOptions, Database, OpenOptions, Scan, Snapshot, StoreRange, TreeStore, VersionInfo};
pub use treering_proofs as proofs;
pub use treering_tree as tree;

pub use proofs::{Hash, HashFunction};
pub use tree::{NodeKey, Order, Style, Tree};
