//! Any bytes as a record of stores on two engines, with the right checksum, or none at all: opening, reading, checking, proving, saving,
//! rolling back, pruning, renaming and deleting give answers or errors, no panic and no endless loop. Whatever is proven for an app hash
//! that was saved is true, and when the check finds nothing wrong, so is whatever is read.
//!
//! Input: which record (two bytes), what becomes of it (one byte), the record without its checksum.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use treering::{Error, Keep, MultiStore, Store, Versioned};

#[path = "../../tests/damaged_multistore/two_engines.rs"]
mod two_engines;

use two_engines::{ENGINES, KEYS, Record, Sample, TwoEngines};

mod scratch;

use scratch::scratch;

/// A folder for the note where the home is.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = scratch("multistore_records");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| Sample::save(folder()))
}

fuzz_target!(|bytes: &[u8]| {
    let [high, low, what, body @ ..] = bytes else { return };
    let records = &sample().records;
    let place = usize::from(u16::from_be_bytes([*high, *low])) % records.len();
    let changed = match what % 8 {
        0 => None,
        1 => Some(Record { value: body.to_vec(), ..records[place].clone() }),
        _ => Some(records[place].with_body(body)),
    };
    let others = records.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, record)| record);
    let engines = TwoEngines::with(others.chain(&changed));
    let _ = use_stores(&engines);
});

fn use_stores(engines: &TwoEngines) -> Result<(), Error> {
    let stores = engines.builder(folder()).open()?;
    let is_sound = stores.check(&mut |_| {}).is_ok();
    let _ = (stores.stats(), stores.newest_version(), stores.companions());
    for listed in stores.list_versions().unwrap_or_default() {
        let _ = read(&stores, listed.version, is_sound);
    }
    let _ = stores.history(&Default::default());
    for engine in ENGINES {
        let _ = stores.create_store(&format!("on {engine}"), Some(engine), &Default::default());
    }
    let _ = stores.rename_store("gov", "gov 2");
    let _ = change(&stores);
    let _ = stores.load_version(3);
    let _ = stores.rollback_to(2);
    let _ = change(&stores);
    let _ = stores.delete_store("new");
    let _ = stores.delete_store("bank");
    let _ = stores.prune(&Keep::Last(1));
    stores.close_all()?;
    // Whatever was made of it can be opened, or says why not.
    engines.builder(folder()).open()?.close_all()
}

/// Reads and proves everything of a version.
fn read(stores: &MultiStore, version: u64, is_sound: bool) -> Result<(), Error> {
    let snapshot = stores.snapshot(Some(version))?;
    let saved = sample().versions.get(&version).filter(|(saved, _)| saved.app_hash == snapshot.app_hash());
    let function = stores.hash_function()?;
    for (name, store) in snapshot.stores() {
        let _ = store.tree().check();
        let _ = store.tree().iter().count();
        for key in 0..KEYS {
            // A store that was never saved has nothing, and nothing can be proven of it.
            let truth = saved.map(|(_, model)| model.get(name).and_then(|contents| contents.get(&[key][..])));
            if let (Ok(found), Some(truth), true) = (store.get(&[key]), truth, is_sound) {
                assert_eq!(found.as_ref(), truth, "version {version} of {name} is not what was saved, and the check finds nothing");
            }
            let Some(truth) = truth.filter(|_| key % 3 == 0) else { continue };
            let Ok(proof) = snapshot.prove(name, &[key]) else { continue };
            match proof.verify(function, &snapshot.app_hash(), name, &[key]) {
                Ok(evidence) => {
                    assert!(saved.is_some_and(|(_, model)| model.contains_key(name)), "{name:?} was never saved");
                    assert_eq!(evidence.value(), truth.map(Vec::as_slice), "proven, but not so");
                }
                Err(error) => assert!(!is_sound, "version {version} of {name}: {error}, and the check finds nothing"),
            }
        }
    }
    Ok(())
}

fn change(stores: &MultiStore) -> Result<(), Error> {
    for listing in stores.list_stores() {
        let store = stores.get_store(&listing.name)?;
        let _ = (store.get(&[3]), store.delete(&[4]), store.set(&[5], b"new"), store.list_versions());
    }
    stores.save_version().map(drop)
}
