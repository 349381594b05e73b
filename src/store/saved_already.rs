//! Saving again what is saved.

use super::VersionInfo;
use crate::persist::records::VersionRecord;

/// A version that is there before it is saved.
pub(crate) struct SavedAlready {
    pub(crate) version: u64,
    pub(crate) record: VersionRecord,
}

impl SavedAlready {
    pub(crate) fn info(&self) -> VersionInfo {
        VersionInfo::new(self.version, &self.record)
    }
}
