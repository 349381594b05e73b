//! From a closed database to its root hash, and to what is read first, when nothing is in memory yet.

use std::hint::black_box;
use std::ops::Bound;
use std::time::{Duration, Instant};

use criterion::Criterion;
use treering::{Database, OpenOptions, Order, Snapshot};

use crate::world::World;

const KEYS: u64 = 1_000;

/// Reads something of a snapshot; gives how much.
type Read<'a> = &'a dyn Fn(&Snapshot) -> usize;

pub(crate) fn bench(criterion: &mut Criterion, mut world: World) {
    let (keys, older) = (world.keys(KEYS), world.oldest());
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
    let gets = |snapshot: &Snapshot| keys.iter().filter(|key| black_box(snapshot.get(key).unwrap()).is_some()).count();
    let proofs = |snapshot: &Snapshot| keys.iter().filter(|key| black_box(snapshot.prove(key)).is_ok()).count();
    let scan = |snapshot: &Snapshot| snapshot.scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending).map(Result::unwrap).count();
    for (version, name) in [(None, "newest version"), (Some(older), "older version")] {
        let reads: [(&str, Read<'_>); 3] = [("1,000 gets", &gets), ("1,000 proofs", &proofs), ("everything", &scan)];
        for (what, read) in reads {
            group.bench_function(format!("then {what}, {name}"), |bencher| {
                bencher.iter_custom(|times| {
                    let first = |_| {
                        let database = Database::open(&path, &OpenOptions::default()).unwrap();
                        let snapshot = World::snapshot_of(&database, version);
                        let start = Instant::now();
                        black_box(read(&snapshot));
                        start.elapsed()
                    };
                    (0..times).map(first).sum()
                });
            });
        }
    }
    group.finish();
}
