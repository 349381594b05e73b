//! LevelDB, in Rust (crate `rusty-leveldb`): the format of the C++ one on disk, with all keyspaces in one key space.
//!
//! A thread of its own owns the database and answers one request at a time. A scan reads windows of a thousand pairs or a megabyte
//! from the state of its start; a batch is one record of the write-ahead log.
//!
//! The crate has flaws, which are worked around here. They are listed so that nobody takes the detours for whims; the tests below and
//! those in `leveldb/` fail without them.
//! 1. It never syncs, leaves what was written in a buffer of the process, and goes on after failures of reading and writing, up to
//!    losing what a compaction could not write: `files`.
//! 2. It appends to logs and manifests behind a torn end, where nothing is ever found again: old ones are not reused. It takes damage
//!    in the middle of a log for its end: `framing`.
//! 3. It takes level 0 for sorted when it looks where a memtable may go, so that a table may sink below an older one that it overlaps,
//!    and a compaction then drops a removal whose old value is still there. It has the C++ version's old flaw, too, of moving one
//!    version of a key below another when the two lie in neighbouring tables. Both need tables that do not overlap: here every table has
//!    the first and the last key of all (`layout`), and a compaction has one output.
//! 4. `get` misses keys: it stops at a removal of another key, and at the last key of a block. Only iterators are used.
//! 5. Going back loses tables that end before the key sought: none does, since all have the last key of all.
//!    Going back also passes over removals in the memtable, so scans only go back to find where to read forwards (`worker`).
//! 6. Compaction takes the numbers of snapshots for those of changes: `views`.
//! 7. Tables of an older state are removed while an iterator may need them: no iterator outlives a write, scans take a new one a window.
//!
//! It cannot be opened without writing, so a reader opens it as a writer does, and then refuses to write. It needs the writer closed.

mod checksum;
mod files;
mod framing;
mod layout;
mod views;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use treering_tree::Order;

use super::{Access, Backend, BackendError, Batch, Durability, Keyspace, Pair, Scan};
use worker::{Answer, Range, Request, ViewId, Window, Worker};

/// Bytes of a memtable, above which it becomes a table. The crate walks over every old value in it, so it is small.
const WRITE_BUFFER: usize = 1 << 20;

/// How a LevelDB is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LevelOptions {
    /// Bytes of the block cache, of which the crate counts blocks and not bytes: large values take more.
    pub cache_size: usize,
    /// Whether new tables are compressed (Snappy). Old ones are read either way.
    pub compression: bool,
}

/// A LevelDB.
pub struct LevelBackend {
    /// `None` only while it is dropped.
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
    access: Access,
}

impl LevelBackend {
    /// Whether a LevelDB is in this folder.
    #[must_use]
    pub fn exists(path: &Path) -> bool {
        // RocksDB has a file of that name, too, and this one besides.
        path.join("CURRENT").exists() && !path.join("IDENTITY").exists()
    }

    /// Opens the database in folder `path`.
    ///
    /// # Errors
    /// When there is none (unless `access` is [`Access::Create`]), another one has it open, its files are damaged, of another program or of
    /// a newer format, or what the crate says.
    pub fn open(path: &Path, access: Access, options: LevelOptions) -> Result<Self, BackendError> {
        Self::open_with(path, access, options, WRITE_BUFFER)
    }

    /// Opens it with memtables of this many bytes, which tests make small.
    fn open_with(path: &Path, access: Access, options: LevelOptions, write_buffer: usize) -> Result<Self, BackendError> {
        let failed = |why: String| BackendError::new(format!("opening LevelDB in {}", path.display()), why);
        if access != Access::Create && !Self::exists(path) {
            return Err(failed("there is no LevelDB; create one, or choose another folder".to_owned()));
        }
        let path = std::path::absolute(path).map_err(|error| failed(error.to_string()))?;
        let (requests, received) = mpsc::channel();
        let (opened, answer) = mpsc::channel();
        let thread = thread::Builder::new().name("leveldb".to_owned()).spawn({
            let path = path.clone();
            move || serve(&received, &opened, || Worker::open(&path, access, options, write_buffer))
        });
        let thread = thread.map_err(|error| failed(error.to_string()))?;
        match answer.recv().unwrap_or_else(|_| Err(stopped())) {
            Ok(()) => Ok(Self { requests: Some(requests), thread: Some(thread), path, access }),
            Err(why) => {
                // Its files are closed when it is back. A panic in it has been told already.
                let _ = thread.join();
                Err(failed(why))
            }
        }
    }

    /// Sends a request and waits for the answer.
    fn ask<T>(&self, request: impl FnOnce(Sender<Answer<T>>) -> Request) -> Answer<T> {
        let (reply, answer) = mpsc::channel();
        let sent = self.requests.as_ref().is_some_and(|requests| requests.send(request(reply)).is_ok());
        if sent { answer.recv().unwrap_or_else(|_| Err(stopped())) } else { Err(stopped()) }
    }

    fn check_writable(&self) -> Result<(), BackendError> {
        if self.access == Access::ReadOnly {
            return Err(BackendError::new(format!("writing to {}", self.path.display()), "it was opened read-only"));
        }
        Ok(())
    }
}

impl Drop for LevelBackend {
    fn drop(&mut self) {
        self.requests = None;
        // The lock is free when the thread is back. A panic in it has been told already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(requests: &Receiver<Request>, opened: &Sender<Answer<()>>, open: impl FnOnce() -> Answer<Worker>) {
    match open() {
        Ok(worker) if opened.send(Ok(())).is_ok() => worker.run(requests),
        Ok(_) => {}
        Err(why) => drop(opened.send(Err(why))),
    }
}

fn stopped() -> String {
    "its thread has stopped after a failure inside of it; open it again".to_owned()
}

impl Backend for LevelBackend {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let key = layout::key(keyspace, key);
        self.ask(|reply| Request::Get(key, reply)).map_err(|why| BackendError::new(format!("reading from {keyspace}"), why))
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        if to.is_some_and(|to| to <= from) {
            return Box::new(std::iter::empty());
        }
        let to = to.map_or_else(|| layout::end(keyspace), |to| layout::key(keyspace, to));
        let range = Range::new(layout::key(keyspace, from), to, order);
        let mut scan = LevelScan { backend: self, keyspace, range, window: Vec::new().into_iter(), view: None, failure: None };
        // The scan sees the state of now, so it asks for its first window now.
        scan.next_window();
        Box::new(scan)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.check_writable()?;
        let batch = batch.clone();
        self.ask(|reply| Request::Write(batch, durability, reply)).map_err(|why| BackendError::new("writing a batch", why))
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.check_writable()?;
        self.ask(Request::Flush).map_err(|why| BackendError::new("syncing the log", why))
    }
}

/// A scan: a window of pairs, and where the next one is to be had.
struct LevelScan<'a> {
    backend: &'a LevelBackend,
    keyspace: Keyspace,
    /// What is not in a window yet.
    range: Range,
    window: std::vec::IntoIter<Pair>,
    /// The state that it sees, while there may be more windows.
    view: Option<ViewId>,
    failure: Option<BackendError>,
}

impl LevelScan<'_> {
    fn next_window(&mut self) {
        let (range, view) = (self.range.clone(), self.view);
        match self.backend.ask(|reply| Request::Scan(range, view, reply)) {
            Ok(Window { pairs, view }) => {
                if let Some((last, _)) = pairs.last() {
                    self.range.go_on_after(layout::key(self.keyspace, last));
                }
                (self.window, self.view) = (pairs.into_iter(), view);
            }
            Err(why) => {
                self.failure = Some(BackendError::new(format!("scanning {}", self.keyspace), why));
                self.release();
            }
        }
    }

    fn release(&mut self) {
        if let (Some(view), Some(requests)) = (self.view.take(), &self.backend.requests) {
            // When the thread is gone, so is the view.
            let _ = requests.send(Request::Release(view));
        }
    }
}

impl Iterator for LevelScan<'_> {
    type Item = Result<Pair, BackendError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.window.len() == 0 && self.view.is_some() {
            self.next_window();
        }
        match self.window.next() {
            Some(pair) => Some(Ok(pair)),
            None => self.failure.take().map(Err),
        }
    }
}

impl Drop for LevelScan<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests;
