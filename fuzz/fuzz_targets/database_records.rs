//! Any bytes as a record of a database (node, version, commit, log, index, orphans, registry), with the right checksum: opening, reading,
//! checking, proving, saving, pruning and rolling back give answers or errors, no panic and no endless loop.
//!
//! Input: which record (one byte), whether its checksum is made right (one byte), the record without its checksum.
#![no_main]

use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, Batch, Durability, Keyspace};
use treering::{CreateOptions, Database, Error, Keep, OpenOptions, Order};

type Records = Vec<(Keyspace, Vec<u8>, Vec<u8>)>;

/// A database of three versions with leaves, inner nodes and orphans.
fn sample() -> &'static Records {
    static SAMPLE: OnceLock<Records> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let backend = Arc::new(MemoryBackend::new());
        Database::create_on(&*backend, &CreateOptions::default()).unwrap();
        let database = Database::open_on(Arc::clone(&backend) as Arc<dyn Backend>, &OpenOptions::default()).unwrap();
        database.create_store("s").unwrap();
        let mut store = database.store("s").unwrap();
        for version in 1..=3u8 {
            for key in 0..6u8 {
                store.set(&[key * version], &[version; 3]).unwrap();
            }
            store.delete(&[version]).unwrap();
            store.save_version().unwrap();
        }
        let all = |keyspace| backend.scan(keyspace, &[], None, Order::Ascending).map(move |pair| (keyspace, pair.unwrap()));
        Keyspace::ALL.into_iter().flat_map(all).map(|(keyspace, (key, value))| (keyspace, key, value)).collect()
    })
}

fn with_record(place: usize, record: &[u8]) -> Arc<MemoryBackend> {
    let backend = MemoryBackend::new();
    let mut batch = Batch::new();
    for (number, (keyspace, key, value)) in sample().iter().enumerate() {
        let value = if number == place { record.to_vec() } else { value.clone() };
        batch.put(*keyspace, key.clone(), value);
    }
    backend.write(&batch, Durability::Buffered).unwrap();
    Arc::new(backend)
}

fn use_database(backend: Arc<MemoryBackend>) -> Result<(), Error> {
    let database = Database::open_on(backend, &OpenOptions { hash_threads: 1, ..OpenOptions::default() })?;
    let _ = database.check(&mut |_| {});
    let _ = database.stats();
    for name in database.store_names() {
        for info in database.versions(&name)? {
            let snapshot = database.snapshot(&name, Some(info.version))?;
            let _ = snapshot.tree().check();
            for key in 0..20u8 {
                let _ = snapshot.get(&[key]);
                let _ = snapshot.prove(&[key]).map(|proof| proof.verify(database.hash_function(), &snapshot.root_hash(), &[key]).is_ok());
            }
            let _ = snapshot.tree().iter().count();
        }
        let mut store = database.store(&name)?;
        let _ = store.get(&[3]);
        let _ = store.delete(&[4]);
        let _ = store.set(&[5], b"new");
        let _ = store.save_version();
        let _ = store.prune(&Keep::Last(2));
        let _ = store.rollback_to(2);
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let [place, checksum, body @ ..] = bytes else { return };
    let place = usize::from(*place) % sample().len();
    let (keyspace, key, _) = &sample()[place];
    let mut record = body.to_vec();
    if *checksum % 8 != 0 {
        let mut crc = crc32fast::Hasher::new();
        for part in [keyspace.name().as_bytes(), key, body] {
            crc.update(part);
        }
        record.extend(crc.finalize().to_be_bytes());
    }
    let _ = use_database(with_record(place, &record));
});
