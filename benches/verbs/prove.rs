//! Making proofs.

use std::hint::black_box;

use criterion::{Criterion, Throughput};

use crate::world::World;

const KEYS: u64 = 1_000;

pub(crate) fn bench(criterion: &mut Criterion, world: &mut World) {
    let (keys, absent) = (world.keys(KEYS), world.absent_keys(KEYS));
    let (snapshot, older) = (world.snapshot(None), world.snapshot(Some(world.loaded)));
    let mut group = criterion.benchmark_group("prove");
    group.throughput(Throughput::Elements(KEYS));
    for (what, keys) in [("presence", &keys), ("absence", &absent)] {
        group.bench_function(what, |bencher| {
            bencher.iter(|| keys.iter().for_each(|key| drop(black_box(snapshot.prove(key).unwrap()))));
        });
    }
    group.bench_function("an older version", |bencher| {
        bencher.iter(|| keys.iter().for_each(|key| drop(black_box(older.prove(key).unwrap()))));
    });
    group.finish();
}
