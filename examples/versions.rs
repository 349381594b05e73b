//! Versions: every save is one, stays readable, and can be gone back to, until it is pruned.
//!
//! `cargo run --release --example versions`

use std::error::Error;

use treering::config::Config;
use treering::{Error as StoreError, Keep, MultiStore, SharedStore, Store, Versioned};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let stores = MultiStore::create(folder.path().join("trees"))?;
    let forest = stores.create_store("forest", None, &Config::new())?;
    for rings in 1_u64..=10 {
        forest.set(b"oak", format!("{rings} rings").as_bytes())?;
        let saved = forest.save_version()?;
        assert_eq!(saved.version, rings);
    }
    println!("saved {} versions", forest.list_versions()?.len());

    the_past(&forest)?;
    a_promise(&forest)?;
    going_back(&forest)?;
    pruning(&forest)?;

    // Which versions are kept can also be said when a store is made: then old ones go by themselves, in the background.
    let config = Config::new().with("max_versions", 100).with("keep_every", 1000);
    let meadow = stores.create_store("meadow", None, &config)?;
    meadow.save_version()?;
    let listed = stores.list_stores().into_iter().find(|store| store.name == "meadow").ok_or("it was made just now")?;
    assert_eq!(listed.retention.max_versions, Some(100));
    println!("the meadow keeps its newest 100 versions, and every thousandth");
    Ok(())
}

fn the_past(forest: &SharedStore) -> Result<(), Box<dyn Error>> {
    // A snapshot never changes, and can go to another thread.
    let third = forest.snapshot(Some(3))?;
    let read = std::thread::spawn(move || third.get(b"oak")).join().map_err(|_| "the reader panicked")??;
    assert_eq!(read, Some(b"3 rings".to_vec()));
    assert_eq!(forest.get(b"oak")?, Some(b"10 rings".to_vec()));
    println!("in version 3 the oak had 3 rings, now it has 10");
    Ok(())
}

fn a_promise(forest: &SharedStore) -> Result<(), Box<dyn Error>> {
    // The root hash before anything is durable: a consensus engine wants to know it first.
    forest.set(b"elm", b"new")?;
    let prepared = forest.prepare()?;
    let promised = prepared.root_hash();
    let saved = prepared.commit()?;
    assert_eq!((saved.version, saved.root_hash), (11, promised));
    println!("version 11 was saved with the root hash that it was prepared with");
    Ok(())
}

fn going_back(forest: &SharedStore) -> Result<(), Box<dyn Error>> {
    // Loading moves the working state only. Saving the same thing again is fine, saving another thing is refused.
    forest.load_version(9)?;
    forest.set(b"oak", b"felled")?;
    assert!(matches!(forest.save_version(), Err(StoreError::VersionExists { version: 10, .. })));
    forest.load_version(9)?;
    forest.set(b"oak", b"10 rings")?;
    assert_eq!(forest.save_version()?.version, 10);
    // Rolling back removes what came after.
    forest.rollback_to(9)?;
    forest.set(b"oak", b"felled")?;
    assert_eq!(forest.save_version()?.version, 10);
    assert!(matches!(forest.snapshot(Some(11)), Err(StoreError::NoVersion { .. })));
    println!("rolled back to version 9, and went another way from there");
    Ok(())
}

fn pruning(forest: &SharedStore) -> Result<(), Box<dyn Error>> {
    let reader = forest.snapshot(Some(2))?;
    let report = forest.prune(&Keep::Last(3))?;
    assert_eq!((report.versions, report.deferred.as_slice()), (6, &[2][..]));
    assert_eq!(reader.get(b"oak")?, Some(b"2 rings".to_vec()));
    drop(reader);
    assert_eq!(forest.prune(&Keep::Last(3))?.versions, 1);
    let left: Vec<u64> = forest.list_versions()?.iter().map(|info| info.version).collect();
    assert_eq!(left, [8, 9, 10]);
    println!("pruned all but three; the version that somebody read waited until he was done");
    Ok(())
}
