//! Making and opening databases at a place, and the laws of the backends.

use std::path::Path;
use std::sync::Arc;

use super::must;
use crate::config::{Config, Settings};
use crate::engine::conformance::{Persistence, check_backend};
use crate::engine::{Access, Backend, Batch, Durability, Engine, Keyspace};

pub(super) fn check(engine: &Arc<dyn Engine>) {
    let folder = must(tempfile::tempdir(), "making a temporary folder");
    let settings = must(Settings::check(engine.name(), &engine.keys(), &Config::new()), "the defaults of its keys");
    making_and_opening(&**engine, &folder.path().join("made"), &settings);
    backend_laws(engine, &folder.path().join("laws"), &settings);
}

fn backend_laws(engine: &Arc<dyn Engine>, path: &Path, settings: &Settings) {
    let persists = engine.capabilities().persistence;
    let persistence = if persists { Persistence::Disk } else { Persistence::None };
    check_backend(persistence, &mut || {
        let access = if persists && engine.exists(path) { Access::ReadWrite } else { Access::Create };
        must(engine.open(path, access, settings), "opening it")
    });
}

fn making_and_opening(engine: &dyn Engine, path: &Path, settings: &Settings) {
    let name = engine.name();
    let persists = engine.capabilities().persistence;
    assert!(!engine.exists(path), "{name}: nothing is there before it is made");
    if persists {
        for access in [Access::ReadWrite, Access::ReadOnly] {
            assert!(engine.open(path, access, settings).is_err(), "{name}: what is not there cannot be opened ({access:?})");
            assert!(!engine.exists(path), "{name}: opening what is not there makes nothing ({access:?})");
        }
    }
    let made = must(engine.open(path, Access::Create, settings), "making a database");
    let mut batch = Batch::new();
    batch.put(Keyspace::Meta, b"key", b"value");
    must(made.write(&batch, Durability::Synced), "writing");
    must(made.flush(), "flushing");
    drop(made);
    assert_eq!(engine.exists(path), persists, "{name}: exists says what `persistence` says");
    if persists {
        reading_only(engine, path, settings, &batch);
    }
}

fn reading_only(engine: &dyn Engine, path: &Path, settings: &Settings, batch: &Batch) {
    let name = engine.name();
    let reader: Arc<dyn Backend> = must(engine.open(path, Access::ReadOnly, settings), "opening to read");
    assert_eq!(must(reader.get(Keyspace::Meta, b"key"), "reading"), Some(b"value".to_vec()), "{name}: what was written is there");
    assert!(reader.write(batch, Durability::Synced).is_err(), "{name}: a database opened to read takes no writes");
    drop(reader);
    let again = must(engine.open(path, Access::Create, settings), "opening with Create what is there");
    assert_eq!(must(again.get(Keyspace::Meta, b"key"), "reading"), Some(b"value".to_vec()), "{name}: Create keeps what is there");
}
