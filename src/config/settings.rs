//! A configuration that was checked against the keys there are.

use std::collections::BTreeMap;

use super::common::{
    CACHE_SIZE, CHECKPOINT_INTERVAL, COMMON_KEYS, DEFAULT_CACHE_SIZE, ENGINE_CACHE_SHARE, KEEP_EVERY, MAX_VERSIONS, READ_ONLY, SYNC_WRITES,
    VERSION_TTL,
};
use super::error::{ConfigError, join};
use super::key::{Key, Scope};
use super::retention::Retention;
use super::value::Config;

/// Where the configurations of engines lie in a [`MultiStoreConfig`](super::MultiStoreConfig).
pub(crate) const ENGINE_CONFIGS: &str = "engineConfigs";

/// The value of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Setting {
    /// None, which the key's meaning explains.
    Unset,
    Boolean(bool),
    Number(u64),
    Word(&'static str),
    Words(BTreeMap<&'static str, &'static str>),
    Text(String),
}

/// The settings of one engine, or of one store: every key has a value of its type that it can have.
///
/// ```
/// use treering::config::{Config, Settings};
///
/// let written = Config::new().with("cache_size", "64 MiB").with("max_versions", 100);
/// let settings = Settings::check("memory", &[], &written)?;
/// assert_eq!(settings.cache_size(), 64 << 20);
/// assert_eq!(settings.retention().max_versions, Some(100));
/// assert!(settings.sync_writes());
///
/// let error = Settings::check("memory", &[], &Config::new().with("cache_size", "big")).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "engineConfigs.memory.cache_size: found the text \"big\"; \
///      allowed are bytes: a number, or a number with KiB, MiB, GiB, from 1 MiB"
/// );
/// # Ok::<(), treering::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    engine: String,
    values: BTreeMap<&'static str, Setting>,
}

impl Default for Settings {
    /// The defaults of the keys of all engines.
    fn default() -> Self {
        Self::defaults("", &[])
    }
}

impl Settings {
    fn defaults(engine: &str, keys: &[Key]) -> Self {
        let values = COMMON_KEYS.iter().chain(keys).map(|key| (key.name, key.preset())).collect();
        Self { engine: engine.to_owned(), values }
    }

    /// Checks what is written for an engine, which has `keys` beside [`COMMON_KEYS`].
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`], [`ConfigError::WrongType`], [`ConfigError::Impossible`], with the key as
    /// `engineConfigs.engine.key`.
    pub fn check(engine: &str, keys: &[Key], config: &Config) -> Result<Self, ConfigError> {
        let mut settings = Self::defaults(engine, keys);
        let path = join(ENGINE_CONFIGS, engine);
        for (name, value) in config.iter() {
            let path = join(&path, name);
            let key = find(name, keys).ok_or_else(|| unknown_key(path.clone(), name, keys))?;
            settings.values.insert(key.name, key.check(&path, value)?);
        }
        Ok(settings)
    }

    /// Checks what is written in a table that is no engine's: it has `keys`, and no others.
    #[cfg(feature = "system")]
    pub(crate) fn check_table(path: &str, keys: &[Key], config: &Config) -> Result<Self, ConfigError> {
        let values = keys.iter().map(|key| (key.name, key.preset())).collect();
        let mut settings = Self { engine: path.to_owned(), values };
        for (name, value) in config.iter() {
            let path = join(path, name);
            let unknown = || ConfigError::unknown_key(path.clone(), name, keys.iter().map(|key| key.name));
            let key = keys.iter().find(|key| key.name == name).ok_or_else(unknown)?;
            settings.values.insert(key.name, key.check(&path, value)?);
        }
        Ok(settings)
    }

    /// The settings of one store: these, which are its engine's, and over them what is written for the store itself.
    ///
    /// ```
    /// use treering::config::{Config, Settings};
    ///
    /// let database = Settings::check("memory", &[], &Config::new().with("max_versions", 100))?;
    /// let forest = database.for_store("forest", &[], &Config::new().with("max_versions", "all"))?;
    /// assert_eq!(forest.retention().max_versions, None);
    /// # Ok::<(), treering::config::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`check`](Self::check), and [`ConfigError::NotForStores`]; the key is given as `store "name": key`.
    pub fn for_store(&self, store: &str, keys: &[Key], config: &Config) -> Result<Self, ConfigError> {
        let mut settings = self.clone();
        for (name, value) in config.iter() {
            let path = format!("store {store:?}: {}", join("", name));
            let key = find(name, keys).ok_or_else(|| unknown_key_of_store(path.clone(), name, keys))?;
            if key.scope == Scope::Database {
                return Err(self.not_for_stores(path, &key, keys));
            }
            settings.values.insert(key.name, key.check(&path, value)?);
        }
        Ok(settings)
    }

    fn not_for_stores(&self, path: String, key: &Key, keys: &[Key]) -> ConfigError {
        let for_stores = COMMON_KEYS.iter().chain(keys).filter(|key| key.scope == Scope::Store);
        let mut allowed: Vec<_> = for_stores.map(|key| key.name.to_owned()).collect();
        allowed.sort_unstable();
        ConfigError::NotForStores { key: path, database_key: join(&join(ENGINE_CONFIGS, &self.engine), key.name), allowed }
    }

    /// The engine that these are for; empty for the defaults of all.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// The value of a boolean key; `None` when there is no such key of this type.
    #[must_use]
    pub fn boolean(&self, key: &str) -> Option<bool> {
        match self.values.get(key)? {
            Setting::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The value of a key of bytes, counts or durations (in seconds); `None` when it is unset, or there is no such key of this type.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u64> {
        match self.values.get(key)? {
            Setting::Number(value) => Some(*value),
            _ => None,
        }
    }

    /// The word chosen for a key; `None` when it is unset, or there is no such key of this type.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&'static str> {
        match self.values.get(key)? {
            Setting::Word(word) => Some(word),
            _ => None,
        }
    }

    /// The text written for a key of [`Kind::Text`](super::Kind::Text); `None` when it is unset, or there is no such key of this type.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key)? {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The word chosen for one part, with a key of [`Kind::ChoicePerPart`](super::Kind::ChoicePerPart); `None` when there is no such
    /// key or part.
    #[must_use]
    pub fn word_of(&self, key: &str, part: &str) -> Option<&'static str> {
        match self.values.get(key)? {
            Setting::Words(words) => words.get(part).copied(),
            _ => None,
        }
    }

    /// Bytes of memory for nodes of trees and the engine's block cache together.
    #[must_use]
    pub fn cache_size(&self) -> u64 {
        self.number(CACHE_SIZE).unwrap_or(DEFAULT_CACHE_SIZE)
    }

    /// Bytes of the engine's block cache: an eighth of [`cache_size`](Self::cache_size).
    #[must_use]
    pub fn engine_cache_size(&self) -> u64 {
        self.cache_size() / ENGINE_CACHE_SHARE
    }

    /// Versions of a store from one whose nodes are stored to the next.
    #[must_use]
    pub fn checkpoint_interval(&self) -> u64 {
        self.number(CHECKPOINT_INTERVAL).unwrap_or(1)
    }

    /// Whether saving waits until the version is on the disk.
    #[must_use]
    pub fn sync_writes(&self) -> bool {
        self.boolean(SYNC_WRITES).unwrap_or(true)
    }

    /// Whether nothing is ever changed.
    #[must_use]
    pub fn read_only(&self) -> bool {
        self.boolean(READ_ONLY).unwrap_or(false)
    }

    /// Which versions are kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention { max_versions: self.number(MAX_VERSIONS), version_ttl: self.number(VERSION_TTL), keep_every: self.number(KEEP_EVERY) }
    }
}

/// The key `name` of an engine.
fn find(name: &str, keys: &[Key]) -> Option<Key> {
    COMMON_KEYS.iter().chain(keys).find(|key| key.name == name).copied()
}

fn unknown_key_of_store(path: String, name: &str, keys: &[Key]) -> ConfigError {
    let for_stores = COMMON_KEYS.iter().chain(keys).filter(|key| key.scope == Scope::Store);
    ConfigError::unknown_key(path, name, for_stores.map(|key| key.name))
}

fn unknown_key(path: String, name: &str, keys: &[Key]) -> ConfigError {
    ConfigError::unknown_key(path, name, COMMON_KEYS.iter().chain(keys).map(|key| key.name))
}
