//! What reading costs, and who holds what.

use std::iter::Sum;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Disk;

/// What a database, or several, has in memory, and how often it had to read from the storage engine. All counts began when it was opened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// Bytes that nodes, keys and values may take in memory.
    pub cache_limit: u64,
    /// Bytes that they take.
    pub cache_used: u64,
    /// Nodes that were read from storage, since they were not in memory: for reads, for changes, for proofs.
    pub nodes_read: u64,
    /// Keys of the newest version that were looked up in the index, since their path was not in memory.
    pub index_reads: u64,
    /// Versions held by snapshots, transactions and working states.
    pub held_versions: u64,
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            cache_limit: sum.cache_limit.saturating_add(one.cache_limit),
            cache_used: sum.cache_used + one.cache_used,
            nodes_read: sum.nodes_read + one.nodes_read,
            index_reads: sum.index_reads + one.index_reads,
            held_versions: sum.held_versions + one.held_versions,
        })
    }
}

/// Counts what is read from the engine. Only what misses memory is counted, so counting costs little beside it.
#[derive(Default)]
pub(super) struct Reads {
    nodes: AtomicU64,
    index: AtomicU64,
}

impl Reads {
    pub(super) fn add_nodes(&self, count: usize) {
        self.nodes.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn add_index(&self) {
        self.index.fetch_add(1, Ordering::Relaxed);
    }
}

impl Disk {
    /// See [`Usage`]. O(versions held).
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            cache_limit: self.budget.limit(),
            cache_used: self.budget.used(),
            nodes_read: self.reads.nodes.load(Ordering::Relaxed),
            index_reads: self.reads.index.load(Ordering::Relaxed),
            held_versions: self.pins.lock().len() as u64,
        }
    }
}
