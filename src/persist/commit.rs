//! Saving versions: one atomic batch with all of them.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use treering_proofs::app_hash;
use treering_tree::{NewNodes, SavedVersion};

use super::keys::StoreId;
use super::log::{Operation, PendingLog};
use super::multi::{MultiRecord, UnfinishedCommit};
use super::records::{self, CommitRecord, CommittedStore, VersionRecord};
use super::{Disk, Pin, State, StoreState, keys, log, node};
use crate::engine::{Batch, Keyspace};
use crate::error::Result;

/// The version of one store in a commit.
pub(crate) struct CommitPart<'a> {
    pub(crate) store: &'a str,
    pub(crate) saved: &'a SavedVersion,
    pub(crate) nodes: NewNodes<'a>,
    pub(crate) operations: PendingLog,
}

/// What a commit belongs to.
pub(crate) enum CommitScope<'a> {
    /// To this database alone.
    Alone,
    /// To a version of the whole `MultiStore`, whose record this database keeps: with it the version is there.
    Whole(&'a MultiRecord),
    /// To the version of this number, whose record another database keeps, and gets after this commit.
    PartOf(u64),
}

/// The newest versions of stores that a commit changes, by name.
pub(super) type Made<'a> = BTreeMap<&'a str, (u64, VersionRecord)>;

impl Disk {
    /// Makes versions durable: their operations, nodes, orphans and index, their own records and the commit's, in one batch.
    /// Gives their records in the order of the parts.
    pub(crate) fn commit(&self, parts: Vec<CommitPart<'_>>, time: u64, scope: &CommitScope<'_>) -> Result<Vec<VersionRecord>> {
        let _commits = self.commits();
        let mut state = self.state().clone();
        let number = state.next_commit;
        let mut batch = Batch::new();
        let mut made = Made::new();
        let mut records = Vec::with_capacity(parts.len());
        let mut before = Vec::with_capacity(parts.len());
        for CommitPart { store: name, saved, nodes, operations } in parts {
            let store = state.id_of(name)?;
            before.push((store, state.stores.get(name).and_then(|store| store.newest).map_or(0, |(version, _)| version)));
            let version = VersionRecord { commit: number, time, root_hash: saved.root_hash, root: saved.root };
            if !state.stores.get(name).is_some_and(|store| store.registered) {
                state.put_store(&mut batch, name, store);
            }
            put_nodes(&mut batch, store, saved, nodes);
            put_operations(&mut batch, store, number, saved.version, operations)?;
            let (at, record) = version.encode(store, saved.version);
            batch.put(Keyspace::Commits, at, record);
            made.insert(name, (saved.version, version));
            records.push(version);
        }
        let (at, record) = self.commit_record(&state, time, &made).encode(number);
        batch.put(Keyspace::Commits, at, record);
        match scope {
            CommitScope::Alone => {}
            CommitScope::Whole(multi) => multi.put(&mut batch),
            CommitScope::PartOf(version) => UnfinishedCommit { version: *version, before }.put(&mut batch),
        }
        self.write(&batch)?;

        state.next_commit += 1;
        for (name, newest) in made {
            state.newest_is(name, Some(newest));
        }
        *self.state() = state;
        Ok(records)
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

fn put_nodes(batch: &mut Batch, store: StoreId, saved: &SavedVersion, nodes: NewNodes<'_>) {
    let mut record = Vec::new();
    for (key, node) in nodes {
        let at = keys::node(store, key);
        record = node::encode(&at, &node, record);
        batch.put(Keyspace::Nodes, at, &record);
    }
    if !saved.orphans.is_empty() {
        let (at, record) = records::encode_orphans(store, saved.version, &saved.orphans);
        batch.put(Keyspace::Orphans, at, record);
    }
}

/// Puts the log, and its effects into the index.
fn put_operations(batch: &mut Batch, store: StoreId, commit: u64, version: u64, operations: PendingLog) -> Result<()> {
    let (at, record) = operations.seal(commit, store);
    log::replay(&at, &record, |operation| match operation {
        Operation::Set(key, value) => {
            let (at, record) = records::encode_latest(store, key, version, value);
            batch.put(Keyspace::Latest, at, record);
        }
        Operation::Delete(key) => batch.delete(Keyspace::Latest, keys::latest(store, key)),
    })?;
    batch.put(Keyspace::Log, at, record);
    Ok(())
}

/// Seconds since 1970 by the system's clock; 0 before.
pub(crate) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
