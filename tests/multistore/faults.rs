//! Every write of everything that spans engines made to fail in turn: after opening again it has happened, or not, on all of them.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;
use treering::config::Config;
use treering::{Error, Hash, Keep, MultiStore, Store, Versioned};

use super::common::{Model, Numbers};
use super::test_engine::{Machine, assert_companions};

/// A version: its app hash, and of each store its root hash and contents.
type SeenVersion = (Hash, BTreeMap<String, (Hash, Model)>);

/// All that can be seen of the stores.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sight {
    stores: Vec<(String, String)>,
    versions: BTreeMap<u64, SeenVersion>,
    working: BTreeMap<String, Model>,
}

fn contents(store: &dyn Store) -> Model {
    let mut model = Model::new();
    store
        .iterate(&mut |key, value| {
            model.insert(key.to_vec(), value.to_vec());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    model
}

fn look(stores: &MultiStore) -> Sight {
    assert_companions(stores);
    let mut versions = BTreeMap::new();
    for version in stores.list_versions().unwrap() {
        let snapshot = match stores.snapshot(Some(version.version)) {
            // The version has a store that was deleted since.
            Err(Error::StoreDeleted { .. }) => {
                versions.insert(version.version, (version.app_hash, BTreeMap::new()));
                continue;
            }
            other => other.unwrap(),
        };
        let seen = snapshot.stores().map(|(name, store)| {
            let model: Model = store.tree().iter().map(|entry| entry.map(|(k, v)| (k.to_vec(), v.to_vec())).unwrap()).collect();
            (name.to_owned(), (store.root_hash(), model))
        });
        versions.insert(version.version, (version.app_hash, seen.collect()));
    }
    let listed = stores.list_stores();
    Sight {
        stores: listed.iter().map(|store| (store.name.clone(), store.engine.clone())).collect(),
        versions,
        working: listed.iter().map(|store| (store.name.clone(), contents(&stores.get_store(&store.name).unwrap()))).collect(),
    }
}

/// Changes every store in a way that depends on the version only.
fn block(stores: &MultiStore) -> treering::Result<()> {
    let mut numbers = Numbers(stores.current_version()?);
    for listing in stores.list_stores() {
        let store = stores.get_store(&listing.name)?;
        for _ in 0..20 {
            let key = numbers.below(60).to_be_bytes();
            if numbers.below(4) == 0 { store.delete(&key)? } else { store.set(&key, &numbers.next().to_be_bytes())? }
        }
    }
    Ok(())
}

fn save_blocks(stores: &MultiStore, count: u64) -> treering::Result<()> {
    for _ in 0..count {
        block(stores)?;
        stores.save_version()?;
    }
    Ok(())
}

/// Stores on both engines, with a few versions, and one store saved alone.
fn prepared() -> (TempDir, Machine) {
    let (folder, machine) = saved_together();
    let stores = machine.open(folder.path());
    stores.get_store("b").unwrap().set(b"alone", b"1").unwrap();
    stores.get_store("b").unwrap().save_version().unwrap();
    drop(stores);
    (folder, machine)
}

fn saved_together() -> (TempDir, Machine) {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let stores = machine.open(folder.path());
    for (name, engine) in [("a", "alpha"), ("b", "beta"), ("c", "alpha")] {
        stores.create_store(name, Some(engine), &Config::new()).unwrap();
    }
    save_blocks(&stores, 2).unwrap();
    stores.create_store("d", Some("beta"), &Config::new()).unwrap();
    save_blocks(&stores, 3).unwrap();
    drop(stores);
    (folder, machine)
}

/// Makes every write of `work` fail in turn. After opening again the stores look as before or as after it; doing it (again) then works.
fn at_every_write(work: impl Fn(&MultiStore) -> treering::Result<()>) -> i64 {
    let (folder, original) = prepared();
    let after_all = |machine: &Machine, folder: &Path| {
        let stores = machine.open(folder);
        save_blocks(&stores, 2).unwrap();
        look(&stores)
    };
    let before = look(&original.copy().open(folder.path()));
    let done = original.copy();
    work(&done.open(folder.path())).unwrap();
    let after = look(&done.open(folder.path()));
    done.check();
    let end = after_all(&done, folder.path());
    for failing in 0.. {
        let machine = original.copy();
        let outcome = {
            let stores = machine.open(folder.path());
            machine.fuse.blow_after(failing);
            work(&stores)
        };
        machine.fuse.mend();
        if let Err(error) = &outcome {
            assert!(matches!(error, Error::Engine(_) | Error::Poisoned { .. }), "{error}");
        }
        let seen = look(&machine.open(folder.path()));
        machine.check();
        assert!(seen == after || (seen == before && outcome.is_err()), "write {failing}: neither before nor after");
        if seen == before {
            work(&machine.open(folder.path())).unwrap();
        }
        assert_eq!(after_all(&machine, folder.path()), end, "write {failing}");
        machine.check();
        if outcome.is_ok() {
            return failing;
        }
    }
    unreachable!("the loop ends with success")
}

#[test]
fn saving() {
    let writes = at_every_write(|stores| save_blocks(stores, 1));
    assert_eq!(writes, 2, "one batch an engine");
}

#[test]
fn rolling_back() {
    let writes = at_every_write(|stores| stores.rollback_to(2));
    assert!(writes >= 3, "home, beta, done: {writes}");
}

#[test]
fn rolling_back_to_before_a_store_was_made_and_after_a_renaming() {
    at_every_write(|stores| {
        // Two steps; the first alone is seen as neither before nor after, so it is not among those that fail.
        if stores.store_exists("b") {
            stores.rollback_to(1)?;
        }
        Ok(())
    });
}

#[test]
fn deleting_stores() {
    for name in ["a", "b"] {
        at_every_write(|stores| if stores.store_exists(name) { stores.delete_store(name) } else { Ok(()) });
    }
}

#[test]
fn renaming_stores() {
    for name in ["a", "b"] {
        at_every_write(|stores| if stores.store_exists(name) { stores.rename_store(name, "renamed") } else { Ok(()) });
    }
}

#[test]
fn making_stores() {
    for engine in ["alpha", "beta"] {
        at_every_write(|stores| {
            if stores.store_exists("new") { Ok(()) } else { stores.create_store("new", Some(engine), &Config::new()).map(drop) }
        });
    }
}

#[test]
fn a_failed_save_poisons_all_stores_of_all_engines() {
    let (folder, machine) = prepared();
    let stores = machine.open(folder.path());
    block(&stores).unwrap();
    machine.fuse.blow_after(1);
    stores.save_version().unwrap_err();
    machine.fuse.mend();
    for name in ["a", "b", "c", "d"] {
        let error = stores.get_store(name).unwrap().set(b"k", b"v").unwrap_err();
        assert!(matches!(&error, Error::Poisoned { .. }) && error.to_string().contains("no space left"), "{error}");
    }
    assert!(matches!(stores.save_version(), Err(Error::Poisoned { .. })));
    assert!(matches!(stores.create_store("new", None, &Config::new()), Err(Error::Poisoned { .. })));
}

#[test]
fn a_pruning_cut_short_anywhere_leaves_every_listed_version_whole() {
    let (folder, original) = prepared();
    for failing in 0.. {
        let machine = original.copy();
        let outcome = {
            let stores = machine.open(folder.path());
            machine.fuse.blow_after(failing);
            stores.prune(&Keep::Only([2].into()))
        };
        machine.fuse.mend();
        let stores = machine.open(folder.path());
        // Looking reads every version that is listed.
        let seen = look(&stores);
        assert!(seen.versions.contains_key(&2) && seen.versions.contains_key(&5));
        stores.prune(&Keep::Only([2].into())).unwrap();
        assert_eq!(look(&stores).versions.keys().copied().collect::<Vec<_>>(), [2, 5]);
        drop(stores);
        machine.check();
        if outcome.is_ok() {
            assert!(failing > 4);
            return;
        }
    }
}

#[test]
fn what_another_engine_lost_is_given_up_everywhere() {
    let (folder, machine) = saved_together();
    // The machine goes down; `beta`, which was not synced, comes back as it was two versions ago.
    let old = machine.copy();
    let expected = look(&old.open(folder.path()));
    save_blocks(&machine.open(folder.path()), 2).unwrap();
    let newest = look(&machine.open(folder.path()));
    let fallen = Machine { alpha: machine.alpha.clone(), beta: old.beta.clone(), fuse: machine.fuse.clone() };
    let seen = look(&fallen.open(folder.path()));
    fallen.check();
    let newest_left = *seen.versions.keys().next_back().unwrap();
    assert_eq!(newest_left, 5);
    assert_eq!(seen.versions, expected.versions);
    save_blocks(&fallen.open(folder.path()), 2).unwrap();
    let again = look(&fallen.open(folder.path()));
    assert_eq!(again.versions[&7].0, newest.versions[&7].0, "replaying gives the same app hash");
}

#[test]
fn what_the_home_lost_is_given_up_elsewhere() {
    let (folder, machine) = saved_together();
    for lost in 1..4 {
        // The machine goes down; the home, which was not synced, comes back as it was some versions ago.
        let old = machine.copy();
        let expected = look(&old.open(folder.path()));
        let newer = machine.copy();
        save_blocks(&newer.open(folder.path()), lost).unwrap();
        let newest = look(&newer.open(folder.path()));
        let fallen = Machine { alpha: old.alpha.clone(), beta: newer.beta.clone(), fuse: newer.fuse.clone() };
        let seen = look(&fallen.open(folder.path()));
        fallen.check();
        assert_eq!(seen, expected);
        save_blocks(&fallen.open(folder.path()), lost).unwrap();
        assert_eq!(look(&fallen.open(folder.path())), newest, "replaying gives the same");
    }
}

#[test]
fn a_reader_says_when_there_is_something_to_clean_up() {
    let (folder, machine) = prepared();
    assert!(machine.try_open_to_read(folder.path()).is_ok());
    {
        let stores = machine.open(folder.path());
        block(&stores).unwrap();
        machine.fuse.blow_after(1);
        stores.save_version().unwrap_err();
    }
    machine.fuse.mend();
    assert!(matches!(machine.try_open_to_read(folder.path()), Err(Error::NeedsCleaning { .. })));
    drop(machine.open(folder.path()));
    assert!(machine.try_open_to_read(folder.path()).is_ok());
}
