//! Damage to any record is told, with its name; it never gives a wrong answer, a panic or an endless loop.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use common::{FaultyBackend, Model, Numbers};
use treering::engine::{Backend, Keyspace};
use treering::{Database, Error, OpenOptions};

fn sample() -> (Arc<FaultyBackend>, Vec<(u64, Model)>) {
    let backend = FaultyBackend::new();
    let database = backend.open();
    database.create_store("s").unwrap();
    let mut store = database.store("s").unwrap();
    let (mut numbers, mut model, mut versions) = (Numbers(7), Model::new(), Vec::new());
    for version in 1..=4 {
        for _ in 0..12 {
            let key = numbers.below(20).to_be_bytes().to_vec();
            store.set(&key, &[version; 5]).unwrap();
            model.insert(key, vec![version; 5]);
        }
        let gone = numbers.below(20).to_be_bytes();
        store.delete(&gone).unwrap();
        model.remove(&gone[..]);
        versions.push((store.save_version().unwrap().version, model.clone()));
    }
    (backend, versions)
}

/// Opens, checks and reads everything. An error is fine, a wrong answer is not.
fn read_all(backend: &Arc<FaultyBackend>, versions: &[(u64, Model)]) -> Result<(), Error> {
    let database = Database::open_on(Arc::clone(backend) as Arc<dyn Backend>, &OpenOptions::default())?;
    let checked = database.check(&mut |_| {});
    for (version, model) in versions {
        let snapshot = match database.snapshot("s", Some(*version)) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                assert!(checked.is_err(), "the check finds what reading finds: {error}");
                continue;
            }
        };
        for key in (0..20u64).map(u64::to_be_bytes) {
            if let Ok(found) = snapshot.get(&key) {
                assert_eq!(found.as_ref(), model.get(&key[..]), "a wrong answer");
            }
        }
    }
    let store = database.store("s")?;
    let newest = &versions.last().unwrap().1;
    for key in (0..20u64).map(u64::to_be_bytes) {
        if let Ok(found) = store.get(&key) {
            assert_eq!(found.as_ref(), newest.get(&key[..]), "a wrong answer");
        }
    }
    checked.map(|_| ())
}

#[test]
fn the_undamaged_database_reads() {
    let (backend, versions) = sample();
    read_all(&backend, &versions).unwrap();
}

#[test]
fn every_flipped_bit_of_every_record_is_found() {
    let (backend, versions) = sample();
    let mut flipped = 0;
    for keyspace in Keyspace::ALL {
        // Orphans are read when pruning only.
        if keyspace == Keyspace::Orphans {
            continue;
        }
        for (key, record) in backend.records(keyspace) {
            for bit in (0..record.len() * 8).step_by(5) {
                let mut damaged = record.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                backend.put(keyspace, &key, damaged);
                let result = catch_unwind(AssertUnwindSafe(|| read_all(&backend, &versions)));
                let result = result.unwrap_or_else(|_| panic!("{keyspace} {} bit {bit}", hex::encode(&key)));
                assert!(result.is_err(), "{keyspace} {} bit {bit} goes unnoticed", hex::encode(&key));
                flipped += 1;
            }
            backend.put(keyspace, &key, record);
        }
    }
    assert!(flipped > 1000, "{flipped}");
    read_all(&backend, &versions).unwrap();
}

#[test]
fn every_missing_or_swapped_record_is_found() {
    let (backend, versions) = sample();
    for keyspace in [Keyspace::Nodes, Keyspace::Latest, Keyspace::Log] {
        let records = backend.records(keyspace);
        for (position, (key, record)) in records.iter().enumerate() {
            backend.delete(keyspace, key);
            // That the index has no record of a key is no damage that a reader could see; the check compares it with the tree.
            assert!(backend.open().check(&mut |_| {}).is_err(), "{keyspace} {} missing", hex::encode(key));
            let other = &records[(position + 1) % records.len()].1;
            backend.put(keyspace, key, other.clone());
            assert!(read_all(&backend, &versions).is_err(), "{keyspace} {} swapped", hex::encode(key));
            backend.put(keyspace, key, record.clone());
        }
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (backend, versions) = sample();
    let record = backend.inner.get(Keyspace::Meta, b"database").unwrap().unwrap();
    let mut newer = record;
    newer[0] = 2;
    let body = newer.len() - 4;
    let mut crc = crc32fast::Hasher::new();
    for part in [b"meta".as_slice(), b"database", &newer[..body]] {
        crc.update(part);
    }
    newer[body..].copy_from_slice(&crc.finalize().to_be_bytes());
    backend.put(Keyspace::Meta, b"database", newer);
    let error = read_all(&backend, &versions).unwrap_err();
    assert!(matches!(error, Error::NewerFormat { found: 2, supported: 1, .. }), "{error}");
    assert!(error.to_string().contains("use a newer treering"), "{error}");
}
