//! A version of a store, to read.

use std::sync::Arc;

use treering_proofs::{Hash, Proof};
use treering_tree::Tree;

use super::database::{Shared, VersionInfo};
use crate::error::Result;
use crate::persist::Pin;

/// A saved version of a store. `Send + Sync`; it never changes, and pruning spares its version while it lives.
pub struct Snapshot {
    info: VersionInfo,
    tree: Tree,
    _pin: Pin,
    /// Keeps the database open. Fields are dropped in order: the tree goes first.
    _database: Arc<Shared>,
}

impl Snapshot {
    pub(super) fn new(database: Arc<Shared>, info: VersionInfo, tree: Tree, pin: Pin) -> Self {
        Self { info, tree, _pin: pin, _database: database }
    }

    /// The version's number.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.info.version
    }

    /// The root hash.
    #[must_use]
    pub fn root_hash(&self) -> Hash {
        self.info.root_hash
    }

    /// All that is recorded of the version.
    #[must_use]
    pub fn info(&self) -> &VersionInfo {
        &self.info
    }

    /// The tree: reads by key, place and range, proofs, export, pictures.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The value of `key`. O(log n).
    ///
    /// # Errors
    /// When a node cannot be read, or is damaged.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.tree.get(key)?.map(<[u8]>::to_vec))
    }

    /// The proof of what this version says about `key`, to be verified against [`Snapshot::root_hash`]. O(log n).
    ///
    /// # Errors
    /// When a node cannot be read, or is damaged.
    pub fn prove(&self, key: &[u8]) -> Result<Proof> {
        Ok(self.tree.prove(key)?)
    }
}
