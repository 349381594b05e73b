//! From a closed database to its root hash.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use treering::{Database, OpenOptions};

use crate::world::World;

pub(crate) fn bench(criterion: &mut Criterion, world: World) {
    let (_folder, path) = world.close();
    let mut group = criterion.benchmark_group("open");
    group.bench_function("database and store", |bencher| {
        bencher.iter_custom(|times| {
            let mut sum = Duration::ZERO;
            for _ in 0..times {
                let start = Instant::now();
                let database = Database::open(&path, &OpenOptions::default()).unwrap();
                let mut store = World::store_of(&database);
                black_box(store.working_hash().unwrap());
                sum += start.elapsed();
                drop(store);
                database.close().unwrap();
            }
            sum
        });
    });
    group.finish();
}
