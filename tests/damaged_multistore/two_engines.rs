//! Stores on two engines in memory, whose records can be taken out, changed and put together again.
#![allow(dead_code, clippy::allow_attributes, reason = "tests and fuzz targets use their part of this")]

#[path = "../common/engine.rs"]
mod engine;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::TestEngine;
use treering::config::{Config, MultiStoreConfig};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, Batch, Durability, Keyspace};
use treering::{Companion, CompanionLog, Hash, MultiStore, MultiStoreBuilder, MultiVersion, Order, Result, Store};

/// The engines: the first one has the home.
pub(crate) const ENGINES: [&str; 2] = ["alpha", "beta"];
/// The keys that the stores may have.
pub(crate) const KEYS: u8 = 10;
/// Versions of the whole that the sample has.
pub(crate) const VERSIONS: u8 = 4;

/// A record of one of the engines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    /// The place of its engine among [`ENGINES`].
    pub(crate) engine: usize,
    pub(crate) keyspace: Keyspace,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Record {
    /// For messages.
    pub(crate) fn name(&self) -> String {
        format!("{} {} {:?}", ENGINES[self.engine], self.keyspace, String::from_utf8_lossy(&self.key))
    }

    /// Its contents without the checksum.
    pub(crate) fn body(&self) -> &[u8] {
        &self.value[..self.value.len() - 4]
    }

    /// The same with other contents, and the checksum that belongs to them.
    pub(crate) fn with_body(&self, body: &[u8]) -> Self {
        let mut crc = crc32fast::Hasher::new();
        for part in [self.keyspace.name().as_bytes(), &self.key, body] {
            crc.update(part);
        }
        Self { value: [body, &crc.finalize().to_be_bytes()].concat(), ..self.clone() }
    }
}

/// What both engines hold.
#[derive(Default)]
pub(crate) struct TwoEngines([Arc<MemoryBackend>; 2]);

impl TwoEngines {
    /// Engines that hold these records.
    pub(crate) fn with<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut batches = [Batch::new(), Batch::new()];
        for record in records {
            batches[record.engine].put(record.keyspace, &record.key, &record.value);
        }
        let engines = Self::default();
        for (backend, batch) in engines.0.iter().zip(&batches) {
            backend.write(batch, Durability::Buffered).unwrap();
        }
        engines
    }

    /// All records, in the order of engines, keyspaces and keys.
    pub(crate) fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for (engine, backend) in self.0.iter().enumerate() {
            for keyspace in Keyspace::ALL {
                for pair in backend.scan(keyspace, &[], None, Order::Ascending) {
                    let (key, value) = pair.unwrap();
                    records.push(Record { engine, keyspace, key, value });
                }
            }
        }
        records
    }

    /// How to open the stores. The folder keeps nothing but the note where the home is, and the lock.
    pub(crate) fn builder(&self, folder: &Path) -> MultiStoreBuilder {
        let builder = MultiStore::builder(MultiStoreConfig::new(folder).with_default_engine(ENGINES[0]));
        ENGINES
            .into_iter()
            .zip(&self.0)
            .fold(builder, |builder, (name, backend)| builder.engine(Arc::new(TestEngine { name, backend: Arc::clone(backend) })))
    }
}

/// A log of which nothing is kept but how it stands.
#[derive(Default)]
struct Log(AtomicU64);

impl CompanionLog for Log {
    fn standing(&self) -> Result<Option<Companion>> {
        let version = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Some(Companion { version, root_hash: Hash::new([u8::try_from(version).unwrap(); 32]), entries: 100 * version }))
    }

    fn saved(&self, _version: &MultiVersion, _beside: Companion) {}
}

/// The contents of the stores of a version.
pub(crate) type Model = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// What was saved, and what the engines hold of it.
pub(crate) struct Sample {
    pub(crate) records: Vec<Record>,
    pub(crate) versions: BTreeMap<u64, (MultiVersion, Model)>,
}

impl Sample {
    /// Saves [`VERSIONS`] versions of stores on both engines: one stays empty, and one gets another name on the way.
    pub(crate) fn save(folder: &Path) -> Self {
        let engines = TwoEngines::default();
        let stores = engines.builder(folder).open_or_create().unwrap();
        stores.set_companion_log(Some(Arc::new(Log::default()))).unwrap();
        let config = Config::new().with("max_versions", 100);
        for (name, engine) in [("bank", "alpha"), ("void", "alpha"), ("gov", "beta"), ("old", "beta")] {
            stores.create_store(name, Some(engine), &config).unwrap();
        }
        let (mut model, mut versions) = (Model::new(), BTreeMap::new());
        for version in 1..=VERSIONS {
            if version == 3 {
                stores.rename_store("old", "new").unwrap();
                let renamed = model.remove("old").unwrap();
                model.insert("new".to_owned(), renamed);
            }
            for (number, listing) in (0u8..).zip(stores.list_stores()) {
                let contents = model.entry(listing.name.clone()).or_default();
                if listing.name != "void" {
                    change(&stores.get_store(&listing.name).unwrap(), contents, version, number);
                }
            }
            let saved = stores.save_version().unwrap();
            versions.insert(saved.version, (saved, model.clone()));
        }
        stores.close_all().unwrap();
        Self { records: engines.records(), versions }
    }

    /// The newest version.
    pub(crate) fn newest(&self) -> &(MultiVersion, Model) {
        self.versions.last_key_value().unwrap().1
    }
}

fn change(store: &impl Store, contents: &mut BTreeMap<Vec<u8>, Vec<u8>>, version: u8, number: u8) {
    for step in 0..4 {
        let (key, value) = ([(3 * version + 7 * number + 4 * step) % KEYS], [version, number, step]);
        store.set(&key, &value).unwrap();
        contents.insert(key.to_vec(), value.to_vec());
    }
    let gone = [(version + number) % KEYS];
    store.delete(&gone).unwrap();
    contents.remove(&gone[..]);
}
