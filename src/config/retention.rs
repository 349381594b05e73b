//! Which versions of a store are kept.

use serde::{Deserialize, Serialize};

/// How long the versions of a store are kept. The newest version always is.
///
/// A version is kept while it is one of the newest `max_versions` *and* younger than `version_ttl`; of those that are not,
/// every one whose number is a multiple of `keep_every` stays too. Without any of the three all versions are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// How many of the newest versions are kept, at least 1. `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_versions: Option<u64>,
    /// Seconds after which a version goes, at least 1. `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_ttl: Option<u64>,
    /// Versions with a multiple of this number stay, at least 1. `None`: none do for that reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_every: Option<u64>,
}

impl Retention {
    /// Whether no version ever goes.
    #[must_use]
    pub fn keeps_everything(self) -> bool {
        let has_limit = self.max_versions.is_some() || self.version_ttl.is_some();
        !has_limit || self.keep_every == Some(1)
    }
}
