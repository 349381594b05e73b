//! Reading a store: keys, ranges, history, differences, and the way to a key.
//!
//! `version` is always one of the store, which is that of all stores unless the store was saved alone.

mod diff;
mod get;
mod get_many;
mod history;
mod lookup;
mod path;
mod scan;

pub use diff::{Change, ChangeKind, Changes, DiffStore, DiffVersions};
pub use get::{Found, GetKey, KeyAt};
pub use get_many::{FoundKey, FoundKeys, GetKeys, KeysAt};
pub use history::{History, HistoryOf, HistoryStep, KeyHistory};
pub use path::{KeyPath, NodeSide, PathOf, TreeNode};
pub use scan::{Item, Items, ScanRange, ScanStore, scan_each};
