//! What can be wrong with a configuration. Every message names the key, what was found, and what is allowed.

use std::path::PathBuf;

use super::raw::Raw;
use super::text::Notation;

/// Why a configuration cannot be taken.
///
/// Keys are given with their whole path, such as `engineConfigs.rocksdb.cache_size`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not JSON, or not TOML.
    #[error("line {line}, column {column}: this is not {format}: {what}")]
    Syntax {
        /// What it should be.
        format: Notation,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters (JSON: in bytes).
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// There is no such key.
    #[error("{key}: there is no such key{}; allowed are {}", did_you_mean(nearest.as_deref()), allowed.join(", "))]
    UnknownKey {
        /// The key.
        key: String,
        /// The keys that there are, without their path.
        allowed: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// A key has a value of another type, or a text that cannot be read as its type.
    #[error("{key}: found {found}; allowed are {allowed}")]
    WrongType {
        /// The key.
        key: String,
        /// What was found, such as `the text "big"`.
        found: String,
        /// What is allowed, such as `true and false`.
        allowed: String,
    },
    /// A key has a value of its type that it cannot have: out of range, or none of the choices.
    #[error("{key}: found {found}; allowed are {allowed}")]
    Impossible {
        /// The key.
        key: String,
        /// What was found, such as `the number 25`.
        found: String,
        /// What is allowed, such as `numbers from 0 to 20`.
        allowed: String,
    },
    /// A key without a default is not there.
    #[error("{key}: found nothing; needed is {needed}")]
    Missing {
        /// The key.
        key: String,
        /// What must be there.
        needed: &'static str,
    },
    /// A key of the whole database was given for one store.
    #[error("{key}: found for one store, but it holds for the whole database, as {database_key}; allowed for a store are {}", allowed.join(", "))]
    NotForStores {
        /// The key.
        key: String,
        /// Where to give it.
        database_key: String,
        /// The keys that may be given for a store.
        allowed: Vec<String>,
    },
    /// There is no such engine.
    #[error("{key}: there is no engine {engine:?}{}; allowed are {}", hint, allowed.join(", "))]
    UnknownEngine {
        /// Where it is named: `defaultEngine`, or a key of `engineConfigs`.
        key: String,
        /// Its name.
        engine: String,
        /// The engines that there are.
        allowed: Vec<String>,
        /// What to do, in brackets; empty when that is not known.
        hint: String,
    },
    /// The configuration cannot be written in this format.
    #[error("this configuration cannot be written as {format}: {what}")]
    Unwritable {
        /// The format.
        format: Notation,
        /// Why not.
        what: String,
    },
    /// The name of a file does not say its format.
    #[error("{path}: the name of a configuration file must end with .json or .toml", path = path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("reading {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file has an error.
    #[error("{path}: {error}", path = path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: Box<ConfigError>,
    },
}

impl ConfigError {
    /// The error of something else where a table of keys belongs.
    pub(super) fn not_a_table(path: &str, found: &Raw) -> Self {
        let key = if path.is_empty() { "the configuration" } else { path };
        Self::WrongType { key: key.to_owned(), found: found.found(), allowed: "tables of keys and values".to_owned() }
    }

    /// The error of the key at `path`, whose name is none of `known`.
    pub(crate) fn unknown_key<'a>(path: String, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let mut allowed: Vec<_> = known.into_iter().map(str::to_owned).collect();
        allowed.sort_unstable();
        let nearest = super::nearest(name, allowed.iter().map(String::as_str)).map(str::to_owned);
        Self::UnknownKey { key: path, allowed, nearest }
    }
}

/// `a.b` for the key `b` in table `a`; the outermost table has no name. Keys that would be misread are quoted, as TOML does.
pub(crate) fn join(path: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let key = if is_plain { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// ` (did you mean "x"?)`, or nothing.
pub(super) fn did_you_mean(name: Option<&str>) -> String {
    name.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}
