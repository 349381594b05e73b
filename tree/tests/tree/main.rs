//! Tests of the tree, one behaviour a file. Random ones print their seed and take `TREERING_TEST_SEED` to run it again.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests: a wrong helper must stop the test")]

mod apply;
mod bounded;
mod common;
mod damaged_source;
mod determinism;
mod diff;
mod differential;
mod import_refuses;
mod io_failures;
mod many_savepoints;
mod model;
mod naive;
mod orphans;
mod proofs;
mod ranges;
mod render;
mod source;
mod threads;
mod vectors;
mod workload;
