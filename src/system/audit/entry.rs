//! What the log says of a call.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::multistore::MultiVersion;
use crate::persist::companion::Companion;
use crate::system::Role;

/// Bytes of an entry's key.
pub(super) const KEY_LEN: usize = 8;

/// A call that is to have an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The name that the call is traced by.
    pub trace_id: String,
    /// Who called.
    pub principal: String,
    /// The operation.
    pub operation: String,
    /// The role that it needs.
    pub role: Role,
    /// The stores that it needs the role for; `None`: all, or those that the principal has it for.
    pub stores: Option<Vec<String>>,
    /// The SHA-256 of the input as canonical JSON, in hex.
    pub input_digest: Option<String>,
    /// `ok`, or the code of the failure.
    pub result: String,
    /// How long it took.
    pub duration: Duration,
}

/// An entry of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Its number: entries count from 1.
    pub number: u64,
    /// When the call ended, in seconds since 1970.
    pub time: u64,
    /// The name that the call is traced by.
    pub trace_id: String,
    /// Who called.
    pub principal: String,
    /// The operation.
    pub operation: String,
    /// The role that it needs.
    pub role: Role,
    /// The stores that it needs the role for; null: all, or those that the principal has it for.
    pub stores: Option<Vec<String>>,
    /// The SHA-256 of the input as canonical JSON, in hex; null for a denied call that only reads.
    pub input_digest: Option<String>,
    /// `ok`, or the code of the failure.
    pub result: String,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The versions of all stores that were saved since the entry before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub saved: Vec<SavedMark>,
}

/// That a version of all stores was saved with the log's standing beside it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SavedMark {
    /// The version.
    pub version: u64,
    /// Its app hash, in hex.
    pub app_hash: String,
    /// When it was saved, in seconds since 1970.
    pub time: u64,
    /// How many entries the log had, as the record beside the version says.
    pub entries: u64,
}

impl SavedMark {
    pub(super) fn of(version: &MultiVersion, beside: Companion) -> Self {
        Self { version: version.version, app_hash: version.app_hash.to_string(), time: version.time, entries: beside.entries }
    }

    /// Whether it is about this version, and not another one that had the number before.
    pub(super) fn is_about(&self, version: &MultiVersion) -> bool {
        self.version == version.version && self.time == version.time && self.app_hash == version.app_hash.to_string()
    }
}

impl AuditEntry {
    /// The entry of a call, under a number.
    pub(super) fn new(number: u64, time: u64, call: Call) -> Self {
        let Call { trace_id, principal, operation, role, stores, input_digest, result, duration } = call;
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self { number, time, trace_id, principal, operation, role, stores, input_digest, result, duration_us, saved: Vec::new() }
    }

    /// The key of the entry `number`.
    pub(super) fn key(number: u64) -> [u8; KEY_LEN] {
        number.to_be_bytes()
    }

    /// The number in a key.
    pub(super) fn number_in(key: &[u8]) -> Option<u64> {
        Some(u64::from_be_bytes(key.try_into().ok()?))
    }

    /// The value of the store.
    pub(super) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    pub(super) fn decode(value: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(value)
    }
}

/// The SHA-256 of an input, in hex.
pub(super) fn digest(input: &[u8]) -> String {
    hex::encode(Sha256::digest(input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_the_json_that_the_documentation_shows() {
        let call = Call {
            trace_id: "t-1".to_owned(),
            principal: "alice".to_owned(),
            operation: "batch.apply".to_owned(),
            role: Role::Write,
            stores: Some(vec!["bank".to_owned()]),
            input_digest: Some(digest(b"{}")),
            result: "ok".to_owned(),
            duration: Duration::from_micros(1500),
        };
        let mut entry = AuditEntry::new(7, 1_700_000_000, call);
        let text = String::from_utf8(entry.encode().unwrap()).unwrap();
        let expected = r#"{"number":7,"time":1700000000,"trace_id":"t-1","principal":"alice","operation":"batch.apply","role":"write","#
            .to_owned()
            + r#""stores":["bank"],"input_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","#
            + r#""result":"ok","duration_us":1500}"#;
        assert_eq!(text, expected);
        assert_eq!(AuditEntry::decode(text.as_bytes()).unwrap(), entry);
        entry.saved.push(SavedMark { version: 3, app_hash: "00".to_owned(), time: 1, entries: 6 });
        assert_eq!(AuditEntry::decode(&entry.encode().unwrap()).unwrap(), entry);
        assert_eq!(AuditEntry::number_in(&AuditEntry::key(7)), Some(7));
        assert_eq!(AuditEntry::number_in(b"short"), None);
    }
}
