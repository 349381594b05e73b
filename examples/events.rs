//! Events: what happens in stores, told to whoever subscribed; and what was saved, read back from the disk later.
//!
//! `cargo run --release --example events`

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use treering::config::{Config, MultiStoreConfig};
use treering::event::{Event, Pattern};
use treering::{HistoryMark, MultiStore, Transactional, Versioned};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("chain");
    let chain = MultiStore::create(&path)?;

    // A subscription is read when one likes; a callback is called, on a thread of its own.
    let saves = chain.events().subscribe(Pattern::parse("*.version.saved")?, 64);
    let all = Arc::new(AtomicU64::new(0));
    let topics = Arc::new(Mutex::new(Vec::new()));
    let (counted, listed) = (Arc::clone(&all), Arc::clone(&topics));
    let callback = chain.events().on(Pattern::parse("**")?, move |published| {
        counted.fetch_add(1, Ordering::SeqCst);
        if let Ok(mut topics) = listed.lock() {
            topics.push(published.event.topic().as_str());
        }
    })?;

    let bank = chain.create_store("bank", None, &Config::new())?;
    let tx = bank.begin_tx()?;
    tx.set(b"alice", b"100")?;
    tx.commit()?;
    chain.save_version()?;

    for published in [saves.recv()?, saves.recv()?] {
        println!("event {}: {}", published.sequence, serde_json::to_string(&*published.event)?);
    }
    assert_eq!(saves.missed(), 0);
    // Publishing waits for nobody; who wants to wait can.
    assert!(chain.events().flush(Duration::from_secs(5)));
    let expected =
        ["store.created", "store.transaction.begin", "store.transaction.commit", "store.version.saved", "multistore.version.saved"];
    assert_eq!(topics.lock().map_err(|_| "a callback panicked")?.as_slice(), expected);
    assert_eq!(all.load(Ordering::SeqCst), 5);
    drop(callback);
    drop((bank, tx));
    chain.close_all()?;

    // Another process, later: what was saved is still told, with the operations that made it.
    let reader = MultiStore::builder(MultiStoreConfig::new(&path)).read_only().open()?;
    let (entries, mark) = reader.history(&HistoryMark::default())?;
    let told: Vec<&Event> = entries.iter().map(|entry| &entry.event).collect();
    assert!(matches!(told.as_slice(), [Event::VersionSaved(_), Event::MultistoreVersionSaved(_)]));
    let mut changes = Vec::new();
    let version = reader.get_store("bank")?.snapshot(Some(1))?;
    version.changes(&mut |key, value| changes.push((key.to_vec(), value.map(<[u8]>::to_vec))))?;
    assert_eq!(changes, [(b"alice".to_vec(), Some(b"100".to_vec()))]);
    assert!(reader.history(&mark)?.0.is_empty());
    println!("read back from the disk: {} events, and the operation behind them", entries.len());
    Ok(())
}
