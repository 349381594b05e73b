//! The engines there are, by their names.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::builtin;
use super::definition::Engine;
use crate::config::{
    COMMON_KEYS, Config, ConfigError, DEFAULT_ENGINE, ENGINE_CONFIGS, Key, KeyDescription, MultiStoreConfig, Settings, join, nearest,
};

/// The engines that a feature of the crate brings, which has the same name, and whether it is on; `memory` is always there.
const FEATURES: [(&str, bool); 4] = [
    ("file", cfg!(feature = "file")),
    ("fjall", cfg!(feature = "fjall")),
    ("leveldb", cfg!(feature = "leveldb")),
    ("rocksdb", cfg!(feature = "rocksdb")),
];

/// Why the registry could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// An engine has the name already.
    #[error("there is an engine {name:?} already; give yours another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// No engine has the name.
    #[error("there is no engine {name:?}{}; there are {}", hint(name, there_are, *feature), listed(there_are))]
    Unknown {
        /// The name.
        name: String,
        /// The engines there are.
        there_are: Vec<String>,
        /// The feature of the crate that would bring it, if treering was built without.
        feature: Option<&'static str>,
    },
    /// An engine cannot have this name.
    #[error("{name:?} cannot be an engine's name: it must be of lowercase letters, digits, _ and -")]
    Name {
        /// The name.
        name: String,
    },
    /// An engine has a key that cannot be.
    #[error("the engine {engine:?} cannot have the key {key:?}: {why}")]
    Key {
        /// The engine.
        engine: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Engines by name.
///
/// ```
/// use std::path::Path;
///
/// use treering::config::{Config, Settings};
/// use treering::engine::{Access, Registry};
///
/// let engines = Registry::with_compiled_in();
/// let memory = engines.get("memory")?;
/// let settings = Settings::check(memory.name(), &memory.keys(), &Config::new().with("cache_size", "64 MiB"))?;
/// let backend = memory.open(Path::new("unused"), Access::Create, &settings)?;
/// backend.flush()?;
///
/// let error = engines.get("papyrus").err().expect("nobody has it");
/// assert!(error.to_string().starts_with("there is no engine \"papyrus\"; there are "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    engines: BTreeMap<String, Arc<dyn Engine>>,
}

impl Default for Registry {
    /// All engines that were compiled in.
    fn default() -> Self {
        Self::with_compiled_in()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.engines.keys()).finish()
    }
}

impl Registry {
    /// All engines that were compiled in: `memory`, and those of the crate's features.
    #[must_use]
    pub fn with_compiled_in() -> Self {
        Self { engines: builtin::all().into_iter().map(|engine| (engine.name().to_owned(), engine)).collect() }
    }

    /// One without engines.
    #[must_use]
    pub fn empty() -> Self {
        Self { engines: BTreeMap::new() }
    }

    /// Adds an engine.
    ///
    /// # Errors
    /// [`EngineError::Name`], [`EngineError::Exists`], [`EngineError::Key`].
    pub fn register(&mut self, engine: Arc<dyn Engine>) -> Result<(), EngineError> {
        let name = engine.name().to_owned();
        if !is_word(&name) {
            return Err(EngineError::Name { name });
        }
        if self.engines.contains_key(&name) {
            return Err(EngineError::Exists { name });
        }
        check_keys(&name, &engine.keys())?;
        self.engines.insert(name, engine);
        Ok(())
    }

    /// The engine with this name.
    ///
    /// # Errors
    /// [`EngineError::Unknown`], which lists the engines there are, and names the feature that would bring it.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Engine>, EngineError> {
        let unknown = || EngineError::Unknown { name: name.to_owned(), there_are: self.owned_names(), feature: feature(name) };
        self.engines.get(name).cloned().ok_or_else(unknown)
    }

    /// The names of all engines, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.engines.keys().map(String::as_str).collect()
    }

    /// Checks a whole configuration, and gives the settings of every engine there is: defaults for those it says nothing about.
    ///
    /// # Errors
    /// [`ConfigError::UnknownEngine`], and those of [`Settings::check`].
    pub fn check(&self, config: &MultiStoreConfig) -> Result<BTreeMap<String, Settings>, ConfigError> {
        self.check_name(DEFAULT_ENGINE, &config.default_engine)?;
        for name in config.engine_configs.keys() {
            self.check_name(&join(ENGINE_CONFIGS, name), name)?;
        }
        let nothing = Config::new();
        let settings = self.engines.iter().map(|(name, engine)| {
            let written = config.engine_configs.get(name).unwrap_or(&nothing);
            Ok((name.clone(), Settings::check(name, &engine.keys(), written)?))
        });
        settings.collect()
    }

    /// Every key: first those of all engines, then those of each.
    #[must_use]
    pub fn describe_keys(&self) -> Vec<KeyDescription> {
        let common = COMMON_KEYS.iter().map(|key| KeyDescription::new(None, key));
        let own = self.engines.iter().flat_map(|(name, engine)| {
            let keys = engine.keys().into_iter();
            keys.map(|key| KeyDescription::new(Some(name), &key))
        });
        common.chain(own).collect()
    }

    fn check_name(&self, key: &str, name: &str) -> Result<(), ConfigError> {
        if self.engines.contains_key(name) {
            return Ok(());
        }
        let allowed = self.owned_names();
        let hint = hint(name, &allowed, feature(name));
        Err(ConfigError::UnknownEngine { key: key.to_owned(), engine: name.to_owned(), allowed, hint })
    }

    fn owned_names(&self) -> Vec<String> {
        self.engines.keys().cloned().collect()
    }
}

/// The feature that is off and would bring an engine.
fn feature(engine: &str) -> Option<&'static str> {
    FEATURES.iter().find(|(name, is_on)| *name == engine && !is_on).map(|(name, _)| *name)
}

fn listed(there_are: &[String]) -> String {
    if there_are.is_empty() { "none".to_owned() } else { there_are.join(", ") }
}

/// What to do about an engine that is not there, in brackets, if that is known.
fn hint(name: &str, there_are: &[String], feature: Option<&str>) -> String {
    match (feature, nearest(name, there_are.iter().map(String::as_str))) {
        (Some(feature), _) => format!(" (build treering with its cargo feature {feature:?} to have it)"),
        (None, Some(meant)) => format!(" (did you mean {meant:?}?)"),
        (None, None) => String::new(),
    }
}

/// Whether a name is of lowercase letters, digits, `_` and `-`.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
}

fn check_keys(engine: &str, keys: &[Key]) -> Result<(), EngineError> {
    let mut known: Vec<_> = COMMON_KEYS.iter().map(|key| key.name).collect();
    for key in keys {
        let failed = |why: String| EngineError::Key { engine: engine.to_owned(), key: key.name, why };
        if !is_word(key.name) {
            return Err(failed("its name must be of lowercase letters, digits, _ and -".to_owned()));
        }
        if known.contains(&key.name) {
            return Err(failed("there is a key of this name already".to_owned()));
        }
        key.check_default().map_err(|error| failed(format!("its default is not allowed: {error}")))?;
        known.push(key.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_was_not_compiled_in_comes_with_its_feature() {
        let there_are = ["memory".to_owned(), "rocksdb".to_owned()];
        assert_eq!(hint("fjall", &there_are, Some("fjall")), " (build treering with its cargo feature \"fjall\" to have it)");
        assert_eq!(hint("rocks-db", &there_are, None), " (did you mean \"rocksdb\"?)");
        assert_eq!(hint("papyrus", &there_are, None), "");
        for (name, is_on) in FEATURES {
            assert_eq!(feature(name).is_none(), is_on);
            let registry = Registry::with_compiled_in();
            assert_eq!(registry.get(name).is_ok(), is_on, "the feature {name} brings the engine");
        }
        assert_eq!(feature("memory"), None);
    }
}
