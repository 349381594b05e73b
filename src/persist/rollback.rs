//! Making an older version the newest one, in one atomic batch.
//!
//! What is stored goes back to the newest checkpoint up to that version: node keys start with the version that made the node, so what newer
//! versions made is one range. What newer checkpoints stopped using comes back by dropping their orphan records. The index is put right
//! for every key that was touched since: by the logs if all are there, else by comparing it with the tree. The versions between the
//! checkpoint and the one gone back to have their logs, as they had before the next checkpoint was stored.

use std::collections::BTreeSet;

use treering_tree::{Order, Tree};

use super::keys::{self, StoreId};
use super::log::{self, Operation};
use super::multi::{self, HomeChanges};
use super::prune::RemovedVersions;
use super::records::{self, VersionRecord};
use super::{Disk, State, VersionRow, pins};
use crate::engine::{Batch, Keyspace};
use crate::error::{Error, Result};

/// What a rollback makes of a store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RollbackTarget {
    /// The store.
    pub(crate) store: String,
    /// What it is called afterwards; `None`: it goes.
    pub(crate) becomes: Option<String>,
    /// Its newest version afterwards; `None`: it has none.
    pub(crate) version: Option<u64>,
}

impl RollbackTarget {
    /// The store keeps its name.
    pub(crate) fn to(store: &str, version: Option<u64>) -> Self {
        Self { store: store.to_owned(), becomes: Some(store.to_owned()), version }
    }

    fn keeps_its_name(&self) -> bool {
        self.becomes.as_ref() == Some(&self.store)
    }
}

impl Disk {
    /// Removes all versions of a store above `version`, which becomes the newest.
    pub(crate) fn rollback(&self, name: &str, version: u64) -> Result<()> {
        self.rollback_stores(&[RollbackTarget::to(name, Some(version))], &HomeChanges::default())
    }

    /// Fails when a rollback would: a version is not there, or one that goes is held.
    pub(crate) fn check_rollback(&self, targets: &[RollbackTarget]) -> Result<()> {
        let state = self.state().clone();
        self.versions_above(&state, &self.pins.lock(), targets).map(drop)
    }

    /// Rolls stores back together, in one batch with changes of the home's records.
    pub(crate) fn rollback_stores(&self, targets: &[RollbackTarget], home: &HomeChanges) -> Result<()> {
        self.writable()?;
        let (_removals, _commits) = (self.removals(), self.commits());
        self.flusher.drain()?;
        let state = self.state().clone();
        let counts = self.pins.lock();
        let removed = self.versions_above(&state, &counts, targets)?;
        if removed.is_empty() && home.is_empty() && targets.iter().all(RollbackTarget::keeps_its_name) {
            return Ok(());
        }
        self.settle_indexes(&state, targets)?;
        let mut batch = Batch::new();
        home.put(&mut batch);
        multi::put_finished(&mut batch);
        let mut stores = state.stores.clone();
        let mut after = Vec::new();
        for target in targets {
            let Some(mut store) = stores.remove(&target.store) else { return Err(state.no_store(&target.store)) };
            if let Some(name) = &target.becomes {
                store.newest = self.put_rollback(&mut batch, &target.store, store.id, target.version, &removed)?;
                if *name != target.store {
                    batch.delete(Keyspace::Meta, keys::store(&target.store));
                }
                after.push((name.clone(), store));
            } else {
                self.put_deletion(&mut batch, &target.store, store.id, &removed)?;
            }
        }
        for (name, store) in after {
            if store.registered {
                let (at, record) = records::encode_store(&name, store.id, &store.settings);
                batch.put(Keyspace::Meta, at, record);
            }
            stores.insert(name, store);
        }
        // The rollback is a commit of its own, so that numbers only grow and the newest commit tells how things stand.
        let rolled_back = State { stores, next_commit: state.next_commit, next_store: state.next_store };
        self.put_standing(&mut batch, &rolled_back);
        self.write(&batch)?;
        // What is said to be settled must not be what the indexes were before.
        self.settle_index()?;
        let changed: BTreeSet<StoreId> = removed.into_iter().map(|(store, _)| store).collect();
        for store in changed {
            self.forget(store);
        }
        *self.state() = State { next_commit: rolled_back.next_commit + 1, ..rolled_back };
        Ok(())
    }

    /// Gets the stores' indexes, which the rollback changes, onto the disk as they are: what a crash would lose of them it takes from logs that
    /// the rollback removes.
    fn settle_indexes(&self, state: &State, targets: &[RollbackTarget]) -> Result<()> {
        for target in targets {
            if let Some(store) = state.stores.get(&target.store) {
                self.complete_index(store, &|| Ok(()))?;
            }
        }
        self.settle_index()
    }

    /// The versions that go; fails when a snapshot holds one.
    fn versions_above(&self, state: &State, counts: &pins::Counts, targets: &[RollbackTarget]) -> Result<RemovedVersions> {
        let mut removed = RemovedVersions::new();
        for target in targets {
            let store = state.id_of(&target.store)?;
            let goes = |version: u64| target.version.is_none_or(|to| version > to);
            if let Some(version) = target.version {
                self.version(&target.store, store, version)?;
            }
            let held: Vec<u64> = pins::held(counts, store).into_iter().filter(|&held| goes(held)).collect();
            if !held.is_empty() {
                return Err(Error::Pinned { store: target.store.clone(), versions: held });
            }
            removed.extend(self.version_numbers(store, 0)?.into_iter().filter(|&(_, version)| goes(version)));
        }
        Ok(removed)
    }

    /// Adds to a batch that a store's versions above `version` go. Gives the newest one left.
    fn put_rollback(
        &self,
        batch: &mut Batch,
        name: &str,
        store: StoreId,
        version: Option<u64>,
        all_removed: &RemovedVersions,
    ) -> Result<Option<(u64, VersionRecord)>> {
        let Some(version) = version else {
            self.put_emptying(batch, store, all_removed)?;
            return Ok(None);
        };
        let record = self.version(name, store, version)?;
        let removed = self.version_rows(store, version + 1, u64::MAX).collect::<Result<Vec<_>>>()?;
        if removed.is_empty() {
            return Ok(Some((version, record)));
        }
        let base = self.checkpoint_until(store, version)?;
        self.put_index_back(batch, store, base)?;
        let (at, indexed) = records::encode_indexed(store, base);
        batch.put(Keyspace::Latest, at, indexed);
        for (keyspace, (from, to)) in [
            (Keyspace::Nodes, keys::nodes_after(store, base)),
            (Keyspace::Orphans, keys::orphans_between(store, base + 1, u64::MAX)),
            (Keyspace::Commits, keys::checkpoints_from(store, base + 1)),
        ] {
            batch.delete_range(keyspace, from, to);
        }
        for row in &removed {
            self.put_removal(batch, store, (row.version, row.record), all_removed)?;
        }
        Ok(Some((version, record)))
    }

    /// Adds to a batch that the index is that of a checkpoint (0: of nothing).
    fn put_index_back(&self, batch: &mut Batch, store: StoreId, base: u64) -> Result<()> {
        let tree = self.checkpoint_tree(store, base)?;
        for key in self.touched_keys(store, base, &tree)? {
            let at = keys::latest(store, &key);
            match tree.get_with_version(&key)? {
                Some((value, set_in)) => {
                    let (at, record) = records::encode_latest(store, &key, set_in, value);
                    batch.put(Keyspace::Latest, at, record);
                }
                None => batch.delete(Keyspace::Latest, at),
            }
        }
        Ok(())
    }

    /// All keys whose index record may differ from what the tree says.
    fn touched_keys(&self, store: StoreId, base: u64, tree: &Tree) -> Result<BTreeSet<Vec<u8>>> {
        let mut touched = BTreeSet::new();
        let mut before = base;
        for row in self.version_rows(store, base + 1, u64::MAX) {
            let VersionRow { version, record, .. } = row?;
            let at = keys::log(record.commit, store);
            let log = self.backend.get(Keyspace::Log, &at)?;
            // Where there is no checkpoint below, the first version that there is follows on nothing.
            let follows = version == before + 1 || before == 0;
            let Some(log) = log.filter(|_| follows) else { return self.all_keys(store, tree) };
            before = version;
            log::replay(&at, &log, |operation| {
                let (Operation::Set(key, _) | Operation::Delete(key)) = operation;
                touched.insert(key.to_vec());
            })?;
        }
        Ok(touched)
    }

    /// The keys of the index and of the tree: when versions in between were pruned, their logs are gone.
    fn all_keys(&self, store: StoreId, tree: &Tree) -> Result<BTreeSet<Vec<u8>>> {
        let mut all = BTreeSet::new();
        for entry in tree {
            all.insert(entry?.0.to_vec());
        }
        let (from, to) = keys::all_latest(store);
        for pair in self.backend.scan(Keyspace::Latest, &from, Some(&to), Order::Ascending) {
            let (at, _) = pair?;
            all.insert(keys::user_key(&at).unwrap_or_default().to_vec());
        }
        Ok(all)
    }
}
