//! Many stores as one version: the app hash over all of them, proofs in two steps, stores on several engines.
//!
//! `cargo run --release --example multistore`

use std::error::Error;

use treering::config::Config;
use treering::proofs::MultiStoreProof;
use treering::{Hash, HashFunction, MultiStore, Store};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("chain");
    let chain = MultiStore::create(&path)?;
    let bank = chain.create_store("bank", None, &Config::new())?;
    let gov = chain.create_store("gov", None, &Config::new())?;
    // Each store lies on the engine that suits it. The app hash does not depend on which.
    let receipts = chain.create_store("receipts", Some("fjall"), &Config::new())?;
    for store in chain.list_stores() {
        println!("{} on {}", store.name, store.engine);
    }

    bank.set(b"alice", b"100")?;
    gov.set(b"proposal/1", b"more trees")?;
    receipts.set(b"tx/1", b"alice gives bob 5")?;
    let first = chain.save_version()?;
    println!("version {} of all stores has the app hash {}", first.version, first.app_hash);

    bank.set(b"alice", b"95")?;
    bank.set(b"bob", b"5")?;
    receipts.delete(b"tx/1")?;
    // The hash comes first, the commit when it was agreed upon.
    let prepared = chain.prepare()?;
    let agreed = prepared.app_hash();
    let second = prepared.commit()?;
    assert_eq!(second.app_hash, agreed);
    assert_ne!(second.app_hash, first.app_hash);

    // Who trusts the app hash needs nothing else to believe a balance.
    let proof = chain.snapshot(Some(2))?.prove("bank", b"bob")?;
    assert_eq!(balance_of_bob(&proof, &second.app_hash)?, Some(b"5".to_vec()));
    assert!(balance_of_bob(&proof, &first.app_hash).is_err());
    assert!(proof.verify(HashFunction::Sha256, &second.app_hash, "gov", b"bob").is_err());
    println!("proven under the app hash of version 2: bob has 5");

    // All stores go back together.
    chain.rollback_to(1)?;
    assert_eq!(bank.get(b"alice")?, Some(b"100".to_vec()));
    assert_eq!(receipts.get(b"tx/1")?, Some(b"alice gives bob 5".to_vec()));
    chain.rename_store("gov", "parliament")?;
    let renamed = chain.save_version()?;
    assert_eq!((renamed.version, renamed.stores.len()), (2, 3));
    println!("rolled back, renamed a store, and saved another version 2");
    chain.close_all()?;

    let chain = MultiStore::open(&path)?;
    let newest = chain.newest_version()?.ok_or("a version was saved")?;
    assert_eq!(newest.app_hash, renamed.app_hash);
    assert_eq!(chain.get_store("parliament")?.get(b"proposal/1")?, Some(b"more trees".to_vec()));
    println!("opened again: the app hash is {}", newest.app_hash);
    Ok(())
}

/// What a light client does: it has a proof from anywhere, and an app hash that it trusts.
fn balance_of_bob(proof: &MultiStoreProof, app_hash: &Hash) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let evidence = proof.verify(HashFunction::Sha256, app_hash, "bank", b"bob")?;
    Ok(evidence.value().map(<[u8]>::to_vec))
}
