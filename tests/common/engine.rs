//! An engine over a backend that lasts as long as the test.
#![expect(clippy::unwrap_used, reason = "test helpers")]

use std::path::Path;
use std::sync::Arc;

use treering::config::{Key, Settings};
use treering::engine::{Access, Backend, BackendError, Capabilities, Engine, Keyspace};

/// Opens one backend again and again.
pub(crate) struct TestEngine<B> {
    pub(crate) name: &'static str,
    pub(crate) backend: Arc<B>,
}

impl<B: Backend + 'static> Engine for TestEngine<B> {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { persistence: true, ..Capabilities::TREE }
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn exists(&self, _path: &Path) -> bool {
        self.backend.get(Keyspace::Meta, b"database").unwrap().is_some()
    }

    fn open(&self, _path: &Path, _access: Access, _settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        Ok(Arc::clone(&self.backend) as Arc<dyn Backend>)
    }
}
