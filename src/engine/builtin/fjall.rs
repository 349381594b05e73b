//! The engine `fjall`.

use std::path::Path;
use std::sync::Arc;

use crate::config::{COMPRESSION, Key, Kind, Preset, Scope, Settings};
use crate::engine::fjall::{FjallBackend, FjallOptions};
use crate::engine::{Access, Backend, BackendError, Capabilities, Engine};

const NONE: &str = "none";
const LZ4: &str = "lz4";

const KEYS: [Key; 1] = [Key {
    name: COMPRESSION,
    kind: Kind::Choice(&[NONE, LZ4]),
    default: Preset::Word(LZ4),
    meaning: "How data on disk is compressed; it counts when the database is made, and stays.",
    scope: Scope::Database,
}];

/// Fjall, a log-structured merge tree in Rust: for databases larger than memory, without a C++ compiler.
#[derive(Clone, Copy, Default, Debug)]
pub struct FjallEngine;

impl Engine for FjallEngine {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { persistence: true, compression: true, ..Capabilities::TREE }
    }

    fn keys(&self) -> Vec<Key> {
        KEYS.to_vec()
    }

    fn exists(&self, path: &Path) -> bool {
        FjallBackend::exists(path)
    }

    fn open(&self, path: &Path, access: Access, settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        let cache_size = settings.engine_cache_size();
        let compression = settings.word(COMPRESSION) != Some(NONE);
        Ok(Arc::new(FjallBackend::open(path, access, FjallOptions { cache_size, compression })?))
    }
}
