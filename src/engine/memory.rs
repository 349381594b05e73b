//! Keeps everything in memory: for tests, and for stores that need not outlive the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use treering_tree::Order;

use super::{Backend, BackendError, Batch, Change, Durability, Keyspace, Pair, Scan};

type Map = BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>;

/// A backend without a disk.
#[derive(Default)]
pub struct MemoryBackend {
    map: RwLock<Map>,
}

impl MemoryBackend {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A batch is applied with the lock held and nothing in between can fail, so a panic elsewhere leaves the map whole.
    fn read(&self) -> RwLockReadGuard<'_, Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Map> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for MemoryBackend {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(self.read().get(&(keyspace, key.to_vec())).cloned())
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        if to.is_some_and(|to| to <= from) {
            return Box::new(std::iter::empty());
        }
        let map = self.read();
        let start = Bound::Included((keyspace, from.to_vec()));
        let end = to.map_or(Bound::Unbounded, |to| Bound::Excluded((keyspace, to.to_vec())));
        let within = map.range((start, end)).take_while(|((space, _), _)| *space == keyspace);
        let mut pairs: Vec<Pair> = within.map(|((_, key), value)| (key.clone(), value.clone())).collect();
        if order == Order::Descending {
            pairs.reverse();
        }
        Box::new(pairs.into_iter().map(Ok))
    }

    fn write(&self, batch: &Batch, _durability: Durability) -> Result<(), BackendError> {
        let mut map = self.lock();
        for (keyspace, change) in batch.changes() {
            match change {
                Change::Put { key, value } => {
                    map.insert((keyspace, key.to_vec()), value.to_vec());
                }
                Change::Delete { key } => {
                    map.remove(&(keyspace, key.to_vec()));
                }
                Change::DeleteRange { from, to } => {
                    let (from, to) = ((keyspace, from.to_vec()), (keyspace, to.to_vec()));
                    map.retain(|key, _| *key < from || *key >= to);
                }
            }
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}
