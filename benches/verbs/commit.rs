//! A block: operations, hashes, and the disk has it.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};

use crate::world::World;

pub(crate) fn bench(criterion: &mut Criterion, world: &mut World) {
    let mut group = criterion.benchmark_group("commit");
    group.throughput(Throughput::Elements(world.config.batch));
    group.bench_function("a block, durably", |bencher| {
        bencher.iter_custom(|blocks| {
            let mut sum = Duration::ZERO;
            for _ in 0..blocks {
                let block = world.workload.next_block();
                let start = Instant::now();
                world.save(&block);
                sum += start.elapsed();
            }
            sum
        });
    });
    group.finish();
}
