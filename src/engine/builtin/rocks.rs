//! The engine `rocksdb`.

use std::path::Path;
use std::sync::Arc;

use crate::config::{BLOOM_BITS, COMPRESSION, Key, Kind, Preset, Scope, Settings};
use crate::engine::rocksdb::{Compression, DEFAULT_BLOOM_BITS, MOST_BLOOM_BITS, RocksBackend, RocksOptions};
use crate::engine::{Access, Backend, BackendError, Capabilities, Engine, Keyspace};

/// What can be compressed apart, by name.
const KEYSPACES: [&str; 6] = [
    Keyspace::Nodes.name(),
    Keyspace::Latest.name(),
    Keyspace::Log.name(),
    Keyspace::Commits.name(),
    Keyspace::Orphans.name(),
    Keyspace::Meta.name(),
];
const COMPRESSIONS: [&str; 3] = [Compression::None.name(), Compression::Lz4.name(), Compression::Zstd.name()];

const KEYS: [Key; 2] = [
    Key {
        name: BLOOM_BITS,
        kind: Kind::Count { min: 0, max: MOST_BLOOM_BITS as u64 },
        default: Preset::Number(DEFAULT_BLOOM_BITS as u64),
        meaning: "Bits a key in the filters that save reads of absent keys; 0: no filters.",
        scope: Scope::Database,
    },
    Key {
        name: COMPRESSION,
        kind: Kind::ChoicePerPart { words: &COMPRESSIONS, parts: &KEYSPACES },
        default: Preset::Word(Compression::Lz4.name()),
        meaning: "How blocks on disk are compressed, in all keyspaces or in each; it holds for what is written from now on.",
        scope: Scope::Database,
    },
];

/// RocksDB: for databases larger than memory, and for readers beside a writer.
#[derive(Clone, Copy, Default, Debug)]
pub struct RocksEngine;

impl RocksEngine {
    /// What the settings mean for RocksDB.
    #[must_use]
    pub fn options(settings: &Settings) -> RocksOptions {
        let defaults = RocksOptions::default();
        let chosen = |keyspace: Keyspace| Compression::named(settings.word_of(COMPRESSION, keyspace.name())?);
        let compressions = Keyspace::ALL.into_iter().filter_map(|keyspace| Some((keyspace, chosen(keyspace)?)));
        let bloom_bits = settings.number(BLOOM_BITS).and_then(|bits| u32::try_from(bits).ok());
        RocksOptions {
            block_cache: usize::try_from(settings.engine_cache_size()).unwrap_or(usize::MAX),
            compression: compressions.collect(),
            bloom_bits: bloom_bits.unwrap_or(defaults.bloom_bits),
        }
    }
}

impl Engine for RocksEngine {
    fn name(&self) -> &'static str {
        "rocksdb"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { persistence: true, compression: true, ..Capabilities::TREE }
    }

    fn keys(&self) -> Vec<Key> {
        KEYS.to_vec()
    }

    fn exists(&self, path: &Path) -> bool {
        RocksBackend::exists(path)
    }

    fn open(&self, path: &Path, access: Access, settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        Ok(Arc::new(RocksBackend::open(path, access, &Self::options(settings))?))
    }

    fn can_be_read_beside_writer(&self) -> bool {
        true
    }
}
