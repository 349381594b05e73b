//! Writing one checkpoint.
//!
//! First the nodes, in the order of their keys, beside them the index; then the orphans and the record of the checkpoint in one batch.
//! A crash in between leaves nodes and index entries that the next flush of the same version writes again, the same.
//!
//! The changes of the index come in the order of their keys, each key once. Those of a large checkpoint of several versions go into a file
//! of their own, past the engine's write buffers, which could not hold them and would be merged into such a file bit by bit. The file is on
//! the disk at once, so what was written to the index before is settled first.

use std::iter::Peekable;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use treering_tree::{NodeKey, NodeRecord};

use super::Job;
use crate::engine::{Backend, BackendError, Batch, Durability, Keyspace, Put};
use crate::persist::index::{IndexWriter, Set};
use crate::persist::page::PageWriter;
use crate::persist::records;

type Written = Result<(), BackendError>;
/// Takes what became of a key: what it was set to, or that it is gone.
type ChangeKey<'a> = dyn FnMut(&[u8], Option<Set<'_>>) -> Written + 'a;

/// Bytes that a checkpoint of several versions keeps in memory, about, from which on its part of the index gets a file; less where less may
/// wait to be flushed. That of eight versions of 10,000 operations has 110 MiB.
const WORTH_A_FILE: u64 = 64 << 20;
/// Bytes of encoded nodes that go to the writing thread at once, and how many such parts may wait for it.
const PART: usize = 256 << 10;
const PARTS_AHEAD: usize = 2;

/// Stores a version's nodes and its part of the index, and then that it is a checkpoint. `limit`: the bytes that may wait to be flushed.
pub(super) fn checkpoint(backend: &dyn Backend, job: &Job, limit: u64) -> Written {
    let mut index = IndexWriter::new(backend, job.store);
    if job.since + 1 == job.version {
        one_version(backend, job, &mut index)?;
    } else if job.bytes < limit.min(WORTH_A_FILE) {
        each_change(job, &mut |key, state| index.change(key, state))?;
        sorted_nodes(backend, job)?;
    } else {
        with_a_file_of_index(backend, job, &mut index)?;
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

/// Stores the nodes of one version, which come sorted from a walk through the tree. They are added on a thread of its own, while this one
/// walks and encodes: each takes about as long.
fn one_version(backend: &dyn Backend, job: &Job, index: &mut IndexWriter<'_>) -> Written {
    let (sender, parts) = mpsc::sync_channel::<Batch>(PARTS_AHEAD);
    // Parts that were written, to be filled again.
    let (give_back, spare) = mpsc::channel();
    let mut write = move || {
        backend.ingest(Keyspace::Nodes, &mut |put| {
            parts.iter().try_for_each(|mut part: Batch| {
                part.put_each(put)?;
                part.clear();
                // At the end nobody wants it.
                let _ = give_back.send(part);
                Ok(())
            })
        })
    };
    let mut part = Batch::new();
    let gone = || BackendError::new("writing nodes", "the writer has ended");
    thread::scope(|scope| {
        let writer = thread::Builder::new().name("treering-write".to_owned()).spawn_scoped(scope, &mut write);
        let writer = writer.map_err(|error| BackendError::new("starting a thread to write nodes", error))?;
        let mut sent = each_page(job, &mut |key, state| index.change(key, state), &mut |at, record| {
            part.put(Keyspace::Nodes, at, record);
            if part.bytes() < PART {
                return Ok(());
            }
            sender.send(std::mem::replace(&mut part, spare.try_recv().unwrap_or_default())).map_err(|_| gone())
        });
        if sent.is_ok() {
            sent = sender.send(part).map_err(|_| gone());
        }
        drop(sender);
        // When the writer has ended early, its error says why.
        writer.join().unwrap_or_else(|panic| resume_unwind(panic)).and(sent)
    })
}

/// Gives the pages of one version, and what became of each key.
fn each_page(job: &Job, change: &mut ChangeKey<'_>, put: &mut Put<'_>) -> Written {
    let (mut removed, mut pages) = (Removals::of(job), PageWriter::new(job.store));
    for (node, made) in job.tree.nodes_since(job.since) {
        removed.pass(node, &made, change)?;
        pages.add(node, made, put)?;
    }
    pages.finish(put)?;
    removed.rest(change)
}

/// Stores the nodes of several versions.
fn sorted_nodes(backend: &dyn Backend, job: &Job) -> Written {
    backend.ingest(Keyspace::Nodes, &mut |put| {
        let mut pages = PageWriter::new(job.store);
        for (node, made) in job.tree.sorted_nodes_since(job.since) {
            pages.add(node, made, put)?;
        }
        pages.finish(put)
    })
}

/// Tells what became of each key since the checkpoint before, in the order of keys.
fn each_change(job: &Job, change: &mut ChangeKey<'_>) -> Written {
    let mut removed = Removals::of(job);
    for (node, made) in job.tree.nodes_since(job.since) {
        removed.pass(node, &made, change)?;
    }
    removed.rest(change)
}

/// The keys that were removed since the checkpoint before, in order.
struct Removals<'a>(Peekable<Box<dyn Iterator<Item = &'a [u8]> + 'a>>);

impl<'a> Removals<'a> {
    fn of(job: &'a Job) -> Self {
        let removed = job.removed.iter().filter(|&(_, &version)| version > job.since);
        let keys: Box<dyn Iterator<Item = &'a [u8]>> = Box::new(removed.map(|(key, _)| &**key));
        Self(keys.peekable())
    }

    /// Tells what a leaf sets, and before it of those up to its key: where that was removed it was set again.
    fn pass(&mut self, node: NodeKey, made: &NodeRecord<'_>, change: &mut ChangeKey<'_>) -> Written {
        let NodeRecord::Leaf { key, value } = made else { return Ok(()) };
        while let Some(gone) = self.0.next_if(|gone| **gone < **key) {
            change(gone, None)?;
        }
        self.0.next_if(|gone| **gone == **key);
        change(key, Some((node.version(), value)))
    }

    /// Tells of all that are left.
    fn rest(mut self, change: &mut ChangeKey<'_>) -> Written {
        self.0.try_for_each(|gone| change(gone, None))
    }
}

/// Stores the nodes of several versions, and beside them what keys were set to in the index as a file; the keys that are gone follow.
fn with_a_file_of_index(backend: &dyn Backend, job: &Job, index: &mut IndexWriter<'_>) -> Written {
    backend.settle(Keyspace::Latest)?;
    let mut gone = Vec::new();
    let mut write = || {
        backend.ingest(Keyspace::Latest, &mut |put| {
            each_change(job, &mut |key, state| {
                let Some((version, value)) = state else {
                    gone.push(key.to_vec());
                    return Ok(());
                };
                let (at, record) = records::encode_latest(job.store, key, version, value);
                put(&at, &record)
            })
        })
    };
    thread::scope(|scope| {
        let writer = thread::Builder::new().name("treering-index".to_owned()).spawn_scoped(scope, &mut write);
        let writer = writer.map_err(|error| BackendError::new("starting a thread to write the index", error))?;
        let nodes = sorted_nodes(backend, job);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic)).and(nodes)
    })?;
    gone.iter().try_for_each(|key| index.change(key, None))
}
