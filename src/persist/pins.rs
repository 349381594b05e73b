//! Versions that readers hold: they are not pruned while held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::keys::StoreId;

/// How many readers hold each version.
pub(crate) type Counts = BTreeMap<(StoreId, u64), usize>;

/// All pins of a database.
#[derive(Clone, Default)]
pub(crate) struct Pins(Arc<Mutex<Counts>>);

/// Holds a version until it is dropped.
pub(crate) struct Pin {
    pins: Pins,
    store: StoreId,
    version: u64,
}

impl Pins {
    /// Whoever prunes keeps this lock from looking at the pins until the versions are gone, whoever pins from looking for the version
    /// until it is pinned.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pins a version, under the lock.
    pub(crate) fn pin(&self, counts: &mut Counts, store: StoreId, version: u64) -> Pin {
        *counts.entry((store, version)).or_insert(0) += 1;
        Pin { pins: self.clone(), store, version }
    }
}

impl Pin {
    /// The version that is held.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

/// The versions of a store that are held.
pub(crate) fn held(counts: &Counts, store: StoreId) -> BTreeSet<u64> {
    counts.range((store, 0)..=(store, u64::MAX)).map(|(&(_, version), _)| version).collect()
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut counts = self.pins.lock();
        if let Some(count) = counts.get_mut(&(self.store, self.version)) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&(self.store, self.version));
            }
        }
    }
}
