//! The engine `file`.

use std::path::Path;
use std::sync::Arc;

use crate::config::{FORMAT, Key, Kind, Preset, Scope, Settings};
use crate::engine::file::{FileBackend, Format};
use crate::engine::{Access, Backend, BackendError, Capabilities, Engine};

const FORMATS: [&str; 2] = [Format::Json.name(), Format::Borsh.name()];

const KEYS: [Key; 1] = [Key {
    name: FORMAT,
    kind: Kind::Choice(&FORMATS),
    default: Preset::Unset("auto"),
    meaning: "How files are written, which a database keeps for good; auto: as json in a new one, else as it was made.",
    scope: Scope::Database,
}];

/// Files that people can read, a folder a batch: for small databases, which are wholly in memory while open.
#[derive(Clone, Copy, Default, Debug)]
pub struct FileEngine;

impl Engine for FileEngine {
    fn name(&self) -> &'static str {
        "file"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { persistence: true, ..Capabilities::TREE }
    }

    fn keys(&self) -> Vec<Key> {
        KEYS.to_vec()
    }

    fn can_be_read_beside_writer(&self) -> bool {
        true
    }

    fn exists(&self, path: &Path) -> bool {
        FileBackend::exists(path)
    }

    fn open(&self, path: &Path, access: Access, settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        let named = settings.word(FORMAT);
        let format = [Format::Json, Format::Borsh].into_iter().find(|format| named == Some(format.name()));
        Ok(Arc::new(FileBackend::open(path, access, format)?))
    }
}
