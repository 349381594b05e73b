//! Versions of the whole: saving, loading, pruning, retention, events.

use std::time::{Duration, Instant};

use treering::config::{Config, MultiStoreConfig};
use treering::event::{Event, Pattern};
use treering::tree::Options;
use treering::{Error, HashFunction, HistoryMark, Keep, MultiStore, Store, Transactional, Tree, Versioned, proofs};

fn no_config() -> Config {
    Config::new()
}

#[test]
fn a_store_that_is_added_later_starts_at_that_version_as_the_cosmos_sdk_has_it() {
    let stores = MultiStore::builder(MultiStoreConfig::new("").with_default_engine("memory")).initial_version(5).create().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    bank.set(b"a", b"1").unwrap();
    assert_eq!(stores.save_version().unwrap().version, 5);
    stores.save_version().unwrap();
    let ibc = stores.create_store("ibc", None, &no_config()).unwrap();
    for key in [b"x", b"y", b"z"] {
        ibc.set(key, b"1").unwrap();
    }
    let saved = stores.save_version().unwrap();
    assert_eq!((saved.version, saved.stores[1].version), (7, 7));
    // A tree of its own whose first version is 7 has the same root: the version is part of the hashes.
    let mut tree = Tree::with_options(Options { initial_version: 7, ..Options::default() }).unwrap();
    for key in [b"x", b"y", b"z"] {
        tree.set(key, b"1").unwrap();
    }
    let root = tree.save().unwrap().root_hash;
    assert_eq!(saved.stores[1].root_hash, root);
    assert_eq!(saved.app_hash, proofs::app_hash([("bank", saved.stores[0].root_hash), ("ibc", root)]));
    assert_eq!(ibc.list_versions().unwrap()[0].version, 7);
}

#[test]
fn a_prepared_version_is_what_commit_gives_and_nothing_comes_between() {
    let stores = MultiStore::in_memory().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    bank.set(b"a", b"1").unwrap();
    let tx = bank.begin_tx().unwrap();
    tx.set(b"b", b"2").unwrap();
    let prepared = stores.prepare().unwrap();
    assert_eq!(bank.get(b"a").unwrap(), Some(b"1".to_vec()));
    assert!(matches!(bank.set(b"c", b"3"), Err(Error::VersionPrepared { .. })));
    assert!(matches!(tx.commit(), Err(Error::VersionPrepared { .. })));
    assert!(matches!(bank.save_version(), Err(Error::VersionPrepared { .. })));
    assert!(matches!(stores.save_version(), Err(Error::VersionPrepared { .. })));
    assert!(matches!(stores.prepare(), Err(Error::VersionPrepared { .. })));
    assert!(matches!(stores.create_store("gov", None, &no_config()), Err(Error::VersionPrepared { .. })));
    assert!(matches!(stores.delete_store("bank"), Err(Error::VersionPrepared { .. })));
    assert!(matches!(stores.rename_store("bank", "gov"), Err(Error::VersionPrepared { .. })));
    assert!(stores.list_versions().unwrap().is_empty());
    drop(prepared);
    tx.commit().unwrap();
    let prepared = stores.prepare().unwrap();
    let (version, app_hash, roots) = (prepared.version(), prepared.app_hash(), prepared.roots().to_vec());
    let saved = prepared.commit().unwrap();
    assert_eq!((saved.version, saved.app_hash), (version, app_hash));
    assert_eq!(roots, [("bank".to_owned(), saved.stores[0].root_hash)]);
    bank.set(b"c", b"3").unwrap();
}

#[test]
fn loading_moves_the_working_states_and_saving_something_else_is_refused() {
    let stores = MultiStore::in_memory().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    for value in [b"1", b"2"] {
        bank.set(b"a", value).unwrap();
        stores.save_version().unwrap();
    }
    let gov = stores.create_store("gov", None, &no_config()).unwrap();
    gov.set(b"g", b"1").unwrap();
    stores.save_version().unwrap();
    stores.load_version(1).unwrap();
    assert_eq!((bank.get(b"a").unwrap(), gov.get(b"g").unwrap()), (Some(b"1".to_vec()), None));
    assert_eq!(stores.current_version().unwrap(), 1);
    bank.set(b"a", b"other").unwrap();
    assert!(matches!(stores.save_version(), Err(Error::VersionExists { .. } | Error::MultiVersionExists { version: 2, .. })));
    bank.set(b"a", b"2").unwrap();
    stores.save_version().unwrap();
    gov.set(b"g", b"1").unwrap();
    assert_eq!(stores.save_version().unwrap().version, 3);
    assert_eq!(stores.list_versions().unwrap().len(), 3);
    let error = stores.load_version(9).unwrap_err();
    assert_eq!(error.to_string(), "there is no version 9 of all stores; the oldest one kept is 1, the newest 3");
}

#[test]
fn pruning_spares_what_snapshots_hold_and_stores_cannot_be_undercut_alone() {
    let stores = MultiStore::in_memory().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    for value in 0..10u8 {
        bank.set(b"a", &[value]).unwrap();
        stores.save_version().unwrap();
    }
    let held = stores.snapshot(Some(3)).unwrap();
    let report = stores.prune(&Keep::Last(2)).unwrap();
    assert_eq!((report.versions, report.deferred), (8, vec![3]));
    assert_eq!(held.store("bank").unwrap().get(b"a").unwrap(), Some(vec![2]));
    drop(held);
    stores.prune(&Keep::Last(2)).unwrap();
    assert_eq!(bank.list_versions().unwrap().iter().map(|info| info.version).collect::<Vec<_>>(), [9, 10]);
    // Alone saved versions come and go; the one that all stores share stays.
    bank.set(b"a", b"alone").unwrap();
    bank.save_version().unwrap();
    assert!(matches!(bank.rollback_to(9), Err(Error::Pinned { .. })));
    bank.prune(&Keep::Last(1)).unwrap();
    assert_eq!(bank.list_versions().unwrap().iter().map(|info| info.version).collect::<Vec<_>>(), [10, 11]);
    bank.rollback_to(10).unwrap();
    assert_eq!(stores.snapshot(None).unwrap().version(), 10);
    assert!(matches!(stores.prune(&Keep::Last(0)), Err(Error::KeepsNothing)));
}

/// Waits for what happens in the background.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_mins(1), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kept(stores: &MultiStore, name: &str) -> Vec<u64> {
    stores.get_store(name).unwrap().list_versions().unwrap().iter().map(|info| info.version).collect()
}

#[test]
fn versions_go_in_the_background_by_number_age_and_interval() {
    let folder = tempfile::tempdir().unwrap();
    let config = || {
        let all = Config::new().with("max_versions", 3).with("sync_writes", false);
        MultiStoreConfig::new(folder.path().join("chain")).with_engine_config("rocksdb", all)
    };
    let stores = MultiStore::builder(config()).create().unwrap();
    stores.create_store("few", None, &no_config()).unwrap();
    stores.create_store("milestones", None, &Config::new().with("keep_every", 5)).unwrap();
    stores.create_store("all", None, &Config::new().with("max_versions", "all")).unwrap();
    stores.create_store("young", None, &Config::new().with("max_versions", "all").with("version_ttl", 1)).unwrap();
    for value in 0..12u8 {
        for listing in stores.list_stores() {
            stores.get_store(&listing.name).unwrap().set(b"k", &[value]).unwrap();
        }
        stores.save_version().unwrap();
    }
    eventually("few", || kept(&stores, "few") == [10, 11, 12]);
    eventually("milestones", || kept(&stores, "milestones") == [5, 10, 11, 12]);
    eventually("young", || kept(&stores, "young") == [12]);
    assert_eq!(kept(&stores, "all").len(), 12);
    // What is listed is whole.
    for version in stores.list_versions().unwrap() {
        stores.snapshot(Some(version.version)).unwrap();
    }
    assert_eq!(stores.newest_version().unwrap().unwrap().version, 12);
    // A store's own configuration is kept with it.
    drop(stores);
    let stores = MultiStore::builder(config()).open().unwrap();
    let retention = |name: &str| stores.list_stores().into_iter().find(|store| store.name == name).unwrap().retention;
    assert_eq!((retention("few").max_versions, retention("few").keep_every), (Some(3), None));
    assert_eq!((retention("milestones").max_versions, retention("milestones").keep_every), (Some(3), Some(5)));
    assert_eq!((retention("young").max_versions, retention("young").version_ttl), (None, Some(1)));
    for value in 0..3u8 {
        stores.get_store("milestones").unwrap().set(b"k", &[value]).unwrap();
        stores.save_version().unwrap();
    }
    eventually("milestones", || kept(&stores, "milestones") == [5, 10, 13, 14, 15]);
    // A store that is saved alone is looked at, too; the version of all stores is held.
    for value in 0..5u8 {
        let few = stores.get_store("few").unwrap();
        few.set(b"k", &[value]).unwrap();
        few.save_version().unwrap();
    }
    eventually("few", || kept(&stores, "few") == [15, 18, 19, 20]);
    stores.close_all().unwrap();
}

#[test]
fn events_tell_what_is_durable_in_order() {
    let stores = MultiStore::in_memory().unwrap();
    let events = stores.events().subscribe(Pattern::parse("**").unwrap(), 1000);
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    let tx = bank.begin_tx().unwrap();
    tx.set(b"a", b"1").unwrap();
    tx.commit().unwrap();
    drop(bank.begin_tx().unwrap());
    drop(stores.prepare().unwrap());
    let first = stores.save_version().unwrap();
    bank.save_version().unwrap();
    bank.load_version(1).unwrap();
    stores.rollback_to(1).unwrap();
    stores.save_version().unwrap();
    stores.load_version(1).unwrap();
    stores.save_version().unwrap();
    stores.prune(&Keep::Last(1)).unwrap();
    stores.rename_store("bank", "vault").unwrap();
    stores.delete_store("vault").unwrap();
    stores.close_all().unwrap();
    let mut topics = Vec::new();
    while let Ok(published) = events.try_recv() {
        if let Event::MultistoreVersionSaved(saved) = &*published.event
            && saved.version == 1
        {
            assert_eq!((saved.app_hash, saved.stores.len()), (first.app_hash, 1));
        }
        topics.push(published.event.topic().to_string());
    }
    let expected = [
        "store.created",
        "store.transaction.begin",
        "store.transaction.commit",
        "store.transaction.begin",
        "store.transaction.rollback",
        "store.version.saved",
        "multistore.version.saved",
        "store.version.saved",
        "store.version.loaded",
        "multistore.version.rolled_back",
        "store.version.saved",
        "multistore.version.saved",
        "multistore.version.loaded",
        "store.version.pruned",
        "multistore.version.pruned",
        "store.renamed",
        "store.deleted",
    ];
    assert_eq!(topics, expected);
}

#[test]
fn what_subscribers_hear_of_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    let stores = MultiStore::create(&path).unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&seen);
    let config = MultiStoreConfig::new(&path);
    let _callback = stores
        .events()
        .on(Pattern::parse("multistore.version.saved").unwrap(), move |published| {
            let Event::MultistoreVersionSaved(saved) = &*published.event else { return };
            // Another process would see it too.
            let reader = MultiStore::builder(config.clone()).read_only().open().unwrap();
            let there = reader.version(saved.version).unwrap();
            sink.lock().unwrap().push((there.version, there.app_hash == saved.app_hash));
        })
        .unwrap();
    for value in 0..5u8 {
        bank.set(b"k", &[value]).unwrap();
        stores.save_version().unwrap();
    }
    assert!(stores.events().flush(Duration::from_mins(1)));
    assert_eq!(*seen.lock().unwrap(), (1..=5).map(|version| (version, true)).collect::<Vec<_>>());
}

#[test]
fn blake3_stores_prove_with_blake3_roots() {
    let config = MultiStoreConfig::new("").with_default_engine("memory");
    let stores = MultiStore::builder(config).hash_function(HashFunction::Blake3).create().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    bank.set(b"a", b"1").unwrap();
    let saved = stores.save_version().unwrap();
    let proof = stores.snapshot(None).unwrap().prove("bank", b"a").unwrap();
    assert!(proof.verify(HashFunction::Blake3, &saved.app_hash, "bank", b"a").is_ok());
    assert!(proof.verify(HashFunction::Sha256, &saved.app_hash, "bank", b"a").is_err());
}

/// The thread that prunes in the background once held the newest versions while it waited for its turn.
#[test]
fn what_prunes_in_the_background_does_not_stand_in_the_way_of_a_rollback() {
    let stores = MultiStore::in_memory().unwrap();
    let config = Config::new().with("max_versions", 1000);
    let bank = stores.create_store("bank", None, &config).unwrap();
    stores.save_version().unwrap();
    for round in 0..300u32 {
        stores.create_store("short", None, &config).unwrap();
        bank.set(b"round", &round.to_be_bytes()).unwrap();
        stores.save_version().unwrap();
        if round % 2 == 0 {
            stores.delete_store("short").unwrap();
        }
        stores.rollback_to(1).unwrap();
    }
}

#[test]
fn what_a_version_of_the_whole_lists_has_its_commit_in_the_history() {
    let (folder, machine) = (tempfile::tempdir().unwrap(), super::test_engine::Machine::new());
    let stores = machine.open(folder.path());
    for (name, engine) in [("a", "beta"), ("b", "alpha"), ("c", "beta")] {
        stores.create_store(name, Some(engine), &no_config()).unwrap();
    }
    stores.save_version().unwrap();
    stores.save_version().unwrap();
    let (history, _) = stores.history(&HistoryMark::default()).unwrap();
    assert_eq!(history.iter().map(|entry| entry.commit).collect::<Vec<_>>(), [1, 1, 1, 1, 2, 2, 2, 2]);
}

#[test]
fn threads_may_share_all_of_it() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<MultiStore>();
    is_shared::<treering::MultiSnapshot>();
    is_shared::<treering::PreparedMultiVersion>();
    is_shared::<treering::PreparedVersion>();
    is_shared::<treering::SharedStore>();
    is_shared::<treering::Snapshot>();
}

#[test]
fn a_rollback_that_is_refused_leaves_the_newest_version_held() {
    let stores = MultiStore::in_memory().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    for value in [b"1", b"2"] {
        bank.set(b"a", value).unwrap();
        stores.save_version().unwrap();
    }
    let prepared = stores.prepare().unwrap();
    assert!(matches!(stores.rollback_to(1), Err(Error::VersionPrepared { .. })));
    drop(prepared);
    bank.set(b"a", b"alone").unwrap();
    bank.save_version().unwrap();
    assert!(matches!(bank.rollback_to(1), Err(Error::Pinned { .. })));
    let snapshot = stores.snapshot(None).unwrap();
    assert!(matches!(stores.rollback_to(1), Err(Error::Pinned { .. })));
    drop(snapshot);
    assert!(matches!(bank.rollback_to(1), Err(Error::Pinned { .. })));
    stores.rollback_to(1).unwrap();
    assert_eq!(bank.get(b"a").unwrap(), Some(b"1".to_vec()));
}

#[test]
fn subscribers_that_block_or_panic_or_do_not_read_neither_hold_up_nor_break_a_commit() {
    let stores = MultiStore::in_memory().unwrap();
    let bank = stores.create_store("bank", None, &no_config()).unwrap();
    let all = || Pattern::parse("multistore.version.saved").unwrap();
    let (let_go, blocked) = std::sync::mpsc::channel::<()>();
    let blocking = stores.events().on_with_capacity(all(), 1, move |_| assert!(blocked.recv().is_err())).unwrap();
    let panicking = stores.events().on(all(), |_| panic!("a subscriber's own trouble")).unwrap();
    let unread = stores.events().subscribe(all(), 2);
    for value in 0..10u8 {
        bank.set(b"k", &[value]).unwrap();
        assert_eq!(stores.save_version().unwrap().version, u64::from(value) + 1);
    }
    assert_eq!(unread.missed(), 8);
    assert!(blocking.stats().counts.dropped >= 8, "one is at work, one waits");
    drop(let_go);
    assert!(stores.events().flush(Duration::from_mins(1)));
    assert_eq!(panicking.stats().counts.panics, 10);
}
