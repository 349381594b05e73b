//! The keys that a configuration can have: their types, defaults and allowed values.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::error::{ConfigError, join};
use super::settings::Setting;
use super::units::{self, NoAmount};
use super::value::Value;

/// A key of a configuration.
///
/// Engines list theirs; [`COMMON_KEYS`](super::COMMON_KEYS) are those of all engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Its name, such as `cache_size`: lowercase letters, digits and `_`.
    pub name: &'static str,
    /// The type of its values, and which of them are allowed.
    pub kind: Kind,
    /// What holds when it is not given.
    pub default: Preset,
    /// What it does, in one sentence.
    pub meaning: &'static str,
    /// For what it can be given.
    pub scope: Scope,
}

/// The type of a key's values. Ranges include both ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A number of bytes: a whole number, or a text such as `64 MiB`.
    Bytes {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A whole number.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A time: a whole number of seconds, or a text such as `30 days`.
    Duration {
        /// The least, in seconds.
        min: u64,
        /// The most, in seconds.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words for all parts, or a table with one for some of them; the others then have the default.
    ChoicePerPart {
        /// The words.
        words: &'static [&'static str],
        /// The parts.
        parts: &'static [&'static str],
    },
    /// Any text that is not empty. What it says, in words that go on after "texts:".
    Text(&'static str),
}

/// The default of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Preset {
    /// Of a [`Kind::Boolean`].
    Boolean(bool),
    /// Of [`Kind::Bytes`] (bytes), [`Kind::Count`] and [`Kind::Duration`] (seconds).
    Number(u64),
    /// Of a [`Kind::Choice`] or [`Kind::Text`], and of every part of a [`Kind::ChoicePerPart`].
    Word(&'static str),
    /// No value. The word says so, and can be written where a key that is set for the database shall not hold for a store: `"all"`.
    Unset(&'static str),
}

/// For what a key can be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For a database as a whole.
    Database,
    /// For a database, and for one store when it is made, which then goes before.
    Store,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "database",
            Self::Store => "store",
        })
    }
}

impl Kind {
    /// Its name: `boolean`, `bytes`, `count`, `duration`, `choice`, `text`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Bytes { .. } => "bytes",
            Self::Count { .. } => "count",
            Self::Duration { .. } => "duration",
            Self::Choice(_) | Self::ChoicePerPart { .. } => "choice",
            Self::Text(_) => "text",
        }
    }

    fn allowed(&self) -> String {
        match self {
            Self::Boolean => "true and false".to_owned(),
            Self::Bytes { min, max } => {
                format!("bytes: a number, or a number with KiB, MiB, GiB{}", amounts(*min, *max, units::format_bytes))
            }
            Self::Count { min, max } => format!("numbers{}", range(*min, *max, |number| number.to_string())),
            Self::Duration { min, max } => {
                format!("durations: seconds, or a number with s, min, h, days{}", amounts(*min, *max, units::format_seconds))
            }
            Self::Choice(words) => quoted(words),
            Self::Text(what) => format!("texts: {what}"),
            Self::ChoicePerPart { words, parts } => {
                format!("{}, or a table that gives one of them to some of {}", quoted(words), parts.join(", "))
            }
        }
    }
}

/// ` from 1 to 20`; ends that only the machine sets are not said.
fn range(min: u64, max: u64, show: impl Fn(u64) -> String) -> String {
    match (min, max) {
        (0, u64::MAX) => String::new(),
        (min, u64::MAX) => format!(" from {}", show(min)),
        (min, max) => format!(" from {} to {}", show(min), show(max)),
    }
}

/// The same, where it goes on after a list.
fn amounts(min: u64, max: u64, show: impl Fn(u64) -> String) -> String {
    let range = range(min, max, show);
    if range.is_empty() { range } else { format!(",{range}") }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

impl Key {
    /// Which values it can have, in words that go on after "allowed are".
    #[must_use]
    pub fn allowed(&self) -> String {
        match self.default {
            Preset::Unset(word) => format!("{}, or {word:?}", self.kind.allowed()),
            _ => self.kind.allowed(),
        }
    }

    /// Its default as a user would write it.
    #[must_use]
    pub fn default_text(&self) -> String {
        match (self.default, self.kind) {
            (Preset::Boolean(value), _) => value.to_string(),
            (Preset::Number(bytes), Kind::Bytes { .. }) => units::format_bytes(bytes),
            (Preset::Number(seconds), Kind::Duration { .. }) => units::format_seconds(seconds),
            (Preset::Number(number), _) => number.to_string(),
            (Preset::Word(word) | Preset::Unset(word), _) => word.to_owned(),
        }
    }

    /// Its default. Whether the kind allows it is for [`Key::check_default`] to say.
    pub(super) fn preset(&self) -> Setting {
        match (self.default, self.kind) {
            (Preset::Boolean(value), _) => Setting::Boolean(value),
            (Preset::Number(number), _) => Setting::Number(number),
            (Preset::Word(word), Kind::ChoicePerPart { parts, .. }) => Setting::Words(parts.iter().map(|part| (*part, word)).collect()),
            (Preset::Word(word), Kind::Text(_)) => Setting::Text(word.to_owned()),
            (Preset::Word(word), _) => Setting::Word(word),
            (Preset::Unset(_), _) => Setting::Unset,
        }
    }

    /// Whether its default is of its kind, and allowed.
    ///
    /// # Errors
    /// As for a user who writes the default.
    pub(crate) fn check_default(&self) -> Result<(), ConfigError> {
        let value = match self.default {
            Preset::Boolean(value) => Value::Boolean(value),
            Preset::Number(number) => Value::Integer(number),
            Preset::Word(word) | Preset::Unset(word) => Value::from(word),
        };
        if self.check(self.name, &value)? == self.preset() { Ok(()) } else { Err(self.wrong_type(self.name, &value)) }
    }

    /// What `value` means for this key, which messages call `path`.
    pub(super) fn check(&self, path: &str, value: &Value) -> Result<Setting, ConfigError> {
        match (self.default, value) {
            (Preset::Unset(word), Value::Text(text)) if text == word => return Ok(Setting::Unset),
            _ => {}
        }
        match self.kind {
            Kind::Boolean => match value {
                Value::Boolean(value) => Ok(Setting::Boolean(*value)),
                _ => Err(self.wrong_type(path, value)),
            },
            Kind::Count { min, max } => self.number(path, value, min, max, |_| Err(NoAmount::Unreadable)),
            Kind::Bytes { min, max } => self.number(path, value, min, max, units::parse_bytes),
            Kind::Duration { min, max } => self.number(path, value, min, max, units::parse_seconds),
            Kind::Choice(words) => self.word(path, value, words).map(Setting::Word),
            Kind::ChoicePerPart { words, parts } => self.words(path, value, words, parts),
            Kind::Text(_) => match value {
                Value::Text(text) if text.is_empty() => Err(self.impossible(path, value)),
                Value::Text(text) => Ok(Setting::Text(text.clone())),
                _ => Err(self.wrong_type(path, value)),
            },
        }
    }

    fn wrong_type(&self, path: &str, value: &Value) -> ConfigError {
        ConfigError::WrongType { key: path.to_owned(), found: value.found(), allowed: self.allowed() }
    }

    fn impossible(&self, path: &str, value: &Value) -> ConfigError {
        ConfigError::Impossible { key: path.to_owned(), found: value.found(), allowed: self.allowed() }
    }

    fn number(
        &self,
        path: &str,
        value: &Value,
        min: u64,
        max: u64,
        read: impl Fn(&str) -> Result<u64, NoAmount>,
    ) -> Result<Setting, ConfigError> {
        let number = match value {
            Value::Integer(number) => *number,
            Value::Text(text) => read(text).map_err(|why| match why {
                NoAmount::Unreadable => self.wrong_type(path, value),
                NoAmount::TooLarge => self.impossible(path, value),
            })?,
            _ => return Err(self.wrong_type(path, value)),
        };
        if (min..=max).contains(&number) { Ok(Setting::Number(number)) } else { Err(self.impossible(path, value)) }
    }

    fn word(&self, path: &str, value: &Value, words: &[&'static str]) -> Result<&'static str, ConfigError> {
        let Value::Text(text) = value else { return Err(self.wrong_type(path, value)) };
        words.iter().find(|word| *word == text).copied().ok_or_else(|| self.impossible(path, value))
    }

    fn words(
        &self,
        path: &str,
        value: &Value,
        words: &'static [&'static str],
        parts: &'static [&'static str],
    ) -> Result<Setting, ConfigError> {
        let Value::Table(table) = value else {
            let word = self.word(path, value, words)?;
            return Ok(Setting::Words(parts.iter().map(|part| (*part, word)).collect()));
        };
        // What has no default leaves the other parts without a word.
        let mut chosen = if let Setting::Words(words) = self.preset() { words } else { BTreeMap::new() };
        let of_part = Self { kind: Kind::Choice(words), ..*self };
        for (name, value) in table {
            let path = join(path, name);
            let unknown = || ConfigError::unknown_key(path.clone(), name, parts.iter().copied());
            let part = parts.iter().find(|part| *part == name).ok_or_else(unknown)?;
            chosen.insert(part, of_part.word(&path, value, words)?);
        }
        Ok(Setting::Words(chosen))
    }
}
