//! The configuration of a folder of stores.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{ConfigError, join};
use super::raw::Raw;
use super::settings::ENGINE_CONFIGS;
use super::text::{self, Notation};
use super::value::Config;

const ROOT_PATH: &str = "rootPath";
/// Where the default engine is named.
pub(crate) const DEFAULT_ENGINE: &str = "defaultEngine";
/// The engine of stores for which none is named.
const ENGINE: &str = "rocksdb";
/// The largest integer of TOML.
const TOML_LARGEST: u64 = i64::MAX as u64;

/// Where the stores of a `MultiStore` lie, and on which engines.
///
/// JSON and TOML have the names `rootPath`, `defaultEngine` and `engineConfigs`; [the module](super) shows both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Raw")]
pub struct MultiStoreConfig {
    /// The folder of all stores. A relative one counts from the process's working folder.
    pub root_path: PathBuf,
    /// The engine of stores for which none is named (default `rocksdb`).
    pub default_engine: String,
    /// What is written for engines, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub engine_configs: BTreeMap<String, Config>,
}

impl MultiStoreConfig {
    /// Stores in `root_path`, on RocksDB, with defaults for everything.
    #[must_use]
    pub fn new(root_path: impl Into<PathBuf>) -> Self {
        Self { root_path: root_path.into(), default_engine: ENGINE.to_owned(), engine_configs: BTreeMap::new() }
    }

    /// The same with another default engine.
    #[must_use]
    pub fn with_default_engine(mut self, engine: impl Into<String>) -> Self {
        self.default_engine = engine.into();
        self
    }

    /// The same with `config` for `engine`, in place of what it had.
    #[must_use]
    pub fn with_engine_config(mut self, engine: impl Into<String>, config: Config) -> Self {
        self.engine_configs.insert(engine.into(), config);
        self
    }

    /// What is written for an engine; nothing, if nothing is.
    #[must_use]
    pub fn engine_config(&self, engine: &str) -> Config {
        self.engine_configs.get(engine).cloned().unwrap_or_default()
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`], [`ConfigError::UnknownKey`], [`ConfigError::WrongType`], [`ConfigError::Impossible`],
    /// [`ConfigError::Missing`] without a `rootPath`. The keys of engines are checked by
    /// [`Registry::check`](crate::engine::Registry::check), which knows them.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        text::parse(Notation::Json, json)?.try_into()
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_toml(toml: &str) -> Result<Self, ConfigError> {
        text::parse(Notation::Toml, toml)?.try_into()
    }

    /// Takes its keys out of a configuration that has others beside them.
    #[cfg(feature = "system")]
    pub(crate) fn take_from(config: &mut Config) -> Result<Self, ConfigError> {
        let own =
            [ROOT_PATH, DEFAULT_ENGINE, ENGINE_CONFIGS].into_iter().filter_map(|key| Some((key.to_owned(), config.remove(key)?.into())));
        Raw::Table(own.collect()).try_into()
    }

    /// Reads a file whose name ends with `.json` or `.toml`.
    ///
    /// # Errors
    /// [`ConfigError::Extension`], [`ConfigError::Io`], [`ConfigError::InFile`] with those of [`from_json`](Self::from_json).
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

    /// The JSON that [`from_json`](Self::from_json) reads back.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`] for a path that is not UTF-8.
    pub fn to_json(&self) -> Result<String, ConfigError> {
        text::render(Notation::Json, self)
    }

    /// The TOML that [`from_toml`](Self::from_toml) reads back.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`] for a path that is not UTF-8 and for numbers of 2^63 and more, which TOML does not have.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        let mut engines = self.engine_configs.iter();
        if let Some((key, value)) = engines.find_map(|(name, config)| config.integer_above(TOML_LARGEST, &join(ENGINE_CONFIGS, name))) {
            let what = format!("{key}: found the number {value}; allowed are numbers up to {TOML_LARGEST}");
            return Err(ConfigError::Unwritable { format: Notation::Toml, what });
        }
        text::render(Notation::Toml, self)
    }
}

impl TryFrom<Raw> for MultiStoreConfig {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        let Raw::Table(mut table) = raw else { return Err(ConfigError::not_a_table("", &raw)) };
        let root_path = take_text(&mut table, ROOT_PATH, "texts: the folder of all stores")?;
        let root_path = root_path.ok_or(ConfigError::Missing { key: ROOT_PATH.to_owned(), needed: "the folder of all stores, a text" })?;
        let default_engine = take_text(&mut table, DEFAULT_ENGINE, "texts: the name of an engine")?;
        let engine_configs = table.remove(ENGINE_CONFIGS).map(engine_configs).transpose()?;
        if let Some(unknown) = table.keys().next() {
            return Err(ConfigError::unknown_key(join("", unknown), unknown, [ROOT_PATH, DEFAULT_ENGINE, ENGINE_CONFIGS]));
        }
        Ok(Self {
            root_path: root_path.into(),
            default_engine: default_engine.unwrap_or_else(|| ENGINE.to_owned()),
            engine_configs: engine_configs.unwrap_or_default(),
        })
    }
}

fn take_text(table: &mut BTreeMap<String, Raw>, key: &str, allowed: &str) -> Result<Option<String>, ConfigError> {
    match table.remove(key) {
        None => Ok(None),
        Some(Raw::Text(text)) if text.is_empty() => {
            Err(ConfigError::Impossible { key: key.to_owned(), found: "an empty text".to_owned(), allowed: allowed.to_owned() })
        }
        Some(Raw::Text(text)) => Ok(Some(text)),
        Some(other) => Err(ConfigError::WrongType { key: key.to_owned(), found: other.found(), allowed: allowed.to_owned() }),
    }
}

fn engine_configs(raw: Raw) -> Result<BTreeMap<String, Config>, ConfigError> {
    let Raw::Table(table) = raw else { return Err(ConfigError::not_a_table(ENGINE_CONFIGS, &raw)) };
    let configs = table.into_iter().map(|(engine, raw)| {
        let config = Config::from_raw(raw, &join(ENGINE_CONFIGS, &engine))?;
        Ok((engine, config))
    });
    configs.collect()
}
