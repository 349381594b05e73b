//! A store: set keys, save a version, read it back, prove a value to someone who has only the root hash.
//!
//! `cargo run --release --example basic`

use std::error::Error;

use treering::config::Config;
use treering::proofs::HashFunction;
use treering::{MultiStore, Provable, RangeQueryable, Store, Versioned};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("trees");

    // A folder of stores, and a store in it. Changes are in memory until a version is saved: then they are on the disk.
    let stores = MultiStore::create(&path)?;
    let forest = stores.create_store("forest", None, &Config::new())?;
    forest.set(b"oak", b"200 rings")?;
    forest.set(b"pine", b"80 rings")?;
    forest.set(b"ash", b"120 rings")?;
    forest.delete(b"pine")?;
    let saved = forest.save_version()?;
    println!("saved version {} with {} keys; its root hash is {}", saved.version, saved.size, saved.root_hash);
    assert_eq!((saved.version, saved.size), (1, 2));

    // Keys are in the order of their bytes.
    let mut seen = Vec::new();
    forest.iterate_range(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded, treering::Order::Descending, &mut |key, _| {
        seen.push(String::from_utf8_lossy(key).into_owned());
        std::ops::ControlFlow::Continue(())
    })?;
    println!("from the last key to the first: {}", seen.join(", "));
    assert_eq!(seen, ["oak", "ash"]);

    // A proof needs neither the store nor trust in who made it: only the root hash.
    let proof = forest.prove(b"oak")?;
    let evidence = proof.verify(HashFunction::Sha256, &saved.root_hash, b"oak")?;
    assert_eq!(evidence.value(), Some(&b"200 rings"[..]));
    let absent = forest.prove(b"pine")?.verify(HashFunction::Sha256, &saved.root_hash, b"pine")?;
    assert_eq!(absent.value(), None);
    assert!(proof.verify(HashFunction::Sha256, &saved.root_hash, b"ash").is_err());
    println!("proven under that hash: oak has 200 rings, and there is no pine");

    // What was saved is there when the folder is opened again.
    stores.close_all()?;
    let again = MultiStore::open(&path)?.get_store("forest")?;
    assert_eq!(again.get(b"oak")?, Some(b"200 rings".to_vec()));
    assert_eq!(again.current_version()?, 1);
    println!("opened again: oak is still there");
    Ok(())
}
