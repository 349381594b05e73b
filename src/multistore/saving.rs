//! Saving all stores as one version.
//!
//! Each store's changes are numbered and hashed; then every database beside the home gets its part in one batch, and the home last, with
//! the record that makes the version be there. A failure in between poisons all databases: opening again takes back what is unfinished.

use std::collections::BTreeMap;
use std::sync::Arc;

use treering_proofs::{Hash, app_hash};
use treering_tree::SavedVersion;

use super::databases::Databases;
use super::member::Member;
use super::versions::MultiVersion;
use super::{Inner, MultiStore, Work};
use crate::error::{Error, Result};
use crate::event::{MultistoreVersionSaved, SavedStore};
use crate::persist::commit::{CommitPart, CommitScope, seconds_now};
use crate::persist::multi::{MultiPart, MultiRecord};
use crate::persist::records::VersionRecord;
use crate::store::{Locked, VersionInfo, saved_event};

/// What saving all stores will give: a consensus engine needs the app hash before it may commit. Commit it, or drop it: then the working
/// states are as they were. Until then the stores can be read, but not changed.
#[must_use = "nothing is saved until `commit`"]
pub struct PreparedMultiVersion {
    /// `None` once committed.
    inner: Option<Arc<Inner>>,
    version: u64,
    app_hash: Hash,
    roots: Vec<(String, Hash)>,
}

impl PreparedMultiVersion {
    /// The number that it will have.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The app hash that it will have.
    #[must_use]
    pub fn app_hash(&self) -> Hash {
        self.app_hash
    }

    /// The root hash that each store will have, in the order of their names.
    #[must_use]
    pub fn roots(&self) -> &[(String, Hash)] {
        &self.roots
    }

    /// Saves it, durably.
    ///
    /// # Errors
    /// As [`MultiStore::save_version`].
    pub fn commit(mut self) -> Result<MultiVersion> {
        let Some(inner) = self.inner.take() else { return Err(Error::AllClosed) };
        inner.save(Promise::Given)
    }
}

impl Drop for PreparedMultiVersion {
    fn drop(&mut self) {
        if let Some(inner) = &self.inner {
            inner.unprepare();
        }
    }
}

impl MultiStore {
    /// Saves all stores as one version, atomically and durably. The first version is the initial version; a store made since the last
    /// version has this one as its first.
    ///
    /// After [`MultiStore::load_version`] the next version may be there already. With the same app hash saving it again succeeds and writes
    /// nothing; otherwise it is refused.
    ///
    /// # Errors
    /// [`Error::MultiVersionExists`], [`Error::VersionExists`], [`Error::VersionPrepared`] (the working states stay as they are then),
    /// [`Error::Poisoned`], [`Error::Engine`], [`Error::ReadOnly`], [`Error::AllClosed`].
    pub fn save_version(&self) -> Result<MultiVersion> {
        self.inner().save(Promise::None)
    }

    /// Computes what saving would give, with nothing durable yet. Until the result is committed or dropped no store can be changed, made,
    /// deleted or renamed.
    ///
    /// # Errors
    /// As [`MultiStore::save_version`].
    pub fn prepare(&self) -> Result<PreparedMultiVersion> {
        let inner = self.inner();
        let mut held = inner.work();
        let work = held.get()?;
        let members = inner.members_sorted();
        let mut stores = lock_all(&members)?;
        let version = work.begin(&mut stores)?;
        let is_new = version > work.newest;
        let mut roots = Vec::with_capacity(stores.len());
        for ((name, _), store) in members.iter().zip(&mut stores) {
            // A version that is there already does not have the stores that were made since.
            if !is_new && store.store()?.is_untouched() {
                continue;
            }
            let mut saving = || -> Result<Hash> {
                let store = store.store()?;
                store.saved_already()?;
                store.working_hash()
            };
            roots.push((name.clone(), saving().map_err(|error| error.about_store(name))?));
        }
        for store in &mut stores {
            store.set_prepared(true);
        }
        work.is_prepared = true;
        let app_hash = app_hash(roots.iter().map(|(name, root)| (name.as_str(), *root)));
        Ok(PreparedMultiVersion { inner: Some(Arc::clone(inner)), version, app_hash, roots })
    }
}

/// The stores, locked in the order of their names.
pub(super) fn lock_all(members: &[(String, Member)]) -> Result<Vec<Locked<'_>>> {
    members.iter().map(|(_, member)| member.store.lock()).collect()
}

/// Whether the version was prepared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Promise {
    Given,
    None,
}

impl Work {
    /// Fails when a version is prepared.
    pub(super) fn changeable(&self) -> Result<()> {
        if self.is_prepared { Err(Error::VersionPrepared { store: "(all stores)".to_owned() }) } else { Ok(()) }
    }

    /// The number of the next version of the whole; stores without a version begin there.
    fn begin(&mut self, stores: &mut [Locked<'_>]) -> Result<u64> {
        let home = self.databases.home()?;
        home.disk().writable()?;
        self.changeable()?;
        for store in &*stores {
            store.changeable()?;
        }
        let mut next = self.current + 1;
        if self.current == 0 {
            next = home.initial_version();
            // Stores that were saved alone before have versions below that of the whole.
            for store in &mut *stores {
                next = next.max(store.store()?.current_version() + 1);
            }
        }
        for store in stores {
            store.store()?.begin_at(next)?;
        }
        Ok(next)
    }
}

impl Inner {
    fn unprepare(&self) {
        let mut held = self.work();
        if let Ok(work) = held.get() {
            work.is_prepared = false;
        }
        for member in self.members().values() {
            if let Ok(mut store) = member.store.lock() {
                store.set_prepared(false);
            }
        }
    }

    fn save(&self, promise: Promise) -> Result<MultiVersion> {
        let mut held = self.work();
        let work = held.get()?;
        let members = self.members_sorted();
        let mut stores = lock_all(&members)?;
        if promise == Promise::Given {
            // All stores are held: nothing can come between the promise and the saving.
            work.is_prepared = false;
            for store in &mut stores {
                store.set_prepared(false);
            }
        }
        let version = work.begin(&mut stores)?;
        if version <= work.newest {
            let saved = save_again(&work.databases, version, &members, &mut stores)?;
            work.current = version;
            return Ok(saved);
        }
        let mut saving = Saving::stage(&members, &mut stores)?;
        let record = saving.record(version, &members);
        saving.commit(&work.databases, &record, &members, &mut stores)?;
        for (((name, _), store), part) in members.iter().zip(&mut stores).zip(saving.parts) {
            let info = part.settle(store)?;
            // Readers and pruners count on this version from now on.
            self.set_hold(name, Some(store.store()?.pin_version(info.version)?));
            self.events.publish_with(|| saved_event(name.clone(), &info));
        }
        (work.current, work.newest) = (version, version);
        let saved = MultiVersion::from(record);
        self.events.publish_with(|| saved_all_event(&saved));
        drop(stores);
        drop(held);
        self.wake.wake();
        Ok(saved)
    }
}

pub(super) fn saved_all_event(saved: &MultiVersion) -> MultistoreVersionSaved {
    let stores = saved.stores.iter();
    let stores = stores.map(|store| SavedStore { store: store.name.clone(), version: store.version, root_hash: store.root_hash });
    MultistoreVersionSaved { version: saved.version, app_hash: saved.app_hash, time: saved.time, stores: stores.collect() }
}

/// What becomes of one store.
enum Part {
    /// Its version is there already, with the same root.
    Again(VersionInfo, VersionRecord),
    /// It gets a new version.
    New(SavedVersion, Option<VersionRecord>),
}

impl Part {
    fn summary(&self) -> (u64, Hash, u64, u8) {
        match self {
            Self::Again(info, _) => (info.version, info.root_hash, info.size, info.height),
            Self::New(saved, _) => {
                let (size, height) = saved.root.map_or((0, 0), |root| (root.size, root.height));
                (saved.version, saved.root_hash, size, height)
            }
        }
    }

    /// After the commit.
    fn settle(self, store: &mut Locked<'_>) -> Result<VersionInfo> {
        let info = match self {
            Self::Again(info, record) => {
                store.store()?.load(info.version, record)?;
                info
            }
            Self::New(saved, record) => {
                let record = record.ok_or_else(|| Error::Poisoned { cause: "a commit gave too few records".to_owned() })?;
                store.store()?.settle(saved.version, record)?;
                VersionInfo::new(saved.version, &record)
            }
        };
        store.is_saved();
        Ok(info)
    }
}

/// A version of the whole on its way.
struct Saving {
    parts: Vec<Part>,
    time: u64,
}

impl Saving {
    /// First everything that may be refused, then what cannot be taken back.
    fn stage(members: &[(String, Member)], stores: &mut [Locked<'_>]) -> Result<Self> {
        let mut already = Vec::with_capacity(stores.len());
        for ((name, _), store) in members.iter().zip(&mut *stores) {
            already.push(store.store()?.saved_already().map_err(|error| error.about_store(name))?);
        }
        let mut parts = Vec::with_capacity(stores.len());
        for (store, already) in stores.iter_mut().zip(already) {
            parts.push(match already {
                Some(already) => Part::Again(already.info(), already.record),
                None => Part::New(store.store()?.stage()?, None),
            });
        }
        Ok(Self { parts, time: seconds_now() })
    }

    fn record(&self, version: u64, members: &[(String, Member)]) -> MultiRecord {
        let listed = members.iter().zip(&self.parts);
        let stores: Vec<MultiPart> = listed
            .map(|((name, member), part)| {
                let (version, root_hash, size, height) = part.summary();
                MultiPart { name: name.clone(), place: member.place.clone(), version, root_hash, size, height }
            })
            .collect();
        let app_hash = app_hash(stores.iter().map(|store| (store.name.as_str(), store.root_hash)));
        MultiRecord { version, time: self.time, app_hash, stores }
    }

    /// Writes everything: the home last.
    fn commit(
        &mut self,
        databases: &Databases,
        record: &MultiRecord,
        members: &[(String, Member)],
        stores: &mut [Locked<'_>],
    ) -> Result<()> {
        let mut by_engine: BTreeMap<&str, (Vec<CommitPart<'_>>, Vec<&mut Option<VersionRecord>>)> = BTreeMap::new();
        for (((_, member), store), part) in members.iter().zip(stores).zip(&mut self.parts) {
            if let Part::New(saved, committed) = part {
                let (parts, records) = by_engine.entry(&member.engine).or_default();
                parts.push(store.store()?.part(saved));
                records.push(committed);
            }
        }
        let (home_parts, home_records) = by_engine.remove(databases.home.as_str()).unwrap_or_default();
        let others = by_engine.into_iter().map(|(engine, (parts, records))| (engine, parts, records, CommitScope::PartOf(record.version)));
        let home = (databases.home.as_str(), home_parts, home_records, CommitScope::Whole(record));
        for (engine, parts, records, scope) in others.chain([home]) {
            let database = databases.open.get(engine).ok_or(Error::AllClosed)?;
            let committed = database.disk().commit(parts, self.time, &scope).inspect_err(|error| databases.poison(error))?;
            for (place, record) in records.into_iter().zip(committed) {
                *place = Some(record);
            }
        }
        Ok(())
    }
}

/// Saves a version of the whole that is there already: the working states must be just those.
fn save_again(databases: &Databases, version: u64, members: &[(String, Member)], stores: &mut [Locked<'_>]) -> Result<MultiVersion> {
    let Some(record) = databases.home()?.disk().multi_version(version)? else {
        return Err(Error::NoMultiVersion {
            version,
            kept: "it was pruned, so it cannot be saved again; roll back to the one before".to_owned(),
        });
    };
    let mut saving = Vec::with_capacity(stores.len());
    let mut is_same = true;
    for ((name, member), store) in members.iter().zip(&mut *stores) {
        let tree = store.store()?;
        let part = record.stores.iter().find(|part| part.place == member.place);
        if part.is_none() && tree.is_untouched() {
            continue;
        }
        let root = tree.working_hash()?;
        is_same &= part.is_some_and(|part| part.root_hash == root && tree.next_version().is_ok_and(|next| next == part.version));
        saving.push((name.as_str(), root));
    }
    if !is_same || saving.len() != record.stores.len() {
        let (found, saving) = (record.app_hash, app_hash(saving));
        return Err(Error::MultiVersionExists { version, before: version - 1, found, saving });
    }
    let listed = members.iter().zip(stores).filter(|((_, member), _)| record.stores.iter().any(|part| part.place == member.place));
    for ((name, _), store) in listed {
        if let Some(already) = store.store()?.saved_already().map_err(|error| error.about_store(name))? {
            store.store()?.load(already.version, already.record)?;
        }
        store.is_saved();
    }
    Ok(MultiVersion::from(record))
}
