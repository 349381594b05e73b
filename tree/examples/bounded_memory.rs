//! Does the memory of a process stay within the budget of its tree, and what does that cost?
//!
//! Loads keys into a tree whose nodes go to a file, then changes them in blocks (80 % updates, 15 % inserts, 5 % deletes, at random), unloading
//! after each; then reads and proves keys at random. Prints how many nodes were loaded for what, how long unloading took, and what
//! the process had resident (Linux), which beside the nodes is about 10 MiB for the program and one block's keys and lists.
//!
//! `cargo run --release -p treering-tree --example bounded_memory -- [keys, in thousands] [budget in MiB] [blocks]`
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_precision_loss, reason = "a measurement, which stops when it fails")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use treering_proofs::Hash;
use treering_tree::{Budget, ChildRecord, Loaded, NodeKey, NodeRecord, NodeSource, Options, Tree};

#[path = "../tests/tree/workload.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod workload;
use workload::{SplitMix64, key, value};

const BLOCK: u64 = 10_000;
/// Bytes in the file for a node of any kind.
const SLOT: usize = 256;
const MIB: u64 = 1 << 20;

/// Nodes in a file, by version and nonce, in places of one size.
struct FileSource {
    file: File,
    /// Where each version begins, in places; versions count from 1.
    versions: Mutex<Vec<u64>>,
    loads: AtomicU64,
}

impl FileSource {
    fn keep(&self, tree: &Tree) {
        let start = self.versions.lock().unwrap().last().copied().unwrap_or_default();
        let mut out = BufWriter::new(Appender { file: &self.file, at: start * SLOT as u64 });
        let mut count = 0;
        for (_, record) in tree.new_nodes() {
            let mut bytes = encode(&record);
            bytes.resize(SLOT, 0);
            out.write_all(&bytes).unwrap();
            count += 1;
        }
        out.flush().unwrap();
        self.versions.lock().unwrap().push(start + count);
    }

    fn take_loads(&self) -> u64 {
        self.loads.swap(0, Ordering::Relaxed)
    }
}

struct Appender<'a> {
    file: &'a File,
    at: u64,
}

impl Write for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl NodeSource for FileSource {
    fn load(&self, node: NodeKey) -> Loaded {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let version = usize::try_from(node.version())?;
        let start = if version == 1 { 0 } else { self.versions.lock().unwrap()[version - 2] };
        let mut bytes = [0; SLOT];
        self.file.read_exact_at(&mut bytes, (start + u64::from(node.nonce()) - 1) * SLOT as u64)?;
        Ok(Some(decode(&bytes)))
    }
}

fn encode(record: &NodeRecord<'_>) -> Vec<u8> {
    let part = |bytes: &[u8]| [&[u8::try_from(bytes.len()).unwrap()], bytes].concat();
    match record {
        NodeRecord::Leaf { key, value } => [vec![0], part(key), part(value)].concat(),
        NodeRecord::Inner { key, left, right } => {
            let child = |child: &ChildRecord| {
                [&child.node.to_bytes()[..], child.hash.as_bytes(), &[child.height], &child.size.to_be_bytes()].concat()
            };
            [vec![1], part(key), child(left), child(right)].concat()
        }
    }
}

fn decode(bytes: &[u8]) -> NodeRecord<'static> {
    let (key, rest) = bytes[2..].split_at(usize::from(bytes[1]));
    let key = key.to_vec().into();
    if bytes[0] == 0 {
        return NodeRecord::Leaf { key, value: rest[1..=usize::from(rest[0])].to_vec().into() };
    }
    let child = |at: usize| ChildRecord {
        node: NodeKey::from_bytes(rest[at..at + 12].try_into().unwrap()),
        hash: Hash::try_from(&rest[at + 12..at + 44]).unwrap(),
        height: rest[at + 44],
        size: u64::from_be_bytes(rest[at + 45..at + 53].try_into().unwrap()),
    };
    NodeRecord::Inner { key, left: child(0), right: child(53) }
}

/// What the process has resident now, or had at most, in MiB.
fn resident(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0.0) / 1024.0
}

/// A run, and what it took so far.
struct Run {
    tree: Tree,
    source: Arc<FileSource>,
    fetching: Duration,
    changing: Duration,
    unloading: Duration,
    longest_unload: Duration,
    most_used: u64,
}

impl Run {
    /// Applies a block of changes (`None` removes), saves and unloads.
    fn block(&mut self, changes: &[(Vec<u8>, Option<Vec<u8>>)]) {
        let start = Instant::now();
        self.tree.fetch(changes.iter().map(|(key, _)| &key[..])).unwrap();
        let fetched = Instant::now();
        for (key, value) in changes {
            match value {
                Some(value) => drop(self.tree.set(key, value).unwrap()),
                None => drop(self.tree.remove(key).unwrap()),
            }
        }
        let saved = self.tree.save().unwrap();
        self.fetching += fetched - start;
        self.changing += fetched.elapsed();
        self.source.keep(&self.tree);
        self.most_used = self.most_used.max(self.tree.budget().used());
        let start = Instant::now();
        self.tree.unload(saved.version).unwrap();
        self.unloading += start.elapsed();
        self.longest_unload = self.longest_unload.max(start.elapsed());
    }

    fn report(&mut self, what: &str, blocks: u64) {
        let per_block = |time: Duration| time.as_secs_f64() * 1000.0 / blocks as f64;
        println!(
            "{what}: {} keys; a block of {BLOCK}: fetch {:.1} ms ({:.2} loads an operation), change and save {:.1} ms, unload {:.2} ms (at most {:.1}); \
             used at most {} MiB, resident {:.0} MiB, at most {:.0}",
            self.tree.size(),
            per_block(self.fetching),
            self.source.take_loads() as f64 / (blocks * BLOCK) as f64,
            per_block(self.changing),
            per_block(self.unloading),
            self.longest_unload.as_secs_f64() * 1000.0,
            self.most_used / MIB,
            resident("VmRSS:"),
            resident("VmHWM:"),
        );
        (self.fetching, self.changing, self.unloading, self.longest_unload, self.most_used) = Default::default();
    }
}

fn main() {
    let argument = |place, default| std::env::args().nth(place).map_or(default, |text| text.parse().unwrap());
    let (keys, limit, blocks) = (argument(1, 3000) * 1000, argument(2, 128) * MIB, argument(3, 30));
    let path = std::env::temp_dir().join(format!("treering-bounded-memory-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    // Gone when the process ends.
    std::fs::remove_file(&path).unwrap();
    let source = Arc::new(FileSource { file, versions: Mutex::default(), loads: AtomicU64::new(0) });
    let budget = Budget::new(limit);
    let tree = Tree::open_within(Options::default(), source.clone(), 0, None, budget).unwrap();
    let none = Duration::ZERO;
    let mut run = Run { tree, source, fetching: none, changing: none, unloading: none, longest_unload: none, most_used: 0 };
    let mut rng = SplitMix64(1);

    // The first keys come in order, so that the file stays small; their names are spread like hashes.
    let name = |i: u64| [&(i << 20).to_be_bytes()[..], &key(i, 24)].concat();
    let ordered = keys - keys / 20;
    for start in (0..ordered).step_by(usize::try_from(BLOCK).unwrap()) {
        let block: Vec<_> = (start..ordered.min(start + BLOCK)).map(|i| (name(i), Some(value(i, 1, 100)))).collect();
        run.block(&block);
    }
    run.report("load in order", ordered.div_ceil(BLOCK));
    let late = |rng: &mut SplitMix64| [&rng.below(ordered << 20).to_be_bytes()[..], &rng.next().to_be_bytes().repeat(3)].concat();
    for _ in 0..(keys / 20).div_ceil(BLOCK) {
        let block: Vec<_> = (0..BLOCK).map(|i| (late(&mut rng), Some(value(i, 2, 100)))).collect();
        run.block(&block);
    }
    run.report("load at random", (keys / 20).div_ceil(BLOCK));
    for round in 0..blocks {
        let block: Vec<_> = (0..BLOCK)
            .map(|i| match rng.below(100) {
                0..80 => (name(rng.below(ordered)), Some(value(i, round, 100))),
                80..95 => (late(&mut rng), Some(value(i, round, 100))),
                _ => (name(rng.below(ordered)), None),
            })
            .collect();
        run.block(&block);
        if (round + 1) % 10 == 0 {
            run.report("blocks", 10);
        }
    }
    reads(&run, ordered, &name, &mut rng);
}

/// Gets and proofs of random keys, which keep what they load as long as the budget has room.
fn reads(run: &Run, keys: u64, name: &dyn Fn(u64) -> Vec<u8>, rng: &mut SplitMix64) {
    const READS: u64 = 100_000;
    let tree = &run.tree;
    let _ = run.source.take_loads();
    let start = Instant::now();
    for _ in 0..READS {
        let _ = tree.get_copy(&name(rng.below(keys))).unwrap();
    }
    let loads = run.source.take_loads() as f64 / READS as f64;
    println!(
        "get_copy: {:.2} us, {loads:.2} loads; used {} MiB",
        start.elapsed().as_secs_f64() * 1e6 / READS as f64,
        tree.budget().used() / MIB
    );
    let start = Instant::now();
    for _ in 0..READS {
        let _ = tree.prove(&name(rng.below(keys))).unwrap();
    }
    let loads = run.source.take_loads() as f64 / READS as f64;
    println!(
        "prove: {:.2} us, {loads:.2} loads; used {} MiB",
        start.elapsed().as_secs_f64() * 1e6 / READS as f64,
        tree.budget().used() / MIB
    );
    let start = Instant::now();
    let all = || std::ops::Bound::Unbounded;
    let count = tree.scan_copies(all(), all(), treering_tree::Order::Ascending).map(Result::unwrap).count();
    let loads = run.source.take_loads() as f64 / count as f64;
    println!(
        "scan_copies: {:.2} us a key, {loads:.2} loads; used {} MiB, resident {:.0} MiB, at most {:.0}",
        start.elapsed().as_secs_f64() * 1e6 / count as f64,
        tree.budget().used() / MIB,
        resident("VmRSS:"),
        resident("VmHWM:")
    );
}
