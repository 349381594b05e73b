//! Transactions: all or nothing, in isolation, with savepoints, nested ones and conflicts.
//!
//! `cargo run --release --example transactions`

use std::error::Error;

use treering::config::Config;
use treering::{Error as StoreError, MultiStore, SharedStore, Store, TransactionMode, Transactional, Versioned};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let stores = MultiStore::in_memory()?;
    let bank = stores.create_store("bank", None, &Config::new())?;
    bank.set(b"alice", b"100")?;
    bank.set(b"bob", b"20")?;

    all_or_nothing(&bank)?;
    savepoints_and_nesting(&bank)?;
    conflicts(&bank)?;
    readers(&bank)?;

    // Transactions change the working state; saving makes a version of it.
    let saved = bank.save_version()?;
    println!("saved version {} with root {}", saved.version, saved.root_hash);
    Ok(())
}

fn all_or_nothing(bank: &SharedStore) -> Result<(), Box<dyn Error>> {
    let tx = bank.begin_tx()?;
    tx.set(b"alice", b"70")?;
    tx.set(b"bob", b"50")?;
    // Nobody else sees it until it is committed.
    assert_eq!((tx.get(b"bob")?, bank.get(b"bob")?), (Some(b"50".to_vec()), Some(b"20".to_vec())));
    let committed = tx.commit()?;
    assert_eq!(bank.get(b"bob")?, Some(b"50".to_vec()));
    println!("alice gave bob 30: {} keys changed at once", committed.writes);

    let tx = bank.begin_tx()?;
    tx.delete(b"alice")?;
    tx.rollback()?;
    assert!(bank.has(b"alice")?);
    println!("a transaction that was rolled back left nothing behind");
    Ok(())
}

fn savepoints_and_nesting(bank: &SharedStore) -> Result<(), Box<dyn Error>> {
    let tx = bank.begin_tx()?;
    tx.set(b"carol", b"1")?;
    let before = tx.savepoint()?;
    tx.set(b"carol", b"1000000")?;
    tx.rollback_to_savepoint(before)?;
    assert_eq!(tx.get(b"carol")?, Some(b"1".to_vec()));

    // A nested transaction is part of the outer one when it is committed, and has no effect when it is not.
    let inner = tx.as_transactional()?.begin_tx()?;
    inner.set(b"dave", b"2")?;
    inner.commit()?;
    let inner = tx.as_transactional()?.begin_tx()?;
    inner.set(b"erin", b"3")?;
    drop(inner);
    tx.commit()?;
    assert!(bank.has(b"carol")? && bank.has(b"dave")? && !bank.has(b"erin")?);
    println!("carol and dave have accounts; what a savepoint and a dropped nested transaction undid is gone");
    Ok(())
}

fn conflicts(bank: &SharedStore) -> Result<(), Box<dyn Error>> {
    let (first, second) = (bank.begin_tx()?, bank.begin_tx()?);
    for tx in [&first, &second] {
        let balance: u64 = String::from_utf8(tx.get(b"alice")?.unwrap_or_default())?.parse()?;
        tx.set(b"alice", (balance - 10).to_string().as_bytes())?;
    }
    first.commit()?;
    // The second one read what the first one changed: committing it would lose a withdrawal.
    let Err(StoreError::Conflict { key, .. }) = second.commit() else { return Err("the second withdrawal went through".into()) };
    assert_eq!(key, b"alice");
    assert_eq!(bank.get(b"alice")?, Some(b"60".to_vec()));
    println!("of two withdrawals at the same time one went through, the other was told to begin again");
    Ok(())
}

fn readers(bank: &SharedStore) -> Result<(), Box<dyn Error>> {
    let reader = bank.begin_tx_with(TransactionMode::ReadOnly)?;
    bank.set(b"alice", b"0")?;
    assert_eq!(reader.get(b"alice")?, Some(b"60".to_vec()));
    assert!(matches!(reader.set(b"alice", b"1"), Err(StoreError::ReadOnlyTransaction { .. })));
    reader.commit()?;
    println!("a transaction that only reads saw one state, whatever happened meanwhile");
    Ok(())
}
