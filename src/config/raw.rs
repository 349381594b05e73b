//! Anything that JSON or TOML can say, so that what cannot be a setting is refused with its key and in our words.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// How the crate `toml` hands out dates: a table with this one key.
const TOML_DATE: &str = "$__toml_private_datetime";

/// A value as it was written.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Raw {
    Boolean(bool),
    Integer(u64),
    Text(String),
    Table(BTreeMap<String, Raw>),
    /// What no setting is, in words.
    Other(String),
}

impl Raw {
    /// What was found, in words.
    pub(super) fn found(&self) -> String {
        match self {
            Self::Boolean(value) => found_boolean(*value),
            Self::Integer(value) => found_integer(*value),
            Self::Text(text) => found_text(text),
            Self::Table(_) => FOUND_TABLE.to_owned(),
            Self::Other(what) => what.clone(),
        }
    }
}

/// How messages name a table.
pub(super) const FOUND_TABLE: &str = "a table";

/// How messages name a boolean.
pub(super) fn found_boolean(value: bool) -> String {
    format!("the boolean {value}")
}

/// How messages name a number.
pub(super) fn found_integer(value: u64) -> String {
    format!("the number {value}")
}

/// How messages name a text.
pub(super) fn found_text(text: &str) -> String {
    format!("the text {text:?}")
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, a number, a text or a table")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(u64::try_from(value).map_or_else(|_| Raw::Other(format!("the negative number {value}")), Raw::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        // Whole numbers of more than 64 bits come this way too.
        Ok(Raw::Other(format!("the number {value:?}")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Other("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        while items.next_element::<Raw>()?.is_some() {}
        Ok(Raw::Other("a list".to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut table = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<String, Raw>()? {
            if key == TOML_DATE {
                return Ok(Raw::Other("a date or time".to_owned()));
            }
            if table.contains_key(&key) {
                return Err(A::Error::custom(format_args!("key {key:?} is given twice")));
            }
            table.insert(key, value);
        }
        Ok(Raw::Table(table))
    }
}
