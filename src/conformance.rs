//! What every [`Engine`] must do, as a test that you run on your own one.
//!
//! [`check_engine`] checks the laws of the backends that the engine opens
//! ([`engine::conformance`](crate::engine::conformance)), then how it is made and opened, and then stores on it: random changes,
//! transactions, versions, ranges, proofs, pruning, rolling back and opening again, against a `BTreeMap` a version and a plain
//! [`Tree`](crate::Tree), whose root hashes must be the same to the bit. It panics, as a test does, and says with which seed.
//!
//! ```
//! use std::sync::Arc;
//! use treering::conformance::check_engine;
//! use treering::engine::Registry;
//!
//! check_engine(&Registry::with_compiled_in().get("memory")?);
//! # Ok::<(), treering::engine::EngineError>(())
//! ```

mod places;
mod run;

use std::sync::Arc;

use crate::engine::Engine;

/// Steps of the random run.
const STEPS: u64 = 400;
/// Where the random choices begin when `TREERING_SEED` does not say otherwise.
const SEED: u64 = 1;

/// Checks an engine in a temporary folder. Takes some seconds.
///
/// # Panics
/// When something is not as it must be, saying what, and the seed that shows it.
pub fn check_engine(engine: &Arc<dyn Engine>) {
    let seed = std::env::var("TREERING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    places::check(engine);
    run::check(engine, seed, STEPS);
}

/// The value of a call that must succeed.
fn must<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}
