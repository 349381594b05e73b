//! Nanoseconds a hash: alone, with the preimage made, and in a save with all that it does besides.
//!
//! The first is the floor under every commit: what the last takes above it is ours.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, Throughput};
use sha2::{Digest as _, Sha256};
use treering::Tree;
use treering::proofs::{Hash, HashFunction, preimage};
use treering::tree::NodeRecord;

use crate::workload::{Operation, Workload};
use crate::world::config;

/// Bytes of an inner node's preimage, in a tree of a million keys.
const INNER_LENGTH: usize = 75;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash_floor");
    group.throughput(Throughput::Elements(1));
    let preimage = [7_u8; INNER_LENGTH];
    group.bench_function("sha2, of an inner node's length", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&preimage)));
    });
    let (left, right) = (Hash::new([1; 32]), Hash::new([2; 32]));
    group.bench_function("an inner node", |bencher| {
        bencher.iter(|| preimage::inner_hash(HashFunction::Sha256, 10, black_box(1_000_000), 300, &left, &right));
    });
    group.bench_function("an inner node or a leaf, in a save", a_hash_of_a_save);
    group.finish();
}

fn a_hash_of_a_save(bencher: &mut Bencher<'_>) {
    let mut workload = Workload::new(config());
    let mut tree = Tree::new();
    while let Some(block) = workload.next_load_block() {
        apply(&mut tree, &block);
        let _ = tree.save().unwrap();
    }
    bencher.iter_custom(|wanted| {
        let (mut sum, mut hashes) = (Duration::ZERO, 0);
        while hashes < wanted {
            apply(&mut tree, &workload.next_block());
            let start = Instant::now();
            let _ = tree.save().unwrap();
            sum += start.elapsed();
            hashes += tree.new_nodes().map(|(_, record)| hashes_of(&record)).sum::<u64>();
        }
        // A block has as many as it has; what is wanted is its part of them.
        sum.mul_f64(f64::from(u32::try_from(wanted).unwrap()) / f64::from(u32::try_from(hashes).unwrap()))
    });
}

/// A leaf's value is hashed on its own.
fn hashes_of(record: &NodeRecord<'_>) -> u64 {
    if matches!(record, NodeRecord::Leaf { .. }) { 2 } else { 1 }
}

fn apply(tree: &mut Tree, block: &[Operation]) {
    for Operation { key, value } in block {
        match value {
            Some(value) => drop(tree.set(key, value).unwrap()),
            None => assert!(tree.remove(key).unwrap()),
        }
    }
}
