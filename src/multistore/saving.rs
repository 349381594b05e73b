//! Saving all stores as one version.
//!
//! Each store's changes are numbered and hashed; then every database beside the home gets its part in one batch, and the home last, with
//! the record that makes the version be there. A failure in between poisons all databases: opening again takes back what is unfinished.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use treering_proofs::{Hash, app_hash};
use treering_tree::SavedVersion;

use super::again::Again;
use super::databases::Databases;
use super::member::Member;
use super::versions::MultiVersion;
use super::{Inner, MultiStore, Work};
use crate::error::{Error, Result};
use crate::event::{MultistoreVersionSaved, SavedStore};
use crate::persist::commit::{Commit, CommitPart, CommitScope, beside, seconds_now};
use crate::persist::companion::Companion;
use crate::persist::log::PendingLog;
use crate::persist::multi::{MultiPart, MultiRecord};
use crate::persist::records::VersionRecord;
use crate::store::{Locked, Promise, SavedAlready, TreeStore, VersionInfo, saved_event};

/// What saving all stores will give: a consensus engine needs the app hash before it may commit. Commit it, or drop it: then the working
/// states are as they were. Until then the stores can be read, but not changed.
#[must_use = "nothing is saved until `commit`"]
pub struct PreparedMultiVersion {
    inner: Arc<Inner>,
    /// `None` once committed.
    promise: Option<Arc<Promise>>,
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
        self.inner.save(self.promise.take())
    }
}

impl Drop for PreparedMultiVersion {
    fn drop(&mut self) {
        if self.promise.take().is_some() {
            self.inner.unbegin();
        }
    }
}

impl MultiStore {
    /// Saves all stores as one version, atomically and durably. The first version is the initial version; a store made since the last
    /// version has this one as its first.
    ///
    /// After [`MultiStore::load_version`] the next version may be there already. With the same app hash saving it again succeeds and writes
    /// nothing; otherwise it is refused. So is a new version that would have an older version of a store than the store has.
    ///
    /// # Errors
    /// [`Error::MultiVersionExists`], [`Error::NoMultiVersion`] when the version to save again was pruned, [`Error::VersionExists`],
    /// [`Error::BehindNewest`], [`Error::NoVersion`] when a store was pruned alone, [`Error::VersionPrepared`], [`Error::CompanionLog`] (the working
    /// states stay as they are then), [`Error::Poisoned`], [`Error::Engine`], [`Error::ReadOnly`], [`Error::AllClosed`].
    pub fn save_version(&self) -> Result<MultiVersion> {
        self.inner().save(None)
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
        let members = inner.members_sorted(&work.databases)?;
        let mut stores = lock_all(&members)?;
        let version = work.begin(&mut stores)?;
        let foreseen = work.foresee(version, &members, &mut stores);
        if foreseen.is_err() {
            work.unbegin(&mut stores)?;
        }
        let roots = foreseen?;
        let promise = Arc::new(Promise);
        for store in &mut stores {
            store.keep(&promise);
        }
        work.promise = Arc::downgrade(&promise);
        let app_hash = app_hash(roots.iter().map(|(name, root)| (name.as_str(), *root)));
        Ok(PreparedMultiVersion { inner: Arc::clone(inner), promise: Some(promise), version, app_hash, roots })
    }
}

/// The stores, locked in the order of their names.
pub(super) fn lock_all(members: &[(String, Member)]) -> Result<Vec<Locked<'_>>> {
    members.iter().map(|(_, member)| member.store.lock()).collect()
}

impl Work {
    /// Fails when a version is prepared.
    pub(super) fn changeable(&self) -> Result<()> {
        if self.promise.strong_count() > 0 { Err(Error::VersionPrepared { store: "(all stores)".to_owned() }) } else { Ok(()) }
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

    /// Stores that still have no version begin as if nothing had been tried.
    fn unbegin(&self, stores: &mut [Locked<'_>]) -> Result<()> {
        let initial = self.databases.home()?.initial_version();
        stores.iter_mut().try_for_each(|store| store.store()?.begin_at(initial))
    }

    /// The root hashes that saving would give.
    fn foresee(&self, version: u64, members: &[(String, Member)], stores: &mut [Locked<'_>]) -> Result<Vec<(String, Hash)>> {
        if version <= self.newest {
            return Ok(Again::find(&self.databases, version, members, stores)?.roots);
        }
        saved_alone(members, stores)?;
        members.iter().zip(stores).map(|((name, _), store)| Ok((name.clone(), store.store()?.working_hash()?))).collect()
    }
}

/// The versions that stores have already of what is to be saved; for others `None`.
fn saved_alone(members: &[(String, Member)], stores: &mut [Locked<'_>]) -> Result<Vec<Option<SavedAlready>>> {
    let already = |((name, _), store): (&(String, Member), &mut Locked<'_>)| {
        let store = store.store()?;
        let already = store.saved_already().map_err(|error| error.about_store(name))?;
        if let (Some(already), Some(newest)) = (&already, store.newest())
            && already.version < newest.version
        {
            // Else the whole would go on with a store that goes back, and what older versions of the whole list were no longer held.
            let version = store.current_version();
            return Err(Error::BehindNewest { store: name.clone(), version, newest: newest.version });
        }
        Ok(already)
    };
    members.iter().zip(stores).map(already).collect()
}

impl Inner {
    /// New stores have no number any more for their first version, unless another version is prepared meanwhile.
    fn unbegin(&self) {
        let mut held = self.work();
        let Ok(work) = held.get() else { return };
        if work.changeable().is_err() {
            return;
        }
        for member in self.members().values() {
            if let Ok(mut store) = member.store.lock() {
                // A failure shows again when the store is saved.
                let _ = work.unbegin(std::slice::from_mut(&mut store));
            }
        }
    }

    fn save(&self, promise: Option<Arc<Promise>>) -> Result<MultiVersion> {
        let mut held = self.work();
        let work = held.get()?;
        let members = self.members_sorted(&work.databases)?;
        let mut stores = lock_all(&members)?;
        // All stores are held: nothing can come between the promise and the saving.
        drop(promise);
        let version = work.begin(&mut stores)?;
        let saved = self.save_begun(work, version, &members, &mut stores);
        let unbegun = work.unbegin(&mut stores);
        drop(stores);
        drop(held);
        self.wake.wake();
        saved.and_then(|saved| unbegun.map(|()| saved))
    }

    /// A store's part of a version is durable: readers and pruners count on it from now on.
    fn settle(&self, name: &str, store: &mut Locked<'_>, part: Part) -> Result<()> {
        let info = part.settle(store)?;
        self.set_hold(name, Some(store.store()?.pin_version(info.version)?));
        self.events.publish_with(|| saved_event(name.to_owned(), &info));
        Ok(())
    }

    fn save_begun(&self, work: &mut Work, version: u64, members: &[(String, Member)], stores: &mut [Locked<'_>]) -> Result<MultiVersion> {
        if version <= work.newest {
            let record = Again::find(&work.databases, version, members, stores)?.load(stores)?;
            work.current = version;
            return Ok(MultiVersion::from(record));
        }
        let companion = work.companions.next()?;
        let (mut saving, commits) = Saving::stage(&work.databases, members, stores)?;
        let record = saving.record(version, members);
        saving.commit(&work.databases, commits, (&record, companion), members, stores)?;
        (work.current, work.newest) = (version, version);
        // Before anybody hears of it.
        self.publish(Some(work));
        for (((name, _), store), part) in members.iter().zip(stores).zip(saving.parts) {
            // The disk is ahead of what is in memory if this fails.
            self.settle(name, store, part).inspect_err(|error| work.databases.poison(error))?;
        }
        let saved = MultiVersion::from(record);
        work.companions.saved(&saved, companion);
        self.events.publish_with(|| saved_all_event(&saved));
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

/// The commits of a version of the whole, by engine.
type Commits<'a> = BTreeMap<String, Commit<'a>>;

impl Saving {
    /// First everything that may be refused, then what cannot be taken back: each store's changes are numbered and hashed, while their
    /// operations are written.
    fn stage<'a>(databases: &'a Databases, members: &[(String, Member)], stores: &mut [Locked<'_>]) -> Result<(Self, Commits<'a>)> {
        let already = saved_alone(members, stores)?;
        let mut operations: BTreeMap<&str, Vec<(String, PendingLog)>> = BTreeMap::from([(databases.home.as_str(), Vec::new())]);
        for (((_, member), store), _) in members.iter().zip(&mut *stores).zip(&already).filter(|(_, already)| already.is_none()) {
            let store = store.store()?;
            operations.entry(&member.engine).or_default().push((store.name().to_owned(), store.take_log()));
        }
        let mut commits = Commits::new();
        for (engine, operations) in operations {
            let database = databases.open.get(engine).ok_or(Error::AllClosed)?;
            commits.insert(engine.to_owned(), database.disk().begin(operations)?);
        }
        let ahead: Vec<_> = commits.values_mut().filter_map(Commit::ahead).collect();
        let parts = beside(&ahead, || stage_all(stores, already, databases.hash_threads)).inspect_err(|error| databases.poison(error))?;
        Ok((Self { parts, time: seconds_now() }, commits))
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

    /// Makes everything durable: the home last.
    fn commit(
        &mut self,
        databases: &Databases,
        mut commits: Commits<'_>,
        (record, companion): (&MultiRecord, Option<Companion>),
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
        let home = (databases.home.as_str(), home_parts, home_records, CommitScope::Whole(record, companion));
        for (engine, parts, records, scope) in others.chain([home]) {
            let commit = commits.remove(engine).ok_or(Error::AllClosed)?;
            let committed = commit.finish(parts, self.time, &scope).inspect_err(|error| databases.poison(error))?;
            for (place, record) in records.into_iter().zip(committed) {
                *place = Some(record);
            }
        }
        Ok(())
    }
}

/// Numbers and hashes the changes of all stores that have no version yet, several at a time where there are threads for it.
fn stage_all(stores: &mut [Locked<'_>], already: Vec<Option<SavedAlready>>, threads: usize) -> Result<Vec<Part>> {
    let mut parts = Vec::with_capacity(stores.len());
    let mut work = Vec::new();
    for (place, (store, already)) in stores.iter_mut().zip(already).enumerate() {
        parts.push(already.map(|already| Part::Again(already.info(), already.record)));
        if parts.last().is_some_and(Option::is_none) {
            work.push((place, store.store()?));
        }
    }
    for (place, staged) in stage_on_threads(work, threads) {
        if let Some(part) = parts.get_mut(place) {
            *part = Some(Part::New(staged?, None));
        }
    }
    Ok(parts.into_iter().flatten().collect())
}

type Staged = (usize, Result<SavedVersion>);

fn stage_on_threads(work: Vec<(usize, &mut TreeStore)>, threads: usize) -> Vec<Staged> {
    let helpers = threads.min(work.len()).saturating_sub(1);
    let work = Mutex::new(work.into_iter());
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
    let stage = || std::iter::from_fn(next).map(|(place, store)| (place, store.stage())).collect::<Vec<_>>();
    thread::scope(|scope| {
        // Where the system has no thread left, those that there are do all the work.
        let helpers: Vec<_> = (0..helpers).filter_map(|_| thread::Builder::new().spawn_scoped(scope, stage).ok()).collect();
        let mut staged = stage();
        for helper in helpers {
            staged.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        staged
    })
}
