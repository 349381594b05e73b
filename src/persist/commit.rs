//! Saving a version: one atomic batch with all of it.

use std::time::{SystemTime, UNIX_EPOCH};

use treering_proofs::app_hash;
use treering_tree::{NewNodes, SavedVersion};

use super::keys::StoreId;
use super::log::{Operation, PendingLog};
use super::records::{self, CommitRecord, CommittedStore, VersionRecord};
use super::{Disk, Pin, State, StoreState, keys, log, node};
use crate::engine::{Batch, Keyspace};
use crate::error::Result;

impl Disk {
    /// Makes a version durable: its operations, nodes, orphans and index, its own record and the commit's, in one batch.
    pub(crate) fn commit(&self, name: &str, saved: &SavedVersion, nodes: NewNodes<'_>, operations: PendingLog) -> Result<VersionRecord> {
        let mut state = self.state();
        let store = state.id_of(name)?;
        let number = state.next_commit;
        let version = VersionRecord { commit: number, time: seconds_now(), root_hash: saved.root_hash, root: saved.root };

        let mut batch = Batch::new();
        if !state.stores.get(name).is_some_and(|store| store.registered) {
            let (at, record) = records::encode_store(name, store);
            batch.put(Keyspace::Meta, at, record);
        }
        put_nodes(&mut batch, store, saved, nodes);
        put_operations(&mut batch, store, number, saved.version, operations)?;
        let (at, record) = version.encode(store, saved.version);
        batch.put(Keyspace::Commits, at, record);
        let newest = Some((saved.version, version));
        let (at, record) = self.commit_record(&state, version.time, name, newest).encode(number);
        batch.put(Keyspace::Commits, at, record);
        self.write(&batch)?;

        state.next_commit += 1;
        state.stores.insert(name.to_owned(), StoreState { id: store, registered: true, newest });
        Ok(version)
    }

    /// The commit record that has `newest` as the version of the store `name`, and all others as they are.
    pub(super) fn commit_record(&self, state: &State, time: u64, name: &str, newest: Option<(u64, VersionRecord)>) -> CommitRecord {
        let committed = |(store_name, store): (&String, &StoreState)| {
            let made_here = store_name == name;
            let (version, record) = if made_here { newest? } else { store.newest? };
            Some(CommittedStore { store: store.id, version, root_hash: record.root_hash, made_here })
        };
        let stores = state.stores.iter().filter_map(committed).collect();
        let empty_root = self.database.hash_function.empty_root();
        let root_of = |(store_name, store): (&String, &StoreState)| {
            let newest = if store_name == name { newest } else { store.newest };
            newest.map_or(empty_root, |(_, record)| record.root_hash)
        };
        let listed = state.stores.iter().filter(|(store_name, store)| store.registered || *store_name == name);
        let roots: Vec<_> = listed.map(|store| (store.0.as_str(), root_of(store))).collect();
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
pub(super) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
