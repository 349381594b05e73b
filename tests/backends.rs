//! Every backend keeps the laws of backends.
#![cfg(feature = "conformance")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use treering::engine::conformance::{Persistence, check_backend};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Access, Backend, BackendError};

#[test]
fn memory() {
    check_backend(Persistence::None, &mut || Arc::new(MemoryBackend::new()));
}

/// Checks a backend that `open` makes or opens in a folder, and what opening does when there is nothing.
fn check_on_disk<B: Backend + 'static>(open: impl Fn(&Path, Access) -> Result<B, BackendError>, exists: impl Fn(&Path) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("database");
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let error = open(&path, access).err().unwrap().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(!exists(&path) && !path.exists(), "opening what is not there made something");
    }
    check_backend(Persistence::Disk, &mut || Arc::new(open(&path, Access::Create).unwrap()));
    assert!(exists(&path));

    let mut batch = treering::engine::Batch::new();
    batch.put(treering::engine::Keyspace::Meta, b"key", b"value");
    let backend = open(&path, Access::ReadWrite).unwrap();
    assert!(open(&path, Access::ReadWrite).is_err(), "two write at once");
    backend.write(&batch, treering::engine::Durability::Synced).unwrap();
    drop(backend);
    let backend = open(&path, Access::ReadOnly).unwrap();
    assert_eq!(backend.get(treering::engine::Keyspace::Meta, b"key").unwrap().unwrap(), b"value");
    assert!(backend.write(&batch, treering::engine::Durability::Synced).is_err(), "read-only, but it writes");
}

#[cfg(feature = "rocksdb")]
#[test]
fn rocksdb() {
    use treering::engine::rocksdb::{RocksBackend, RocksOptions};
    check_on_disk(|path, access| RocksBackend::open(path, access, &RocksOptions::default()), RocksBackend::exists);
}

#[cfg(feature = "file")]
#[test]
fn files_in_json() {
    use treering::engine::file::{FileBackend, Format};
    check_on_disk(|path, access| FileBackend::open(path, access, Some(Format::Json)), FileBackend::exists);
}

#[cfg(feature = "file")]
#[test]
fn files_in_borsh() {
    use treering::engine::file::{FileBackend, Format};
    check_on_disk(|path, access| FileBackend::open(path, access, Some(Format::Borsh)), FileBackend::exists);
}

#[cfg(feature = "fjall")]
#[test]
fn fjall() {
    use treering::engine::fjall::{FjallBackend, FjallOptions};
    let compressed = FjallOptions { cache_size: 1 << 20, compression: true };
    check_on_disk(|path, access| FjallBackend::open(path, access, compressed), FjallBackend::exists);
}

#[cfg(feature = "fjall")]
#[test]
fn fjall_without_compression() {
    use treering::engine::fjall::{FjallBackend, FjallOptions};
    let plain = FjallOptions { cache_size: 0, compression: false };
    check_on_disk(|path, access| FjallBackend::open(path, access, plain), FjallBackend::exists);
}

#[cfg(feature = "leveldb")]
#[test]
fn leveldb() {
    use treering::engine::leveldb::{LevelBackend, LevelOptions};
    check_on_disk(
        |path, access| LevelBackend::open(path, access, LevelOptions { cache_size: 1 << 20, compression: true }),
        LevelBackend::exists,
    );
}
