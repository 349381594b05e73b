//! The process is killed (SIGKILL) while it saves, rolls back, prunes, makes, renames and deletes stores on four engines, and while it opens
//! them again: whenever it was, all engines agree, what was acknowledged is there, and going on gives what an undisturbed run gives.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Model, Numbers};
use treering::config::{Config, MultiStoreConfig};
use treering::engine::Access;
use treering::engine::file::FileBackend;
use treering::engine::fjall::{FjallBackend, FjallOptions};
use treering::engine::leveldb::{LevelBackend, LevelOptions};
use treering::{Error, Hash, Keep, MultiStore, MultiVersion, Store};

const FOLDER: &str = "TREERING_CRASH_FOLDER";
const SEED: &str = "TREERING_CRASH_SEED";
/// What comes before all that the child tells.
const TOLD: &str = "the child tells: ";
const ENGINES: [&str; 4] = ["rocksdb", "fjall", "leveldb", "file"];
/// Versions of the whole that a pruning keeps.
const KEPT: u64 = 6;
/// A pruning follows each such version.
const PRUNED: u64 = 10;

fn open(folder: &Path, sync_writes: bool) -> MultiStore {
    let config = Config::new().with("sync_writes", sync_writes).with("cache_size", "8 MiB");
    let stores = MultiStoreConfig::new(folder);
    let stores = ENGINES.iter().fold(stores, |stores, engine| stores.with_engine_config(*engine, config.clone()));
    MultiStore::builder(stores).home("rocksdb").open_or_create().unwrap()
}

fn contents(store: &dyn Store) -> Model {
    let mut model = Model::new();
    let mut visit = |key: &[u8], value: &[u8]| {
        model.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    };
    store.iterate(&mut visit).unwrap();
    model
}

/// What the next version changes, which depends on its number only. A part may be done already: stores are made, renamed and deleted at once.
fn block(stores: &MultiStore, engines: [&str; 4]) {
    let number = stores.current_version().unwrap() + 1;
    let create = |name: &str, engine| {
        if !stores.store_exists(name) {
            stores.create_store(name, Some(engine), &Config::new()).unwrap();
        }
    };
    match number % 12 {
        1 => engines.iter().zip(ENGINES).for_each(|(engine, name)| create(name, engine)),
        3 => create("guest", engines[usize::try_from(number / 12 % 4).unwrap()]),
        6 if stores.store_exists("guest") => stores.rename_store("guest", "moved").unwrap(),
        9 if stores.store_exists("moved") => stores.delete_store("moved").unwrap(),
        _ => {}
    }
    for listing in stores.list_stores() {
        let store = stores.get_store(&listing.name).unwrap();
        let mut numbers = Numbers(number << 8 | u64::from(listing.name.as_bytes()[0]));
        for _ in 0..30 {
            let key = numbers.below(200).to_be_bytes();
            if numbers.below(4) == 0 { store.delete(&key).unwrap() } else { store.set(&key, &numbers.next().to_be_bytes()).unwrap() }
        }
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{TOLD}{what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What the child does: not a test of its own.
#[test]
fn child() {
    let (Ok(folder), Ok(seed)) = (std::env::var(FOLDER), std::env::var(SEED)) else { return };
    let mut numbers = Numbers(seed.parse().unwrap());
    loop {
        let stores = open(Path::new(&folder), numbers.below(3) == 0);
        say(&format!("at {}", stores.current_version().unwrap()));
        for _ in 0..numbers.below(60) {
            block(&stores, ENGINES);
            let saved = if numbers.below(2) == 0 { stores.prepare().unwrap().commit().unwrap() } else { stores.save_version().unwrap() };
            say(&format!("saved {} {}", saved.version, saved.app_hash));
            if saved.version % PRUNED == 0 {
                stores.prune(&Keep::Last(KEPT)).unwrap();
            }
            if numbers.below(6) == 0 && saved.version > 2 {
                roll_back(&stores, saved.version - 2);
            }
        }
    }
}

fn roll_back(stores: &MultiStore, version: u64) {
    say(&format!("to {version}"));
    match stores.rollback_to(version) {
        Ok(()) | Err(Error::StoreDeleted { .. } | Error::NoMultiVersion { .. }) => {}
        Err(other) => panic!("{other}"),
    }
    say(&format!("at {}", stores.current_version().unwrap()));
}

/// The same in memory, undisturbed.
struct Undisturbed {
    stores: MultiStore,
    versions: Vec<MultiVersion>,
}

impl Undisturbed {
    fn version(&mut self, version: u64) -> &MultiVersion {
        while (self.versions.len() as u64) < version {
            block(&self.stores, ["memory"; 4]);
            self.versions.push(self.stores.save_version().unwrap());
        }
        &self.versions[usize::try_from(version - 1).unwrap()]
    }
}

/// What is known of the stores on the disk.
struct Known {
    undisturbed: Undisturbed,
    /// Versions that may be the newest.
    newest: BTreeSet<u64>,
    /// The highest version that there may ever have been.
    highest: u64,
    /// Kills before the stores were open.
    while_opening: u32,
}

impl Known {
    fn new() -> Self {
        let undisturbed = Undisturbed { stores: MultiStore::in_memory().unwrap(), versions: Vec::new() };
        Self { undisturbed, newest: [0].into(), highest: 0, while_opening: 0 }
    }

    /// Takes in what a child told. It was killed somewhere behind.
    fn hear(&mut self, told: &[String]) {
        for line in told {
            let words: Vec<&str> = line.split(' ').collect();
            let version: u64 = words[1].parse().unwrap();
            match words[0] {
                // Either it was known before, or the next one was under way.
                "at" => assert!(self.newest.contains(&version), "at {version}, not at one of {:?}", self.newest),
                "saved" => {
                    assert!(self.newest.contains(&version), "saved {version}, not one of {:?}", self.newest);
                    assert_eq!(words[2], self.undisturbed.version(version).app_hash.to_string(), "version {version}");
                }
                "to" => {
                    self.newest.insert(version);
                    continue;
                }
                other => panic!("the child tells {other:?}"),
            }
            self.newest = [version, version + 1].into();
            self.highest = self.highest.max(version + 1);
        }
    }

    /// Looks at everything that is on the disk.
    fn check(&mut self, folder: &Path) {
        let stores = open(folder, true);
        let versions = stores.list_versions().unwrap();
        let newest = versions.last().map_or(0, |version| version.version);
        assert!(self.newest.contains(&newest), "version {newest} is the newest, not one of {:?}", self.newest);
        assert_eq!(stores.current_version().unwrap(), newest);
        let oldest = versions.first().map_or(1, |version| version.version);
        assert!(oldest <= (self.highest / PRUNED * PRUNED + 1).saturating_sub(KEPT).max(1), "versions below {oldest} are gone");
        assert!(versions.iter().map(|version| version.version).eq(oldest..=newest), "there is a gap");
        let parts = |version: &MultiVersion| -> Vec<(String, u64, Hash, u64)> {
            version.stores.iter().map(|part| (part.name.clone(), part.version, part.root_hash, part.size)).collect()
        };
        for found in &versions {
            let expected = self.undisturbed.version(found.version);
            assert_eq!((found.app_hash, parts(found)), (expected.app_hash, parts(expected)), "version {}", found.version);
        }
        // What a pruning that was cut short left, the next one takes, which need not remove a version itself.
        stores.prune(&Keep::Without(BTreeSet::new())).unwrap();
        assert_eq!(stores.list_versions().unwrap(), versions);
        stores.check(&mut |_| {}).unwrap();
        for listing in stores.list_stores() {
            let store = stores.get_store(&listing.name).unwrap();
            let listed = versions.last().is_some_and(|newest| newest.stores.iter().any(|part| part.name == listing.name));
            let snapshot = stores.snapshot(None).ok().filter(|_| listed);
            if let Some(snapshot) = snapshot {
                let tree = snapshot.store(&listing.name).unwrap().tree();
                let saved: Model = tree.iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect();
                assert_eq!(contents(&store), saved, "the working state of {:?} is that of the newest version", listing.name);
            }
        }
        self.newest = [newest].into();
    }

    /// Lets a child work, and kills it after a while.
    fn run(&mut self, folder: &Path, seed: u64, after: Duration) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .env(SEED, seed.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines.filter_map(|line| line.split_once(TOLD).map(|(_, told)| told.to_owned())).collect::<Vec<_>>()
        });
        let mut errors = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || std::io::read_to_string(&mut errors).unwrap());
        std::thread::sleep(after);
        let has_ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let (told, errors) = (reader.join().unwrap(), errors.join().unwrap());
        assert!(has_ended.is_none() && errors.is_empty(), "the child failed: {errors}");
        self.while_opening += u32::from(told.is_empty());
        self.hear(&told);
    }
}

#[test]
fn an_engine_whose_making_was_cut_short_before_the_database_was_in_it_is_of_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stores");
    let stores = open(&path, false);
    drop(FjallBackend::open(&path.join("fjall"), Access::Create, FjallOptions { cache_size: 1 << 20, compression: true }).unwrap());
    drop(LevelBackend::open(&path.join("leveldb"), Access::Create, LevelOptions { cache_size: 1 << 20, compression: true }).unwrap());
    drop(FileBackend::open(&path.join("file"), Access::Create, None).unwrap());
    for engine in ENGINES {
        stores.create_store(engine, Some(engine), &Config::new()).unwrap().set(b"key", b"value").unwrap();
    }
    stores.save_version().unwrap();
    drop(stores);
    let stores = open(&path, false);
    for engine in ENGINES {
        assert_eq!(stores.get_store(engine).unwrap().get(b"key").unwrap(), Some(b"value".to_vec()));
    }
}

#[test]
fn stores_on_four_engines_survive_kills_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stores");
    let seed = std::env::var("TREERING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut numbers = Numbers(seed);
    let (start, mut known) = (Instant::now(), Known::new());
    for round in 0.. {
        if start.elapsed() > Duration::from_secs(20) {
            break;
        }
        // Where a failure shows, this was printed last.
        println!("TREERING_SEED={seed}, round {round}, after {:?}, {} versions so far", start.elapsed(), known.highest);
        known.run(&path, numbers.next(), Duration::from_millis(40 + numbers.below(500)));
        // Then, now and then, also while it puts right what that left, and once more.
        for _ in 0..numbers.below(2) * 2 {
            known.run(&path, numbers.next(), Duration::from_millis(3 + numbers.below(60)));
        }
        known.check(&path);
    }
    println!("{} versions, {} kills while opening", known.highest, known.while_opening);
    assert!(known.highest > 30, "the kills came too early to show anything: version {}", known.highest);
    assert!(known.while_opening > 0, "no kill came while the stores were being opened");
}
