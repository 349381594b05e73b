//! What stands beside the versions of all stores: how another log stood when each was saved.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tempfile::TempDir;
use treering::config::Config;
use treering::engine::{Backend, Batch, Durability, Keyspace};
use treering::{Companion, Error, Hash, Keep, MultiStore, Store};

use super::app_hash::{apply, golden, golden_hash, with_stores};
use super::test_engine::{CountingLog, Machine, assert_companions};

fn in_memory() -> (MultiStore, Arc<CountingLog>) {
    let stores = MultiStore::in_memory().unwrap();
    let log = Arc::new(CountingLog::default());
    stores.set_companion_log(Some(log.clone())).unwrap();
    stores.create_store("bank", None, &Config::new()).unwrap();
    (stores, log)
}

fn save(stores: &MultiStore, value: &[u8]) -> u64 {
    stores.get_store("bank").unwrap().set(b"key", value).unwrap();
    stores.save_version().unwrap().version
}

#[test]
fn app_hashes_and_store_proofs_are_those_without() {
    let golden = golden();
    let (plain, with_log) = (MultiStore::in_memory().unwrap(), MultiStore::in_memory().unwrap());
    with_log.set_companion_log(Some(Arc::new(CountingLog::default()))).unwrap();
    let (plain, with_log) = (with_stores(plain, &golden), with_stores(with_log, &golden));
    for version in golden["versions"].as_array().unwrap() {
        apply(&plain, version);
        apply(&with_log, version);
        let prepared = with_log.prepare().unwrap();
        assert_eq!(prepared.app_hash(), golden_hash(version));
        let (saved, plain) = (prepared.commit().unwrap(), plain.save_version().unwrap());
        assert_eq!((saved.app_hash, &saved.stores), (golden_hash(version), &plain.stores));
    }
    assert_companions(&with_log);
    assert_eq!(plain.companions().unwrap(), []);
}

#[test]
fn it_is_what_the_log_said_and_lasts_as_long_as_its_version() {
    let (stores, log) = in_memory();
    for value in 1..=6 {
        assert_eq!(save(&stores, &[value]), u64::from(value));
    }
    let expected: Vec<_> = (1..=6).map(|version| (version, CountingLog::at(version))).collect();
    assert_eq!(stores.companions().unwrap(), expected);
    assert_eq!(*log.told.lock().unwrap(), expected);
    assert_eq!(stores.companion(4).unwrap(), Some(CountingLog::at(4)));
    assert_eq!(stores.companion(7).unwrap(), None);

    stores.prune(&Keep::From(3)).unwrap();
    assert_eq!(stores.companions().unwrap(), expected[2..]);
    stores.rollback_to(4).unwrap();
    assert_eq!(stores.companions().unwrap(), expected[2..4]);
    save(&stores, b"other");
    assert_eq!(stores.companion(5).unwrap(), Some(CountingLog::at(7)));
    stores.check(&mut |_| {}).unwrap();
}

/// Records of the commits: of each version one of the commit, the version of the store, its checkpoint, the version of the whole, and the one beside it.
#[test]
fn it_is_counted_and_saving_a_version_again_writes_none() {
    let (stores, log) = in_memory();
    let commits = |stores: &MultiStore| {
        let (_, kinds) = stores.stats().unwrap().remove(0);
        kinds.into_iter().find(|kind| kind.kind == "commits").unwrap().count
    };
    let empty = commits(&stores);
    save(&stores, b"1");
    save(&stores, b"2");
    assert_eq!(commits(&stores) - empty, 2 * 5);
    stores.set_companion_log(Some(log.clone())).unwrap();
    stores.load_version(1).unwrap();
    save(&stores, b"2");
    assert_eq!(stores.companion(2).unwrap(), Some(CountingLog::at(2)));
    assert_eq!(log.told.lock().unwrap().len(), 2);
}

#[test]
fn without_the_log_the_one_before_is_repeated_also_after_opening_again_and_a_rollback() {
    let (folder, machine) = (tempfile::tempdir().unwrap(), Machine::new());
    let stores = machine.open(folder.path());
    stores.set_companion_log(None).unwrap();
    stores.create_store("bank", None, &Config::new()).unwrap();
    save(&stores, b"1");
    assert_eq!(stores.companions().unwrap(), [], "no log was there yet");
    stores.set_companion_log(Some(Arc::new(CountingLog::default()))).unwrap();
    save(&stores, b"2");
    save(&stores, b"3");
    stores.close_all().unwrap();

    let stores = machine.open(folder.path());
    stores.set_companion_log(None).unwrap();
    save(&stores, b"4");
    stores.rollback_to(2).unwrap();
    save(&stores, b"3 anew");
    assert_eq!(stores.companions().unwrap(), [(2, CountingLog::at(1)), (3, CountingLog::at(1))]);
    stores.check(&mut |_| {}).unwrap();
    stores.rollback_to(1).unwrap();
    save(&stores, b"2 anew");
    assert_eq!(stores.companions().unwrap(), [], "the version before has none");
    stores.check(&mut |_| {}).unwrap();
}

#[test]
fn nothing_is_saved_while_the_log_cannot_be_written_and_the_working_states_stay() {
    let (stores, log) = in_memory();
    save(&stores, b"1");
    stores.get_store("bank").unwrap().set(b"key", b"2").unwrap();
    log.is_failing.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let error = stores.save_version().unwrap_err();
        assert!(matches!(error, Error::CompanionLog { .. }), "{error}");
        let expected = "the log that stands beside the versions of all stores cannot be written (no space left (injected)); nothing is saved without \
                        it: mend it and open the stores again";
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(stores.newest_version().unwrap().unwrap().version, 1);
    log.is_failing.store(false, Ordering::SeqCst);
    assert_eq!(stores.save_version().unwrap().version, 2);
    assert_eq!(stores.get_store("bank").unwrap().get(b"key").unwrap().unwrap(), b"2");
}

/// Stores of three versions, one of whose records is changed behind their back.
fn tampered(change: impl FnOnce(&mut Batch)) -> (TempDir, Machine) {
    let (folder, machine) = (tempfile::tempdir().unwrap(), Machine::new());
    let stores = machine.open(folder.path());
    stores.create_store("bank", None, &Config::new()).unwrap();
    for value in 1..=3 {
        save(&stores, &[value]);
    }
    stores.close_all().unwrap();
    let mut batch = Batch::new();
    change(&mut batch);
    machine.alpha.write(&batch, Durability::Synced).unwrap();
    (folder, machine)
}

fn key(version: u64) -> Vec<u8> {
    [&b"n"[..], &version.to_be_bytes()].concat()
}

#[test]
fn the_check_finds_one_that_is_missing_or_belongs_to_no_version() {
    let told = |(folder, machine): (TempDir, Machine)| machine.open(folder.path()).check(&mut |_| {}).unwrap_err().to_string();
    for version in [2, 3] {
        let missing = tampered(|batch| batch.delete(Keyspace::Commits, key(version)));
        let expected = format!(
            "the database is damaged: the record beside version {version} of all stores: it is missing, though an older version has one; restore it \
             from a copy"
        );
        assert_eq!(told(missing), expected);
    }
    let whole = [&b"m"[..], &1u64.to_be_bytes()].concat();
    let stray = tampered(|batch| batch.delete(Keyspace::Commits, whole));
    let expected =
        "the database is damaged: the record beside version 1 of all stores: there is no such version; restore it from a copy".to_owned();
    assert_eq!(told(stray), expected);
}

#[test]
fn opening_to_write_forgets_those_above_the_newest_version() {
    let whole = [&b"m"[..], &3u64.to_be_bytes()].concat();
    let (folder, machine) = tampered(|batch| batch.delete(Keyspace::Commits, whole));
    let stores = machine.open(folder.path());
    assert_companions(&stores);
    assert_eq!(stores.companions().unwrap().last(), Some(&(2, CountingLog::at(2))));
    stores.check(&mut |_| {}).unwrap();
}

#[test]
fn versions_saved_by_many_threads_name_a_log_that_only_grows() {
    let (stores, log) = in_memory();
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let stores = &stores;
            scope.spawn(move || (0..10u8).for_each(|value| assert!(save(stores, &[thread, value]) > 0)));
        }
    });
    let companions: Vec<Companion> = stores.companions().unwrap().into_iter().map(|(_, companion)| companion).collect();
    assert_eq!(companions.len(), 40);
    assert!(companions.windows(2).all(|pair| pair[0].entries < pair[1].entries));
    assert_ne!(companions[0].root_hash, Hash::new([0; 32]));
    assert_eq!(log.told.lock().unwrap().len(), 40);
}
