//! Engines by name: the registry, what the built-in ones say of themselves, and that their settings reach them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use treering::config::{Config, ConfigError, Key, Kind, MultiStoreConfig, Preset, Scope, Settings};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Access, Backend, BackendError, Batch, Capabilities, Durability, Engine, EngineError, Keyspace, Registry};

/// An engine of somebody else: one database in memory, which stays.
struct Shelf {
    name: &'static str,
    keys: Vec<Key>,
    backend: Arc<MemoryBackend>,
}

impl Shelf {
    fn new(name: &'static str) -> Self {
        Self { name, keys: vec![key("boards", Preset::Number(3))], backend: Arc::default() }
    }
}

fn key(name: &'static str, default: Preset) -> Key {
    Key { name, kind: Kind::Count { min: 1, max: 9 }, default, meaning: "How many.", scope: Scope::Database }
}

impl Engine for Shelf {
    fn name(&self) -> &str {
        self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::TREE
    }

    fn keys(&self) -> Vec<Key> {
        self.keys.clone()
    }

    fn exists(&self, _path: &Path) -> bool {
        true
    }

    fn open(&self, path: &Path, _access: Access, settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        if settings.number("boards") == Some(9) {
            return Err(BackendError::new(format!("opening {}", path.display()), "too high"));
        }
        Ok(Arc::clone(&self.backend) as Arc<dyn Backend>)
    }
}

fn settings(engine: &dyn Engine, config: &Config) -> Settings {
    Settings::check(engine.name(), &engine.keys(), config).unwrap()
}

#[test]
fn every_compiled_engine_is_found_by_its_name() {
    let registry = Registry::default();
    assert!(registry.names().contains(&"memory"));
    for name in registry.names() {
        let engine = registry.get(name).unwrap();
        assert_eq!(engine.name(), name);
        let capabilities = engine.capabilities();
        assert!(capabilities.transactions && capabilities.versioning && capabilities.range_queries);
        assert_eq!(capabilities.persistence, name != "memory");
        assert_eq!(engine.can_be_read_beside_writer(), ["rocksdb", "file"].contains(&name));
        let has_compression = engine.keys().iter().any(|key| key.name == "compression");
        assert_eq!(capabilities.compression, has_compression, "{name}");
    }
    assert_eq!(format!("{:?}", registry.get("memory").unwrap()), "Engine(memory)");
}

#[test]
fn engines_keep_what_they_say_they_keep() {
    let registry = Registry::default();
    for name in registry.names() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, path) = (registry.get(name).unwrap(), folder.path().join("database"));
        let settings = settings(&*engine, &Config::new().with("cache_size", "8 MiB"));
        assert!(!engine.exists(&path), "{name}");
        let backend = engine.open(&path, Access::Create, &settings).unwrap();
        let mut batch = Batch::new();
        for keyspace in Keyspace::ALL {
            batch.put(keyspace, b"oak", keyspace.name());
        }
        backend.write(&batch, Durability::Synced).unwrap();
        assert_eq!(backend.get(Keyspace::Nodes, b"oak").unwrap(), Some(b"nodes".to_vec()));
        drop(backend);
        let persists = engine.capabilities().persistence;
        assert_eq!(engine.exists(&path), persists, "{name}");
        let accesses = if persists { vec![Access::ReadOnly, Access::ReadWrite, Access::Create] } else { vec![Access::ReadWrite] };
        for access in accesses {
            let backend = engine.open(&path, access, &settings).unwrap();
            for keyspace in Keyspace::ALL {
                let expected = persists.then(|| keyspace.name().as_bytes().to_vec());
                assert_eq!(backend.get(keyspace, b"oak").unwrap(), expected, "{name} {access:?} {keyspace}");
            }
        }
    }
}

#[test]
fn what_is_not_there_is_only_made_when_asked() {
    let registry = Registry::default();
    for name in registry.names() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, path) = (registry.get(name).unwrap(), folder.path().join("database"));
        let open = |access| engine.open(&path, access, &Settings::default());
        assert!(open(Access::ReadOnly).is_err(), "{name}");
        assert_eq!(open(Access::ReadWrite).is_err(), engine.capabilities().persistence, "{name}");
        assert!(!engine.exists(&path), "{name}");
    }
}

#[test]
fn the_memory_engine_says_why_it_cannot_be_read_only() {
    let memory = Registry::default().get("memory").unwrap();
    let Err(error) = memory.open(Path::new("x"), Access::ReadOnly, &Settings::default()) else { panic!("opened") };
    assert_eq!(error.to_string(), "opening the engine memory read-only: it starts empty, so there would be nothing to read");
}

#[test]
fn an_engine_of_ones_own_is_one_among_the_others() {
    let mut registry = Registry::default();
    registry.register(Arc::new(Shelf::new("book-shelf_2"))).unwrap();
    let shelf = registry.get("book-shelf_2").unwrap();
    let three = settings(&*shelf, &Config::new());
    let mut batch = Batch::new();
    batch.put(Keyspace::Meta, b"a", b"b");
    shelf.open(Path::new("x"), Access::Create, &three).unwrap().write(&batch, Durability::Synced).unwrap();
    let again = shelf.open(Path::new("x"), Access::ReadWrite, &three).unwrap();
    assert_eq!(again.get(Keyspace::Meta, b"a").unwrap(), Some(b"b".to_vec()));
    let Err(error) = shelf.open(Path::new("x"), Access::ReadWrite, &settings(&*shelf, &Config::new().with("boards", 9))) else {
        panic!("opened");
    };
    assert_eq!(error.to_string(), "opening x: too high");
    let described = registry.describe_keys();
    let boards = described.iter().find(|key| key.key == "boards").unwrap();
    assert_eq!(
        (boards.engine.as_deref(), boards.default.as_str(), boards.allowed.as_str()),
        (Some("book-shelf_2"), "3", "numbers from 1 to 9")
    );
}

#[test]
fn names_are_unique_and_plain() {
    let mut registry = Registry::empty();
    assert!(registry.names().is_empty());
    registry.register(Arc::new(Shelf::new("shelf"))).unwrap();
    let error = registry.register(Arc::new(Shelf::new("shelf"))).unwrap_err();
    assert!(matches!(error, EngineError::Exists { .. }));
    assert_eq!(error.to_string(), "there is an engine \"shelf\" already; give yours another name");
    for name in ["", "Shelf", "book shelf", "shélf", "a.b", "a/b"] {
        let error = registry.register(Arc::new(Shelf::new(name))).unwrap_err();
        assert!(matches!(error, EngineError::Name { .. }));
        assert_eq!(error.to_string(), format!("{name:?} cannot be an engine's name: it must be of lowercase letters, digits, _ and -"));
    }
    assert_eq!(registry.names(), ["shelf"]);
    assert_eq!(format!("{registry:?}"), "{\"shelf\"}");
}

#[test]
fn keys_of_engines_are_checked() {
    let cases = [
        (vec![key("Boards", Preset::Number(1))], "\"Boards\": its name must be of lowercase letters, digits, _ and -"),
        (vec![key("cache_size", Preset::Number(1))], "\"cache_size\": there is a key of this name already"),
        (vec![key("a", Preset::Number(1)), key("a", Preset::Number(1))], "\"a\": there is a key of this name already"),
        (
            vec![key("boards", Preset::Number(10))],
            "\"boards\": its default is not allowed: boards: found the number 10; allowed are numbers from 1 to 9",
        ),
        (
            vec![key("boards", Preset::Boolean(true))],
            "\"boards\": its default is not allowed: boards: found the boolean true; allowed are numbers from 1 to 9",
        ),
        (
            vec![key("boards", Preset::Word("three"))],
            "\"boards\": its default is not allowed: boards: found the text \"three\"; allowed are numbers from 1 to 9",
        ),
        (
            vec![Key { kind: Kind::Bytes { min: 0, max: 9 }, ..key("boards", Preset::Word("1 B")) }],
            "\"boards\": its default is not allowed: boards: found the text \"1 B\"; \
             allowed are bytes: a number, or a number with KiB, MiB, GiB, from 0 B to 9 B",
        ),
    ];
    for (keys, expected) in cases {
        let error = Registry::empty().register(Arc::new(Shelf { keys, ..Shelf::new("shelf") })).unwrap_err();
        assert!(matches!(error, EngineError::Key { .. }));
        assert_eq!(error.to_string(), format!("the engine \"shelf\" cannot have the key {expected}"));
    }
}

#[test]
fn the_keys_of_the_built_in_engines_would_be_taken() {
    let built_in = Registry::default();
    let mut registry = Registry::empty();
    for name in built_in.names() {
        registry.register(built_in.get(name).unwrap()).unwrap();
    }
    let described = serde_json::to_value(registry.describe_keys()).unwrap();
    let common = described.as_array().unwrap().iter().filter(|key| key["engine"].is_null()).count();
    assert_eq!(common, 7);
}

#[test]
fn an_unknown_engine_is_named_with_those_there_are() {
    let mut registry = Registry::empty();
    assert_eq!(registry.get("oak").unwrap_err().to_string(), "there is no engine \"oak\"; there are none");
    registry.register(Arc::new(Shelf::new("shelf"))).unwrap();
    registry.register(Arc::new(Shelf::new("drawer"))).unwrap();
    assert_eq!(registry.get("oak").unwrap_err().to_string(), "there is no engine \"oak\"; there are drawer, shelf");
    assert_eq!(
        registry.get("Shelf").unwrap_err().to_string(),
        "there is no engine \"Shelf\" (did you mean \"shelf\"?); there are drawer, shelf"
    );
}

#[test]
fn a_whole_configuration_is_checked() {
    let mut registry = Registry::empty();
    registry.register(Arc::new(Shelf::new("shelf"))).unwrap();
    registry.register(Arc::new(Shelf::new("drawer"))).unwrap();
    let config = MultiStoreConfig::new("trees").with_default_engine("shelf");
    let written = config.clone().with_engine_config("shelf", Config::new().with("boards", 5).with("max_versions", 2));
    let settings = registry.check(&written).unwrap();
    assert_eq!(settings.keys().collect::<Vec<_>>(), ["drawer", "shelf"]);
    assert_eq!((settings["shelf"].number("boards"), settings["drawer"].number("boards")), (Some(5), Some(3)));
    assert_eq!(settings["shelf"].retention().max_versions, Some(2));

    let message = |config: &MultiStoreConfig| registry.check(config).unwrap_err().to_string();
    assert_eq!(
        message(&config.clone().with_default_engine("shelves")),
        "defaultEngine: there is no engine \"shelves\"; allowed are drawer, shelf"
    );
    let misspelt = config.clone().with_engine_config("shell", Config::new());
    assert_eq!(
        message(&misspelt),
        "engineConfigs.shell: there is no engine \"shell\" (did you mean \"shelf\"?); allowed are drawer, shelf"
    );
    assert!(matches!(registry.check(&misspelt), Err(ConfigError::UnknownEngine { engine, .. }) if engine == "shell"));
    assert_eq!(
        message(&config.with_engine_config("drawer", Config::new().with("boards", 0))),
        "engineConfigs.drawer.boards: found the number 0; allowed are numbers from 1 to 9"
    );
}

#[test]
fn capabilities_are_said_in_words_and_json() {
    assert_eq!(Capabilities::TREE.to_string(), "transactions, versioning, range queries");
    let none = Capabilities { transactions: false, versioning: false, range_queries: false, ..Capabilities::TREE };
    assert_eq!(none.to_string(), "none");
    let all = Capabilities { persistence: true, compression: true, ..Capabilities::TREE };
    assert_eq!(all.to_string(), "transactions, versioning, range queries, persistence, compression");
    let json = serde_json::json!({
        "transactions": true, "versioning": true, "range_queries": true, "persistence": false, "compression": false,
    });
    assert_eq!(serde_json::to_value(Capabilities::TREE).unwrap(), json);
}

#[cfg(feature = "file")]
mod file_settings {
    use treering::engine::FileEngine;

    use super::*;

    fn open(path: &Path, access: Access, config: &Config) -> Result<Arc<dyn Backend>, BackendError> {
        FileEngine.open(path, access, &settings(&FileEngine, config))
    }

    /// The ends of the names of all files that hold batches.
    fn extensions(folder: &Path) -> Vec<String> {
        let batches = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        let files = batches.flat_map(|batch| std::fs::read_dir(batch).unwrap().map(|entry| entry.unwrap().path()));
        files.map(|file| file.extension().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_new_database_has_the_format_asked_for_and_keeps_it() {
        for (config, format) in [("", "json"), ("format = 'auto'", "json"), ("format = 'json'", "json"), ("format = 'borsh'", "borsh")] {
            let folder = tempfile::tempdir().unwrap();
            let mut batch = Batch::new();
            batch.put(Keyspace::Meta, b"oak", b"200");
            let backend = open(folder.path(), Access::Create, &Config::from_toml(config).unwrap()).unwrap();
            backend.write(&batch, Durability::Synced).unwrap();
            assert_eq!(extensions(folder.path()), [format], "{config}");
            drop(backend);
            // Without a format it is the one that it has; with another one it is refused.
            let backend = open(folder.path(), Access::ReadWrite, &Config::new()).unwrap();
            assert_eq!(backend.get(Keyspace::Meta, b"oak").unwrap(), Some(b"200".to_vec()));
            backend.write(&batch, Durability::Synced).unwrap();
            assert_eq!(extensions(folder.path()), [format, format], "{config}");
            drop(backend);
            let other = if format == "json" { "borsh" } else { "json" };
            assert!(open(folder.path(), Access::ReadWrite, &Config::new().with("format", other)).is_err());
            assert!(open(folder.path(), Access::ReadWrite, &Config::new().with("format", format)).is_ok());
        }
    }

    #[test]
    fn another_format_is_named() {
        let error = Settings::check("file", &FileEngine.keys(), &Config::new().with("format", "xml")).unwrap_err();
        assert_eq!(error.to_string(), "engineConfigs.file.format: found the text \"xml\"; allowed are \"json\", \"borsh\", or \"auto\"");
    }
}

/// Whether values that compress well stand as they are in the database's files with this extension.
#[cfg(any(feature = "fjall", feature = "leveldb"))]
fn stand_plain(engine: &dyn Engine, config: &Config, extension: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let backend = engine.open(folder.path(), Access::Create, &settings(engine, config)).unwrap();
    let value = "ring ".repeat(12_000);
    // Together more than LevelDB holds back in memory.
    for number in 0..100_u8 {
        let mut batch = Batch::new();
        batch.put(Keyspace::Latest, [number], &value);
        backend.write(&batch, Durability::Buffered).unwrap();
    }
    backend.flush().unwrap();
    assert_eq!(backend.get(Keyspace::Latest, &[7]).unwrap().unwrap(), value.as_bytes());
    drop(backend);
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    assert!(!files.is_empty(), "no files with extension {extension}");
    let part = "ring ".repeat(200);
    files.into_iter().any(|path| std::fs::read(path).unwrap().windows(part.len()).any(|found| found == part.as_bytes()))
}

#[cfg(any(feature = "fjall", feature = "leveldb"))]
fn check_compression(engine: &dyn Engine, word: &str, extension: &str) {
    let name = engine.name();
    let with = |compression: &str| stand_plain(engine, &Config::new().with("compression", compression), extension);
    assert!(with("none"), "{name}");
    assert!(!with(word), "{name}");
    assert!(!stand_plain(engine, &Config::new(), extension), "{name}");
    let error = Settings::check(name, &engine.keys(), &Config::new().with("compression", "zstd")).unwrap_err();
    let expected = format!("engineConfigs.{name}.compression: found the text \"zstd\"; allowed are \"none\", {word:?}");
    assert_eq!(error.to_string(), expected);
}

#[cfg(feature = "fjall")]
#[test]
fn fjall_compresses_unless_told_not_to() {
    check_compression(&treering::engine::FjallEngine, "lz4", "jnl");
}

#[cfg(feature = "leveldb")]
#[test]
fn leveldb_compresses_unless_told_not_to() {
    check_compression(&treering::engine::LevelEngine, "snappy", "ldb");
}

#[cfg(feature = "rocksdb")]
mod rocksdb_settings {
    use std::collections::BTreeMap;
    use std::fs;

    use treering::engine::RocksEngine;
    use treering::engine::rocksdb::{Compression, RocksOptions};
    use treering::engine::{Change, Put};

    use super::*;

    fn checked(toml: &str) -> Settings {
        settings(&RocksEngine, &Config::from_toml(toml).unwrap())
    }

    /// What RocksDB notes of its own options for each column family: compression and filter.
    fn noted(folder: &Path) -> BTreeMap<String, (String, String)> {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let newest = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("OPTIONS-")).max().unwrap();
        let text = fs::read_to_string(newest).unwrap();
        let value = |section: &str, key: &str| {
            let (_, value) = section.split_once(&format!("\n  {key}=")).unwrap();
            value.lines().next().unwrap().to_owned()
        };
        let families = text.split("[CFOptions \"").skip(1).map(|section| {
            let name = section.split('"').next().unwrap().to_owned();
            (name, (value(section, "compression"), value(section, "filter_policy")))
        });
        families.collect()
    }

    fn noted_after(toml: &str) -> BTreeMap<String, (String, String)> {
        let folder = tempfile::tempdir().unwrap();
        drop(RocksEngine.open(folder.path(), Access::Create, &checked(toml)).unwrap());
        let mut noted = noted(folder.path());
        noted.remove("default").unwrap();
        assert_eq!(noted.len(), Keyspace::ALL.len());
        noted
    }

    #[test]
    fn the_defaults_are_lz4_and_ten_bits() {
        let options = RocksEngine::options(&checked(""));
        assert_eq!((options.block_cache, options.bloom_bits), (128 << 20, 10));
        for keyspace in Keyspace::ALL {
            assert_eq!(options.compression_of(keyspace), Compression::Lz4);
            assert_eq!(RocksOptions::default().compression_of(keyspace), Compression::Lz4);
        }
        for (keyspace, (compression, filter)) in noted_after("") {
            assert_eq!(compression, "kLZ4Compression", "{keyspace}");
            let has_filter = keyspace == "latest";
            assert_eq!(filter, if has_filter { "bloomfilter" } else { "nullptr" }, "{keyspace}");
        }
    }

    #[test]
    fn compression_is_set_for_all_or_for_each_keyspace() {
        for (word, rocks) in [("none", "kNoCompression"), ("lz4", "kLZ4Compression"), ("zstd", "kZSTD")] {
            for (keyspace, (compression, _)) in noted_after(&format!("compression = {word:?}")) {
                assert_eq!(compression, rocks, "{keyspace}");
            }
        }
        for (keyspace, (compression, _)) in noted_after("[compression]\nnodes = 'none'\nlog = 'zstd'") {
            let expected = match keyspace.as_str() {
                "nodes" => "kNoCompression",
                "log" => "kZSTD",
                _ => "kLZ4Compression",
            };
            assert_eq!(compression, expected, "{keyspace}");
        }
    }

    /// Bytes of the tables that this many nodes make, added in one batch by `write`.
    fn table_bytes(bits: u64, (keyspace, keys): (Keyspace, u64), value: &[u8], write: impl Fn(&dyn Backend, &Batch)) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let settings = checked(&format!("compression = 'none'\nbloom_bits = {bits}"));
        let backend = RocksEngine.open(folder.path(), Access::Create, &settings).unwrap();
        let mut batch = Batch::new();
        for number in 0..keys {
            batch.put(keyspace, number.to_be_bytes(), value);
        }
        write(&*backend, &batch);
        let files = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let tables = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "sst"));
        tables.map(|file| file.metadata().unwrap().len()).sum()
    }

    /// The file of a version's nodes is looked into for keys that it has.
    #[test]
    fn files_of_many_nodes_have_no_filter() {
        const NODES: u64 = 20_000;
        let ingest = |backend: &dyn Backend, batch: &Batch| {
            let mut changes = batch.changes();
            let mut put_all = |put: &mut Put<'_>| {
                changes.by_ref().try_for_each(|(_, change)| match change {
                    Change::Put { key, value } => put(key, value),
                    _ => unreachable!("the batch has puts only"),
                })
            };
            backend.ingest(Keyspace::Nodes, &mut put_all).unwrap();
        };
        let file_size = |bits| table_bytes(bits, (Keyspace::Nodes, NODES), &[7; 100], ingest);
        let (without, with) = (file_size(0), file_size(20));
        assert!(without > NODES * 100, "{without} bytes: the batch was not added as a file");
        assert!(with.abs_diff(without) < 1024, "{with} and {without} bytes");
    }

    #[test]
    fn filters_have_the_bits_asked_for() {
        const KEYS: u64 = 20_000;
        let file_size = |bits| {
            table_bytes(bits, (Keyspace::Latest, KEYS), b"", |backend, batch| {
                backend.write(batch, Durability::Synced).unwrap();
                backend.flush().unwrap();
            })
        };
        let without = file_size(0);
        for bits in [1, 10, 20] {
            let (filter, expected) = (file_size(bits) - without, KEYS * bits / 8);
            assert!(filter.abs_diff(expected) <= expected / 5 + 1024, "{bits} bits: {filter} bytes");
        }
        assert!(noted_after("bloom_bits = 0").values().all(|(_, filter)| filter == "nullptr"));
        assert_eq!(RocksEngine::options(&checked("cache_size = '8 MiB'")).block_cache, 1 << 20);
    }

    #[test]
    fn what_was_written_with_other_options_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let value = "ring ".repeat(20_000);
        let rounds = ["compression = 'none'\nbloom_bits = 0", "compression = 'zstd'", "compression = 'lz4'\nbloom_bits = 20"];
        for (round, toml) in rounds.iter().enumerate() {
            let backend = RocksEngine.open(folder.path(), Access::Create, &checked(toml)).unwrap();
            let mut batch = Batch::new();
            batch.put(Keyspace::Latest, round.to_string(), &value);
            backend.write(&batch, Durability::Synced).unwrap();
            backend.flush().unwrap();
            for earlier in 0..=round {
                assert_eq!(backend.get(Keyspace::Latest, earlier.to_string().as_bytes()).unwrap().unwrap(), value.as_bytes());
            }
        }
    }

    #[test]
    fn wrong_settings_are_named() {
        let message = |toml: &str| {
            let error = Settings::check("rocksdb", &RocksEngine.keys(), &Config::from_toml(toml).unwrap()).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            message("compression = 'snappy'"),
            "engineConfigs.rocksdb.compression: found the text \"snappy\"; allowed are \"none\", \"lz4\", \"zstd\", \
             or a table that gives one of them to some of nodes, latest, log, commits, orphans, meta"
        );
        assert_eq!(
            message("[compression]\nnode = 'lz4'"),
            "engineConfigs.rocksdb.compression.node: there is no such key (did you mean \"nodes\"?); \
             allowed are commits, latest, log, meta, nodes, orphans"
        );
        assert_eq!(message("bloom_bits = 21"), "engineConfigs.rocksdb.bloom_bits: found the number 21; allowed are numbers from 0 to 20");
        assert_eq!(
            message("cache_size = 'big'"),
            "engineConfigs.rocksdb.cache_size: found the text \"big\"; \
             allowed are bytes: a number, or a number with KiB, MiB, GiB, from 1 MiB"
        );
    }
}
