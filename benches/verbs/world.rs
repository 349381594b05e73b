//! What the verbs are done with.

use std::env;
use std::path::PathBuf;

use tempfile::TempDir;
use treering::{CreateOptions, Database, OpenOptions, TreeStore};

use crate::workload::{Config, Operation, Workload};

const STORE: &str = "bench";

/// The size of the runs.
pub(crate) fn config() -> Config {
    let keys = env::var("TREERING_BENCH_KEYS").map_or(100_000, |text| text.parse().unwrap());
    Config { keys, batch: (keys / 100).max(1), ..Config::default() }
}

/// A database with all keys loaded, a few blocks after that.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) database: Database,
    pub(crate) store: TreeStore,
    pub(crate) workload: Workload,
    pub(crate) config: Config,
    /// The version in which the last key was loaded.
    pub(crate) loaded: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = match env::var_os("TREERING_BENCH_DIR") {
            Some(dir) => tempfile::tempdir_in(dir).unwrap(),
            None => tempfile::tempdir().unwrap(),
        };
        let config = config();
        let database = Database::create(folder.path().join("trees"), &CreateOptions::default(), &OpenOptions::default()).unwrap();
        database.create_store(STORE).unwrap();
        let store = database.store(STORE).unwrap();
        let mut world = Self { folder, database, store, workload: Workload::new(config), config, loaded: 0 };
        while let Some(block) = world.workload.next_load_block() {
            world.save(&block);
        }
        world.loaded = world.store.current_version();
        for _ in 0..10 {
            let block = world.workload.next_block();
            world.save(&block);
        }
        world
    }

    /// Applies a block and saves it durably.
    pub(crate) fn save(&mut self, block: &[Operation]) {
        let block: Vec<_> = block.iter().map(|Operation { key, value }| (key.as_slice(), value.as_deref())).collect();
        self.store.apply(&block).unwrap();
        self.store.save_version().unwrap();
    }

    /// Live keys, at random.
    pub(crate) fn keys(&mut self, count: u64) -> Vec<Vec<u8>> {
        self.workload.pick(count).into_iter().map(|number| self.workload.key(number)).collect()
    }

    /// Keys that were never set.
    pub(crate) fn absent_keys(&self, count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|number| self.workload.key(u64::MAX - number)).collect()
    }

    /// Closes the database; its folder, which lives as long as the first value, and its path.
    pub(crate) fn close(self) -> (TempDir, PathBuf) {
        let Self { folder, database, store, .. } = self;
        drop(store);
        database.close().unwrap();
        let path = folder.path().join("trees");
        (folder, path)
    }

    /// The store again, of a database that was opened again.
    pub(crate) fn store_of(database: &Database) -> TreeStore {
        database.store(STORE).unwrap()
    }

    /// The oldest version that is kept.
    pub(crate) fn oldest(&self) -> u64 {
        self.database.versions(STORE).unwrap().first().unwrap().version
    }

    /// A version of the store.
    pub(crate) fn snapshot(&self, version: Option<u64>) -> treering::Snapshot {
        Self::snapshot_of(&self.database, version)
    }

    /// A version of the store of a database that was opened again.
    pub(crate) fn snapshot_of(database: &Database, version: Option<u64>) -> treering::Snapshot {
        database.snapshot(STORE, version).unwrap()
    }
}
