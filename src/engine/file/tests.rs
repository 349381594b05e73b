//! Crashes between any two steps, damage, folding, locks.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

fn open(path: &Path) -> FileBackend {
    FileBackend::open(path, Access::Create, None).unwrap()
}

fn number(value: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(Keyspace::Meta, b"number", value.to_be_bytes());
    batch.put(Keyspace::Log, value.to_be_bytes(), b"x");
    batch.delete_range(Keyspace::Log, b"", value.saturating_sub(3).to_be_bytes());
    batch
}

/// The number that was written last, with the log that belongs to it.
fn newest(backend: &FileBackend) -> u64 {
    let value = backend.get(Keyspace::Meta, b"number").unwrap().map_or([0; 8], |value| value.try_into().unwrap());
    let newest = u64::from_be_bytes(value);
    let log: Vec<_> = backend.scan(Keyspace::Log, &[], None, Order::Ascending).map(|pair| pair.unwrap().0).collect();
    let expected: Vec<_> = (newest.saturating_sub(3).max(1)..=newest).map(|number| number.to_be_bytes().to_vec()).collect();
    assert_eq!(log, expected);
    newest
}

fn written(count: u64, durability: Durability) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path());
    for value in 1..=count {
        backend.write(&number(value), durability).unwrap();
    }
    folder
}

fn directories(path: &Path) -> usize {
    fs::read_dir(path).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Stops before each step of the write of batch `before + 1` in turn; how many steps there are.
fn stop_at_each_step(before: u64, durability: Durability) -> u64 {
    let original = written(before, durability);
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        copy(original.path(), folder.path());
        let backend = open(folder.path());
        backend.folder.disk.stop_after(steps);
        let result = backend.write(&number(before + 1), durability);
        if result.is_err() {
            let again = backend.write(&number(before + 2), durability).unwrap_err();
            assert!(again.to_string().contains("an earlier write failed"), "{again}");
        }
        drop(backend);
        // What a reader sees while it lies there, and what opening it again makes of it.
        let seen = newest(&FileBackend::open(folder.path(), Access::ReadOnly, None).unwrap());
        let backend = FileBackend::open(folder.path(), Access::ReadWrite, None).unwrap();
        let found = newest(&backend);
        assert!(found == before || found == before + 1, "stopped after {steps} steps: {found}");
        assert_eq!(seen, found, "stopped after {steps} steps");
        assert!(result.is_err() || found == before + 1);
        backend.write(&number(found + 1), durability).unwrap();
        drop(backend);
        assert_eq!(newest(&open(folder.path())), found + 1);
        if result.is_ok() {
            return steps;
        }
    }
    unreachable!()
}

#[test]
fn a_write_stopped_at_any_step_is_there_or_not() {
    assert_eq!(stop_at_each_step(5, Durability::Synced), 6);
    assert_eq!(stop_at_each_step(5, Durability::Buffered), 3);
}

#[test]
fn folding_stopped_at_any_step_loses_nothing() {
    // The base and the batch take six steps each, and every directory removed two.
    assert_eq!(stop_at_each_step(FOLD_AT, Durability::Synced), 6 + 2 * FOLD_AT + 6);
}

#[test]
fn what_is_mostly_dead_is_folded() {
    let folder = written(1000, Durability::Buffered);
    assert!(directories(folder.path()) <= usize::try_from(FOLD_AT).unwrap() + 1, "{}", directories(folder.path()));
    assert_eq!(newest(&open(folder.path())), 1000);
    // Opening counts the directories that are there, so that folding goes on.
    for value in 1001..1200 {
        open(folder.path()).write(&number(value), Durability::Buffered).unwrap();
        assert!(directories(folder.path()) <= usize::try_from(FOLD_AT).unwrap() + 1);
    }
}

#[test]
fn what_is_alive_is_not_folded() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path());
    for value in 0..200_u64 {
        let mut batch = Batch::new();
        batch.put(Keyspace::Nodes, value.to_be_bytes(), b"alive");
        backend.write(&batch, Durability::Buffered).unwrap();
    }
    assert_eq!(directories(folder.path()), 200);
}

/// Replaces the file of a batch.
fn damage(path: &Path, number: u64, with: Option<&[u8]>) {
    let directory = path.join(format!("{number:020}"));
    let file = fs::read_dir(directory).unwrap().next().unwrap().unwrap().path();
    match with {
        Some(bytes) => fs::write(file, bytes).unwrap(),
        None => fs::remove_file(file).unwrap(),
    }
}

#[test]
fn torn_unsynced_batches_at_the_end_count_as_not_written() {
    for with in [None, Some(b"".as_slice()), Some(b"{\"crc32\": \"")] {
        let folder = written(5, Durability::Buffered);
        damage(folder.path(), 4, with);
        assert_eq!(newest(&FileBackend::open(folder.path(), Access::ReadOnly, None).unwrap()), 3);
        assert_eq!(directories(folder.path()), 5);
        let backend = open(folder.path());
        assert_eq!((newest(&backend), directories(folder.path())), (3, 3));
        backend.write(&number(4), Durability::Synced).unwrap();
        drop(backend);
        assert_eq!(newest(&open(folder.path())), 4);
    }
}

#[test]
fn damage_before_a_synced_batch_is_an_error() {
    for with in [None, Some(b"".as_slice()), Some(b"{}")] {
        let folder = written(5, Durability::Buffered);
        open(folder.path()).write(&number(6), Durability::Synced).unwrap();
        damage(folder.path(), 4, with);
        for access in [Access::ReadOnly, Access::ReadWrite, Access::Create] {
            let error = FileBackend::open(folder.path(), access, None).err().unwrap().to_string();
            assert!(error.contains("00000000000000000004") && error.contains("damaged"), "{error}");
        }
        assert_eq!(directories(folder.path()), 6);
    }
}

#[test]
fn a_damaged_synced_batch_is_an_error_even_at_the_end() {
    let folder = written(5, Durability::Synced);
    damage(folder.path(), 5, Some(b"{\"crc32\": \""));
    assert!(FileBackend::open(folder.path(), Access::ReadWrite, None).is_err());
}

#[test]
fn a_missing_batch_is_an_error() {
    let folder = written(5, Durability::Synced);
    fs::remove_dir_all(folder.path().join(format!("{:020}", 2))).unwrap();
    let error = FileBackend::open(folder.path(), Access::ReadWrite, None).err().unwrap().to_string();
    assert!(error.contains("00000000000000000002") && error.contains("missing"), "{error}");
}

#[test]
fn one_writes_and_others_read() {
    let folder = written(2, Durability::Buffered);
    let writer = open(folder.path());
    let reader = FileBackend::open(folder.path(), Access::ReadOnly, None).unwrap();
    writer.write(&number(3), Durability::Buffered).unwrap();
    assert_eq!((newest(&reader), newest(&writer)), (2, 3));
    assert!(reader.write(&number(4), Durability::Buffered).unwrap_err().to_string().contains("read-only"));
    let error = FileBackend::open(folder.path(), Access::ReadWrite, None).err().unwrap().to_string();
    assert!(error.contains("open elsewhere"), "{error}");
    drop(writer);
    open(folder.path());
}

#[test]
fn readers_open_while_a_writer_folds() {
    let folder = written(1, Durability::Buffered);
    let writer = open(folder.path());
    std::thread::scope(|scope| {
        let readers = scope.spawn(|| {
            let mut last = 0;
            while last < 1000 {
                let seen = newest(&FileBackend::open(folder.path(), Access::ReadOnly, None).unwrap());
                assert!(seen >= last, "{seen} after {last}");
                last = seen;
            }
        });
        for value in 2..=1000 {
            writer.write(&number(value), Durability::Buffered).unwrap();
        }
        readers.join().unwrap();
    });
}

#[test]
fn the_format_is_kept_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("database");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        assert!(FileBackend::open(&path, access, None).is_err());
        assert!(!path.exists(), "opening what is not there makes nothing");
    }
    FileBackend::open(&path, Access::Create, Some(Format::Borsh)).unwrap().write(&number(1), Durability::Synced).unwrap();
    assert!(FileBackend::exists(&path));
    assert_eq!(open(&path).format(), Format::Borsh);
    let error = FileBackend::open(&path, Access::Create, Some(Format::Json)).err().unwrap().to_string();
    assert!(error.contains("they are in borsh, not in json"), "{error}");
    fs::write(path.join(FORMAT_FILE), r#"{"format":2,"encoding":"xml"}"#).unwrap();
    let error = FileBackend::open(&path, Access::ReadWrite, None).err().unwrap().to_string();
    assert!(error.contains("format 2") && error.contains("use a newer treering"), "{error}");
    fs::write(path.join(FORMAT_FILE), "{").unwrap();
    assert!(FileBackend::open(&path, Access::ReadWrite, None).is_err());
    fs::remove_file(path.join(FORMAT_FILE)).unwrap();
    assert!(FileBackend::open(&path, Access::Create, None).err().unwrap().to_string().contains("is missing"));
}
