//! How much of what there is.

use treering_tree::Order;

use super::page::{self, Page};
use super::watch::Watch;
use super::{Disk, keys};
use crate::engine::Keyspace;
use crate::error::Result;

/// Records of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindStats {
    /// The keyspace; of nodes it is told apart what is of leaves (`nodes: leaf`), of inner nodes (`nodes: inner`), of the pages that they stand
    /// in (`nodes: page`) and of long values beside these (`nodes: value`), and the records of how far the index of a store goes are `indexed`.
    pub kind: &'static str,
    /// How many: records, and for leaves and inner nodes, which stand many in a page, nodes.
    pub count: u64,
    /// Bytes of their keys and values, before compression.
    pub bytes: u64,
}

impl KindStats {
    const fn none(kind: &'static str) -> Self {
        Self { kind, count: 0, bytes: 0 }
    }

    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes as u64;
    }
}

/// Counts the records of a keyspace.
enum Counter {
    Records(KindStats),
    Index { latest: KindStats, indexed: KindStats },
    Nodes { leaves: KindStats, inner: KindStats, pages: KindStats, values: KindStats },
}

impl Counter {
    fn of(keyspace: Keyspace) -> Self {
        let none = KindStats::none;
        match keyspace {
            Keyspace::Latest => Self::Index { latest: none(keyspace.name()), indexed: none("indexed") },
            Keyspace::Nodes => Self::Nodes {
                leaves: none("nodes: leaf"),
                inner: none("nodes: inner"),
                pages: none("nodes: page"),
                values: none("nodes: value"),
            },
            other => Self::Records(none(other.name())),
        }
    }

    fn add(&mut self, at: &[u8], record: &[u8]) -> Result<()> {
        let bytes = at.len() + record.len();
        match self {
            Self::Records(kind) => kind.add(bytes),
            Self::Index { indexed, .. } if keys::is_indexed(at) => indexed.add(bytes),
            Self::Index { latest, .. } => latest.add(bytes),
            Self::Nodes { values, .. } if !page::is_page(at) => values.add(bytes),
            Self::Nodes { leaves, inner, pages, .. } => {
                let mut of_nodes = 0;
                for (is_leaf, bytes) in Page::decode(at, record)?.entries() {
                    let kind = if is_leaf { &mut *leaves } else { &mut *inner };
                    kind.add(bytes);
                    of_nodes += bytes;
                }
                pages.add(bytes - of_nodes);
            }
        }
        Ok(())
    }

    fn kinds(self) -> Vec<KindStats> {
        match self {
            Self::Records(kind) => vec![kind],
            Self::Index { latest, indexed } => vec![latest, indexed],
            Self::Nodes { leaves, inner, pages, values } => vec![leaves, inner, pages, values],
        }
    }
}

impl Disk {
    /// Counts all records, or as many as there is time for. O(records).
    pub(crate) fn stats(&self, watch: &mut Watch<'_>) -> Result<Vec<KindStats>> {
        self.flusher.drain()?;
        let mut all = Vec::new();
        for keyspace in Keyspace::ALL {
            let mut counter = Counter::of(keyspace);
            for pair in self.backend.scan(keyspace, &[], None, Order::Ascending) {
                let (at, record) = pair?;
                if watch.is_over() {
                    return Ok(all);
                }
                counter.add(&at, &record)?;
            }
            all.extend(counter.kinds());
        }
        Ok(all)
    }
}
