//! From where keys were read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts keys that operations read one by one, by from where they came: `store.get` and `store.get_many`.
#[derive(Default, Debug)]
pub struct KeyReads {
    all: AtomicU64,
    from_storage: AtomicU64,
}

impl KeyReads {
    /// Counts some, of which a part was read from storage.
    pub(super) fn add(&self, all: usize, from_storage: usize) {
        self.all.fetch_add(all as u64, Ordering::Relaxed);
        if from_storage > 0 {
            self.from_storage.fetch_add(from_storage as u64, Ordering::Relaxed);
        }
    }

    /// Those of which all that was asked was in memory: they are there or not.
    #[must_use]
    pub fn from_memory(&self) -> u64 {
        self.all.load(Ordering::Relaxed).saturating_sub(self.from_storage())
    }

    /// Those for which storage was read.
    #[must_use]
    pub fn from_storage(&self) -> u64 {
        self.from_storage.load(Ordering::Relaxed)
    }
}
