//! A version that is computed, but not saved yet.

use std::sync::Arc;

use treering_proofs::Hash;

use super::VersionInfo;
use super::shared::Core;
use crate::error::Result;

/// While it lives, the stores that know of it cannot be changed.
pub(crate) struct Promise;

/// What saving a store will give: a consensus engine needs the root hash before it may commit. Commit it, or drop it: then the working
/// state is as it was. Until then the store can be read, but not changed.
#[must_use = "nothing is saved until `commit`"]
pub struct PreparedVersion {
    core: Arc<Core>,
    promise: Arc<Promise>,
    version: u64,
    root_hash: Hash,
}

impl PreparedVersion {
    pub(super) fn new(core: Arc<Core>, promise: Arc<Promise>, version: u64, root_hash: Hash) -> Self {
        Self { core, promise, version, root_hash }
    }

    /// The number that it will have.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The root hash that it will have.
    #[must_use]
    pub fn root_hash(&self) -> Hash {
        self.root_hash
    }

    /// Saves it, durably.
    ///
    /// # Errors
    /// As [`Versioned::save_version`](super::Versioned::save_version).
    pub fn commit(self) -> Result<VersionInfo> {
        self.core.save_promised(self.promise)
    }
}
