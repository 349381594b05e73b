//! The operations that every system has, one file a group.

mod stores;

pub use stores::{ListStores, NoInput, StoreInfo, StoreList};

use super::builder::SystemBuilder;

/// Adds them all.
pub(super) fn builtin(builder: SystemBuilder) -> SystemBuilder {
    builder.operation(ListStores)
}
