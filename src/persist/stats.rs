//! How much of what there is.

use treering_tree::Order;

use super::watch::Watch;
use super::{Disk, keys};
use crate::engine::Keyspace;
use crate::error::Result;

/// Records of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindStats {
    /// The keyspace; nodes are told apart into `nodes: leaf` and `nodes: inner`, and the records of how far the index of a store goes
    /// are `indexed`.
    pub kind: &'static str,
    /// How many records.
    pub count: u64,
    /// Bytes of their keys and values, before compression.
    pub bytes: u64,
}

/// Where the kind of a node stands in its record: behind the format byte.
const NODE_KIND: usize = 1;

impl Disk {
    /// Counts all records, or as many as there is time for. O(records).
    pub(crate) fn stats(&self, watch: &mut Watch<'_>) -> Result<Vec<KindStats>> {
        self.flusher.drain()?;
        let mut all = Vec::new();
        for keyspace in Keyspace::ALL {
            let mut kinds = match keyspace {
                Keyspace::Nodes => vec!["nodes: leaf", "nodes: inner"],
                Keyspace::Latest => vec![keyspace.name(), "indexed"],
                other => vec![other.name()],
            }
            .into_iter()
            .map(|kind| KindStats { kind, count: 0, bytes: 0 })
            .collect::<Vec<_>>();
            for pair in self.backend.scan(keyspace, &[], None, Order::Ascending) {
                let (key, value) = pair?;
                if watch.is_over() {
                    return Ok(all);
                }
                let place = usize::from(match keyspace {
                    Keyspace::Nodes => value.get(NODE_KIND).is_some_and(|&kind| kind != 0),
                    Keyspace::Latest => keys::is_indexed(&key),
                    _ => false,
                });
                if let Some(kind) = kinds.get_mut(place) {
                    kind.count += 1;
                    kind.bytes += (key.len() + value.len()) as u64;
                }
            }
            all.extend(kinds);
        }
        Ok(all)
    }
}
