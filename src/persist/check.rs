//! Checks a whole database: every node of every kept version, and every other record, against what it must be.

use std::collections::BTreeSet;

use treering_proofs::app_hash;
use treering_tree::{ChildRecord, Order};

use super::keys::StoreId;
use super::log::Operation;
use super::page::{self, Page};
use super::records::{self, CommitRecord, Standing, VersionRecord};
use super::source::DiskSource;
use super::walk::Walk;
use super::watch::Watch;
use super::{Disk, StoreState, VersionRow, keys, log};
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
    /// Recomputes every hash of every kept version, and compares the index with the newest one; or breaks off when it is not to go on. O(nodes).
    pub(crate) fn check(&self, progress: &mut dyn FnMut(CheckProgress<'_>), watch: &mut Watch<'_>) -> Result<CheckSummary> {
        let mut summary = CheckSummary::default();
        self.flusher.drain()?;
        let mut rows = 0;
        for (name, store) in self.stores() {
            summary.stores += 1;
            rows += self.check_versions(&name, &store, &mut summary, progress, watch)?;
            self.check_index(&name, &store, &mut summary, watch)?;
            if watch.is_over_now() {
                return Ok(summary);
            }
        }
        self.check_commits()?;
        // What a crash left of a commit that was not finished is no version's.
        let end = keys::logs_from(self.state().next_commit);
        let logs = self.backend.scan(Keyspace::Log, &[], Some(&end), Order::Ascending).try_fold(0, |count, log| log.map(|_| count + 1))?;
        if rows != logs {
            return Err(damaged("the log".to_owned(), &format!("{logs} are stored for {rows} versions")));
        }
        Ok(summary)
    }

    /// Checks all versions of a store, also removed ones that are still needed. Gives how many there are.
    fn check_versions(
        &self,
        name: &str,
        store: &StoreState,
        summary: &mut CheckSummary,
        progress: &mut dyn FnMut(CheckProgress<'_>),
        watch: &mut Watch<'_>,
    ) -> Result<u64> {
        let rows = self.version_rows(store.id, 0, u64::MAX).collect::<Result<Vec<_>>>()?;
        let checkpoints: BTreeSet<u64> = self.checkpoints(store.id)?.into_iter().collect();
        let source = DiskSource::new(self, store.id);
        let (mut before, mut nodes) = (0, 0);
        for (row, done) in rows.iter().zip(0..) {
            let VersionRow { version, record, standing } = *row;
            if watch.is_over() {
                return Ok(done);
            }
            progress(CheckProgress { store: name, version, done, total: rows.len() as u64 });
            if checkpoints.contains(&version) {
                let mut walk = Walk::new(&source, name, self.database.hash_function, before, version, root_of(&record));
                for leaf in walk.by_ref() {
                    leaf?;
                    if watch.is_over() {
                        return Ok(done);
                    }
                }
                nodes += walk.nodes;
                summary.hashes += walk.hashes;
                before = version;
            } else if standing == Standing::Kept {
                // Its log is replayed on top of the checkpoint below, and must give its root hash.
                self.tree(store.id, Some((version, record)))?;
            }
            if record.root.is_none() && record.root_hash != self.database.hash_function.empty_root() {
                return Err(damaged(format!("version {version} of store {name:?}"), "it is empty, but has not the empty tree's root hash"));
            }
            self.check_log(name, store, version, &record)?;
            summary.versions += u64::from(standing == Standing::Kept);
        }
        summary.nodes += nodes;
        let stored = self.count_nodes(store, before, watch)?;
        if stored != nodes && !watch.is_over() {
            let what =
                format!("{stored} nodes are stored, the kept versions have {nodes}; pruning again removes what an interrupted one left");
            return Err(damaged(format!("store {name:?}"), &what));
        }
        Ok(rows.len() as u64)
    }

    fn check_log(&self, name: &str, store: &StoreState, version: u64, record: &VersionRecord) -> Result<()> {
        let at = keys::log(record.commit, store.id);
        match self.backend.get(Keyspace::Log, &at)? {
            Some(log) => log::replay(&at, &log, |_| {}),
            None => Err(damaged(format!("version {version} of store {name:?}"), "its log is missing")),
        }
    }

    /// Nodes up to the newest checkpoint: a flush that was interrupted may have left newer ones, which the next one writes again.
    fn count_nodes(&self, store: &StoreState, newest: u64, watch: &mut Watch<'_>) -> Result<u64> {
        let from = keys::nodes(store.id).0;
        let (to, _) = keys::nodes_after(store.id, newest);
        let (mut count, mut values) = (0, BTreeSet::new());
        for pair in self.backend.scan(Keyspace::Nodes, &from, Some(&to), Order::Ascending) {
            let (at, record) = pair?;
            if page::is_page(&at) {
                let page = Page::decode(&at, &record)?;
                count += page.count();
                values = page.values_apart().collect();
            } else if !values.remove(&at) {
                // That one is missing is found when its leaf is read.
                return Err(damaged(keys::name(Keyspace::Nodes, &at), "no leaf has this value"));
            }
            if watch.is_over() {
                break;
            }
        }
        Ok(count)
    }

    /// The index must have the newest checkpoint's leaves, and nothing else; but what changed since may be there already, and what changed
    /// after the version that a crash has set it back to may not.
    fn check_index(&self, name: &str, store: &StoreState, summary: &mut CheckSummary, watch: &mut Watch<'_>) -> Result<()> {
        let source = DiskSource::new(self, store.id);
        let version = self.newest_checkpoint(store.id)?;
        let record = self.version_rows(store.id, version, version).next().transpose()?;
        let root = record.and_then(|row| root_of(&row.record));
        let changed = self.changed_since(store, self.indexed(store.id)?.min(version))?;
        let mut leaves = Walk::new(&source, name, self.database.hash_function, 0, version, root)
            .filter(|leaf| !is_among(&changed, leaf.as_ref().ok().map(|leaf| &*leaf.key)));
        let (from, to) = keys::all_latest(store.id);
        let mut index = self.backend.scan(Keyspace::Latest, &from, Some(&to), Order::Ascending);
        let mut index = index.by_ref().filter(|entry| !is_among(&changed, entry.as_ref().ok().and_then(|(at, _)| keys::user_key(at))));
        loop {
            let leaf = leaves.next().transpose()?;
            let entry = index.next().transpose()?;
            let (leaf, (at, record)) = match (leaf, entry) {
                (None, None) => break,
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
            if watch.is_over() {
                break;
            }
        }
        Ok(())
    }

    /// Keys that versions above this one changed.
    fn changed_since(&self, store: &StoreState, version: u64) -> Result<BTreeSet<Vec<u8>>> {
        let mut changed = BTreeSet::new();
        for row in self.version_rows(store.id, version.saturating_add(1), u64::MAX) {
            self.operations(store.id, row?.record.commit, |operation| {
                let (Operation::Set(key, _) | Operation::Delete(key)) = operation;
                changed.insert(key.to_vec());
            })?;
        }
        Ok(changed)
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

fn is_among(keys: &BTreeSet<Vec<u8>>, key: Option<&[u8]>) -> bool {
    key.is_some_and(|key| keys.contains(key))
}

pub(super) fn root_of(record: &VersionRecord) -> Option<ChildRecord> {
    record.root.map(|root| ChildRecord { node: root.node, hash: root.hash, height: root.height, size: root.size })
}

fn index_differs(store: &str, key: &[u8]) -> Error {
    damaged(format!("the index of store {store:?}"), &format!("at key {} it differs from the newest version's tree", hex::encode(key)))
}

fn damaged(record: String, what: &str) -> Error {
    Error::Damaged { record, what: what.to_owned() }
}
