//! Changes of several stores that happen together or not at all.

use std::collections::BTreeMap;

use super::MultiStore;
use crate::error::Result;
use crate::store::{KeyChange, SharedStore};

/// One change of a batch: the store, the key, and its new value or none where it is to be removed.
pub type BatchChange<'a> = (&'a str, &'a [u8], Option<&'a [u8]>);

impl MultiStore {
    /// Does changes of any stores, in the order given, all or none: nobody sees, and no version has, a part of them. They are part of the
    /// working states then, as those of [`SharedStore::apply`]. O(log n) each.
    ///
    /// ```
    /// use treering::{MultiStore, Store};
    ///
    /// let stores = MultiStore::in_memory()?;
    /// let [bank, gov] = ["bank", "gov"].map(|name| stores.create_store(name, None, &Default::default()).unwrap());
    /// stores.apply(&[("bank", b"alice", Some(b"5")), ("gov", b"proposal", Some(b"more trees"))])?;
    /// assert!(stores.apply(&[("bank", b"alice", Some(b"6")), ("nowhere", b"proposal", None)]).is_err());
    /// assert_eq!((bank.get(b"alice")?, gov.has(b"proposal")?), (Some(b"5".to_vec()), true));
    /// # Ok::<(), treering::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoStore`](crate::Error::NoStore), [`Error::VersionPrepared`](crate::Error::VersionPrepared), and those of
    /// [`SharedStore::apply`]; nothing is changed then.
    pub fn apply(&self, changes: &[BatchChange<'_>]) -> Result<()> {
        let mut by_store: BTreeMap<&str, Vec<KeyChange<'_>>> = BTreeMap::new();
        for &(store, key, value) in changes {
            by_store.entry(store).or_default().push((key, value));
        }
        let by_store: Vec<(SharedStore, Vec<KeyChange<'_>>)> =
            by_store.into_iter().map(|(name, changes)| Ok((self.get_store(name)?, changes))).collect::<Result<_>>()?;
        if let [(store, changes)] = by_store.as_slice() {
            return store.apply(changes);
        }
        // Whoever locks several stores has this lock meanwhile, so two cannot wait for each other.
        let held = self.inner().work();
        let mut locked = by_store.iter().map(|(store, _)| store.lock()).collect::<Result<Vec<_>>>()?;
        drop(held);
        let mut staged = Vec::with_capacity(locked.len());
        for (store, (_, changes)) in locked.iter_mut().zip(&by_store) {
            staged.push(store.stage_operations(changes)?);
        }
        for ((store, (_, changes)), staged) in locked.iter_mut().zip(&by_store).zip(staged) {
            store.adopt_operations(changes, staged)?;
        }
        Ok(())
    }
}
