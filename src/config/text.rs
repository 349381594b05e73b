//! JSON and TOML: from text and to it, with errors that say where.

use std::fmt;

use serde::Serialize;

use super::error::ConfigError;
use super::raw::Raw;

/// The notation of a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notation {
    /// JSON.
    Json,
    /// TOML.
    Toml,
}

impl fmt::Display for Notation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Toml => "TOML",
        })
    }
}

/// Reads a text, or says where it stops being of this format.
pub(super) fn parse(format: Notation, text: &str) -> Result<Raw, ConfigError> {
    match format {
        Notation::Json => serde_json::from_str(text).map_err(|error| json_error(&error)),
        Notation::Toml => toml::from_str(text).map_err(|error| toml_error(&error, text)),
    }
}

/// Writes a value, with a newline at the end.
pub(super) fn render(format: Notation, value: &impl Serialize) -> Result<String, ConfigError> {
    let failed = |what: String| ConfigError::Unwritable { format, what };
    match format {
        Notation::Json => serde_json::to_string_pretty(value).map(|json| json + "\n").map_err(|error| failed(error.to_string())),
        Notation::Toml => toml::to_string(value).map_err(|error| failed(error.to_string())),
    }
}

fn json_error(error: &serde_json::Error) -> ConfigError {
    let (line, column) = (error.line(), error.column());
    let what = error.to_string();
    // The place is said once, and first.
    let what = what.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&what).to_owned();
    // An end right after a new line is in column 0 there.
    ConfigError::Syntax { format: Notation::Json, line, column: column.max(1), what }
}

fn toml_error(error: &toml::de::Error, text: &str) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let what = error.message().lines().collect::<Vec<_>>().join(", ");
    ConfigError::Syntax { format: Notation::Toml, line, column, what }
}
