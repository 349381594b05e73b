//! Random keys, one after another.

use std::hint::black_box;

use criterion::{Criterion, Throughput};

use crate::world::World;

const KEYS: u64 = 1_000;

pub(crate) fn bench(criterion: &mut Criterion, world: &mut World) {
    let (keys, absent) = (world.keys(KEYS), world.absent_keys(KEYS));
    let older = world.snapshot(Some(world.loaded));
    let mut group = criterion.benchmark_group("get");
    group.throughput(Throughput::Elements(KEYS));
    group.bench_function("newest version", |bencher| {
        bencher.iter(|| keys.iter().for_each(|key| assert!(black_box(world.store.get(key).unwrap()).is_some())));
    });
    group.bench_function("absent", |bencher| {
        bencher.iter(|| absent.iter().for_each(|key| assert!(black_box(world.store.get(key).unwrap()).is_none())));
    });
    group.bench_function("an older version", |bencher| {
        bencher.iter(|| keys.iter().filter(|key| black_box(older.get(key).unwrap()).is_some()).count());
    });
    let newest = world.snapshot(None);
    group.bench_function("a snapshot of the newest version", |bencher| {
        bencher.iter(|| keys.iter().for_each(|key| assert!(black_box(newest.get(key).unwrap()).is_some())));
    });
    group.finish();
}
