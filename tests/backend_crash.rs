//! The process is killed (SIGKILL) while it writes: every backend has all batches that it acknowledged, whole.
#![cfg(feature = "rocksdb")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::Numbers;
use treering::Order;
use treering::engine::rocksdb::{RocksBackend, RocksOptions};
use treering::engine::{Access, Backend, Batch, Durability, Keyspace};

/// Which engine the child writes with, and where.
const ENGINE: &str = "TREERING_CRASH_ENGINE";
const FOLDER: &str = "TREERING_CRASH_FOLDER";
/// What comes before a number that the child prints.
const ACKNOWLEDGED: &str = "acknowledged ";
const ROUNDS: u32 = 8;
/// Derived writes from one settling to the next.
const SETTLED_EVERY: u64 = 7;
/// Batches whose history is kept.
const KEPT: u64 = 40;

fn open(engine: &str, path: &Path) -> Box<dyn Backend> {
    match engine {
        "rocksdb" => Box::new(RocksBackend::open(path, Access::Create, &RocksOptions::default()).unwrap()),
        #[cfg(feature = "file")]
        "json" | "borsh" => {
            use treering::engine::file::{FileBackend, Format};
            let format = if engine == "json" { Format::Json } else { Format::Borsh };
            Box::new(FileBackend::open(path, Access::Create, Some(format)).unwrap())
        }
        #[cfg(feature = "leveldb")]
        "leveldb" => {
            use treering::engine::leveldb::{LevelBackend, LevelOptions};
            Box::new(LevelBackend::open(path, Access::Create, LevelOptions { cache_size: 1 << 20, compression: true }).unwrap())
        }
        #[cfg(feature = "fjall")]
        "fjall" => {
            use treering::engine::fjall::{FjallBackend, FjallOptions};
            Box::new(FjallBackend::open(path, Access::Create, FjallOptions { cache_size: 1 << 20, compression: true }).unwrap())
        }
        _ => panic!("no engine {engine}"),
    }
}

fn value(number: u64, place: u64) -> Vec<u8> {
    let mut numbers = Numbers(number << 8 | place);
    let length = if place == 0 { numbers.below(60_000) } else { numbers.below(300) };
    (0..length / 8).flat_map(|_| numbers.next().to_be_bytes()).collect()
}

/// Everything that is there after batch `number`, as pairs of each keyspace: the batch's own, and one of each of the last batches.
fn batch(number: u64) -> Batch {
    let mut batch = Batch::new();
    for (place, keyspace) in (0..).zip(Keyspace::ALL) {
        batch.put(keyspace, b"newest", number.to_be_bytes());
        batch.put(keyspace, number.to_be_bytes(), value(number, place));
        batch.delete_range(keyspace, [0; 8], number.saturating_sub(KEPT).to_be_bytes());
    }
    batch
}

/// What is written after a batch, and may be lost: the last numbers, each with its value.
fn derived(number: u64) -> Batch {
    let mut batch = Batch::new();
    batch.put(Keyspace::Latest, b"derived", number.to_be_bytes());
    batch.put(Keyspace::Latest, derived_key(number), value(number, 9));
    batch
}

fn derived_key(number: u64) -> Vec<u8> {
    [b"derived ".as_slice(), &(number % KEPT).to_be_bytes()].concat()
}

/// The last derived write that is there, with all before and none after.
fn newest_derived(backend: &dyn Backend) -> u64 {
    let Some(newest) = backend.get(Keyspace::Latest, b"derived").unwrap() else { return 0 };
    let newest = u64::from_be_bytes(newest.try_into().unwrap());
    for number in newest.saturating_sub(KEPT - 1).max(1)..=newest {
        let found = backend.get(Keyspace::Latest, &derived_key(number)).unwrap();
        assert!(found == Some(value(number, 9)), "derived write {number} is lost or overwritten, {newest} is there");
    }
    newest
}

/// The newest batch, when all that belongs to it is there and nothing else.
fn newest(backend: &dyn Backend) -> u64 {
    let Some(newest) = backend.get(Keyspace::Meta, b"newest").unwrap() else { return 0 };
    let newest = u64::from_be_bytes(newest.try_into().unwrap());
    for (place, keyspace) in (0..).zip(Keyspace::ALL) {
        let mut expected: Vec<_> =
            (newest.saturating_sub(KEPT).max(1)..=newest).map(|number| (number.to_be_bytes().to_vec(), value(number, place))).collect();
        expected.push((b"newest".to_vec(), newest.to_be_bytes().to_vec()));
        let found = backend.scan(keyspace, &[], None, Order::Ascending).map(Result::unwrap);
        let found: Vec<_> = found.filter(|(key, _)| !key.starts_with(b"derived")).collect();
        assert!(found == expected, "{keyspace}: batch {newest} is not whole");
    }
    newest
}

/// What the child does: not a test of its own.
#[test]
fn child() {
    let (Ok(engine), Ok(folder)) = (std::env::var(ENGINE), std::env::var(FOLDER)) else { return };
    let backend = open(&engine, Path::new(&folder));
    let first = newest(backend.as_ref()) + 1;
    for number in newest_derived(backend.as_ref()) + 1..first {
        backend.write(&derived(number), Durability::Derived).unwrap();
    }
    for number in first.. {
        // A buffered batch survives the process, too.
        let durability = if number % 3 == 0 { Durability::Buffered } else { Durability::Synced };
        backend.write(&batch(number), durability).unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{ACKNOWLEDGED}{number}").unwrap();
        out.flush().unwrap();
        backend.write(&derived(number), Durability::Derived).unwrap();
        if number % SETTLED_EVERY == 0 {
            backend.settle(Keyspace::Latest).unwrap();
        }
    }
}

/// Lets a child write for a while; the last batch that it acknowledged.
fn write_and_kill(engine: &str, path: &Path, after: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(ENGINE, engine)
        .env(FOLDER, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut acknowledged = 0;
        for line in output.split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8(line).unwrap();
            // The harness prints a line of its own before it; the last number may be cut off, and is smaller then.
            if let Some((_, number)) = line.split_once(ACKNOWLEDGED) {
                acknowledged = acknowledged.max(number.parse().unwrap_or(0));
            }
        }
        acknowledged
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

fn survives_kills(engine: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("database");
    let seed = std::env::var("TREERING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("TREERING_SEED={seed}");
    let mut numbers = Numbers(seed);
    let (mut last, mut gone) = (0, 0);
    for round in 0..ROUNDS {
        let after = Duration::from_millis(20 + numbers.below(400));
        let acknowledged = write_and_kill(engine, &path, after);
        let backend = open(engine, &path);
        let found = newest(backend.as_ref());
        assert!(found >= acknowledged, "round {round}: batch {acknowledged} was acknowledged, {found} is the newest there");
        assert!(found <= acknowledged.max(last) + 1, "round {round}: batch {found} is there, {acknowledged} was the last acknowledged");
        last = found;
        let derived = newest_derived(backend.as_ref());
        // The settling after the last acknowledged batch may not have come to its end.
        let settled = (acknowledged.saturating_sub(1) / SETTLED_EVERY) * SETTLED_EVERY;
        assert!((settled..=found).contains(&derived), "round {round}: {derived} is derived; settled {settled}, newest {found}");
        gone += found - derived;
    }
    println!("{gone} derived writes were lost");
    assert!(last > 10, "the kills came too early to show anything: batch {last}");
}

#[test]
fn rocksdb_survives_kills() {
    survives_kills("rocksdb");
}

#[cfg(feature = "file")]
#[test]
fn files_in_json_survive_kills() {
    survives_kills("json");
}

#[cfg(feature = "file")]
#[test]
fn files_in_borsh_survive_kills() {
    survives_kills("borsh");
}

#[cfg(feature = "leveldb")]
#[test]
fn leveldb_survives_kills() {
    survives_kills("leveldb");
}

#[cfg(feature = "fjall")]
#[test]
fn fjall_survives_kills() {
    survives_kills("fjall");
}
