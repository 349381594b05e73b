//! The engines that treering brings.

mod memory;
#[cfg(feature = "rocksdb")]
mod rocks;

use std::sync::Arc;

use super::definition::Engine;

pub use memory::MemoryEngine;
#[cfg(feature = "rocksdb")]
pub use rocks::RocksEngine;

/// Those that were compiled in.
pub(super) fn all() -> Vec<Arc<dyn Engine>> {
    vec![
        Arc::new(MemoryEngine),
        #[cfg(feature = "rocksdb")]
        Arc::new(RocksEngine),
    ]
}
