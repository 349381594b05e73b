//! Saving versions: their operations, then one small atomic batch with their records, which makes them be there.
//!
//! The operations of a large version are written while its tree is hashed, so that both cost the time of one. What a crash leaves of them
//! without the records is removed by opening. Nodes and index follow in the background (see [`flush`](super::flush)).

use std::collections::BTreeMap;
use std::sync::MutexGuard;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use treering_proofs::app_hash;
use treering_tree::{SavedVersion, Tree};

use super::companion::Companion;
use super::flush::Removed;
use super::keys::StoreId;
use super::log::PendingLog;
use super::multi::{MultiRecord, UnfinishedCommit};
use super::records::{CommitRecord, CommittedStore, Standing, VersionRecord};
use super::{Disk, Pin, State, StoreState};
use crate::engine::{Batch, Keyspace};
use crate::error::Result;

/// With fewer bytes of operations a second write costs more time than it saves (measured: a synced write of a few bytes takes 0.3 ms or
/// more).
const WRITTEN_AHEAD: usize = 64 << 10;

/// The version of one store in a commit.
pub(crate) struct CommitPart<'a> {
    pub(crate) saved: &'a SavedVersion,
    /// A branch of the saved tree, to write the nodes from.
    pub(crate) tree: Tree,
    /// The keys removed since the newest checkpoint.
    pub(crate) removed: Removed,
}

/// What a commit belongs to.
pub(crate) enum CommitScope<'a> {
    /// To this database alone.
    Alone,
    /// To a version of the whole `MultiStore`, whose record this database keeps: with it the version is there. So is what stands beside it.
    Whole(&'a MultiRecord, Option<Companion>),
    /// To the version of this number, whose record another database keeps, and gets after this commit.
    PartOf(u64),
}

/// The newest versions of stores that a commit changes, by name.
pub(super) type Made<'a> = BTreeMap<&'a str, (u64, VersionRecord)>;

/// The operations of one store in a commit.
struct SealedLog {
    store: String,
    id: StoreId,
    at: Vec<u8>,
    record: Vec<u8>,
}

/// Operations to write before their versions are committed; a commit that is finished without their having been written is torn.
#[must_use = "the commit counts on these operations to be written"]
pub(crate) struct Ahead<'a> {
    disk: &'a Disk,
    batch: Batch,
}

impl Ahead<'_> {
    /// Writes them.
    pub(crate) fn write(&self) -> Result<()> {
        self.disk.write(&self.batch)
    }
}

/// Does work while operations are written.
pub(crate) fn beside<T>(ahead: &[Ahead<'_>], work: impl FnOnce() -> Result<T>) -> Result<T> {
    if ahead.is_empty() {
        return work();
    }
    thread::scope(|scope| {
        let writing = thread::Builder::new().spawn_scoped(scope, || ahead.iter().try_for_each(Ahead::write));
        // Where the system has no thread left, one comes after the other.
        let Ok(writing) = writing else { return ahead.iter().try_for_each(Ahead::write).and_then(|()| work()) };
        let done = work();
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.and(done)
    })
}

/// A commit under way, the only one of its database.
pub(crate) struct Commit<'a> {
    disk: &'a Disk,
    _commits: MutexGuard<'a, ()>,
    state: State,
    logs: Vec<SealedLog>,
    logs_are_written: bool,
}

impl Disk {
    /// Begins a commit of stores with these operations. Waits while too much is to be flushed.
    pub(crate) fn begin(&self, operations: Vec<(String, PendingLog)>) -> Result<Commit<'_>> {
        self.writable()?;
        self.flusher.wait_for_room()?;
        let guard = self.commits();
        let state = self.state().clone();
        let seal = |(store, operations): (String, PendingLog)| {
            let id = state.id_of(&store)?;
            let (at, record) = operations.seal(state.next_commit, id);
            Ok(SealedLog { store, id, at, record })
        };
        let logs = operations.into_iter().map(seal).collect::<Result<Vec<_>>>()?;
        Ok(Commit { disk: self, _commits: guard, state, logs, logs_are_written: false })
    }
}

impl<'a> Commit<'a> {
    /// The operations, to be written beside the hashing; nothing when they are so few that it does not pay.
    pub(crate) fn ahead(&mut self) -> Option<Ahead<'a>> {
        if self.logs.iter().map(|log| log.record.len()).sum::<usize>() < WRITTEN_AHEAD {
            return None;
        }
        let mut batch = Batch::new();
        self.put_logs(&mut batch);
        self.logs_are_written = true;
        Some(Ahead { disk: self.disk, batch })
    }

    fn put_logs(&self, batch: &mut Batch) {
        for log in &self.logs {
            batch.put(Keyspace::Log, &log.at, &log.record);
        }
    }

    /// Makes the versions durable, in the order of the operations given at the beginning. Gives their records.
    pub(crate) fn finish(self, parts: Vec<CommitPart<'_>>, time: u64, scope: &CommitScope<'_>) -> Result<Vec<VersionRecord>> {
        let Self { disk, state, logs, .. } = &self;
        let number = state.next_commit;
        let mut batch = Batch::new();
        if !self.logs_are_written {
            self.put_logs(&mut batch);
        }
        let mut made = Made::new();
        let mut records = Vec::with_capacity(parts.len());
        let mut before = Vec::with_capacity(parts.len());
        for (CommitPart { saved, .. }, SealedLog { store: name, id, .. }) in parts.iter().zip(logs) {
            before.push((*id, state.stores.get(name).and_then(|store| store.newest).map_or(0, |(version, _)| version)));
            let version = VersionRecord { commit: number, time, root_hash: saved.root_hash, root: saved.root };
            if !state.stores.get(name).is_some_and(|store| store.registered) {
                state.put_store(&mut batch, name, *id);
            }
            let (at, record) = version.encode(*id, saved.version, Standing::Kept);
            batch.put(Keyspace::Commits, at, record);
            made.insert(name, (saved.version, version));
            records.push(version);
        }
        let (at, record) = disk.commit_record(state, time, &made).encode(number);
        batch.put(Keyspace::Commits, at, record);
        match scope {
            CommitScope::Alone => {}
            CommitScope::Whole(multi, companion) => {
                multi.put(&mut batch);
                if let Some(companion) = companion {
                    companion.put(&mut batch, multi.version);
                }
            }
            CommitScope::PartOf(version) => UnfinishedCommit { version: *version, before }.put(&mut batch),
        }
        disk.write(&batch)?;

        let mut after = state.clone();
        after.next_commit += 1;
        for (name, newest) in made {
            after.newest_is(name, Some(newest));
        }
        *disk.state() = after;
        for (part, log) in parts.into_iter().zip(logs) {
            disk.note_lag(log.id, part)?;
        }
        Ok(records)
    }
}

impl Disk {
    /// Hands a committed version on to be flushed.
    fn note_lag(&self, store: StoreId, part: CommitPart<'_>) -> Result<()> {
        self.flusher.with_lag(
            store,
            || self.first_look(store),
            |lag| {
                lag.add(part.saved);
                lag.set_newest(part.tree, part.removed);
            },
        )?;
        self.flusher.queue(store, false)
    }

    /// The commit record that has the versions `made`, and those of all other stores as they are.
    pub(super) fn commit_record(&self, state: &State, time: u64, made: &Made<'_>) -> CommitRecord {
        let newest_of = |name: &str, store: &StoreState| made.get(name).copied().or(store.newest);
        let committed = |(name, store): (&String, &StoreState)| {
            let (version, record) = newest_of(name, store)?;
            Some(CommittedStore { store: store.id, version, root_hash: record.root_hash, made_here: made.contains_key(name.as_str()) })
        };
        let stores = state.stores.iter().filter_map(committed).collect();
        let empty_root = self.database.hash_function.empty_root();
        let listed = state.stores.iter().filter(|(name, store)| store.registered || made.contains_key(name.as_str()));
        let root_of = |name: &str, store: &StoreState| newest_of(name, store).map_or(empty_root, |(_, record)| record.root_hash);
        let roots: Vec<_> = listed.map(|(name, store)| (name.as_str(), root_of(name, store))).collect();
        CommitRecord { time, app_hash: app_hash(roots), stores }
    }

    /// Holds a version, if it is there.
    pub(crate) fn pin(&self, name: &str, store: StoreId, version: u64) -> Result<(VersionRecord, Pin)> {
        let mut counts = self.pins.lock();
        let record = self.version(name, store, version)?;
        Ok((record, self.pins.pin(&mut counts, store, version)))
    }
}

/// Seconds since 1970 by the system's clock; 0 before.
pub(crate) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
