//! The engine `memory`.

use std::path::Path;
use std::sync::Arc;

use crate::config::{Key, Settings};
use crate::engine::memory::MemoryBackend;
use crate::engine::{Access, Backend, BackendError, Capabilities, Engine};

/// Keeps everything in memory. Every opening gives a new and empty database; nothing outlives it, and the path means nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct MemoryEngine;

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TREE
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn exists(&self, _path: &Path) -> bool {
        false
    }

    /// An empty database.
    ///
    /// # Errors
    /// With [`Access::ReadOnly`], since there can be nothing to read.
    fn open(&self, _path: &Path, access: Access, _settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        if access == Access::ReadOnly {
            return Err(BackendError::new("opening the engine memory read-only", "it starts empty, so there would be nothing to read"));
        }
        Ok(Arc::new(MemoryBackend::new()))
    }
}
