//! What is saved is read while another version is being saved, however long that takes.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use treering::config::Config;
use treering::{MultiStore, Store, Versioned};

use super::test_engine::Machine;

/// Whoever waits for a save that is held waits for ever; everybody else is done long before.
const LONG: Duration = Duration::from_secs(20);

/// Does something on a thread of its own.
fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(work()));
    receiver
}

/// Reads all that can be read of saved versions; gives the newest one.
fn read_everything(stores: &MultiStore) -> u64 {
    let newest = stores.newest_version().unwrap().unwrap();
    let version = newest.version;
    assert_eq!(stores.version_window().unwrap(), Some((1, version)));
    assert_eq!(stores.current_version().unwrap(), version);
    assert_eq!(stores.version(version).unwrap(), newest);
    assert_eq!(stores.list_versions().unwrap().last(), Some(&newest));
    assert_eq!(stores.versions_below(None, 1).unwrap(), std::slice::from_ref(&newest));
    assert_eq!(stores.home_engine().unwrap(), "alpha");
    assert!(stores.usage().unwrap().cache_limit > 0);
    let function = stores.hash_function().unwrap();
    for at in [None, Some(version), Some(1)] {
        let snapshot = stores.snapshot(at).unwrap();
        for name in ["bank", "gov"] {
            let value = at.unwrap_or(version).to_string().into_bytes();
            let proof = snapshot.prove(name, b"key").unwrap();
            assert_eq!(proof.verify(function, &snapshot.app_hash(), name, b"key").unwrap().value(), Some(&value[..]));
            let store = stores.get_store(name).unwrap();
            assert_eq!(store.snapshot(Some(snapshot.version())).unwrap().get(b"key").unwrap(), Some(value));
            assert_eq!(store.list_versions().unwrap().len() as u64, version);
            assert_eq!(store.version_window().unwrap(), Some((1, version)));
        }
    }
    version
}

#[test]
fn what_is_saved_is_read_while_a_save_is_held() {
    let (machine, folder) = (Machine::new(), tempfile::tempdir().unwrap());
    let stores = machine.open(folder.path());
    stores.create_store("bank", None, &Config::default()).unwrap();
    stores.create_store("gov", Some("beta"), &Config::default()).unwrap();
    let set = |value: &str| ["bank", "gov"].map(|name| stores.get_store(name).unwrap().set(b"key", value.as_bytes()).unwrap());
    for version in 1..4_u64 {
        set(&version.to_string());
        assert_eq!(stores.save_version().unwrap().version, version);
        assert_eq!(read_everything(&stores), version);
    }
    set("4");
    machine.fuse.hold(true);
    let of_saver = stores.clone();
    let saving = beside(move || of_saver.save_version().unwrap().version);
    while !machine.fuse.is_waited_for() {
        assert!(saving.try_recv().is_err());
        thread::sleep(Duration::from_millis(1));
    }
    let of_reader = stores.clone();
    let read = beside(move || read_everything(&of_reader)).recv_timeout(LONG);
    assert!(saving.try_recv().is_err(), "the save is still held");
    machine.fuse.hold(false);
    assert_eq!(read, Ok(3), "nobody had to wait");
    assert_eq!(saving.recv_timeout(LONG), Ok(4));
    assert_eq!(read_everything(&stores), 4);
    stores.rollback_to(2).unwrap();
    assert_eq!(read_everything(&stores), 2);
    stores.close_all().unwrap();
    assert!(stores.snapshot(None).is_err() && stores.list_versions().is_err() && stores.hash_function().is_err());
}
