//! Removing versions, and all records that only they needed.
//!
//! Between two kept versions p and k nothing is kept, so a node made after p and given up at or before k is needed by nobody: of the
//! orphan records of the versions in (p, k] the nodes made after p go. First the versions' own records go, in one batch: from then on
//! they are not there any more. What belonged to them follows in small batches; what a crash leaves behind, the next pruning finds,
//! since it looks at every gap again.

use std::collections::BTreeSet;

use treering_tree::Order;

use super::keys::{self, StoreId};
use super::pins;
use super::records::{self, CommitRecord, VersionRecord};
use super::{Disk, State};
use crate::engine::{Batch, Keyspace};
use crate::error::{Error, Result};

/// Changes a batch at most: small enough that a commit waiting for it does not notice.
const STEP: usize = 4096;

/// Which versions to keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Keep {
    /// The newest ones, this many.
    Last(u64),
    /// This version and all newer ones.
    From(u64),
    /// These; the newest version stays in any case.
    Only(BTreeSet<u64>),
}

/// What pruning did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PruneReport {
    /// Versions removed.
    pub versions: u64,
    /// Nodes removed.
    pub nodes: u64,
    /// Versions that were to go, but are held by a snapshot. They go with the next pruning after it is dropped.
    pub deferred: Vec<u64>,
}

impl Disk {
    /// Removes the versions of a store that `keep` does not name.
    pub(crate) fn prune(&self, name: &str, keep: &Keep) -> Result<PruneReport> {
        self.writable()?;
        let store = self.store(name)?.id;
        let mut report = PruneReport::default();
        let removed = self.remove_versions(store, keep, &mut report)?;
        report.versions = removed.len() as u64;
        self.remove_logs(store, &removed)?;
        let kept: Vec<u64> = self.versions(store)?.into_iter().map(|(version, _)| version).collect();
        let mut before = None;
        for &version in &kept {
            self.prune_gap(store, before, version, &mut report)?;
            before = Some(version);
        }
        Ok(report)
    }

    /// Removes the versions' own records.
    fn remove_versions(&self, store: StoreId, keep: &Keep, report: &mut PruneReport) -> Result<Vec<(u64, VersionRecord)>> {
        let counts = self.pins.lock();
        let versions = self.versions(store)?;
        let kept = kept_versions(&versions, keep)?;
        let held = pins::held(&counts, store);
        let mut batch = Batch::new();
        let mut removed = Vec::new();
        for (version, record) in versions.into_iter().filter(|(version, _)| !kept.contains(version)) {
            if held.contains(&version) {
                report.deferred.push(version);
            } else {
                batch.delete(Keyspace::Commits, keys::version(store, version));
                removed.push((version, record));
            }
        }
        if !batch.is_empty() {
            self.write(&batch)?;
        }
        Ok(removed)
    }

    /// Removes the logs of versions that are gone, and the commits that made no version that is still there.
    fn remove_logs(&self, store: StoreId, removed: &[(u64, VersionRecord)]) -> Result<()> {
        let state = self.state();
        for part in removed.chunks(STEP / 2) {
            let mut batch = Batch::new();
            for (_, record) in part {
                batch.delete(Keyspace::Log, keys::log(record.commit, store));
                if !self.is_commit_needed(&state, record.commit)? {
                    batch.delete(Keyspace::Commits, keys::commit(record.commit));
                }
            }
            self.write(&batch)?;
        }
        Ok(())
    }

    /// Whether the newest commit, or one that made a version which is still there.
    pub(super) fn is_commit_needed(&self, state: &State, number: u64) -> Result<bool> {
        if number + 1 == state.next_commit {
            return Ok(true);
        }
        let at = keys::commit(number);
        let Some(record) = self.backend.get(Keyspace::Commits, &at)? else { return Ok(false) };
        for store in CommitRecord::decode(&at, &record)?.stores.iter().filter(|store| store.made_here) {
            if self.has_version(store.store, store.version)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the nodes that only versions between the kept ones `before` and `after` used.
    fn prune_gap(&self, store: StoreId, before: Option<u64>, after: u64, report: &mut PruneReport) -> Result<()> {
        let first = before.map_or(0, |before| before + 1);
        if before.is_some() && first == after {
            return Ok(());
        }
        let (from, to) = keys::orphans_between(store, first, after);
        let records = self.backend.scan(Keyspace::Orphans, &from, Some(&to), Order::Ascending);
        for pair in records {
            let (at, record) = pair?;
            let (gone, needed): (Vec<_>, Vec<_>) =
                records::decode_orphans(&at, &record)?.into_iter().partition(|node| before.is_none_or(|before| node.version() > before));
            if gone.is_empty() {
                continue;
            }
            report.nodes += gone.len() as u64;
            let version = keys::orphans_version(&at).unwrap_or(after);
            // The nodes first, the record that names them last: a crash in between leaves the names of nodes that are gone already.
            for part in gone.chunks(STEP) {
                let mut batch = Batch::new();
                for &node in part {
                    batch.delete(Keyspace::Nodes, keys::node(store, node));
                }
                self.write(&batch)?;
            }
            let mut batch = Batch::new();
            if needed.is_empty() {
                batch.delete(Keyspace::Orphans, at);
            } else {
                let (at, record) = records::encode_orphans(store, version, &needed);
                batch.put(Keyspace::Orphans, at, record);
            }
            self.write(&batch)?;
        }
        Ok(())
    }
}

/// The versions to keep: what was asked for, and the newest.
fn kept_versions(versions: &[(u64, VersionRecord)], keep: &Keep) -> Result<BTreeSet<u64>> {
    let all = versions.iter().map(|&(version, _)| version);
    let mut kept: BTreeSet<u64> = match keep {
        Keep::Last(0) => return Err(Error::KeepsNothing),
        Keep::Last(count) => all.rev().take(usize::try_from(*count).unwrap_or(usize::MAX)).collect(),
        Keep::From(first) => all.filter(|version| version >= first).collect(),
        Keep::Only(set) => all.filter(|version| set.contains(version)).collect(),
    };
    kept.extend(versions.last().map(|&(version, _)| version));
    Ok(kept)
}
