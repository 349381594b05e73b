//! Writing one checkpoint.
//!
//! First the nodes, in the order of their keys, then the index, and with its last part the orphans and the record of the checkpoint.
//! A crash in between leaves nodes and index entries that the next flush of the same version writes again, the same.

use treering_tree::NodeRecord;

use super::Job;
use crate::engine::{Backend, Batch, Durability, Keyspace};
use crate::error::Result;
use crate::persist::{keys, node, records};

/// Bytes of nodes that are written at once, at most: a quarter of what may wait to be flushed, within these bounds. All of them are
/// in memory until their file is written.
const LEAST_NODES_AT_ONCE: u64 = 2 << 20;
const MOST_NODES_AT_ONCE: u64 = 32 << 20;
/// Bytes of index entries that are written at once: small enough that a commit waiting for them does not notice.
const INDEX_AT_ONCE: usize = 1 << 20;

/// Stores a version's nodes and its part of the index, and then that it is a checkpoint. `limit`: the bytes that may wait to be flushed.
pub(super) fn checkpoint(backend: &dyn Backend, job: &Job, limit: u64) -> Result<()> {
    let at_once = usize::try_from((limit / 4).clamp(LEAST_NODES_AT_ONCE, MOST_NODES_AT_ONCE)).unwrap_or(usize::MAX);
    let is_sorted = job.since + 1 == job.version;
    let mut nodes = Nodes { backend, at_once, is_sorted, batch: Batch::new(), entries: Vec::new(), bytes: Vec::new() };
    let mut index = Index { backend, batch: Batch::new() };
    for (key, &version) in &job.removed {
        if version > job.since {
            // The key may have been set again: then it is put behind.
            index.delete(&keys::latest(job.store, key))?;
        }
    }
    let mut record = Vec::new();
    for (key, made) in job.tree.nodes_since(job.since) {
        if let NodeRecord::Leaf { key: user_key, value } = &made {
            let (at, record) = records::encode_latest(job.store, user_key, key.version(), value);
            index.put(&at, &record)?;
        }
        let at = keys::node(job.store, key);
        record = node::encode(&at, &made, record);
        nodes.put(at, &record)?;
    }
    nodes.write()?;
    let mut last = index.batch;
    if !job.orphans.is_empty() {
        let (at, record) = records::encode_orphans(job.store, job.version, &job.orphans);
        last.put(Keyspace::Orphans, at, record);
    }
    let (at, record) = records::encode_checkpoint(job.store, job.version);
    last.put(Keyspace::Commits, at, record);
    Ok(backend.write(&last, Durability::Buffered)?)
}

type NodeAt = [u8; 16];

/// Nodes on their way. Those of one version come sorted; of several versions they are sorted here, part by part.
struct Nodes<'a> {
    backend: &'a dyn Backend,
    at_once: usize,
    is_sorted: bool,
    batch: Batch,
    /// Keys, and where the records lie in `bytes`.
    entries: Vec<(NodeAt, usize, usize)>,
    bytes: Vec<u8>,
}

impl Nodes<'_> {
    fn put(&mut self, at: NodeAt, record: &[u8]) -> Result<()> {
        if self.is_sorted {
            self.batch.put(Keyspace::Nodes, at, record);
        } else {
            self.entries.push((at, self.bytes.len(), self.bytes.len() + record.len()));
            self.bytes.extend_from_slice(record);
        }
        if self.batch.bytes().max(self.bytes.len()) >= self.at_once { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        self.entries.sort_unstable_by_key(|&(at, ..)| at);
        for (at, start, end) in self.entries.drain(..) {
            self.batch.put(Keyspace::Nodes, at, self.bytes.get(start..end).unwrap_or_default());
        }
        self.bytes.clear();
        if self.batch.is_empty() {
            return Ok(());
        }
        self.backend.ingest(&self.batch)?;
        self.batch.clear();
        Ok(())
    }
}

/// Changes of the index on their way.
struct Index<'a> {
    backend: &'a dyn Backend,
    batch: Batch,
}

impl Index<'_> {
    fn put(&mut self, at: &[u8], record: &[u8]) -> Result<()> {
        self.batch.put(Keyspace::Latest, at, record);
        self.write_when_full()
    }

    fn delete(&mut self, at: &[u8]) -> Result<()> {
        self.batch.delete(Keyspace::Latest, at);
        self.write_when_full()
    }

    fn write_when_full(&mut self) -> Result<()> {
        if self.batch.bytes() < INDEX_AT_ONCE {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        Ok(self.backend.write(&batch, Durability::Buffered)?)
    }
}
