//! The engines that treering brings.

#[cfg(feature = "file")]
mod file;
#[cfg(feature = "fjall")]
mod fjall;
#[cfg(feature = "leveldb")]
mod leveldb;
mod memory;
#[cfg(feature = "rocksdb")]
mod rocks;

use std::sync::Arc;

use super::definition::Engine;

#[cfg(feature = "file")]
pub use file::FileEngine;
#[cfg(feature = "fjall")]
pub use fjall::FjallEngine;
#[cfg(feature = "leveldb")]
pub use leveldb::LevelEngine;
pub use memory::MemoryEngine;
#[cfg(feature = "rocksdb")]
pub use rocks::RocksEngine;

/// Those that were compiled in.
pub(super) fn all() -> Vec<Arc<dyn Engine>> {
    vec![
        Arc::new(MemoryEngine),
        #[cfg(feature = "file")]
        Arc::new(FileEngine),
        #[cfg(feature = "fjall")]
        Arc::new(FjallEngine),
        #[cfg(feature = "leveldb")]
        Arc::new(LevelEngine),
        #[cfg(feature = "rocksdb")]
        Arc::new(RocksEngine),
    ]
}
