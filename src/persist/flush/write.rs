//! Writing one checkpoint.
//!
//! First the nodes, in the order of their keys, beside them the index; then the orphans and the record of the checkpoint in one batch.
//! A crash in between leaves nodes and index entries that the next flush of the same version writes again, the same.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use treering_tree::{NodeKey, NodeRecord};

use super::Job;
use crate::engine::{Backend, BackendError, Batch, Change, Durability, Keyspace, Put};
use crate::persist::index::IndexWriter;
use crate::persist::{keys, node, records};

type Written = Result<(), BackendError>;

/// Bytes of nodes of several versions that are sorted together, at most: a quarter of what may wait to be flushed, within these bounds.
const LEAST_NODES_AT_ONCE: u64 = 2 << 20;
const MOST_NODES_AT_ONCE: u64 = 32 << 20;
/// Bytes of encoded nodes that go to the writing thread at once, and how many such parts may wait for it.
const PART: usize = 256 << 10;
const PARTS_AHEAD: usize = 2;

/// Stores a version's nodes and its part of the index, and then that it is a checkpoint. `limit`: the bytes that may wait to be flushed.
pub(super) fn checkpoint(backend: &dyn Backend, job: &Job, limit: u64) -> Written {
    let mut index = IndexWriter::new(backend, job.store);
    for (key, &version) in &job.removed {
        if version > job.since {
            // The key may have been set again: then it is put behind.
            index.delete(key)?;
        }
    }
    if job.since + 1 == job.version {
        // The nodes of one version come sorted.
        beside_the_writer(backend, |put| each_node(job, &mut index, put))?;
    } else {
        let at_once = usize::try_from((limit / 4).clamp(LEAST_NODES_AT_ONCE, MOST_NODES_AT_ONCE)).unwrap_or(usize::MAX);
        let mut nodes = Nodes { backend, at_once, entries: Vec::new(), bytes: Vec::new() };
        each_node(job, &mut index, &mut |at, record| nodes.put(at, record))?;
        nodes.write()?;
    }
    index.finish(job.version)?;
    let mut last = Batch::new();
    if !job.orphans.is_empty() {
        let mut orphans = job.orphans.clone();
        NodeKey::sort(&mut orphans);
        let (at, record) = records::encode_orphans(job.store, job.version, &orphans);
        last.put(Keyspace::Orphans, at, record);
    }
    let (at, record) = records::encode_checkpoint(job.store, job.version);
    last.put(Keyspace::Commits, at, record);
    backend.write(&last, Durability::Buffered)
}

/// Adds sorted nodes to the backend on a thread of its own, while this one walks the tree and encodes them: each takes about as long.
fn beside_the_writer(backend: &dyn Backend, each: impl FnOnce(&mut Put<'_>) -> Written) -> Written {
    let (sender, parts) = mpsc::sync_channel::<Batch>(PARTS_AHEAD);
    let mut write = move || backend.ingest(Keyspace::Nodes, &mut |put| parts.iter().try_for_each(|part| put_part(&part, put)));
    thread::scope(|scope| {
        let writer = thread::Builder::new().name("treering-write".to_owned()).spawn_scoped(scope, &mut write);
        let writer = writer.map_err(|error| BackendError::new("starting a thread to write nodes", error))?;
        let mut part = Batch::new();
        let gone = || BackendError::new("writing nodes", "the writer has ended");
        let mut sent = each(&mut |at, record| {
            part.put(Keyspace::Nodes, at, record);
            if part.bytes() < PART { Ok(()) } else { sender.send(std::mem::take(&mut part)).map_err(|_| gone()) }
        });
        if sent.is_ok() {
            sent = sender.send(part).map_err(|_| gone());
        }
        drop(sender);
        // When the writer has ended early, its error says why.
        writer.join().unwrap_or_else(|panic| resume_unwind(panic)).and(sent)
    })
}

fn put_part(part: &Batch, put: &mut Put<'_>) -> Written {
    part.changes().try_for_each(|(_, change)| match change {
        Change::Put { key, value } => put(key, value),
        Change::Delete { .. } | Change::DeleteRange { .. } => Ok(()),
    })
}

/// Puts the records of all nodes since the checkpoint before, and the leaves into the index.
fn each_node(job: &Job, index: &mut IndexWriter<'_>, put: &mut Put<'_>) -> Written {
    let mut record = Vec::new();
    for (key, made) in job.tree.nodes_since(job.since) {
        if let NodeRecord::Leaf { key: user_key, value } = &made {
            index.put(user_key, key.version(), value)?;
        }
        let at = keys::node(job.store, key);
        record = node::encode(&at, &made, record);
        put(&at, &record)?;
    }
    Ok(())
}

/// Nodes of several versions on their way; they are sorted here, part by part.
struct Nodes<'a> {
    backend: &'a dyn Backend,
    at_once: usize,
    /// Where keys and records lie in `bytes`: start, end of the key, end.
    entries: Vec<(usize, usize, usize)>,
    bytes: Vec<u8>,
}

impl Nodes<'_> {
    fn put(&mut self, at: &[u8], record: &[u8]) -> Written {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(at);
        self.bytes.extend_from_slice(record);
        self.entries.push((start, start + at.len(), self.bytes.len()));
        if self.bytes.len() >= self.at_once { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Written {
        let Self { backend, entries, bytes, .. } = self;
        let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
        entries.sort_unstable_by(|a, b| part(a.0, a.1).cmp(part(b.0, b.1)));
        backend
            .ingest(Keyspace::Nodes, &mut |put| entries.iter().try_for_each(|&(start, key, end)| put(part(start, key), part(key, end))))?;
        entries.clear();
        self.bytes.clear();
        Ok(())
    }
}
