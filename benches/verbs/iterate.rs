//! Keys and values in order.

use std::hint::black_box;
use std::ops::Bound;

use criterion::{Criterion, Throughput};
use treering::Order;

use crate::world::World;

const RANGE: usize = 100;

pub(crate) fn bench(criterion: &mut Criterion, world: &mut World) {
    let starts = world.keys(100);
    let mut group = criterion.benchmark_group("iterate");
    group.throughput(Throughput::Elements(world.workload.live_keys() as u64));
    group.bench_function("everything", |bencher| {
        bencher.iter(|| world.store.tree().iter().for_each(|entry| _ = black_box(entry.unwrap())));
    });
    let older = world.snapshot(Some(world.loaded));
    group.bench_function("an older version", |bencher| {
        bencher.iter(|| older.scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending).for_each(|entry| drop(black_box(entry.unwrap()))));
    });
    let newest = world.snapshot(None);
    group.bench_function("the newest version, in the same way", |bencher| {
        bencher
            .iter(|| newest.scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending).for_each(|entry| drop(black_box(entry.unwrap()))));
    });
    group.throughput(Throughput::Elements((starts.len() * RANGE) as u64));
    group.bench_function("100 keys from a random one", |bencher| {
        bencher.iter(|| {
            for start in &starts {
                let range = world.store.range(Bound::Included(start.clone()), Bound::Unbounded, Order::Ascending);
                range.take(RANGE).for_each(|entry| drop(black_box(entry.unwrap())));
            }
        });
    });
    group.finish();
}
