//! RocksDB's write paths beside each other, for what treering writes a version.
//!
//! Every variant writes the same versions into a new database over an index of a million keys. A version of 10,000 operations is a log
//! record and a commit record, which the foreground writes synced, and what a thread in the background writes meanwhile: 90,000 nodes in key
//! order, 10,000 entries of the index in no order, the orphans, the record of the checkpoint. Its bytes are made up, as compressible as
//! treering's own. Processor time and bytes written hold still on a busy machine; times do not.
//!
//! ```text
//! cargo bench --bench write_paths                           all variants, 60 versions each
//! cargo bench --bench write_paths -- 20 today zstd          20 versions each of the variants whose name holds one of the words
//! WRITE_PATHS_DIR=/disk cargo bench --bench write_paths     in a folder of that one
//! ```
#![expect(clippy::unwrap_used, reason = "a failure ends the measurement, with its cause")]

mod options;
mod records;
mod variants;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rocksdb::{DB, WaitForCompactOptions, WriteBatch, WriteOptions};

use options::open;
use records::{COMMIT_BYTES, KEYS, LOG_BYTES, NODES, Random, Source, index_key, node_key};
use variants::Variant;
use writer::Writer;

/// Reads of each kind.
const READS: u32 = 100_000;

/// Processor time of all threads so far.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).unwrap().parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

fn bytes_written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { folder_bytes(&entry.path()) } else { entry.metadata().unwrap().len() }).sum()
}

fn megabytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1000).unwrap()) / 1e3
}

/// Writes log and commit of each version synced, while the background writes what the versions before left. Returns how long each took.
fn commits(db: &DB, blocks: u32, sender: &SyncSender<u64>) -> Vec<Duration> {
    let mut source = Source::new(11);
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    let mut took = Vec::new();
    for version in 1..=u64::from(blocks) {
        let mut batch = WriteBatch::default();
        // Operations, of which half compresses as the values do.
        let mut record = Vec::with_capacity(LOG_BYTES + 140);
        let mut operation = Vec::new();
        while record.len() < LOG_BYTES {
            let key = index_key(source.random.next() % KEYS);
            source.leaf(&mut operation, 140, &key);
            record.extend_from_slice(&operation);
        }
        batch.put_cf(db.cf_handle("log").unwrap(), version.to_be_bytes(), record);
        batch.put_cf(db.cf_handle("commits").unwrap(), version.to_be_bytes(), source.cut(COMMIT_BYTES));
        let start = Instant::now();
        db.write_opt(batch, &synced).unwrap();
        took.push(start.elapsed());
        sender.send(version).unwrap();
    }
    took.sort();
    took
}

/// Reads a second, of records that are there.
fn reads_a_second(mut read: impl FnMut(&mut Random) -> bool) -> f64 {
    let mut random = Random(5);
    let start = Instant::now();
    assert!((0..READS).all(|_| read(&mut random)), "a record is missing");
    f64::from(READS) / start.elapsed().as_secs_f64()
}

/// Nodes and entries of the index read a second, with a new cache.
fn reads(variant: &Variant, blocks: u32, folder: &Path) -> (f64, f64) {
    let db = open(folder, variant);
    let family = |name: &str| db.cf_handle(if variant.is_one_family { "nodes" } else { name }).unwrap();
    let (nodes, latest) = (family("nodes"), family("latest"));
    let node_reads = reads_a_second(|random| {
        let version = 1 + random.next() % u64::from(blocks);
        let nonce = 1 + u32::try_from(random.next() % u64::from(NODES)).unwrap();
        db.get_pinned_cf(nodes, node_key(version, nonce)).unwrap().is_some()
    });
    let index_reads = reads_a_second(|random| db.get_pinned_cf(latest, index_key(random.next() % KEYS)).unwrap().is_some());
    (node_reads, index_reads)
}

fn measure(variant: &Variant, blocks: u32, folder: &Path) {
    let db = open(folder, variant);
    Writer::new(&db, variant, folder).load();
    let (start, processor, written) = (Instant::now(), processor_time(), bytes_written());
    let (sender, receiver) = sync_channel(1);
    let latencies = thread::scope(|scope| {
        let mut writer = Writer::new(&db, variant, folder);
        scope.spawn(move || writer.run(&receiver));
        let latencies = commits(&db, blocks, &sender);
        drop(sender);
        latencies
    });
    let drained = start.elapsed();
    let mut wait = WaitForCompactOptions::default();
    wait.set_flush(true);
    db.wait_for_compact(&wait).unwrap();
    let (processor, written) = (processor_time().saturating_sub(processor), bytes_written() - written);
    drop(db);
    let (first_reads, _) = reads(variant, blocks, folder);
    let (node_reads, index_reads) = reads(variant, blocks, folder);
    let percentile = |percent: usize| latencies.get((latencies.len() - 1) * percent / 100).unwrap().as_secs_f64() * 1e3;
    println!(
        "| {:<34} | {:>5.0} | {:>5.0} | {:>5.1} | {:>5.1} | {:>5.1} | {:>6.0} | {:>6.0} | {:>6.0} | {:>6.0} |",
        variant.name,
        drained.as_secs_f64() * 1e3 / f64::from(blocks),
        processor.as_secs_f64() * 1e3 / f64::from(blocks),
        megabytes(written) / f64::from(blocks),
        percentile(50),
        percentile(99),
        first_reads / 1e3,
        node_reads / 1e3,
        index_reads / 1e3,
        megabytes(folder_bytes(folder)),
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let blocks = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(60);
    let words: Vec<_> = arguments.iter().filter(|argument| argument.parse::<u64>().is_err()).collect();
    let place = std::env::var_os("WRITE_PATHS_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    println!("a version: ms until written, ms of processor, MB written, ms of a synced commit (median, 99 %);");
    println!("then thousands of reads a second of nodes and of the index with a cold cache, and MB on the disk after {blocks} versions");
    println!(
        "| variant | ms | cpu | MB | p50 | p99 | first nodes k/s | nodes k/s | index k/s | disk |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    for variant in variants::all() {
        if words.is_empty() || words.iter().any(|word| variant.name.contains(word.as_str())) {
            let folder = tempfile::tempdir_in(&place).unwrap();
            measure(&variant, blocks, folder.path());
        }
    }
}
