//! The writer of a store: its working state on top of a version.

mod staged;

use std::ops::Bound;
use std::sync::Arc;

use im::Vector;
use treering_proofs::{Hash, Proof};
use treering_tree::{Order, Resident, SavedVersion, Tree};

use super::branch::Branch;
use super::database::{Shared, VersionInfo};
use super::history::Bytes;
use super::range::StoreRange;
use super::saved_already::SavedAlready;
use super::work::{Work, Write};
use crate::error::{Error, Result};
use crate::persist::commit::{CommitPart, CommitScope, beside, seconds_now};
use crate::persist::flush::Removed;
use crate::persist::keys::StoreId;
use crate::persist::log::{Operation, PendingLog};
use crate::persist::prune::{Keep, PruneReport};
use crate::persist::records::VersionRecord;
use crate::persist::replay::Working;
use crate::persist::{Disk, Pin, StoreState};

pub(crate) use staged::{StagedOperations, saved_version};

/// A memory that others read is left to them when it has one part in this many of the budget: a smaller one is worth more than it frees.
const LEAST_LEFT_BEHIND: u64 = 4;

/// A store to change. Changes are in memory until [`TreeStore::save_version`] makes them a version, which is on the disk when it returns.
///
/// After a failed write every further one says [`Error::Poisoned`]; what was saved before is safe, and is there when the database is
/// opened again.
pub struct TreeStore {
    name: String,
    state: StoreState,
    /// The version that the working state is based on, if any.
    base: Option<(u64, VersionRecord)>,
    pin: Option<Arc<Pin>>,
    tree: Tree,
    /// Keys removed since version `index_from`, each with the version that did it: the flat index may still have them.
    removed: Removed,
    /// The tree has in memory what changed after this version: with it and `removed`, the index is right if it is that of this version.
    index_from: u64,
    log: PendingLog,
    database: Arc<Shared>,
}

impl TreeStore {
    /// Computes the working state of a store that was entered among those that have a writer; `go_on` can end it.
    pub(super) fn open(database: Arc<Shared>, name: &str, state: &StoreState, go_on: &dyn Fn() -> Result<()>) -> Result<Self> {
        let working = database.disk.working(state, go_on)?;
        let pin = pin(&database.disk, name, state, state.newest)?;
        let (state, base, Working { tree, removed, index_from }) = (state.clone(), state.newest, working);
        Ok(Self { name: name.to_owned(), state, base, pin, tree, removed, index_from, log: PendingLog::new(), database })
    }

    /// The store's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that the working state is based on; 0 before the first save.
    #[must_use]
    pub fn current_version(&self) -> u64 {
        self.tree.version()
    }

    /// The working state as a tree: reads by place and range, pictures.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The value of `key` in the working state: from memory, or with one read of the flat index, or, at an older version, from the tree.
    ///
    /// # Errors
    /// When a record cannot be read, or is damaged.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.tree.get_resident(key) {
            Resident::Value(value) => Ok(Some(value.to_vec())),
            Resident::Absent => Ok(None),
            // A key is removed without its neighbours, below which it would be, being in memory.
            Resident::Unknown if self.removed.contains_key(key) => Ok(None),
            // Else what is not in memory was not changed since the checkpoint that the index is at, if the base is the newest version.
            Resident::Unknown if self.is_at_newest() => self.database.disk.latest(self.state.id, key),
            Resident::Unknown => Ok(self.tree.get_copy(key)?),
        }
    }

    /// Whether `key` is in the working state.
    ///
    /// # Errors
    /// When a record cannot be read, or is damaged.
    pub fn has(&self, key: &[u8]) -> Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    fn is_at_newest(&self) -> bool {
        self.base == self.state.newest
    }

    /// Sets `key` to `value`. O(log n).
    ///
    /// # Errors
    /// [`Error::Tree`] for a key over 64 KiB or a value over 16 MiB, or when a node cannot be read, [`Error::KeyTooLong`] for what the engine
    /// cannot keep; nothing is changed then.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.database.disk.writable()?;
        self.database.disk.check_key(key)?;
        self.tree.set(key, value)?;
        self.log.push(Operation::Set(key, value));
        Ok(())
    }

    /// Removes `key`. Gives whether it was there. O(log n).
    ///
    /// # Errors
    /// [`Error::Tree`] when a node cannot be read; nothing is changed then.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool> {
        self.database.disk.writable()?;
        let was_there = self.tree.remove(key)?;
        if was_there {
            self.note_removed(Bytes::from(key));
            self.log.push(Operation::Delete(key));
        }
        Ok(was_there)
    }

    /// Sets and removes keys, one after another in the order given: the same as as many calls of [`TreeStore::set`] (with a value) and
    /// [`TreeStore::delete`] (without), but quicker: what is not in memory is read for all together, and a node that several operations
    /// change is changed once. O(log n) each.
    ///
    /// # Errors
    /// As [`TreeStore::set`] and [`TreeStore::delete`]; nothing is changed then.
    pub fn apply(&mut self, operations: &[(&[u8], Option<&[u8]>)]) -> Result<()> {
        self.database.disk.writable()?;
        for (key, _) in operations.iter().filter(|(_, value)| value.is_some()) {
            self.database.disk.check_key(key)?;
        }
        let were_there = self.tree.apply(operations)?;
        for (&(key, value), was_there) in operations.iter().zip(were_there) {
            match value {
                Some(value) => self.log.push(Operation::Set(key, value)),
                None if was_there => {
                    self.note_removed(Bytes::from(key));
                    self.log.push(Operation::Delete(key));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The keys of the working state within bounds, and their values, in order.
    #[must_use]
    pub fn range(&self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>, order: Order) -> StoreRange<'_> {
        StoreRange::new(self.tree.range_between(start, end, order))
    }

    /// The root hash that saving now would give.
    ///
    /// # Errors
    /// [`Error::Tree`] when no further version is possible.
    pub fn working_hash(&mut self) -> Result<Hash> {
        Ok(self.tree.working_hash()?)
    }

    /// The proof of what the newest saved state says about `key`.
    ///
    /// # Errors
    /// [`Error::Tree`] when there are unsaved changes, or a node cannot be read.
    pub fn prove(&self, key: &[u8]) -> Result<Proof> {
        Ok(self.tree.prove(key)?)
    }

    /// Makes the working state a version, durably: the next one after [`TreeStore::current_version`], or the initial version.
    ///
    /// After [`TreeStore::load_version`] the next version may be there already. With the same root hash saving it again succeeds and
    /// writes nothing; otherwise it is refused.
    ///
    /// # Errors
    /// [`Error::VersionExists`] (the working state stays as it is), [`Error::Poisoned`], [`Error::Engine`].
    pub fn save_version(&mut self) -> Result<VersionInfo> {
        self.database.disk.writable()?;
        if let Some(saved) = self.saved_already()? {
            self.load(saved.version, saved.record)?;
            return Ok(saved.info());
        }
        let database = Arc::clone(&self.database);
        let mut commit = database.disk.begin(vec![(self.name.clone(), self.take_log())])?;
        let ahead: Vec<_> = commit.ahead().into_iter().collect();
        let staged = beside(&ahead, || self.stage())?;
        let records = commit.finish(vec![self.part(&staged)], seconds_now(), &CommitScope::Alone)?;
        // One part gives one record.
        let Some(&record) = records.first() else { return Err(Error::Poisoned { cause: "a commit gave no record".to_owned() }) };
        self.settle(staged.version, record)?;
        Ok(VersionInfo::new(staged.version, &record))
    }

    /// The version that saving would give, when it is there already.
    ///
    /// # Errors
    /// [`Error::VersionExists`] when it has another root hash, [`Error::BehindNewest`]; the working state stays as it is.
    pub(crate) fn saved_already(&mut self) -> Result<Option<SavedAlready>> {
        let version = self.tree.next_version()?;
        let Some((newest, _)) = self.state.newest else { return Ok(None) };
        if newest < version {
            // A tree that begins anew would leave what the versions before it have in the index.
            let is_on_top = self.base.is_some();
            let behind = || Error::BehindNewest { store: self.name.clone(), version: 0, newest };
            return if is_on_top { Ok(None) } else { Err(behind()) };
        }
        let record = self.database.disk.version(&self.name, self.state.id, version)?;
        let saving = self.tree.working_hash()?;
        if saving != record.root_hash {
            let (store, before) = (self.name.clone(), version.saturating_sub(1));
            return Err(Error::VersionExists { store, version, before, found: record.root_hash, saving });
        }
        Ok(Some(SavedAlready { version, record }))
    }

    /// Numbers and hashes what changed: from here on the version must be committed, or the database be opened again.
    pub(crate) fn stage(&mut self) -> Result<SavedVersion> {
        self.database.unpublish(&self.name);
        self.tree.save().map_err(|error| {
            self.database.disk.poison(&error.to_string());
            error.into()
        })
    }

    /// The operations since the last save, which a commit begins with.
    pub(crate) fn take_log(&mut self) -> PendingLog {
        std::mem::replace(&mut self.log, PendingLog::new())
    }

    /// What a commit needs of a staged version.
    pub(crate) fn part<'a>(&self, saved: &'a SavedVersion) -> CommitPart<'a> {
        CommitPart { saved, tree: self.tree.clone(), removed: self.removed.clone() }
    }

    /// After the commit: the working state is based on the new version, readers see it, and memory is kept within bounds.
    pub(crate) fn settle(&mut self, version: u64, record: VersionRecord) -> Result<()> {
        self.state.registered = true;
        self.state.newest = Some((version, record));
        self.base = self.state.newest;
        self.pin = pin(&self.database.disk, &self.name, &self.state, self.base)?;
        self.forget_flushed()?;
        self.keep_within_budget()?;
        self.database.publish(&self.name, self.tree.clone());
        Ok(())
    }

    /// Gives up memory when it is short. Nodes that others may be reading are not given up; then the working state goes on with a memory
    /// of its own, and the old one goes with its last reader.
    fn keep_within_budget(&mut self) -> Result<()> {
        let database = Arc::clone(&self.database);
        let (disk, budget) = (&database.disk, database.disk.budget());
        let is_short = budget.is_short();
        if is_short {
            // What is not stored must stay.
            disk.make_checkpoint(self.state.id)?;
            self.forget_flushed()?;
            database.unpublish(&self.name);
            disk.forget_read_trees();
            if !self.tree.is_alone() && self.tree.memory_bytes() > budget.limit() / LEAST_LEFT_BEHIND {
                self.tree = disk.tree(self.state.id, self.base)?;
            }
        }
        self.tree.unload(self.index_from)?;
        if is_short {
            disk.give_back_free_memory();
        }
        Ok(())
    }

    /// Forgets keys that the index does not have any more.
    fn forget_flushed(&mut self) -> Result<()> {
        let flushed = self.database.disk.flushed(self.state.id)?;
        if flushed > self.index_from {
            self.index_from = flushed;
            self.removed =
                self.removed.iter().filter(|&(_, &version)| version > flushed).map(|(key, &version)| (Arc::clone(key), version)).collect();
        }
        Ok(())
    }

    fn note_removed(&mut self, key: Bytes) {
        // The tree counted on: a version that cannot come is never saved.
        self.removed.insert(key, self.tree.next_version().unwrap_or(u64::MAX));
    }

    /// The version that the next save gives.
    pub(crate) fn next_version(&self) -> Result<u64> {
        Ok(self.tree.next_version()?)
    }

    /// Makes `version` the first one of a store that has none.
    pub(crate) fn begin_at(&mut self, version: u64) -> Result<()> {
        if self.tree.version() == 0 && self.tree.next_version()? != version {
            self.tree.set_initial_version(version)?;
        }
        Ok(())
    }

    /// The newest version on the disk.
    pub(crate) fn newest(&self) -> Option<VersionInfo> {
        self.state.newest.map(|(version, record)| VersionInfo::new(version, &record))
    }

    /// The store's number in its database.
    pub(crate) fn id(&self) -> StoreId {
        self.state.id
    }

    /// The database that the store is in.
    pub(super) fn database(&self) -> &Arc<Shared> {
        &self.database
    }

    /// Whether anything changed since the last save or load.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.log.is_empty()
    }

    /// A copy-on-write branch of the working state. O(1).
    pub(super) fn branch(&self) -> Branch {
        let (tree, removed, pin) = (self.tree.clone(), self.removed.clone(), self.pin.clone());
        Branch {
            tree,
            removed,
            index_from: self.index_from,
            _pin: pin,
            base: self.base,
            store: self.state.id,
            database: Arc::clone(&self.database),
        }
    }

    /// Makes a branch of this working state, which has not changed since, the working state. O(writes), to log them.
    pub(super) fn adopt(&mut self, work: Work) {
        self.tree = work.branch.tree;
        self.removed = work.branch.removed;
        for write in work.operations.iter().filter(|write| write.is_effective) {
            self.log_write(write);
        }
    }

    /// Does the writes of a transaction again, in order, all or none.
    pub(super) fn apply_writes(&mut self, writes: &Vector<Write>) -> Result<()> {
        let mut tree = self.tree.clone();
        let mut effective = Vec::with_capacity(writes.len());
        for write in writes {
            let was_effective = match &write.value {
                Some(value) => tree.set(&write.key, value).map(|_| true)?,
                None => tree.remove(&write.key)?,
            };
            effective.extend(was_effective.then_some(write));
        }
        self.tree = tree;
        for write in effective {
            if write.value.is_none() {
                self.note_removed(Bytes::clone(&write.key));
            }
            self.log_write(write);
        }
        Ok(())
    }

    fn log_write(&mut self, write: &Write) {
        match &write.value {
            Some(value) => self.log.push(Operation::Set(&write.key, value)),
            None => self.log.push(Operation::Delete(&write.key)),
        }
    }

    /// The store got another name.
    pub(crate) fn is_renamed(&mut self, name: &str) {
        self.database.rename_writer(&self.name, name);
        name.clone_into(&mut self.name);
    }

    /// The store was rolled back on the disk: the working state is that version, or empty.
    pub(crate) fn is_rolled_back(&mut self) -> Result<()> {
        self.state = self.database.disk.store(&self.name)?;
        self.reopen(self.state.newest)
    }

    /// Makes the working state that of a store without versions.
    pub(crate) fn load_nothing(&mut self) -> Result<()> {
        self.reopen(None)
    }

    /// Whether there is neither a key nor a version nor a change.
    pub(crate) fn is_untouched(&self) -> bool {
        self.base.is_none() && self.tree.is_empty() && self.log.is_empty()
    }

    /// Holds a version that is there.
    pub(crate) fn pin_version(&self, version: u64) -> Result<Arc<Pin>> {
        self.database.disk.pin(&self.name, self.state.id, version).map(|(_, pin)| Arc::new(pin))
    }

    /// Lets go of the version that the working state is based on, so that it may be removed.
    pub(crate) fn let_go(&mut self) {
        self.database.unpublish(&self.name);
        self.pin = None;
    }

    /// Holds it again.
    pub(crate) fn hold_on(&mut self) -> Result<()> {
        self.pin = pin(&self.database.disk, &self.name, &self.state, self.base)?;
        Ok(())
    }

    /// Forgets all changes since the last save or load.
    ///
    /// # Errors
    /// [`Error::Tree`] when the tree cannot be opened.
    pub fn discard_changes(&mut self) -> Result<()> {
        if self.log.is_empty() {
            return Ok(());
        }
        self.reopen(self.base)
    }

    /// Bases the working state on another version; changes that were not saved are forgotten. Moves the working state only.
    ///
    /// # Errors
    /// [`Error::NoVersion`]; the working state stays as it is then.
    pub fn load_version(&mut self, version: u64) -> Result<()> {
        let record = self.database.disk.version(&self.name, self.state.id, version)?;
        self.load(version, record)
    }

    pub(crate) fn load(&mut self, version: u64, record: VersionRecord) -> Result<()> {
        self.reopen(Some((version, record)))
    }

    fn reopen(&mut self, base: Option<(u64, VersionRecord)>) -> Result<()> {
        let pin = pin(&self.database.disk, &self.name, &self.state, base)?;
        let working = if base == self.state.newest {
            self.database.disk.working(&self.state, &|| Ok(()))?
        } else {
            Working::of_old(self.database.disk.tree(self.state.id, base)?)
        };
        Working { tree: self.tree, removed: self.removed, index_from: self.index_from } = working;
        self.pin = pin;
        self.base = base;
        self.log = PendingLog::new();
        Ok(())
    }

    /// Makes `version` the newest one: all newer ones are removed, in one atomic step. Changes that were not saved are forgotten.
    ///
    /// # Errors
    /// [`Error::NoVersion`], [`Error::Pinned`] when snapshots of newer versions are open, [`Error::Poisoned`], [`Error::Engine`].
    pub fn rollback_to(&mut self, version: u64) -> Result<()> {
        self.database.disk.writable()?;
        // The store's own pin must not stand in the way.
        self.let_go();
        let rolled_back = self.database.disk.rollback(&self.name, version);
        if rolled_back.is_err() {
            self.hold_on()?;
            return rolled_back;
        }
        self.is_rolled_back()
    }

    /// Removes versions, and all records that only they needed. The newest version stays in any case, and so do versions that a
    /// snapshot or the working state is based on: they are deferred.
    ///
    /// # Errors
    /// [`Error::KeepsNothing`], [`Error::Poisoned`], [`Error::Engine`]. A pruning that was cut short is finished by the next one.
    pub fn prune(&mut self, keep: &Keep) -> Result<PruneReport> {
        self.database.disk.prune(&self.name, keep)
    }
}

impl Drop for TreeStore {
    fn drop(&mut self) {
        self.database.release_writer(&self.name);
    }
}

/// Pins the version that a working state is based on.
fn pin(disk: &Disk, name: &str, state: &StoreState, base: Option<(u64, VersionRecord)>) -> Result<Option<Arc<Pin>>> {
    base.map(|(version, _)| disk.pin(name, state.id, version).map(|(_, pin)| Arc::new(pin))).transpose()
}
