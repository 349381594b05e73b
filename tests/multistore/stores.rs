//! Making, finding, renaming and deleting stores; what is refused, and in which words.

use std::fs;
use std::sync::Arc;

use treering::config::{Config, MultiStoreConfig};
use treering::engine::EngineError;
use treering::engine::memory::MemoryBackend;
use treering::{Error, HashFunction, MultiStore, Order, RangeQueryable, Store, Transactional, Versioned};

use super::test_engine::Machine;
use super::test_engine::engine::TestEngine;

fn no_config() -> Config {
    Config::new()
}

#[test]
fn stores_are_made_found_listed_renamed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    {
        let stores = MultiStore::create(&path).unwrap();
        assert!(stores.list_stores().is_empty());
        for name in ["gov", "bank"] {
            stores.create_store(name, None, &no_config()).unwrap().set(b"name", name.as_bytes()).unwrap();
        }
        let names: Vec<_> = stores.list_stores().into_iter().map(|store| (store.name, store.engine)).collect();
        assert_eq!(names, [("bank".to_owned(), "rocksdb".to_owned()), ("gov".to_owned(), "rocksdb".to_owned())]);
        assert!(stores.store_exists("bank") && !stores.store_exists("ibc"));
        stores.save_version().unwrap();
        stores.rename_store("gov", "council").unwrap();
        let council = stores.get_store("council").unwrap();
        assert_eq!((council.name().as_str(), council.get(b"name").unwrap()), ("council", Some(b"gov".to_vec())));
        council.set(b"more", b"1").unwrap();
        stores.save_version().unwrap();
        stores.delete_store("bank").unwrap();
    }
    let stores = MultiStore::open(&path).unwrap();
    assert_eq!(stores.list_stores().len(), 1);
    let council = stores.get_store("council").unwrap();
    assert_eq!(council.list_versions().unwrap().len(), 2);
    assert_eq!(council.path(), path.join("rocksdb"));
    // A store of an old name is another store.
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    assert_eq!(bank.get(b"name").unwrap(), None);
    let saved = stores.save_version().unwrap();
    assert_eq!(saved.version, 3);
    assert_eq!(saved.stores.iter().map(|store| (store.name.as_str(), store.version)).collect::<Vec<_>>(), [("bank", 3), ("council", 3)]);
    assert!(matches!(stores.rollback_to(2), Err(Error::StoreDeleted { version: 2, store }) if store == "bank"));
    assert!(matches!(stores.snapshot(Some(1)), Err(Error::StoreDeleted { version: 1, store }) if store == "bank"));
}

#[test]
fn what_is_not_there_or_there_already_is_told_with_what_there_is() {
    let stores = MultiStore::in_memory().unwrap();
    assert_eq!(stores.get_store("bank").err().unwrap().to_string(), "there is no store \"bank\"; the database has no stores yet");
    stores.create_store("bank", None, &no_config()).unwrap();
    assert_eq!(stores.get_store("gov").err().unwrap().to_string(), "there is no store \"gov\"; there are: bank");
    assert!(matches!(stores.create_store("bank", None, &no_config()), Err(Error::StoreExists { name }) if name == "bank"));
    assert!(matches!(stores.delete_store("gov"), Err(Error::NoStore { .. })));
    assert!(matches!(stores.rename_store("gov", "x"), Err(Error::NoStore { .. })));
    stores.create_store("gov", None, &no_config()).unwrap();
    assert!(matches!(stores.rename_store("gov", "bank"), Err(Error::StoreExists { name }) if name == "bank"));
}

#[test]
fn impossible_names_are_refused_with_the_reason() {
    let stores = MultiStore::in_memory().unwrap();
    let long = "n".repeat(129);
    let names = [("", "empty"), (long.as_str(), "128"), ("a/b", "separator"), ("a\\b", "separator"), ("..", "folder"), ("a\nb", "control")];
    for (name, why) in names {
        let error = stores.create_store(name, None, &no_config()).err().unwrap();
        assert!(matches!(&error, Error::StoreName { .. }) && error.to_string().contains(why), "{error}");
    }
    stores.create_store(&"n".repeat(128), None, &no_config()).unwrap();
    let bank = "bank";
    stores.create_store(bank, None, &no_config()).unwrap();
    assert!(matches!(stores.rename_store(bank, "a/b"), Err(Error::StoreName { .. })));
}

#[test]
fn an_engine_that_is_not_there_is_told_with_those_that_are() {
    let stores = MultiStore::in_memory().unwrap();
    let error = stores.create_store("bank", Some("papyrus"), &no_config()).err().unwrap().to_string();
    assert!(error.starts_with("there is no engine \"papyrus\"; there are ") && error.contains("memory"), "{error}");
    assert!(stores.set_default_engine("papyrus").is_err());
    assert_eq!(stores.default_engine(), "memory");
    assert!(stores.list_engines().unwrap().contains(&"memory".to_owned()));
    let config = MultiStoreConfig::new("").with_default_engine("papyrus");
    let error = MultiStore::builder(config).create().err().unwrap().to_string();
    assert!(error.contains("papyrus") && error.contains("memory"), "{error}");
    assert!(!stores.store_exists("bank"));
}

#[test]
fn a_configuration_that_cannot_be_is_refused_by_its_key() {
    let stores = MultiStore::in_memory().unwrap();
    for (key, value) in [("max_version", "3"), ("max_versions", "none at all"), ("cache_size", "1 GiB")] {
        let error = stores.create_store("bank", None, &Config::new().with(key, value)).err().unwrap();
        assert!(matches!(&error, Error::Config(_)) && error.to_string().contains(key), "{error}");
    }
    assert!(!stores.store_exists("bank"));
}

#[test]
fn a_folder_that_is_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    assert!(matches!(MultiStore::open(&path), Err(Error::NoDatabase { .. })));
    assert!(!path.exists(), "opening makes nothing");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("letter.txt"), "dear").unwrap();
    assert!(matches!(MultiStore::create(&path), Err(Error::FolderInUse { .. })));
    fs::remove_file(path.join("letter.txt")).unwrap();
    let stores = MultiStore::create(&path).unwrap();
    // Another process, or another handle of this one.
    assert!(matches!(MultiStore::open(&path), Err(Error::Locked { .. })));
    assert!(matches!(MultiStore::create(&path), Err(Error::DatabaseExists { .. })));
    stores.create_store("bank", None, &no_config()).unwrap();
    stores.save_version().unwrap();
    // Reading is possible beside the writer.
    let reader = MultiStore::builder(MultiStoreConfig::new(&path)).read_only().open().unwrap();
    assert!(matches!(reader.get_store("bank").unwrap().set(b"k", b"v"), Err(Error::ReadOnly)));
    assert!(matches!(reader.save_version(), Err(Error::ReadOnly)));
    assert!(matches!(reader.create_store("gov", None, &no_config()), Err(Error::ReadOnly)));
    assert!(matches!(reader.delete_store("bank"), Err(Error::ReadOnly)));
    assert!(matches!(reader.rename_store("bank", "gov"), Err(Error::ReadOnly)));
    assert!(matches!(reader.rollback_to(1), Err(Error::ReadOnly)));
    drop((stores, reader));

    let error = MultiStore::builder(MultiStoreConfig::new(&path)).hash_function(HashFunction::Blake3).open().err().unwrap();
    assert!(matches!(error, Error::OtherHashFunction { .. }), "{error}");
    let error = MultiStore::builder(MultiStoreConfig::new(&path)).home("memory").open().err().unwrap();
    assert!(matches!(&error, Error::OtherEngine { expected, found, .. } if expected == "memory" && found == "rocksdb"), "{error}");
    fs::write(path.join("treering.json"), r#"{"format":2,"home":"rocksdb","more":[]}"#).unwrap();
    let error = MultiStore::open(&path).err().unwrap();
    assert!(matches!(&error, Error::NewerFormat { found: 2, supported: 1, .. }) && error.to_string().contains("treering.json"), "{error}");
    fs::write(path.join("treering.json"), "{").unwrap();
    assert!(matches!(MultiStore::open(&path), Err(Error::Damaged { .. })));
    fs::write(path.join("treering.json"), r#"{"format":1,"home":"papyrus"}"#).unwrap();
    assert!(MultiStore::open(&path).err().unwrap().to_string().contains("papyrus"));
}

#[test]
fn a_store_with_open_snapshots_or_transactions_is_not_deleted() {
    let stores = MultiStore::in_memory().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    stores.create_store("gov", None, &no_config()).unwrap();
    bank.set(b"k", b"v").unwrap();
    stores.save_version().unwrap();
    let snapshot = bank.snapshot(None).unwrap();
    assert!(matches!(stores.delete_store("bank"), Err(Error::Pinned { store, .. }) if store == "bank"));
    assert_eq!(bank.get(b"k").unwrap(), Some(b"v".to_vec()));
    drop(snapshot);
    let whole = stores.snapshot(None).unwrap();
    assert!(matches!(stores.delete_store("bank"), Err(Error::Pinned { .. })));
    drop(whole);
    let tx = bank.begin_tx().unwrap();
    assert!(matches!(stores.delete_store("bank"), Err(Error::Pinned { .. })));
    drop(tx);
    stores.delete_store("bank").unwrap();
    assert!(matches!(bank.get(b"k"), Err(Error::Closed { store }) if store == "bank"));
    assert_eq!(stores.save_version().unwrap().stores.len(), 1);
}

#[test]
fn after_closing_every_call_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    let stores = MultiStore::create(&path).unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    let one = stores.create_store("one", None, &no_config()).unwrap();
    bank.set(b"k", b"v").unwrap();
    stores.save_version().unwrap();
    one.close().unwrap();
    one.close().unwrap();
    assert!(matches!(one.get(b"k"), Err(Error::Closed { store }) if store == "one"));
    // Its handles are done with; the store is opened again by whoever needs it.
    let saved = stores.save_version().unwrap();
    assert_eq!(saved.stores.len(), 2);
    assert!(matches!(one.get(b"k"), Err(Error::Closed { .. })));
    let again = stores.get_store("one").unwrap();
    again.set(b"k", b"unsaved").unwrap();
    again.close().unwrap();
    let again = stores.get_store("one").unwrap();
    assert_eq!((again.get(b"k").unwrap(), again.current_version().unwrap()), (None, 2));
    stores.close_all().unwrap();
    stores.close_all().unwrap();
    assert!(matches!(bank.get(b"k"), Err(Error::Closed { .. })));
    assert!(matches!(bank.set(b"k", b"v"), Err(Error::Closed { .. })));
    assert!(matches!(bank.snapshot(None), Err(Error::Closed { .. })));
    assert!(matches!(bank.list_versions(), Err(Error::Closed { .. })));
    assert!(bank.begin_tx().is_err() && bank.save_version().is_err());
    let range = bank.iterate_range(std::ops::Bound::Unbounded, std::ops::Bound::Unbounded, Order::Ascending, &mut |_, _| {
        std::ops::ControlFlow::Continue(())
    });
    assert!(matches!(range, Err(Error::Closed { .. })));
    assert!(matches!(stores.save_version(), Err(Error::AllClosed)));
    assert!(matches!(stores.snapshot(None), Err(Error::AllClosed)));
    assert!(matches!(stores.create_store("x", None, &no_config()), Err(Error::AllClosed)));
    // Nothing of it is open any more, though handles are left.
    let again = MultiStore::open(&path).unwrap();
    assert_eq!(again.get_store("bank").unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
}

#[test]
fn a_store_can_wait_for_its_first_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    {
        let stores = MultiStore::create(&path).unwrap();
        stores.store_or_new("never saved").unwrap().set(b"k", b"v").unwrap();
    }
    let stores = MultiStore::open(&path).unwrap();
    assert!(stores.list_stores().is_empty());
    stores.store_or_new("waiting").unwrap().set(b"k", b"v").unwrap();
    stores.rename_store("waiting", "saved").unwrap();
    stores.store_or_new("deleted").unwrap().set(b"k", b"v").unwrap();
    stores.delete_store("deleted").unwrap();
    stores.save_version().unwrap();
    drop(stores);
    let stores = MultiStore::open(&path).unwrap();
    assert_eq!(stores.list_stores().len(), 1);
}

#[test]
fn a_version_with_deleted_stores_says_so_also_when_nothing_is_left_on_their_engine() {
    let (folder, machine) = (tempfile::tempdir().unwrap(), Machine::new());
    let stores = machine.open(folder.path());
    stores.create_store("bank", Some("beta"), &no_config()).unwrap();
    stores.save_version().unwrap();
    stores.delete_store("bank").unwrap();
    drop(stores);
    let stores = machine.open(folder.path());
    let told =
        |outcome: treering::Result<()>| assert!(matches!(outcome, Err(Error::StoreDeleted { version: 1, store }) if store == "bank"));
    told(stores.snapshot(Some(1)).map(drop));
    told(stores.load_version(1));
    told(stores.rollback_to(1));
}

#[test]
fn stores_made_after_a_deletion_are_no_damage() {
    let stores = MultiStore::in_memory().unwrap();
    for name in ["first", "second", "third"] {
        stores.create_store(name, None, &no_config()).unwrap();
    }
    stores.delete_store("second").unwrap();
    stores.check(&mut |_| {}).unwrap();
    for name in ["another", "zebra"] {
        stores.create_store(name, None, &no_config()).unwrap();
        stores.check(&mut |_| {}).unwrap();
    }
    stores.save_version().unwrap();
    stores.check(&mut |_| {}).unwrap();
}

#[test]
fn engines_are_registered_and_the_default_is_changed_at_run_time() {
    let (folder, own) = (tempfile::tempdir().unwrap(), Arc::new(MemoryBackend::new()));
    let engine = || Arc::new(TestEngine { name: "own", backend: Arc::clone(&own) });
    let path = folder.path().join("chain");
    {
        let stores = MultiStore::create(&path).unwrap();
        assert_eq!(stores.default_engine(), "rocksdb");
        assert!(stores.create_store("bank", Some("own"), &no_config()).is_err());
        stores.register_engine(engine()).unwrap();
        assert!(matches!(stores.register_engine(engine()), Err(Error::Registry(EngineError::Exists { name })) if name == "own"));
        assert!(stores.list_engines().unwrap().contains(&"own".to_owned()));
        assert!(stores.engine("own").unwrap().capabilities().persistence);
        stores.set_default_engine("own").unwrap();
        let bank = stores.create_store("bank", None, &no_config()).unwrap();
        assert_eq!((bank.engine(), stores.default_engine()), ("own".to_owned(), "own".to_owned()));
        bank.set(b"k", b"v").unwrap();
        stores.save_version().unwrap();
    }
    // An engine that has stores already must be there when they are opened.
    let error = MultiStore::open(&path).err().unwrap();
    assert!(matches!(&error, Error::Registry(EngineError::Unknown { name, .. }) if name == "own"), "{error}");
    let stores = MultiStore::builder(MultiStoreConfig::new(&path)).engine(engine()).open().unwrap();
    assert_eq!(stores.get_store("bank").unwrap().get(b"k").unwrap(), Some(b"v".to_vec()));
}
