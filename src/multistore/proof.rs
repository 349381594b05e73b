//! Proofs in two steps: the key in its store, the store in the app hash.

use treering_proofs::{MultiStoreProof, StoreProof, prove_store};

use super::MultiSnapshot;
use crate::error::{Error, Result};

impl MultiSnapshot {
    /// The proof of what a store says about `key`, to be verified against [`MultiSnapshot::app_hash`]. O(log n + stores).
    ///
    /// Its two parts have ICS-23 forms, which light clients of the Cosmos SDK take.
    ///
    /// # Errors
    /// [`Error::NoStore`]; when a node cannot be read, or is damaged.
    pub fn prove(&self, store: &str, key: &[u8]) -> Result<MultiStoreProof> {
        let proof = self.store(store)?.prove(key)?;
        Ok(MultiStoreProof { store: self.prove_store(store)?, proof })
    }

    /// The proof that a store has its root hash under the app hash. O(stores).
    ///
    /// # Errors
    /// [`Error::NoStore`].
    pub fn prove_store(&self, store: &str) -> Result<StoreProof> {
        let roots = self.info.stores.iter().map(|store| (store.name.as_str(), store.root_hash));
        let no_store = || Error::NoStore { name: store.to_owned(), stores: self.stores().map(|(name, _)| name.to_owned()).collect() };
        prove_store(roots, store).ok_or_else(no_store)
    }
}
