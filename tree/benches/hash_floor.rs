//! How far is a block in memory from the time that its hashes take alone?
//!
//! *floor*: the hashes of one block's new nodes (for a leaf two, of its value and of itself), their inputs lying ready.
//! *block*: 10,000 operations (80 % updates, 15 % inserts, 5 % deletes) on 1 M random keys and the save. One thread. The ratio is printed
//! at the end. `TREERING_FLOOR_KEYS` sets another number of keys.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use treering_proofs::{Hash, HashFunction, preimage};
use treering_tree::{NodeRecord, Tree};

#[expect(clippy::indexing_slicing, reason = "shared with the tests")]
#[path = "../tests/tree/workload.rs"]
mod workload;
use workload::{Config, Op, Workload};

const BATCH: u64 = 10_000;
/// Operations whose paths are fetched together.
const PREFETCHED: usize = 32;

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

/// A run of blocks, and the time that they took.
#[derive(Default)]
struct Total {
    time: Duration,
    blocks: u32,
}

impl Total {
    fn add(&mut self, time: Duration) {
        self.time += time;
        self.blocks += 1;
    }

    fn milliseconds(&self) -> f64 {
        self.time.as_secs_f64() * 1e3 / f64::from(self.blocks.max(1))
    }
}

fn apply(tree: &mut Tree, ops: &[Op]) {
    for group in ops.chunks(PREFETCHED) {
        tree.prefetch(group.iter().map(Op::key));
        for op in group {
            op.apply(tree);
        }
    }
}

fn main() {
    let keys = std::env::var("TREERING_FLOOR_KEYS").ok().map_or(1_000_000, |text| text.parse().unwrap());
    let mut workload = Workload::new(Config { keys, load_block: 50_000, batch: BATCH, key_length: 32, value_length: 100, seed: 42 });
    let mut tree = Tree::new();
    while tree.size() < keys {
        apply(&mut tree, &workload.next_block());
        let _ = tree.save().unwrap();
    }
    // As after a long life: nodes lie where earlier blocks left room.
    for _ in 0..100 {
        apply(&mut tree, &workload.next_block());
        let _ = tree.save().unwrap();
    }
    let inputs = inputs(&tree);
    let version = tree.version();
    let hashes: usize = inputs.iter().map(|input| if matches!(input, Input::Leaf { .. }) { 2 } else { 1 }).sum();

    let (mut floor, mut operations, mut save) = (Total::default(), Total::default(), Total::default());
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    let mut group = criterion.benchmark_group("1M keys, 10k operations");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("floor: the hashes alone", |bencher| {
        bencher.iter_custom(|iterations| {
            let start = Instant::now();
            for _ in 0..iterations {
                for input in &inputs {
                    black_box(hash(black_box(input), version));
                }
                floor.blocks += 1;
            }
            floor.time += start.elapsed();
            start.elapsed()
        });
    });
    group.bench_function("block: operations and save", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut sum = Duration::ZERO;
            for _ in 0..iterations {
                let ops = workload.next_block();
                let start = Instant::now();
                apply(&mut tree, &ops);
                let applied = Instant::now();
                let _ = black_box(tree.save().unwrap());
                let saved = Instant::now();
                operations.add(applied - start);
                save.add(saved - applied);
                sum += saved - start;
            }
            sum
        });
    });
    group.finish();
    let (floor, operations, save) = (floor.milliseconds(), operations.milliseconds(), save.milliseconds());
    println!("floor {floor:.2} ms: {hashes} hashes of {:.0} ns", floor * 1e6 / hashes as f64);
    println!("block {:.2} ms: operations {operations:.2} + save {save:.2}", operations + save);
    println!("ratio {:.2}", (operations + save) / floor);
}
