//! The engine `leveldb`.

use std::path::Path;
use std::sync::Arc;

use crate::config::{COMPRESSION, Key, Kind, Preset, Scope, Settings};
use crate::engine::leveldb::{LevelBackend, LevelOptions};
use crate::engine::{Access, Backend, BackendError, Capabilities, Engine};

const NONE: &str = "none";
const SNAPPY: &str = "snappy";

const KEYS: [Key; 1] = [Key {
    name: COMPRESSION,
    kind: Kind::Choice(&[NONE, SNAPPY]),
    default: Preset::Word(SNAPPY),
    meaning: "How blocks on disk are compressed; it holds for what is written from now on.",
    scope: Scope::Database,
}];

/// LevelDB, in Rust: for databases on machines without a C++ compiler.
#[derive(Clone, Copy, Default, Debug)]
pub struct LevelEngine;

impl Engine for LevelEngine {
    fn name(&self) -> &'static str {
        "leveldb"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { persistence: true, compression: true, ..Capabilities::TREE }
    }

    fn keys(&self) -> Vec<Key> {
        KEYS.to_vec()
    }

    fn exists(&self, path: &Path) -> bool {
        LevelBackend::exists(path)
    }

    fn open(&self, path: &Path, access: Access, settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        let cache_size = usize::try_from(settings.engine_cache_size()).unwrap_or(usize::MAX);
        let compression = settings.word(COMPRESSION) != Some(NONE);
        Ok(Arc::new(LevelBackend::open(path, access, LevelOptions { cache_size, compression })?))
    }
}
