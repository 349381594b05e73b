//! A token ledger: blocks of transfers, each transfer a transaction, each block a version with an app hash, against which a balance is
//! proven to someone who has nothing else.
//!
//! `cargo run --release --example ledger`

use std::error::Error;
use std::ops::ControlFlow;

use treering::config::Config;
use treering::proofs::{Hash, HashFunction, MultiStoreProof};
use treering::{MultiStore, SharedStore, Store, Transaction, Transactional};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ACCOUNTS: u64 = 200;
const BLOCKS: u64 = 25;
const TRANSFERS: u64 = 100;
const GRANT: u64 = 1_000;
const SUPPLY: u64 = ACCOUNTS * GRANT;

pub(crate) fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let chain = MultiStore::create(folder.path().join("ledger"))?;
    let balances = chain.create_store("balances", None, &Config::new())?;
    let journal = chain.create_store("journal", None, &Config::new())?;
    for account in 0..ACCOUNTS {
        balances.set(&name(account), &GRANT.to_be_bytes())?;
    }
    let genesis = chain.save_version()?;
    println!("genesis: {ACCOUNTS} accounts with {GRANT} tokens each; app hash {}", genesis.app_hash);

    let mut random = Random(7);
    let (mut done, mut refused) = (0, 0);
    let mut newest = genesis.clone();
    for block in 1..=BLOCKS {
        for number in 0..TRANSFERS {
            let (from, to, amount) = (random.below(ACCOUNTS), random.below(ACCOUNTS), 1 + random.below(2 * GRANT));
            if transfer(&balances, &name(from), &name(to), amount)? {
                let entry = format!("{from} -> {to}: {amount}");
                journal.set(format!("{block:04}/{number:04}").as_bytes(), entry.as_bytes())?;
                done += 1;
            } else {
                refused += 1;
            }
        }
        assert_eq!(supply(&balances)?, SUPPLY, "tokens appeared or vanished in block {block}");
        let saved = chain.save_version()?;
        assert_ne!(saved.app_hash, newest.app_hash);
        newest = saved;
    }
    println!("{BLOCKS} blocks: {done} transfers done, {refused} refused (too few tokens, or to oneself); the supply is still {SUPPLY}");
    assert!(done > 0 && refused > 0 && done + refused == BLOCKS * TRANSFERS);

    let rich = richest(&balances)?;
    let proof = chain.snapshot(None)?.prove("balances", &rich)?;
    let proven = verified_balance(&proof, &newest.app_hash, &rich)?;
    assert_eq!(proven, balance(&balances, &rich)?);
    println!("proven under the app hash of block {BLOCKS}: {} has {proven} tokens", String::from_utf8_lossy(&rich));

    // Every earlier block can still be asked, and its own app hash vouches for the answer.
    let before = chain.snapshot(Some(genesis.version))?.prove("balances", &rich)?;
    assert_eq!(verified_balance(&before, &genesis.app_hash, &rich)?, GRANT);
    // A proof of one block says nothing about another.
    assert!(verified_balance(&before, &newest.app_hash, &rich).is_err());
    println!("proven under the app hash of genesis: it had {GRANT} then; the old proof does not pass for a new one");
    Ok(())
}

/// Moves tokens, unless there are too few: then nothing has happened. Gives whether they were moved.
fn transfer(balances: &SharedStore, from: &[u8], to: &[u8], amount: u64) -> Outcome<bool> {
    let tx = balances.begin_tx()?;
    let outcome = try_transfer(&*tx, from, to, amount)?;
    if outcome {
        tx.commit()?;
    } else {
        tx.rollback()?;
    }
    Ok(outcome)
}

/// Pays the receiver first, to show that rolling back takes it back.
fn try_transfer(tx: &dyn Transaction, from: &[u8], to: &[u8], amount: u64) -> Outcome<bool> {
    let received = balance(tx, to)? + amount;
    tx.set(to, &received.to_be_bytes())?;
    let Some(left) = balance(tx, from)?.checked_sub(amount).filter(|_| from != to) else { return Ok(false) };
    tx.set(from, &left.to_be_bytes())?;
    Ok(true)
}

fn name(account: u64) -> Vec<u8> {
    format!("account {account:04}").into_bytes()
}

fn tokens(value: &[u8]) -> Outcome<u64> {
    Ok(u64::from_be_bytes(value.try_into()?))
}

fn balance(store: &(impl Store + ?Sized), account: &[u8]) -> Outcome<u64> {
    store.get(account)?.map_or(Ok(0), |value| tokens(&value))
}

/// All balances added up.
fn supply(balances: &SharedStore) -> Outcome<u64> {
    let mut all = Vec::new();
    balances.iterate(&mut |_, value| {
        all.push(value.to_vec());
        ControlFlow::Continue(())
    })?;
    all.iter().map(|value| tokens(value)).sum()
}

fn richest(balances: &SharedStore) -> Outcome<Vec<u8>> {
    let mut found = (Vec::new(), Vec::new());
    balances.iterate(&mut |key, value| {
        // Balances are big-endian, so that they compare as bytes.
        found = (value.to_vec(), key.to_vec()).max(std::mem::take(&mut found));
        ControlFlow::Continue(())
    })?;
    Ok(found.1)
}

/// What a light client does: this function knows proofs, and no store.
fn verified_balance(proof: &MultiStoreProof, app_hash: &Hash, account: &[u8]) -> Outcome<u64> {
    let evidence = proof.verify(HashFunction::Sha256, app_hash, "balances", account)?;
    tokens(evidence.value().ok_or("there is no such account")?)
}

/// The same numbers in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}
