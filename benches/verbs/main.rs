//! What each verb costs, on a database on the disk. One file a verb; `cargo bench --bench verbs -- get` runs one of them.
//!
//! `TREERING_BENCH_KEYS` sets how many keys there are (100,000; the compared run has 1,000,000); a block has a hundredth of them in
//! operations. `TREERING_BENCH_DIR` names a folder on the disk to be measured.
#![expect(clippy::unwrap_used, reason = "a benchmark: it may fail by panicking")]

mod commit;
mod get;
mod hash_floor;
mod iterate;
mod open;
mod prove;
mod prune;
mod verify;
#[path = "../../src/workload.rs"]
#[expect(dead_code, reason = "not all of it is used here")]
mod workload;
mod world;

use std::time::Duration;

use criterion::Criterion;
use world::World;

fn main() {
    let criterion = Criterion::default().sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    let mut criterion = criterion.configure_from_args();
    let mut world = World::new();
    get::bench(&mut criterion, &mut world);
    iterate::bench(&mut criterion, &mut world);
    prove::bench(&mut criterion, &mut world);
    verify::bench(&mut criterion, &mut world);
    // These change the database.
    commit::bench(&mut criterion, &mut world);
    prune::bench(&mut criterion, &mut world);
    open::bench(&mut criterion, world);
    hash_floor::bench(&mut criterion);
    criterion.final_summary();
}
