//! Checks a whole database: every node of every kept version, and every other record, against what it must be.

use std::sync::Arc;

use treering_proofs::app_hash;
use treering_tree::{ChildRecord, Order};

use super::keys::StoreId;
use super::records::{self, CommitRecord, VersionRecord};
use super::source::DiskSource;
use super::walk::Walk;
use super::{Disk, StoreState, keys, log};
use crate::engine::Keyspace;
use crate::error::{Error, Result};

/// How far a check has come.
#[derive(Clone, Debug)]
pub struct CheckProgress<'a> {
    /// The store at hand.
    pub store: &'a str,
    /// The version at hand.
    pub version: u64,
    /// Versions of the store that are done.
    pub done: u64,
    /// Versions of the store.
    pub total: u64,
}

/// What a check found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckSummary {
    /// Stores.
    pub stores: u64,
    /// Kept versions, of all stores together.
    pub versions: u64,
    /// Nodes, each counted once, though many versions share it.
    pub nodes: u64,
    /// Hashes recomputed.
    pub hashes: u64,
    /// Records of the flat index, each equal to the tree's leaf.
    pub index_entries: u64,
}

impl Disk {
    /// Recomputes every hash of every kept version, and compares the index with the newest one. O(nodes).
    pub(crate) fn check(&self, progress: &mut dyn FnMut(CheckProgress<'_>)) -> Result<CheckSummary> {
        let mut summary = CheckSummary::default();
        for (name, store) in self.stores() {
            summary.stores += 1;
            let versions = self.versions(store.id)?;
            self.check_versions(&name, &store, &versions, &mut summary, progress)?;
            self.check_index(&name, &store, &mut summary)?;
        }
        self.check_commits()?;
        let logs = self.backend.scan(Keyspace::Log, &[], None, Order::Ascending).try_fold(0, |count, log| log.map(|_| count + 1))?;
        if summary.versions != logs {
            return Err(damaged("the log".to_owned(), &format!("{logs} are stored for {} kept versions", summary.versions)));
        }
        Ok(summary)
    }

    fn check_versions(
        &self,
        name: &str,
        store: &StoreState,
        versions: &[(u64, VersionRecord)],
        summary: &mut CheckSummary,
        progress: &mut dyn FnMut(CheckProgress<'_>),
    ) -> Result<()> {
        let source = DiskSource::new(Arc::clone(&self.backend), store.id);
        let (mut before, mut nodes) = (0, 0);
        for (&(version, record), done) in versions.iter().zip(0..) {
            progress(CheckProgress { store: name, version, done, total: versions.len() as u64 });
            let mut walk = Walk::new(&source, name, self.database.hash_function, before, version, root_of(&record));
            for leaf in walk.by_ref() {
                leaf?;
            }
            nodes += walk.nodes;
            summary.hashes += walk.hashes;
            if record.root.is_none() && record.root_hash != self.database.hash_function.empty_root() {
                return Err(damaged(format!("version {version} of store {name:?}"), "it is empty, but has not the empty tree's root hash"));
            }
            self.check_log(name, store, version, &record)?;
            before = version;
        }
        summary.versions += versions.len() as u64;
        summary.nodes += nodes;
        let stored = self.count_nodes(store)?;
        if stored != nodes {
            let what =
                format!("{stored} nodes are stored, the kept versions have {nodes}; pruning again removes what an interrupted one left");
            return Err(damaged(format!("store {name:?}"), &what));
        }
        Ok(())
    }

    fn check_log(&self, name: &str, store: &StoreState, version: u64, record: &VersionRecord) -> Result<()> {
        let at = keys::log(record.commit, store.id);
        match self.backend.get(Keyspace::Log, &at)? {
            Some(log) => log::replay(&at, &log, |_| {}),
            None => Err(damaged(format!("version {version} of store {name:?}"), "its log is missing")),
        }
    }

    fn count_nodes(&self, store: &StoreState) -> Result<u64> {
        let (from, to) = keys::nodes(store.id);
        let mut count = 0;
        for pair in self.backend.scan(Keyspace::Nodes, &from, Some(&to), Order::Ascending) {
            pair?;
            count += 1;
        }
        Ok(count)
    }

    /// The index must have the newest version's leaves, and nothing else.
    fn check_index(&self, name: &str, store: &StoreState, summary: &mut CheckSummary) -> Result<()> {
        let source = DiskSource::new(Arc::clone(&self.backend), store.id);
        let (version, root) = store.newest.map_or((0, None), |(version, record)| (version, root_of(&record)));
        let mut leaves = Walk::new(&source, name, self.database.hash_function, 0, version, root);
        let (from, to) = keys::all_latest(store.id);
        let mut index = self.backend.scan(Keyspace::Latest, &from, Some(&to), Order::Ascending);
        loop {
            let leaf = leaves.next().transpose()?;
            let entry = index.next().transpose()?;
            let (leaf, (at, record)) = match (leaf, entry) {
                (None, None) => return Ok(()),
                (Some(leaf), Some(entry)) => (leaf, entry),
                (leaf, entry) => {
                    let key = leaf.map(|leaf| leaf.key).or_else(|| entry.and_then(|(at, _)| Some(keys::user_key(&at)?.to_vec())));
                    return Err(index_differs(name, &key.unwrap_or_default()));
                }
            };
            let (set_in, value) = records::decode_latest(&at, &record)?;
            if keys::user_key(&at) != Some(&leaf.key) || value != leaf.value || set_in != leaf.version {
                return Err(index_differs(name, &leaf.key));
            }
            summary.index_entries += 1;
        }
    }

    /// Every commit decodes; the newest one has the app hash of the stores as they are.
    fn check_commits(&self) -> Result<()> {
        let (from, to) = keys::commits();
        let mut newest = None;
        for pair in self.backend.scan(Keyspace::Commits, &from, Some(&to), Order::Ascending) {
            let (at, record) = pair?;
            let commit = CommitRecord::decode(&at, &record)?;
            if commit.stores.iter().any(|store| store.made_here) && !self.is_commit_needed(&commit, |_, _| false)? {
                return Err(damaged(keys::name(Keyspace::Commits, &at), "all versions that it made are gone"));
            }
            newest = Some(commit);
        }
        let Some(newest) = newest else { return Ok(()) };
        let stores = self.stores();
        for committed in &newest.stores {
            let state = stores.values().find(|store| store.id == committed.store).and_then(|store| store.newest);
            if state.is_none_or(|(version, record)| (version, record.root_hash) != (committed.version, committed.root_hash)) {
                return Err(damaged("the newest commit".to_owned(), "it does not list the newest versions"));
            }
        }
        let empty = self.database.hash_function.empty_root();
        let root = |store: &StoreState| store.newest.map_or(empty, |(_, record)| record.root_hash);
        // Stores without versions that were made since have no part in the commit's app hash. They have higher numbers than those before.
        let mut without: Vec<_> = stores.values().filter(|store| store.newest.is_none()).map(|store| Some(store.id)).collect();
        without.sort_unstable();
        let is_hash_until = |last: Option<StoreId>| {
            let listed = stores.iter().filter(|(_, store)| store.newest.is_some() || Some(store.id) <= last);
            app_hash(listed.map(|(name, store)| (name.as_str(), root(store)))) == newest.app_hash
        };
        if !without.into_iter().chain([None]).any(is_hash_until) {
            return Err(damaged("the newest commit".to_owned(), "its app hash is not that of the stores"));
        }
        Ok(())
    }
}

fn root_of(record: &VersionRecord) -> Option<ChildRecord> {
    record.root.map(|root| ChildRecord { node: root.node, hash: root.hash, height: root.height, size: root.size })
}

fn index_differs(store: &str, key: &[u8]) -> Error {
    damaged(format!("the index of store {store:?}"), &format!("at key {} it differs from the newest version's tree", hex::encode(key)))
}

fn damaged(record: String, what: &str) -> Error {
    Error::Damaged { record, what: what.to_owned() }
}
