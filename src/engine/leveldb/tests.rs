//! LevelDB's own troubles: many small tables, damage, failures. The laws of all backends are checked elsewhere.

use std::collections::BTreeMap;
use std::fs;

use super::*;

const OPTIONS: LevelOptions = LevelOptions { cache_size: 1 << 20, compression: true };

/// Opens it with a table of every few batches, so that compactions go on all the time.
fn open(path: &Path) -> LevelBackend {
    try_open(path, Access::Create).unwrap()
}

fn try_open(path: &Path, access: Access) -> Result<LevelBackend, BackendError> {
    LevelBackend::open_with(path, access, LevelOptions { cache_size: 0, compression: false }, 4 << 10)
}

fn put(key: &[u8], value: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(Keyspace::Nodes, key, value);
    batch
}

fn all(backend: &LevelBackend, order: Order) -> Vec<Pair> {
    backend.scan(Keyspace::Nodes, b"", None, order).map(Result::unwrap).collect()
}

fn size_of(path: &Path) -> u64 {
    fs::read_dir(path).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// The only file that ends so.
fn file(path: &Path, extension: &str) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Flaws 3, 4, 5 and 6: removed keys stay removed, old values stay old, in both directions, while scans hold old states and compactions
/// go on below them.
#[test]
fn compactions_bring_nothing_back() {
    for seed in 1..=3 {
        let folder = tempfile::tempdir().unwrap();
        let mut backend = open(folder.path());
        let mut numbers = Numbers(seed);
        let mut model = BTreeMap::new();
        for round in 0..30_u32 {
            let held: Vec<_> = (0..3).map(|_| (backend.scan(Keyspace::Nodes, b"", None, Order::Ascending), model.clone())).collect();
            for _ in 0..60 {
                let mut batch = Batch::new();
                let start = numbers.below(400);
                for _ in 0..=numbers.below(11) {
                    let key = (start + numbers.below(30)).to_be_bytes();
                    if numbers.below(3) == 0 {
                        batch.delete(Keyspace::Nodes, key);
                        model.remove(key.as_slice());
                    } else {
                        let value = vec![u8::try_from(numbers.below(256)).unwrap(); 40];
                        batch.put(Keyspace::Nodes, key, &value);
                        model.insert(key.to_vec(), value);
                    }
                }
                backend.write(&batch, Durability::Buffered).unwrap();
                let key = numbers.below(430).to_be_bytes();
                assert_eq!(backend.get(Keyspace::Nodes, &key).unwrap().as_ref(), model.get(key.as_slice()), "seed {seed}, round {round}");
            }
            for (scan, model) in held {
                assert!(scan.map(Result::unwrap).eq(model), "seed {seed}, round {round}");
            }
            assert!(all(&backend, Order::Ascending).into_iter().eq(model.clone()), "seed {seed}, round {round}");
            assert!(all(&backend, Order::Descending).into_iter().eq(model.clone().into_iter().rev()), "seed {seed}, round {round}");
            if round % 10 == 9 {
                drop(backend);
                backend = open(folder.path());
            }
        }
    }
}

/// Flaw 5: removed keys around the end of a range and below it are passed over, however many they are.
#[test]
fn going_back_passes_over_removed_keys() {
    let folder = tempfile::tempdir().unwrap();
    let backend = LevelBackend::open(folder.path(), Access::Create, OPTIONS).unwrap();
    for number in 0..3000_u32 {
        backend.write(&put(&number.to_be_bytes(), b"x"), Durability::Buffered).unwrap();
    }
    let mut batch = Batch::new();
    batch.delete_range(Keyspace::Nodes, 10_u32.to_be_bytes(), 2990_u32.to_be_bytes());
    backend.write(&batch, Durability::Buffered).unwrap();
    for to in [None, Some(2995_u32), Some(2990), Some(2000), Some(20), Some(10), Some(5)] {
        let end = to.map(u32::to_be_bytes);
        let found: Vec<_> = backend.scan(Keyspace::Nodes, b"", end.as_ref().map(<[u8; 4]>::as_slice), Order::Descending).collect();
        let expected = (0..10).chain(2990..3000).filter(|number| to.is_none_or(|to| *number < to)).count();
        assert_eq!(found.len(), expected, "{to:?}");
    }
}

/// Flaw 5: a scan that holds a large range goes on over many windows, down as well as up, while tables come and go.
#[test]
fn windows_of_a_scan_see_its_state_while_compactions_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path());
    let mut batch = Batch::new();
    for number in 0..5000_u32 {
        batch.put(Keyspace::Nodes, number.to_be_bytes(), [1; 20]);
    }
    backend.write(&batch, Durability::Buffered).unwrap();
    for order in [Order::Ascending, Order::Descending] {
        let expected = all(&backend, order);
        let mut scan = backend.scan(Keyspace::Nodes, b"", None, order);
        let mut found = Vec::new();
        for round in 0..5_u8 {
            found.extend(scan.by_ref().take(1000).map(Result::unwrap));
            for number in (u32::from(round)..5000).step_by(29) {
                backend.write(&put(&number.to_be_bytes(), &[round; 30]), Durability::Buffered).unwrap();
            }
        }
        assert!(scan.next().is_none());
        assert!(found == expected, "{order:?}");
    }
}

/// Flaw 6: what is overwritten and removed goes away, although there are scans all the time.
#[test]
fn old_values_are_dropped_after_scans() {
    let folder = tempfile::tempdir().unwrap();
    let mut backend = open(folder.path());
    for round in 0..3000_u32 {
        let key = (round % 10).to_be_bytes();
        backend.write(&put(&key, &round.to_be_bytes().repeat(250)), Durability::Buffered).unwrap();
        assert!(all(&backend, Order::Descending).len() <= 10);
        if round % 1000 == 999 {
            // A database with a long past.
            drop(backend);
            backend = open(folder.path());
        }
    }
    drop(backend);
    let size = size_of(folder.path());
    assert!(size < 200_000, "{size} bytes for ten values of a thousand");
}

/// Flaw 2.
#[test]
fn what_follows_a_torn_end_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5_u8 {
        let backend = LevelBackend::open(folder.path(), Access::Create, OPTIONS).unwrap();
        assert_eq!(all(&backend, Order::Ascending).len(), usize::from(round));
        backend.write(&put(&[round], b"whole"), Durability::Synced).unwrap();
        backend.write(&put(b"torn", &[7; 1000]), Durability::Buffered).unwrap();
        drop(backend);
        let log = file(folder.path(), "log");
        let length = fs::metadata(&log).unwrap().len();
        fs::File::options().write(true).open(&log).unwrap().set_len(length - 10 * (u64::from(round) + 1)).unwrap();
    }
}

/// Flaw 2.
#[test]
fn damage_in_the_middle_of_the_log_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let backend = LevelBackend::open(folder.path(), Access::Create, OPTIONS).unwrap();
    for number in 0..10 {
        backend.write(&put(&[number], b"value"), Durability::Synced).unwrap();
    }
    drop(backend);
    let log = file(folder.path(), "log");
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).unwrap();
    for access in [Access::Create, Access::ReadWrite, Access::ReadOnly] {
        let error = LevelBackend::open(folder.path(), access, OPTIONS).err().unwrap().to_string();
        assert!(error.contains(".log") && error.contains("damaged"), "{error}");
    }
}

/// Flaw 1: a flipped bit in a table is an error, never an absent key, and no compaction takes it away.
#[test]
fn a_damaged_table_is_an_error() {
    let made = tempfile::tempdir().unwrap();
    let backend = open(made.path());
    let mut batch = Batch::new();
    for number in 0..300_u32 {
        batch.put(Keyspace::Nodes, number.to_be_bytes(), number.to_be_bytes().repeat(5));
    }
    backend.write(&batch, Durability::Synced).unwrap();
    drop(backend);
    drop(open(made.path()));
    let table = file(made.path(), "ldb");
    let sound = fs::read(&table).unwrap();
    for place in (0..sound.len()).step_by(97).chain(sound.len() - 48..sound.len()) {
        let mut damaged = sound.clone();
        damaged[place] ^= 0x40;
        fs::write(&table, damaged).unwrap();
        let opened = try_open(made.path(), Access::ReadWrite);
        // The padding of the footer says nothing.
        if let Ok(backend) = opened {
            let found: Result<Vec<_>, _> = backend.scan(Keyspace::Nodes, b"", None, Order::Ascending).collect();
            match found {
                Ok(pairs) => assert!(place > sound.len() - 48 && pairs.len() == 300, "byte {place}: {} pairs", pairs.len()),
                Err(_) => assert!(backend.write(&put(b"more", b""), Durability::Synced).is_err(), "byte {place}: it goes on writing"),
            }
        }
        fs::write(&table, &sound).unwrap();
        assert_eq!(all(&open(made.path()), Order::Ascending).len(), 300, "byte {place}: repaired");
    }
}

#[test]
fn another_programs_leveldb_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = rusty_leveldb::Options { create_if_missing: true, ..rusty_leveldb::Options::default() };
    let mut other = rusty_leveldb::DB::open(folder.path(), options).unwrap();
    other.put(b"key", b"value").unwrap();
    other.close().unwrap();
    drop(other);
    let error = try_open(folder.path(), Access::Create).err().unwrap().to_string();
    assert!(error.contains("another program"), "{error}");
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let mut other = rusty_leveldb::DB::open(folder.path(), rusty_leveldb::Options::default()).unwrap();
    other.put(layout::FIRST, &[layout::FORMAT + 1]).unwrap();
    other.close().unwrap();
    drop(other);
    let error = try_open(folder.path(), Access::ReadWrite).err().unwrap().to_string();
    assert!(error.contains("format 2") && error.contains("newer treering"), "{error}");
}

/// A scan that is not read to its end gives its state back.
#[test]
fn dropped_scans_do_not_hold_their_state() {
    let folder = tempfile::tempdir().unwrap();
    let backend = open(folder.path());
    let mut batch = Batch::new();
    for number in 0..3000_u32 {
        batch.put(Keyspace::Nodes, number.to_be_bytes(), b"");
    }
    backend.write(&batch, Durability::Buffered).unwrap();
    for round in 0..800_u32 {
        let mut scan = backend.scan(Keyspace::Nodes, b"", None, Order::Ascending);
        assert!(scan.next().is_some());
        drop(scan);
        backend.write(&put(b"\xffchanging", &round.to_be_bytes().repeat(100)), Durability::Buffered).unwrap();
    }
    drop(backend);
    let size = size_of(folder.path());
    assert!(size < 250_000, "{size} bytes for 3000 keys and one value");
}
