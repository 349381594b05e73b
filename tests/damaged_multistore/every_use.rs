//! Everything that can be done with stores that may be damaged.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::Path;

use treering::config::Config;
use treering::{Error, Hash, Keep, MultiStore, MultiVersion, Result, Store, Versioned};

use crate::two_engines::{KEYS, Model, Record, Sample, TwoEngines};

/// The version to go back to.
const BACK_TO: u64 = 2;

/// What the undamaged stores give.
pub(crate) struct Expected {
    versions: BTreeMap<u64, (MultiVersion, Model)>,
    /// The app hash of the version that [`use_all`] saves.
    next: Hash,
}

/// What went wrong, in the order in which it did.
#[derive(Default)]
pub(crate) struct Noticed {
    pub(crate) errors: Vec<Error>,
}

impl Expected {
    pub(crate) fn of(sample: &Sample, folder: &Path) -> Self {
        let stores = TwoEngines::with(&sample.records).builder(folder).open().unwrap();
        Self { versions: sample.versions.clone(), next: save_next(&stores).unwrap().app_hash }
    }

    fn newest(&self) -> (u64, &Model) {
        let (version, (_, model)) = self.versions.last_key_value().unwrap();
        (*version, model)
    }
}

impl Noticed {
    /// What a call gave, unless it failed.
    fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    /// The messages, each with those of its causes.
    pub(crate) fn texts(&self) -> Vec<String> {
        let with_causes = |error: &Error| {
            let causes = std::iter::successors(error.source(), |error| (*error).source());
            causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
        };
        self.errors.iter().map(with_causes).collect()
    }

    /// Whether an error tells the record.
    pub(crate) fn names(&self, record: &Record) -> bool {
        let name = format!("record {} of {}", hex::encode(&record.key), record.keyspace);
        self.texts().iter().any(|text| text.contains(&name))
    }
}

/// Opens, lists, reads, proves, checks, makes a store, saves, rolls back, and prunes a copy. An error is noticed, a wrong answer panics.
pub(crate) fn use_all(engines: &TwoEngines, folder: &Path, expected: &Expected) -> Noticed {
    let mut noticed = Noticed::default();
    let copy = TwoEngines::with(&engines.records());
    let Some(stores) = noticed.take(engines.builder(folder).open()) else { return noticed };
    for listed in noticed.take(stores.list_versions()).unwrap_or_default() {
        assert_eq!(listed, expected.versions[&listed.version].0, "a wrong version");
    }
    noticed.take(stores.companions());
    let checked = noticed.take(stores.check(&mut |_| {})).is_some();
    let before = noticed.errors.len();
    for (version, (_, model)) in &expected.versions {
        read_version(&mut noticed, &stores, *version, model);
    }
    for (name, contents) in expected.newest().1 {
        read_working(&mut noticed, &stores, name, contents);
    }
    assert!(
        !checked || noticed.errors.iter().skip(before).all(is_about_absence),
        "the check finds what reading finds: {:?}",
        noticed.errors
    );
    change_all(&mut noticed, &stores, expected);
    noticed.take(stores.close_all());
    if let Some(stores) = noticed.take(copy.builder(folder).open()) {
        prune_all(&mut noticed, &stores, expected);
    }
    noticed
}

fn prune_all(noticed: &mut Noticed, stores: &MultiStore, expected: &Expected) {
    let (version, model) = expected.newest();
    noticed.take(stores.prune(&Keep::Last(1)));
    noticed.take(stores.check(&mut |_| {}));
    read_version(noticed, stores, version, model);
}

fn change_all(noticed: &mut Noticed, stores: &MultiStore, expected: &Expected) {
    for engine in ["alpha", "beta"] {
        let made = stores.create_store(&format!("on {engine}"), Some(engine), &Config::new());
        if noticed.take(made).is_some() {
            noticed.take(stores.delete_store(&format!("on {engine}")));
        }
    }
    let has_all = expected.newest().1.keys().all(|name| stores.store_exists(name));
    if let Some(saved) = noticed.take(save_next(stores)).filter(|_| has_all) {
        assert_eq!((saved.version, saved.app_hash), (expected.newest().0 + 1, expected.next), "a wrong version is saved");
    }
    if noticed.take(stores.rollback_to(BACK_TO)).is_some() {
        for (name, contents) in &expected.versions[&BACK_TO].1 {
            read_working(noticed, stores, name, contents);
        }
        if let Some(saved) = noticed.take(stores.save_version()) {
            assert_eq!(saved.app_hash, expected.versions[&BACK_TO].0.app_hash, "nothing was changed since");
        }
    }
    noticed.take(stores.check(&mut |_| {}));
}

/// Changes every store a bit, and saves.
fn save_next(stores: &MultiStore) -> Result<MultiVersion> {
    for listing in stores.list_stores() {
        stores.get_store(&listing.name)?.set(&[3], b"next")?;
    }
    stores.save_version()
}

/// Reads and proves everything of a version.
pub(crate) fn read_version(noticed: &mut Noticed, stores: &MultiStore, version: u64, model: &Model) {
    let Some(snapshot) = noticed.take(stores.snapshot(Some(version))) else { return };
    let function = stores.hash_function().unwrap();
    for (name, contents) in model {
        let Some(store) = noticed.take(snapshot.store(name)) else { continue };
        for key in 0..KEYS {
            if let Some(found) = noticed.take(store.get(&[key])) {
                assert_eq!(found.as_ref(), contents.get(&[key][..]), "a wrong answer");
            }
            if let Some(proof) = noticed.take(snapshot.prove(name, &[key])) {
                let evidence = proof.verify(function, &snapshot.app_hash(), name, &[key]).unwrap();
                assert_eq!(evidence.value(), contents.get(&[key][..]).map(Vec::as_slice), "a wrong proof");
            }
        }
    }
}

fn read_working(noticed: &mut Noticed, stores: &MultiStore, name: &str, contents: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let Some(store) = noticed.take(stores.get_store(name)) else { return };
    noticed.take(store.list_versions());
    for key in 0..KEYS {
        if let Some(found) = noticed.take(store.get(&[key])) {
            assert_eq!(found.as_ref(), contents.get(&[key][..]), "a wrong answer");
        }
    }
}

/// What says that something is not there, which a check cannot know better.
fn is_about_absence(error: &Error) -> bool {
    matches!(error, Error::NoMultiVersion { .. } | Error::NoVersion { .. } | Error::NoStore { .. } | Error::StoreDeleted { .. })
}
