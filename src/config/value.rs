//! What a user wrote: values, and the map from keys to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{ConfigError, join};
use super::raw::{FOUND_TABLE, Raw, found_boolean, found_integer, found_text};
use super::text::{self, Notation};

/// What values may be, in messages.
const VALUES: &str = "booleans, whole numbers from 0 to 18446744073709551615, texts and tables";

/// A value as the user wrote it; whether it fits its key is for [`Settings::check`](super::Settings::check) to say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged, try_from = "Raw")]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(u64),
    /// Text, such as `lz4` or `64 MiB`.
    Text(String),
    /// Values with names.
    Table(BTreeMap<String, Value>),
}

impl Value {
    /// The value of a command line's argument: `true`, `false` and whole numbers are those, all else is text.
    ///
    /// ```
    /// use treering::config::Value;
    ///
    /// assert_eq!(Value::from_argument("true"), Value::Boolean(true));
    /// assert_eq!(Value::from_argument("100"), Value::Integer(100));
    /// assert_eq!(Value::from_argument("64 MiB"), Value::Text("64 MiB".to_owned()));
    /// ```
    #[must_use]
    pub fn from_argument(argument: &str) -> Self {
        let as_boolean = argument.parse().map(Self::Boolean);
        let as_integer = argument.parse().map(Self::Integer);
        as_boolean.or(as_integer).unwrap_or_else(|_| Self::Text(argument.to_owned()))
    }

    /// What it is, for messages: `the text "big"`.
    pub(crate) fn found(&self) -> String {
        match self {
            Self::Boolean(value) => found_boolean(*value),
            Self::Integer(value) => found_integer(*value),
            Self::Text(text) => found_text(text),
            Self::Table(_) => FOUND_TABLE.to_owned(),
        }
    }

    /// The value at `path`, if it can be one.
    pub(super) fn from_raw(raw: Raw, path: &str) -> Result<Self, ConfigError> {
        Ok(match raw {
            Raw::Boolean(value) => Self::Boolean(value),
            Raw::Integer(value) => Self::Integer(value),
            Raw::Text(text) => Self::Text(text),
            Raw::Table(table) => Self::Table(values(table, path)?),
            Raw::Other(found) => {
                let key = if path.is_empty() { "the value" } else { path };
                return Err(ConfigError::WrongType { key: key.to_owned(), found, allowed: VALUES.to_owned() });
            }
        })
    }

    /// The first integer that is more than `limit`, with its path.
    pub(super) fn integer_above(&self, limit: u64, path: &str) -> Option<(String, u64)> {
        match self {
            Self::Integer(value) if *value > limit => Some((path.to_owned(), *value)),
            Self::Table(table) => table.iter().find_map(|(key, value)| value.integer_above(limit, &join(path, key))),
            _ => None,
        }
    }
}

fn values(table: BTreeMap<String, Raw>, path: &str) -> Result<BTreeMap<String, Value>, ConfigError> {
    let checked = table.into_iter().map(|(key, raw)| {
        let value = Value::from_raw(raw, &join(path, &key))?;
        Ok((key, value))
    });
    checked.collect()
}

impl TryFrom<Raw> for Value {
    type Error = ConfigError;

    fn try_from(raw: Raw) -> Result<Self, ConfigError> {
        Self::from_raw(raw, "")
    }
}

#[cfg(feature = "system")]
impl From<Value> for Raw {
    fn from(value: Value) -> Self {
        match value {
            Value::Boolean(value) => Self::Boolean(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Text(text) => Self::Text(text),
            Value::Table(table) => Self::Table(table.into_iter().map(|(key, value)| (key, value.into())).collect()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<BTreeMap<String, Value>> for Value {
    fn from(table: BTreeMap<String, Value>) -> Self {
        Self::Table(table)
    }
}

/// What a user wrote for one engine, or for one store.
///
/// ```
/// use treering::config::Config;
///
/// let written = Config::from_toml("cache_size = \"64 MiB\"\nsync_writes = false")?;
/// assert_eq!(written, Config::new().with("cache_size", "64 MiB").with("sync_writes", false));
/// # Ok::<(), treering::config::ConfigError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Config {
    #[serde(deserialize_with = "deserialize_entries")]
    entries: BTreeMap<String, Value>,
}

fn deserialize_entries<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Value>, D::Error> {
    let config = Config::from_raw(Raw::deserialize(deserializer)?, "").map_err(serde::de::Error::custom)?;
    Ok(config.entries)
}

impl Config {
    /// One where nothing is written: all keys have their defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with `key` set.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets `key`, in place of what was written before.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.entries.insert(key.into(), value.into());
    }

    /// Takes what is written for `key`.
    #[cfg(feature = "system")]
    pub(crate) fn remove(&mut self, key: &str) -> Option<Value> {
        self.entries.remove(key)
    }

    /// What is written for `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// Keys and what is written for them, in the keys' order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`], and [`ConfigError::WrongType`] for what no value can be: a list, null, a negative number, a fraction.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        Self::from_raw(text::parse(Notation::Json, json)?, "")
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`], and [`ConfigError::WrongType`] for what no value can be: a list, a date, a negative number, a fraction.
    pub fn from_toml(toml: &str) -> Result<Self, ConfigError> {
        Self::from_raw(text::parse(Notation::Toml, toml)?, "")
    }

    pub(super) fn from_raw(raw: Raw, path: &str) -> Result<Self, ConfigError> {
        match raw {
            Raw::Table(table) => Ok(Self { entries: values(table, path)? }),
            other => Err(ConfigError::not_a_table(path, &other)),
        }
    }

    /// The first integer that is more than `limit`, with its path.
    pub(super) fn integer_above(&self, limit: u64, path: &str) -> Option<(String, u64)> {
        self.entries.iter().find_map(|(key, value)| value.integer_above(limit, &join(path, key)))
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Config {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect() }
    }
}
