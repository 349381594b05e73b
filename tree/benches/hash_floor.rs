//! How far is a block in memory from the time that its hashes take alone?
//!
//! *floor*: the hashes of one block's new nodes (for a leaf two, of its value and of itself) on one thread, one after another by the `sha2`
//! crate, their inputs lying ready. *block*: 10,000 operations (80 % updates, 15 % inserts, 5 % deletes) on 1 M random keys and the save, on
//! one thread and on two. The three are measured in turn, so that what else the machine does meets all alike; medians and minima are
//! printed. `TREERING_FLOOR_KEYS` sets another number of keys, `TREERING_FLOOR_ROUNDS` another number of blocks than 60,
//! `TREERING_FLOOR_THREADS` another number of threads than 2. With `TREERING_FLOOR_SNAPSHOT` set to 1, a snapshot of the version before is
//! held until a block is saved, as a store does for its readers; so nodes are copied and not changed where they are.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use treering_proofs::{Hash, HashFunction, preimage};
use treering_tree::{NodeRecord, Operation, Options, Tree};

#[expect(clippy::indexing_slicing, reason = "shared with the tests")]
#[path = "../tests/tree/workload.rs"]
mod workload;
use workload::{Config, Op, Workload};

const BATCH: u64 = 10_000;

/// What is hashed of a new node.
enum Input {
    Leaf { key: Vec<u8>, value: Vec<u8> },
    Inner { height: u8, size: u64, left: Hash, right: Hash },
}

fn inputs(tree: &Tree) -> Vec<Input> {
    let input = |record| match record {
        NodeRecord::Leaf { key, value } => Input::Leaf { key: key.into_owned(), value: value.into_owned() },
        NodeRecord::Inner { left, right, .. } => {
            let height = 1 + left.height.max(right.height);
            Input::Inner { height, size: left.size + right.size, left: left.hash, right: right.hash }
        }
    };
    tree.new_nodes().map(|(_, record)| input(record)).collect()
}

fn hash(input: &Input, version: u64) -> Hash {
    const SHA: HashFunction = HashFunction::Sha256;
    match input {
        Input::Leaf { key, value } => preimage::leaf_hash(SHA, version, key, &preimage::value_hash(SHA, value)),
        Input::Inner { height, size, left, right } => preimage::inner_hash(SHA, *height, *size, version, left, right),
    }
}

/// Times in milliseconds.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1e3);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut times = self.0.clone();
        times.sort_by(f64::total_cmp);
        times
    }

    fn median(&self) -> f64 {
        self.sorted().get(self.0.len() / 2).copied().unwrap_or_default()
    }

    fn least(&self) -> f64 {
        self.sorted().first().copied().unwrap_or_default()
    }
}

/// A tree that lives through the blocks of the workload.
struct Run {
    threads: usize,
    holds_snapshot: bool,
    tree: Tree,
    workload: Workload,
    operations: Times,
    save: Times,
    whole: Times,
}

impl Run {
    /// A tree after a long life: nodes lie where earlier blocks left room.
    fn start(threads: usize, keys: u64) -> Self {
        let workload = Workload::new(Config { keys, load_block: 50_000, batch: BATCH, key_length: 32, value_length: 100, seed: 42 });
        let tree = Tree::with_options(Options { hash_threads: threads, ..Options::default() }).unwrap();
        let holds_snapshot = number("TREERING_FLOOR_SNAPSHOT", 0) == 1;
        let mut run =
            Self { threads, holds_snapshot, tree, workload, operations: Times::default(), save: Times::default(), whole: Times::default() };
        while run.tree.size() < keys {
            let ops = run.workload.next_block();
            run.tree.prefetch(ops.iter().map(Op::key));
            for op in &ops {
                op.apply(&mut run.tree);
            }
            let _ = run.tree.save().unwrap();
        }
        (0..100).for_each(|_| run.block());
        (run.operations, run.save, run.whole) = Default::default();
        run
    }

    fn block(&mut self) {
        let ops = self.workload.next_block();
        let operations: Vec<Operation<'_>> = ops.iter().map(Op::operation).collect();
        let snapshot = self.holds_snapshot.then(|| self.tree.clone());
        let start = Instant::now();
        black_box(self.tree.apply(&operations).unwrap());
        let applied = Instant::now();
        let _ = black_box(self.tree.save().unwrap());
        drop(snapshot);
        let saved = Instant::now();
        self.operations.add(applied - start);
        self.save.add(saved - applied);
        self.whole.add(saved - start);
    }

    fn print(&self, floor: &Times) {
        for (name, of) in [("median", Times::median as fn(&Times) -> f64), ("least", Times::least)] {
            let (whole, operations, save) = (of(&self.whole), of(&self.operations), of(&self.save));
            println!(
                "block, {} thread(s), {name}: {whole:.2} ms (operations {operations:.2}, save {save:.2}), ratio {:.2}",
                self.threads,
                whole / of(floor)
            );
        }
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

fn main() {
    let (keys, rounds) = (number("TREERING_FLOOR_KEYS", 1_000_000), number("TREERING_FLOOR_ROUNDS", 60));
    let threads = usize::try_from(number("TREERING_FLOOR_THREADS", 2)).unwrap();
    let mut runs = [1, threads].map(|threads| Run::start(threads, keys));
    let [one, two] = &runs;
    assert_eq!(one.tree.root_hash(), two.tree.root_hash());
    let (inputs, version) = (inputs(&one.tree), one.tree.version());
    let hashes: usize = inputs.iter().map(|input| if matches!(input, Input::Leaf { .. }) { 2 } else { 1 }).sum();
    let mut floor = Times::default();
    for _ in 0..rounds {
        let start = Instant::now();
        for input in &inputs {
            black_box(hash(black_box(input), version));
        }
        floor.add(start.elapsed());
        runs.iter_mut().for_each(Run::block);
    }
    println!("floor, median: {:.2} ms, {hashes} hashes of {:.0} ns", floor.median(), floor.median() * 1e6 / hashes as f64);
    println!("floor, least: {:.2} ms", floor.least());
    for run in &runs {
        run.print(&floor);
    }
}
