//! The thread that writes entries: all that have come together are one version of the log, and one wait for the disk.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::entry::{AuditEntry, Call, SavedMark};
use super::trail::{AuditTrail, STORE};
use crate::error::{Error, Result};
use crate::persist::commit::seconds_now;
use crate::persist::companion::Companion;
use crate::store::TreeStore;

/// Entries that may wait; who brings more waits with them.
const MAX_WAITING: usize = 4096;
/// Saved versions whose marks wait for an entry to stand in; the oldest go first, and are then not held against their records.
const MAX_MARKS: usize = 1024;

/// Takes entries, and has them written.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Something is to be written, or it is over.
    filled: Condvar,
    /// Something was written, or nothing will be any more.
    moved: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<AuditEntry>,
    marks: Vec<SavedMark>,
    /// The number of the last entry taken.
    last: u64,
    /// How the log stands on the disk.
    standing: Option<Companion>,
    /// Why nothing is written any more.
    failure: Option<String>,
    is_closing: bool,
}

impl Queue {
    fn check(&self) -> std::result::Result<(), String> {
        match &self.failure {
            Some(cause) => Err(cause.clone()),
            None if self.is_closing => Err("it is closed".to_owned()),
            None => Ok(()),
        }
    }

    fn written(&self) -> u64 {
        self.standing.map_or(0, |standing| standing.entries)
    }
}

impl Shared {
    /// The queue is changed by calls that cannot panic half-way.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(trail: &AuditTrail) -> Result<Self> {
        let store = trail.database().store_or_new(STORE)?;
        let standing =
            trail.versions()?.last().map(|info| Companion { version: info.version, root_hash: info.root_hash, entries: info.size });
        let last = standing.map_or(0, |standing| standing.entries);
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { last, standing, ..Queue::default() }),
            filled: Condvar::new(),
            moved: Condvar::new(),
        });
        let its_shared = Arc::clone(&shared);
        let started = thread::Builder::new().name("treering-audit".to_owned()).spawn(move || run(&its_shared, store));
        let thread = started.map_err(|source| Error::Io {
            action: "starting the writer of the audit log in",
            path: trail.database().path().to_owned(),
            source,
        })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Whether entries are taken; if not, why.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        self.shared.queue().check()
    }

    /// Takes an entry, and gives its number. Waits while too many do.
    pub(super) fn add(&self, call: Call) -> std::result::Result<u64, String> {
        let mut queue = self.shared.queue();
        while queue.waiting.len() >= MAX_WAITING && queue.check().is_ok() {
            queue = self.shared.moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.check()?;
        queue.last += 1;
        let entry = AuditEntry::new(queue.last, seconds_now(), call);
        queue.waiting.push(entry);
        self.shared.filled.notify_one();
        Ok(queue.last)
    }

    /// Waits until the entry `number` is on the disk.
    pub(super) fn wait_for(&self, number: u64) -> std::result::Result<(), String> {
        let mut queue = self.shared.queue();
        while queue.written() < number {
            if let Some(cause) = &queue.failure {
                return Err(cause.clone());
            }
            queue = self.shared.moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// How the log stands on the disk.
    pub(super) fn standing(&self) -> std::result::Result<Option<Companion>, String> {
        let queue = self.shared.queue();
        // After an orderly end the log stands as it stood.
        if let Some(cause) = &queue.failure { Err(cause.clone()) } else { Ok(queue.standing) }
    }

    /// Why nothing can be written any more.
    pub(super) fn failure(&self) -> Option<String> {
        self.shared.queue().failure.clone()
    }

    /// Notes a saved version, to stand in the next entry.
    pub(super) fn mark(&self, mark: SavedMark) {
        let mut queue = self.shared.queue();
        if queue.marks.len() >= MAX_MARKS {
            queue.marks.remove(0);
        }
        queue.marks.push(mark);
    }

    /// Has all that waits written, and ends the thread.
    pub(super) fn close(&self) -> std::result::Result<(), String> {
        self.shared.queue().is_closing = true;
        self.shared.filled.notify_all();
        self.shared.moved.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A panic of the thread is noted as the failure.
        let _ = thread.map(JoinHandle::join);
        self.shared.queue().failure.clone().map_or(Ok(()), Err)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Who is interested in the outcome has closed it.
        let _ = self.close();
    }
}

/// Whoever waits is told when the thread ends in a panic.
struct EndsTold<'a>(&'a Shared);

impl Drop for EndsTold<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.queue().failure.get_or_insert_with(|| "its writer panicked".to_owned());
        }
        self.0.moved.notify_all();
    }
}

fn run(shared: &Shared, mut store: TreeStore) {
    let _told = EndsTold(shared);
    while let Some(group) = next_group(shared) {
        let written = write(&mut store, &group);
        let mut queue = shared.queue();
        match written {
            Ok(standing) => queue.standing = Some(standing),
            Err(error) => queue.failure = Some(error.to_string()),
        }
        let is_failed = queue.failure.is_some();
        drop(queue);
        shared.moved.notify_all();
        if is_failed {
            return;
        }
    }
}

/// All that waits; `None` when it is over.
fn next_group(shared: &Shared) -> Option<Vec<AuditEntry>> {
    let mut queue = shared.queue();
    while queue.waiting.is_empty() {
        if queue.is_closing {
            return None;
        }
        queue = shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
    let mut group = std::mem::take(&mut queue.waiting);
    if let Some(first) = group.first_mut() {
        first.saved = std::mem::take(&mut queue.marks);
    }
    drop(queue);
    // There is room again.
    shared.moved.notify_all();
    Some(group)
}

/// Makes a group of entries a version, and gives how the log stands with it.
fn write(store: &mut TreeStore, group: &[AuditEntry]) -> Result<Companion> {
    for entry in group {
        let value =
            entry.encode().map_err(|error| Error::Damaged { record: format!("entry {}", entry.number), what: error.to_string() })?;
        store.set(&AuditEntry::key(entry.number), &value)?;
    }
    let info = store.save_version()?;
    Ok(Companion { version: info.version, root_hash: info.root_hash, entries: info.size })
}
