//! Keys as data, for a command line or a page that lists them.

use serde::Serialize;

use super::key::{Key, Scope};

/// A key in words. As JSON: `engine`, `key`, `type`, `default`, `allowed`, `meaning`, `scope`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyDescription {
    /// The engine that has it; `None` for a key of all.
    pub engine: Option<String>,
    /// Its name.
    pub key: &'static str,
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its default as a user would write it.
    pub default: String,
    /// Which values it can have.
    pub allowed: String,
    /// What it does, in one sentence.
    pub meaning: &'static str,
    /// For what it can be given.
    pub scope: Scope,
}

impl KeyDescription {
    /// That of a key which `engine` has; `None`: which all have.
    #[must_use]
    pub fn new(engine: Option<&str>, key: &Key) -> Self {
        Self {
            engine: engine.map(str::to_owned),
            key: key.name,
            kind: key.kind.name(),
            default: key.default_text(),
            allowed: key.allowed(),
            meaning: key.meaning,
            scope: key.scope,
        }
    }
}
