//! Damage to any record of stores on two engines, or to the note where the home is, is told with its name; it never gives a wrong answer
//! or a panic.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod every_use;
mod manifest;
mod two_engines;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use every_use::{Expected, Noticed, use_all};
use treering::config::Config;
use treering::engine::Keyspace;
use treering::{Error, Store, Versioned};
use two_engines::{Record, Sample, TwoEngines};

/// Between the bits that are flipped in a record; coprime to 8, so that all bits of a byte have their turn.
const BIT_STEP: usize = 41;

/// Everything that can be done with the records, where `what` was done to them: no panic and no wrong answer.
fn try_all(records: &[Record], folder: &Path, expected: &Expected, what: &str) -> Noticed {
    let engines = TwoEngines::with(records);
    let used = catch_unwind(AssertUnwindSafe(|| use_all(&engines, folder, expected)));
    used.unwrap_or_else(|_| panic!("{what}"))
}

fn replaced(sample: &Sample, place: usize, record: Record) -> Vec<Record> {
    let mut records = sample.records.clone();
    records[place] = record;
    records
}

#[test]
fn undamaged_stores_give_all_answers() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let expected = Expected::of(&sample, folder.path());
    let noticed = try_all(&sample.records, folder.path(), &expected, "nothing");
    assert!(noticed.errors.is_empty(), "{:?}", noticed.errors);
    // What is damaged below is all that there can be, but for what only a crash leaves.
    let kinds: BTreeSet<_> = sample.records.iter().map(|record| (record.engine, record.keyspace)).collect();
    assert_eq!(kinds.len(), 2 * Keyspace::ALL.len());
    let meta = sample.records.iter().filter(|record| record.keyspace == Keyspace::Meta);
    let meta: Vec<_> = meta.map(|record| (record.engine, String::from_utf8(record.key.clone()).unwrap())).collect();
    let home = ["database", "next placed", "next store", "placed/gov", "placed/new", "store/bank", "store/void"].map(|key| (0, key));
    let beside = ["database", "next store", "store/1", "store/2", "unfinished"].map(|key| (1, key));
    assert_eq!(meta, home.into_iter().chain(beside).map(|(engine, key)| (engine, key.to_owned())).collect::<Vec<_>>());
}

#[test]
fn every_flipped_bit_of_every_record_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let expected = Expected::of(&sample, folder.path());
    let mut flipped = 0;
    for (place, record) in sample.records.iter().enumerate() {
        for bit in (place % 8..record.value.len() * 8).step_by(BIT_STEP) {
            let mut damaged = record.clone();
            damaged.value[bit / 8] ^= 1 << (bit % 8);
            let what = format!("{} bit {bit}", record.name());
            let noticed = try_all(&replaced(&sample, place, damaged), folder.path(), &expected, &what);
            let Some(error) = noticed.errors.first() else { panic!("{what} goes unnoticed") };
            assert!(matches!(error, Error::Damaged { .. } | Error::Tree(_)), "{what}: {error:?}");
            assert!(noticed.names(record), "{what} is not named: {:?}", noticed.errors);
            flipped += 1;
        }
    }
    assert!(flipped > 1000, "{flipped}");
}

#[test]
fn every_record_of_a_newer_format_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let expected = Expected::of(&sample, folder.path());
    for (place, record) in sample.records.iter().enumerate() {
        let newer = record.with_body(&[&[2], &record.body()[1..]].concat());
        let noticed = try_all(&replaced(&sample, place, newer), folder.path(), &expected, &record.name());
        let told = noticed.texts();
        assert!(told.iter().any(|text| text.contains("has format 2, this program knows formats up to 1")), "{}: {told:?}", record.name());
        assert!(noticed.names(record), "{}: {told:?}", record.name());
    }
}

#[test]
fn every_missing_record_is_found_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let expected = Expected::of(&sample, folder.path());
    let mut unnoticed = Vec::new();
    for (place, record) in sample.records.iter().enumerate().filter(|(_, record)| !is_of_newest_version(record)) {
        let records = without(&sample, place);
        // The record of how far an index goes is asked for by opening.
        if record.keyspace == Keyspace::Latest && !record.key.starts_with(&[0xff; 4]) {
            // That the index has no record of a key is no damage that a reader could see; the check compares it with the tree.
            let stores = TwoEngines::with(&records).builder(folder.path()).open().unwrap();
            assert!(stores.check(&mut |_| {}).is_err(), "{} missing", record.name());
            continue;
        }
        let noticed = try_all(&records, folder.path(), &expected, &format!("{} missing", record.name()));
        // A version whose checkpoint is not recorded is computed from the one before. Whether the check then finds nodes that no version
        // needs depends on what the versions changed.
        let is_checkpoint = record.keyspace == Keyspace::Commits && record.key.first() == Some(&b'p');
        if !is_checkpoint && noticed.errors.is_empty() != is_harmless(record) {
            unnoticed.push(format!("{}: {:?}", record.name(), noticed.errors));
        }
    }
    assert_eq!(unnoticed, [""; 0]);
}

/// What need not be there.
fn is_harmless(record: &Record) -> bool {
    let is_beside = record.engine == 1;
    match (record.keyspace, &record.key[..]) {
        // All that the former says stands in the home's too, from which it is made again. The latter is needed only while the home does
        // not have the version that it names.
        (Keyspace::Meta, b"database" | b"unfinished") => is_beside,
        // The newest commit tells how things stand. An older one only tells what was saved together, which nothing else hangs on: it goes
        // with the versions that it made.
        (Keyspace::Commits, [b'c', number @ ..]) => number != u64::from(two_engines::VERSIONS).to_be_bytes(),
        // As if the log beside the versions had begun with the second one: only that log can know better.
        (Keyspace::Commits, [b'n', number @ ..]) => number == 1u64.to_be_bytes(),
        _ => false,
    }
}

/// The record that makes the newest version of the whole be there.
fn is_of_newest_version(record: &Record) -> bool {
    record.key == [&b"m"[..], &u64::from(two_engines::VERSIONS).to_be_bytes()].concat()
}

/// Nothing tells its loss from a version that a crash kept from being saved, after stores of the home were saved alone: that version is not
/// there, what other engines had of it is taken back, and all that came before is as it was. No crash does this, since the record is written
/// in one batch with the versions of the home's stores.
#[test]
fn without_its_record_the_newest_version_of_the_whole_was_never_saved() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let place = sample.records.iter().position(is_of_newest_version).unwrap();
    let engines = TwoEngines::with(&without(&sample, place));
    let stores = engines.builder(folder.path()).open().unwrap();
    let mut noticed = Noticed::default();
    let newest = u64::from(two_engines::VERSIONS);
    let before = sample.versions.range(..newest);
    assert!(stores.list_versions().unwrap().iter().eq(before.clone().map(|(_, (saved, _))| saved)));
    for (version, (_, model)) in before {
        every_use::read_version(&mut noticed, &stores, *version, model);
    }
    stores.check(&mut |_| {}).unwrap();
    assert!(noticed.errors.is_empty(), "{:?}", noticed.errors);
    assert!(matches!(stores.snapshot(Some(newest)), Err(Error::NoMultiVersion { .. })));
    assert_eq!(stores.get_store("gov").unwrap().list_versions().unwrap().last().unwrap().version, newest - 1);
    assert_eq!(stores.get_store("bank").unwrap().list_versions().unwrap().last().unwrap().version, newest);
}

fn without(sample: &Sample, place: usize) -> Vec<Record> {
    let mut records = sample.records.clone();
    records.remove(place);
    records
}

/// What a crash in the middle of a rollback leaves: the home is rolled back and says what is to be done elsewhere.
#[test]
fn a_damaged_intent_is_found_and_a_sound_one_is_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let engines = TwoEngines::with(&sample.records);
    let stores = engines.builder(folder.path()).open().unwrap();
    stores.rollback_to(2).unwrap();
    stores.close_all().unwrap();
    let mut records: Vec<Record> = engines.records().into_iter().filter(|record| record.engine == 0).collect();
    records.extend(sample.records.iter().filter(|record| record.engine == 1).cloned());
    // Both stores go back to version 2.
    let body = [&[1][..], b"\x04beta\x01\x03", b"\x04beta\x02\x03"].concat();
    let intent = Record { engine: 0, keyspace: Keyspace::Meta, key: b"intent".to_vec(), value: Vec::new() }.with_body(&body);

    let open = |intent: &Record| TwoEngines::with(records.iter().chain([intent])).builder(folder.path()).open();
    let stores = open(&intent).unwrap();
    stores.check(&mut |_| {}).unwrap();
    for name in ["bank", "gov", "old"] {
        assert_eq!(stores.get_store(name).unwrap().list_versions().unwrap().last().unwrap().version, 2, "{name}");
    }
    stores.close_all().unwrap();
    for bit in 0..intent.value.len() * 8 {
        let mut damaged = intent.clone();
        damaged.value[bit / 8] ^= 1 << (bit % 8);
        let error = open(&damaged).err().unwrap();
        assert!(error.to_string().contains(&hex::encode(b"intent")), "bit {bit}: {error}");
    }
    let newer = intent.with_body(&[&[2], &intent.body()[1..]].concat());
    assert!(matches!(open(&newer), Err(Error::NewerFormat { found: 2, .. })));
    let cut = intent.with_body(&intent.body()[..intent.body().len() - 1]);
    assert!(matches!(open(&cut), Err(Error::Damaged { .. })));
}

/// With right checksums, so that only their contents tell.
#[test]
fn numbers_of_new_stores_that_cannot_be_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let with_number = |key: &str, number: u64| {
        let mut body = vec![1];
        treering::proofs::varint::put_uvarint(&mut body, number);
        let place = sample.records.iter().position(|record| record.engine == 0 && record.key == key.as_bytes()).unwrap();
        TwoEngines::with(&replaced(&sample, place, sample.records[place].with_body(&body))).builder(folder.path()).open()
    };
    let stores = with_number("next placed", u64::MAX).unwrap();
    let error = stores.create_store("more", Some("beta"), &Config::new()).err().unwrap();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    stores.close_all().unwrap();
    // The store 1 is there.
    for number in [0, 1] {
        let error = with_number("next store", number).err().unwrap();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
    with_number("next store", 2).unwrap().create_store("more", Some("alpha"), &Config::new()).unwrap();
}

#[test]
fn a_home_without_stores_of_its_own_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let engines = TwoEngines::default();
    let stores = engines.builder(folder.path()).open_or_create().unwrap();
    let gov = stores.create_store("gov", Some("beta"), &Config::new()).unwrap();
    gov.set(b"key", b"value").unwrap();
    let saved = stores.save_version().unwrap();
    stores.close_all().unwrap();
    let stores = TwoEngines::with(&engines.records()).builder(folder.path()).open().unwrap();
    stores.check(&mut |_| {}).unwrap();
    assert_eq!(stores.list_versions().unwrap(), [saved]);
    assert_eq!(stores.get_store("gov").unwrap().get(b"key").unwrap().unwrap(), b"value");
}
