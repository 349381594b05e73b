//! Removing the oldest version after each block, as a node does that keeps a fixed number.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use treering::Keep;

use crate::world::World;

pub(crate) fn bench(criterion: &mut Criterion, world: &mut World) {
    let keep = Keep::Last(10);
    let _ = world.store.prune(&keep).unwrap();
    let mut group = criterion.benchmark_group("prune");
    group.throughput(Throughput::Elements(world.config.batch));
    group.bench_function("one version, of a block", |bencher| {
        bencher.iter_custom(|versions| {
            let mut sum = Duration::ZERO;
            for _ in 0..versions {
                let block = world.workload.next_block();
                world.save(&block);
                let start = Instant::now();
                let _ = world.store.prune(&keep).unwrap();
                sum += start.elapsed();
            }
            sum
        });
    });
    group.finish();
}
