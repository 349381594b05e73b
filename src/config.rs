//! What a user can set: for an engine, for a store, and for a folder of stores.
//!
//! A configuration is read first ([`Config`], [`MultiStoreConfig`]) and checked then ([`Settings`]), against the [keys](Key) that there
//! are: [`COMMON_KEYS`], and those of each engine. Nothing is ignored and nothing guessed: whatever is not understood is an error that
//! names the key, what was found, and what is allowed. The hash function is no setting: it is fixed when a database is made.
//!
//! # A whole file, as TOML
//!
//! ```
//! # let toml = r#"
//! rootPath = "trees"            # the folder of all stores
//! defaultEngine = "rocksdb"     # for stores that name none
//!
//! [engineConfigs.rocksdb]
//! cache_size = "2 GiB"          # memory of nodes and the engine's block cache; or a number of bytes
//! sync_writes = true            # a saved version survives a power cut
//! read_only = false
//! max_versions = 1000           # of every store; for one store, give it when the store is made
//! version_ttl = "30 days"       # or a number of seconds
//! keep_every = 10000            # of the older versions, every ten thousandth stays
//! bloom_bits = 10
//!
//! [engineConfigs.rocksdb.compression]    # or one word for all: compression = "lz4"
//! nodes = "none"                # hashes do not compress
//! log = "zstd"
//!
//! [engineConfigs.memory]
//! cache_size = "64 MiB"
//! # "#;
//! # let config = treering::config::MultiStoreConfig::from_toml(toml)?;
//! # assert_eq!(config.root_path, std::path::Path::new("trees"));
//! # let names: Vec<_> = config.engine_configs.keys().collect();
//! # assert_eq!(names, ["memory", "rocksdb"]);
//! # assert_eq!(config.engine_configs["rocksdb"].iter().count(), 8);
//! # if treering::engine::Registry::default().get("rocksdb").is_ok() {
//! #     let settings = treering::engine::Registry::default().check(&config)?;
//! #     assert_eq!(settings["rocksdb"].cache_size(), 2 << 30);
//! #     assert_eq!(settings["rocksdb"].retention().version_ttl, Some(2_592_000));
//! #     assert_eq!(settings["rocksdb"].word_of("compression", "latest"), Some("lz4"));
//! # }
//! # Ok::<(), treering::config::ConfigError>(())
//! ```
//!
//! # A whole file, as JSON
//!
//! ```
//! # let json = r#"
//! {
//!   "rootPath": "trees",
//!   "defaultEngine": "rocksdb",
//!   "engineConfigs": {
//!     "rocksdb": {
//!       "cache_size": "2 GiB",
//!       "sync_writes": true,
//!       "read_only": false,
//!       "max_versions": 1000,
//!       "version_ttl": "30 days",
//!       "keep_every": 10000,
//!       "bloom_bits": 10,
//!       "compression": { "nodes": "none", "log": "zstd" }
//!     },
//!     "memory": { "cache_size": "64 MiB" }
//!   }
//! }
//! # "#;
//! # let config = treering::config::MultiStoreConfig::from_json(json)?;
//! # assert_eq!(config.engine_configs["rocksdb"].iter().count(), 8);
//! # if treering::engine::Registry::default().get("rocksdb").is_ok() {
//! #     assert_eq!(treering::engine::Registry::default().check(&config)?["memory"].cache_size(), 64 << 20);
//! # }
//! # Ok::<(), treering::config::ConfigError>(())
//! ```
//!
//! All of it but `rootPath` may be left out. [`Registry::describe_keys`](crate::engine::Registry::describe_keys) lists every key with
//! its type, default, allowed values and meaning.

mod common;
mod description;
mod error;
mod key;
mod multi_store;
mod nearest;
mod raw;
mod retention;
mod settings;
mod text;
mod units;
mod value;

pub use common::{
    BLOOM_BITS, CACHE_SIZE, CHECKPOINT_INTERVAL, COMMON_KEYS, COMPRESSION, ENGINE_CACHE_SHARE, FORMAT, KEEP_EVERY, MAX_VERSIONS, READ_ONLY,
    SYNC_WRITES, VERSION_TTL,
};
pub use description::KeyDescription;
pub use error::ConfigError;
pub use key::{Key, Kind, Preset, Scope};
pub use multi_store::MultiStoreConfig;
pub use retention::Retention;
pub use settings::Settings;
pub use text::Notation;
pub use units::{format_bytes, format_seconds};
pub use value::{Config, Value};

pub(crate) use error::join;
pub(crate) use multi_store::DEFAULT_ENGINE;
pub(crate) use nearest::nearest;
pub(crate) use settings::ENGINE_CONFIGS;
