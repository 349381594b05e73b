//! The examples do what they claim: each asserts it while it runs.

#[path = "../examples/basic.rs"]
mod basic;
#[path = "../examples/events.rs"]
mod events;
#[path = "../examples/ledger.rs"]
mod ledger;
#[path = "../examples/multistore.rs"]
mod multistore;
#[path = "../examples/own_engine.rs"]
mod own_engine;
#[cfg(feature = "system")]
#[path = "../examples/system.rs"]
mod system;
#[path = "../examples/transactions.rs"]
mod transactions;
#[path = "../examples/versions.rs"]
mod versions;

type Example = fn() -> Result<(), Box<dyn std::error::Error>>;

#[cfg(not(feature = "system"))]
mod system {
    /// It needs the system.
    #[expect(clippy::unnecessary_wraps, reason = "as the example")]
    pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }
}

/// Every example, by the name of its file.
const EXAMPLES: [(&str, Example); 8] = [
    ("basic", basic::main),
    ("events", events::main),
    ("ledger", ledger::main),
    ("multistore", multistore::main),
    ("own_engine", own_engine::main),
    ("system", system::main),
    ("transactions", transactions::main),
    ("versions", versions::main),
];

#[test]
fn every_example_runs() {
    for (name, run) in EXAMPLES {
        println!("--- {name}");
        if let Err(error) = run() {
            panic!("{name}: {error}");
        }
    }
}

/// What whoever writes an engine does: runs the suite on it.
#[cfg(feature = "conformance")]
#[test]
fn the_own_engine_keeps_all_laws() {
    let engine: std::sync::Arc<dyn treering::engine::Engine> = std::sync::Arc::new(own_engine::JournalEngine);
    treering::conformance::check_engine(&engine);
}

#[test]
fn no_example_is_forgotten() {
    let folder = std::path::Path::new("examples");
    let mut files: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    files.sort();
    assert_eq!(files, EXAMPLES.map(|(name, _)| name));
}
