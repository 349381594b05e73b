//! Saving after going back: what is there already, what is refused, and what stays as it was.

use treering::config::Config;
use treering::{Error, Keep, MultiStore, SharedStore, Store, Versioned};

use super::test_engine::Machine;

fn create(stores: &MultiStore, name: &str) -> SharedStore {
    stores.create_store(name, None, &Config::new()).unwrap()
}

/// A store with a value for each of some versions.
fn bank(versions: u8) -> (MultiStore, SharedStore) {
    let stores = MultiStore::in_memory().unwrap();
    let bank = create(&stores, "bank");
    for value in 0..versions {
        bank.set(b"a", &[value]).unwrap();
        stores.save_version().unwrap();
    }
    (stores, bank)
}

#[test]
fn what_cannot_be_committed_is_not_prepared() {
    let (stores, bank) = bank(3);
    stores.load_version(1).unwrap();
    bank.set(b"a", &[1]).unwrap();
    let gov = create(&stores, "gov");
    gov.set(b"g", b"1").unwrap();
    assert!(matches!(stores.prepare().map(drop), Err(Error::MultiVersionExists { version: 2, .. })));
    assert!(matches!(stores.save_version(), Err(Error::MultiVersionExists { version: 2, .. })));
    stores.delete_store("gov").unwrap();
    stores.prune(&Keep::Only([3].into())).unwrap();
    assert!(matches!(stores.prepare().map(drop), Err(Error::NoMultiVersion { version: 2, .. })));
    assert!(matches!(stores.save_version(), Err(Error::NoMultiVersion { version: 2, .. })));
    bank.set(b"a", &[9]).unwrap();
}

#[test]
fn a_version_with_other_names_is_another_version() {
    let (stores, bank) = bank(2);
    stores.load_version(1).unwrap();
    bank.set(b"a", &[1]).unwrap();
    stores.rename_store("bank", "vault").unwrap();
    let (Err(prepared), Err(saved)) = (stores.prepare().map(drop), stores.save_version()) else { panic!("the app hash is another one") };
    for error in [prepared, saved] {
        assert!(matches!(&error, Error::MultiVersionExists { found, saving, .. } if found != saving), "{error}");
    }
    stores.rename_store("vault", "bank").unwrap();
    assert_eq!(stores.prepare().unwrap().commit().unwrap().version, 2);
}

#[test]
fn a_store_does_not_go_back_alone_while_all_go_on() {
    let (stores, bank) = bank(3);
    for _ in 0..2 {
        stores.save_version().unwrap();
    }
    // Version 4 of the bank is as version 3, so it could be saved again alone: the whole would have an older bank than before.
    bank.load_version(3).unwrap();
    let refused = |error: &Error| matches!(error, Error::BehindNewest { store, version: 4, newest: 5 } if store == "bank");
    assert!(stores.prepare().map(drop).is_err_and(|error| refused(&error)));
    assert!(stores.save_version().is_err_and(|error| refused(&error)));
    assert_eq!(bank.current_version().unwrap(), 3, "the working state stays as it is");
    bank.load_version(5).unwrap();
    assert_eq!(stores.save_version().unwrap().version, 6);
    assert!(matches!(bank.rollback_to(5), Err(Error::Pinned { .. })));
}

#[test]
fn a_dropped_preparation_and_a_refused_save_leave_new_stores_as_they_were() {
    let (stores, bank) = bank(5);
    let gov = create(&stores, "gov");
    gov.set(b"g", b"1").unwrap();
    let before = gov.working_hash().unwrap();
    drop(stores.prepare().unwrap());
    assert_eq!(gov.working_hash().unwrap(), before);
    bank.load_version(1).unwrap();
    bank.set(b"a", b"another").unwrap();
    assert!(matches!(stores.save_version(), Err(Error::VersionExists { .. })));
    assert!(matches!(stores.prepare().map(drop), Err(Error::VersionExists { .. })));
    assert_eq!(gov.working_hash().unwrap(), before);
    assert_eq!(gov.save_version().unwrap().version, 1);
}

#[test]
fn what_is_held_on_another_engine_is_told_by_its_name() {
    let (folder, machine) = (tempfile::tempdir().unwrap(), Machine::new());
    let stores = machine.open(folder.path());
    let bank = stores.create_store("bank", Some("beta"), &Config::new()).unwrap();
    for value in 0..3 {
        bank.set(b"a", &[value]).unwrap();
        stores.save_version().unwrap();
    }
    let held = bank.snapshot(Some(3)).unwrap();
    for error in [stores.rollback_to(1).unwrap_err(), stores.delete_store("bank").unwrap_err()] {
        assert!(matches!(&error, Error::Pinned { store, versions } if store == "bank" && *versions == [3]), "{error}");
    }
    drop(held);
    stores.rollback_to(1).unwrap();
}
