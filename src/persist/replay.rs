//! Trees of versions that are no checkpoints: the checkpoint below, with the operations of the log done again.
//!
//! The tree's shape, hashes and node names follow from the operations alone, so the result is the tree that was saved, to the bit. Each
//! version's root hash is compared with its record: a log that does not give it is damage, never a wrong answer.

use std::sync::{Arc, MutexGuard, PoisonError};

use im::OrdMap;
use treering_tree::{Options, Order, SavedVersion, Tree};

use super::flush::{Removed, Stored};
use super::keys::{self, StoreId};
use super::log::{self, Operation};
use super::records::{self, VersionRecord};
use super::trees::OldTrees;
use super::{Disk, StoreState, source};
use crate::engine::{Batch, Keyspace};
use crate::error::{Error, Result};

/// The working state of a store at its newest version.
pub(crate) struct Working {
    pub(crate) tree: Tree,
    /// Keys that were removed after `index_from`, each with the version that did it: the index may still have them.
    pub(crate) removed: Removed,
    /// A version after which all changes are in memory.
    pub(crate) index_from: u64,
}

impl Working {
    /// That of a version before the newest one, which the index is right for only if it is that of this version at least.
    pub(crate) fn of_old(tree: Tree) -> Self {
        let index_from = tree.version();
        Self { tree, removed: Removed::new(), index_from }
    }
}

impl Disk {
    /// The tree of a version to read (`None`: nothing saved yet): O(1) for a checkpoint and for what is in memory here, else
    /// O(operations since the checkpoint below).
    pub(crate) fn tree(&self, store: StoreId, version: Option<(u64, VersionRecord)>) -> Result<Tree> {
        let Some((version, record)) = version else { return self.stored_tree(store, 0, None, self.database.initial_version) };
        let in_memory = self.flusher.tree(store, version).filter(|tree| tree.root_hash() == Some(record.root_hash));
        if let Some(tree) = in_memory {
            return Ok(tree);
        }
        let base = self.checkpoint_until(store, version)?;
        if let Some(tree) = self.trees().get(store, version, record.root_hash) {
            return Ok(tree);
        }
        let tree = if base == version {
            self.stored_tree(store, version, Some(record), self.database.initial_version)?
        } else {
            let below = self.trees().newest_between(store, base, version.saturating_sub(1));
            let mut tree = below.map_or_else(|| self.checkpoint_tree(store, base), Ok)?;
            self.replay(store, &mut tree, version, &mut |_, _| {}, &mut |_| Ok(()))?;
            tree
        };
        let gone = self.trees().keep(store, tree.clone());
        drop(gone);
        Ok(tree)
    }

    /// The newest version of a store to go on from. What came after the newest checkpoint is computed anew if need be.
    /// `go_on` is asked after each version: what it fails with ends the work, without a trace.
    pub(crate) fn working(&self, store: &StoreState, go_on: &dyn Fn() -> Result<()>) -> Result<Working> {
        let Some((version, _)) = store.newest else { return Ok(Working::of_old(self.tree(store.id, None)?)) };
        self.complete_index(store, go_on)?;
        let stored = || self.first_look(store.id);
        if let Some((tree, removed, index_from)) = self.flusher.with_lag(store.id, stored, |lag| lag.newest(version))? {
            return Ok(Working { tree, removed, index_from });
        }
        let base = self.checkpoint_until(store.id, version)?;
        let mut tree = self.checkpoint_tree(store.id, base)?;
        if base == version {
            return Ok(Working::of_old(tree));
        }
        let mut removed = OrdMap::new();
        let mut made = Vec::new();
        let mut note = |version, operation: Operation<'_>| {
            if let Operation::Delete(key) = operation {
                removed.insert(Arc::from(key), version);
            }
        };
        let mut each = |saved| {
            made.push(saved);
            go_on()
        };
        self.replay(store.id, &mut tree, version, &mut note, &mut each)?;
        if !self.options.read_only {
            self.flusher.with_lag(store.id, stored, |lag| {
                for saved in &made {
                    lag.add(saved);
                }
                lag.set_newest(tree.clone(), removed.clone());
            })?;
            self.flusher.queue(store.id, false)?;
        }
        Ok(Working { tree, removed, index_from: base })
    }

    /// The newest checkpoint of a store, 0 for none.
    pub(super) fn newest_checkpoint(&self, store: StoreId) -> Result<u64> {
        self.checkpoint_until(store, u64::MAX)
    }

    /// How far a store is stored that this process looks at for the first time. Nodes that an interrupted flush left above its newest
    /// checkpoint go: the next one may be another version, which does not have them.
    pub(super) fn first_look(&self, store: StoreId) -> Result<Stored> {
        let checkpoint = self.newest_checkpoint(store)?;
        let (from, to) = keys::nodes_after(store, checkpoint);
        let is_left =
            || Ok::<_, Error>(self.backend.scan(Keyspace::Nodes, &from, Some(&to), Order::Ascending).next().transpose()?.is_some());
        if !self.options.read_only && is_left()? {
            let mut batch = Batch::new();
            batch.delete_range(Keyspace::Nodes, &from, &to);
            self.write_later(&batch)?;
        }
        // A store that is not registered yet has no record of its index.
        let indexed = if checkpoint == 0 { 0 } else { self.indexed(store)?.min(checkpoint) };
        Ok(Stored { checkpoint, indexed })
    }

    /// Whether the tree of a store's newest version is in memory here, or its nodes are stored.
    pub(crate) fn has_newest_tree(&self, store: &StoreState, checkpoint: u64) -> bool {
        store.newest.is_none_or(|(version, _)| version <= checkpoint || self.flusher.tree(store.id, version).is_some())
    }

    /// The newest checkpoint of a store up to which its index surely has every change.
    pub(crate) fn flushed(&self, store: StoreId) -> Result<u64> {
        self.flusher.with_lag(store, || self.first_look(store), |lag| lag.flushed())
    }

    /// The newest checkpoint of a store up to a version, 0 for none.
    pub(super) fn checkpoint_until(&self, store: StoreId, version: u64) -> Result<u64> {
        let (from, to) = keys::checkpoints_until(store, version);
        let newest = self.backend.scan(Keyspace::Commits, &from, Some(&to), Order::Descending).next().transpose()?;
        newest.map_or(Ok(0), |(at, record)| checkpoint_number(&at, &record))
    }

    /// All checkpoints of a store, in order.
    pub(super) fn checkpoints(&self, store: StoreId) -> Result<Vec<u64>> {
        let (from, to) = keys::checkpoints_until(store, u64::MAX);
        let records = self.backend.scan(Keyspace::Commits, &from, Some(&to), Order::Ascending);
        records.map(|pair| pair.map_err(Error::from).and_then(|(at, record)| checkpoint_number(&at, &record))).collect()
    }

    /// Changed by single steps that cannot fail half-way, so a panic elsewhere leaves them whole.
    pub(super) fn trees(&self) -> MutexGuard<'_, OldTrees> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tree of a checkpoint; of the empty store when it is 0, whose first version is then the oldest that there is.
    pub(super) fn checkpoint_tree(&self, store: StoreId, checkpoint: u64) -> Result<Tree> {
        if checkpoint == 0 {
            let first = self.version_rows(store, 0, u64::MAX).next().transpose()?;
            return self.stored_tree(store, 0, None, first.map_or(self.database.initial_version, |row| row.version));
        }
        let at = keys::version(store, checkpoint);
        let missing =
            || Error::Damaged { record: keys::name(Keyspace::Commits, &at), what: "a checkpoint's version is missing".to_owned() };
        let record = self.backend.get(Keyspace::Commits, &at)?.ok_or_else(missing)?;
        let (record, _) = VersionRecord::decode(&at, &record)?;
        self.stored_tree(store, checkpoint, Some(record), self.database.initial_version)
    }

    /// A tree whose nodes are stored.
    fn stored_tree(&self, store: StoreId, version: u64, record: Option<VersionRecord>, initial_version: u64) -> Result<Tree> {
        let options = Options { hash_function: self.database.hash_function, initial_version, hash_threads: self.options.hash_threads };
        let source = Arc::new(source::DiskSource::new(self, store));
        Ok(Tree::open_within(options, source, version, record.and_then(|record| record.root), Arc::clone(&self.budget))?)
    }

    /// Does the operations of the versions above a tree's again, up to `version`.
    fn replay(
        &self,
        store: StoreId,
        tree: &mut Tree,
        version: u64,
        each: &mut dyn FnMut(u64, Operation<'_>),
        saved: &mut dyn FnMut(SavedVersion) -> Result<()>,
    ) -> Result<()> {
        for row in self.version_rows(store, tree.version() + 1, version) {
            let row = row?;
            let damaged = |what: String| Error::Damaged { record: keys::name(Keyspace::Commits, &keys::version(store, row.version)), what };
            let next = tree.next_version()?;
            if row.version != next {
                return Err(damaged(format!("version {next} should come before it, but is missing")));
            }
            self.redo(store, tree, &row.record, &mut |operation| each(row.version, operation))?;
            let made = tree.save()?;
            if made.root_hash != row.record.root_hash {
                let what = format!("its log gives the root hash {}, not {}", made.root_hash, row.record.root_hash);
                return Err(damaged(what));
            }
            saved(made)?;
        }
        if tree.version() == version {
            return Ok(());
        }
        let record = keys::name(Keyspace::Commits, &keys::version(store, version));
        Err(Error::Damaged { record, what: "it is missing, though it is needed to compute what is above the newest checkpoint".to_owned() })
    }

    fn redo(&self, store: StoreId, tree: &mut Tree, record: &VersionRecord, each: &mut dyn FnMut(Operation<'_>)) -> Result<()> {
        let at = keys::log(record.commit, store);
        let missing = || Error::Damaged { record: keys::name(Keyspace::Log, &at), what: "it is missing".to_owned() };
        let log = self.backend.get(Keyspace::Log, &at)?.ok_or_else(missing)?;
        let mut operations = Vec::new();
        log::replay(&at, &log, |operation| {
            operations.push(match operation {
                Operation::Set(key, value) => (key, Some(value)),
                Operation::Delete(key) => (key, None),
            });
            each(operation);
        })?;
        tree.apply(&operations)?;
        Ok(())
    }
}

fn checkpoint_number(at: &[u8], record: &[u8]) -> Result<u64> {
    records::decode_checkpoint(at, record)?;
    let damaged = || Error::Damaged { record: keys::name(Keyspace::Commits, at), what: "its key is malformed".to_owned() };
    keys::version_number(at).ok_or_else(damaged)
}
