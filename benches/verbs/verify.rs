//! Checking proofs: what a light client does.

use criterion::{Criterion, Throughput};
use treering::HashFunction;
use treering::proofs::Proof;

use crate::world::World;

const KEYS: u64 = 1_000;

pub(crate) fn bench(criterion: &mut Criterion, world: &mut World) {
    let (keys, absent) = (world.keys(KEYS), world.absent_keys(KEYS));
    let snapshot = world.snapshot(None);
    let root = snapshot.root_hash();
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(KEYS));
    for (what, keys) in [("presence", &keys), ("absence", &absent)] {
        let proofs: Vec<Proof> = keys.iter().map(|key| snapshot.prove(key).unwrap()).collect();
        let holds = |(proof, key): (&Proof, &Vec<u8>)| proof.verify(HashFunction::Sha256, &root, key).is_ok();
        group.bench_function(what, |bencher| {
            bencher.iter(|| assert!(proofs.iter().zip(keys).all(holds)));
        });
    }
    group.finish();
}
