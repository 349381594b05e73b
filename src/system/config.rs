//! The configuration of a system: that of its stores, and a table for each of its parts.
//!
//! ```
//! use treering::system::SystemConfig;
//!
//! let config = SystemConfig::from_toml(
//!     r#"
//!     rootPath = "trees"
//!     defaultEngine = "rocksdb"
//!
//!     [http]
//!     address = "0.0.0.0:7654"
//!
//!     [access]
//!     tokens = "tokens.toml"
//!
//!     [checker]
//!     interval = "7 days"
//!     "#,
//! )?;
//! assert_eq!(config.checker.interval.as_secs(), 7 * 86_400);
//!
//! let error = SystemConfig::from_toml("rootPath = \"trees\"\n[http]\nadress = \"127.0.0.1:80\"").unwrap_err();
//! assert!(error.to_string().starts_with("http.adress: there is no such key (did you mean \"address\"?)"));
//! # Ok::<(), treering::config::ConfigError>(())
//! ```

mod commented;
mod keys;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, MultiStoreConfig, Settings, Value, join};
use keys::{ACCESS, AUDIT, CHECKER, FEATURES, HTTP, PRUNER, SERVICES, TABLES};

pub use tables::{AccessConfig, AccessMode, AuditConfig, CheckerConfig, Features, HttpConfig, PrunerConfig, ServicesConfig};

/// The configuration of a system. What is not written has its default.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemConfig {
    /// Where the stores lie, and on which engines: `rootPath`, `defaultEngine`, `engineConfigs`.
    pub stores: MultiStoreConfig,
    /// `[features]`: which parts are on.
    pub features: Features,
    /// `[http]`: the server.
    pub http: HttpConfig,
    /// `[access]`: who is let in.
    pub access: AccessConfig,
    /// `[audit]`: what the audit trail has.
    pub audit: AuditConfig,
    /// `[pruner]`: removing versions that are not kept.
    pub pruner: PrunerConfig,
    /// `[checker]`: verifying hashes in the background.
    pub checker: CheckerConfig,
    /// `[services]`: how services are stopped, and started again after a failure.
    pub services: ServicesConfig,
}

impl SystemConfig {
    /// Stores in `root_path`, with defaults for everything.
    #[must_use]
    pub fn new(root_path: impl Into<PathBuf>) -> Self {
        Self::of_stores(MultiStoreConfig::new(root_path))
    }

    /// A system in memory, gone with its last handle.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::of_stores(MultiStoreConfig::new("").with_default_engine("memory"))
    }

    /// A system on such stores, with defaults for everything else.
    #[must_use]
    pub fn of_stores(stores: MultiStoreConfig) -> Self {
        Self {
            stores,
            features: Features::default(),
            http: HttpConfig::default(),
            access: AccessConfig::default(),
            audit: AuditConfig::default(),
            pruner: PrunerConfig::default(),
            checker: CheckerConfig::default(),
            services: ServicesConfig::default(),
        }
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`], [`ConfigError::UnknownKey`], [`ConfigError::WrongType`], [`ConfigError::Impossible`],
    /// [`ConfigError::Missing`] without a `rootPath`. Keys of engines are checked when the stores are opened, further features when the
    /// system is built: who knows them is known then.
    pub fn from_toml(toml: &str) -> Result<Self, ConfigError> {
        Self::from_config(Config::from_toml(toml)?)
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml).
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        Self::from_config(Config::from_json(json)?)
    }

    /// Reads a file whose name ends with `.json` or `.toml`.
    ///
    /// # Errors
    /// [`ConfigError::Extension`], [`ConfigError::Io`], [`ConfigError::InFile`] with those of [`from_toml`](Self::from_toml).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let parse = match extension.as_deref() {
            Some("json") => Self::from_json,
            Some("toml") => Self::from_toml,
            _ => return Err(ConfigError::Extension { path: path.to_owned() }),
        };
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        parse(&text).map_err(|error| ConfigError::InFile { path: path.to_owned(), error: Box::new(error) })
    }

    /// A whole file as TOML: every key with its default and what it does. Keys without a default are there as comments.
    #[must_use]
    pub fn commented() -> String {
        commented::text()
    }

    fn from_config(mut config: Config) -> Result<Self, ConfigError> {
        let known = ["rootPath", "defaultEngine", "engineConfigs"].into_iter().chain(TABLES.iter().map(|table| table.name));
        let known: Vec<&str> = known.collect();
        if let Some((unknown, _)) = config.iter().find(|(key, _)| !known.contains(key)) {
            return Err(ConfigError::unknown_key(join("", unknown), unknown, known));
        }
        let features = Features::read(&table(&mut config, FEATURES.name)?)?;
        let mut settings = |table: &keys::Table| settings_of(&mut config, table);
        let http = HttpConfig::read(&settings(&HTTP)?)?;
        let access = AccessConfig::read(&settings(&ACCESS)?);
        let audit = AuditConfig::read(&settings(&AUDIT)?);
        let pruner = PrunerConfig::read(&settings(&PRUNER)?);
        let checker = CheckerConfig::read(&settings(&CHECKER)?);
        let services = ServicesConfig::read(&settings(&SERVICES)?)?;
        let stores = MultiStoreConfig::take_from(&mut config)?;
        Ok(Self { stores, features, http, access, audit, pruner, checker, services })
    }
}

fn settings_of(config: &mut Config, of: &keys::Table) -> Result<Settings, ConfigError> {
    Settings::check_table(of.name, of.keys, &table(config, of.name)?)
}

/// Takes a table out; an empty one if it is not there.
fn table(config: &mut Config, name: &str) -> Result<Config, ConfigError> {
    match config.remove(name) {
        None => Ok(Config::new()),
        Some(Value::Table(table)) => Ok(BTreeMap::into_iter(table).collect()),
        Some(other) => {
            Err(ConfigError::WrongType { key: name.to_owned(), found: other.found(), allowed: "tables of keys and values".to_owned() })
        }
    }
}
