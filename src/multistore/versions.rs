//! Versions of the whole: listing, loading, rolling back, pruning.

use std::collections::BTreeSet;

use treering_proofs::Hash;
use treering_tree::Order;

use super::databases::Databases;
use super::rollback::WholeRollback;
use super::saving::lock_all;
use super::stores::hold;
use super::{Inner, MultiStore, Work};
use crate::error::{Error, Result};
use crate::event::{MultistoreVersionLoaded, MultistoreVersionPruned, MultistoreVersionRolledBack};
use crate::persist::multi::{HomeChanges, MultiRecord};
use crate::persist::prune::{Keep, PruneReport, kept_versions};
use crate::store::{Database, Locked, SharedStore, Store, Versioned};

/// A saved version of all stores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MultiVersion {
    /// Its number.
    pub version: u64,
    /// The hash over all store roots, that of the Cosmos SDK.
    pub app_hash: Hash,
    /// When it was saved, in seconds since 1970.
    pub time: u64,
    /// The stores, in the order of their names.
    pub stores: Vec<StoreVersion>,
}

/// A store in a version of the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreVersion {
    /// The store's name at the time.
    pub name: String,
    /// The store's version; another one than that of the whole if the store was saved alone before.
    pub version: u64,
    /// Its root hash.
    pub root_hash: Hash,
    /// Number of keys.
    pub size: u64,
    /// Levels of inner nodes.
    pub height: u8,
}

impl From<MultiRecord> for MultiVersion {
    fn from(record: MultiRecord) -> Self {
        let MultiRecord { version, time, app_hash, stores } = record;
        let stores = stores.into_iter().map(|part| StoreVersion {
            name: part.name,
            version: part.version,
            root_hash: part.root_hash,
            size: part.size,
            height: part.height,
        });
        Self { version, app_hash, time, stores: stores.collect() }
    }
}

impl Databases {
    /// The record of a version of the whole.
    pub(super) fn record(&self, version: u64) -> Result<MultiRecord> {
        record_in(self.home()?, version)
    }
}

/// The record of a version of the whole in the home database.
pub(super) fn record_in(home: &Database, version: u64) -> Result<MultiRecord> {
    let Some(record) = home.disk().multi_version(version)? else {
        let edges = kept_edges(home)?;
        let kept = match edges {
            Some((oldest, newest)) => format!("the oldest one kept is {oldest}, the newest {newest}"),
            None => "none was saved yet".to_owned(),
        };
        return Err(Error::NoMultiVersion { version, edges, kept });
    };
    Ok(record)
}

/// The oldest and the newest version of the whole that the home database keeps.
pub(super) fn kept_edges(home: &Database) -> Result<Option<(u64, u64)>> {
    let edge = |order| home.disk().multi_versions(order).next().transpose();
    Ok(edge(Order::Ascending)?.zip(edge(Order::Descending)?).map(|(oldest, newest)| (oldest.version, newest.version)))
}

impl MultiStore {
    /// The version of the whole that the working states are based on; 0 before the first.
    ///
    /// # Errors
    /// [`Error::AllClosed`].
    pub fn current_version(&self) -> Result<u64> {
        Ok(self.inner().saved()?.current)
    }

    /// The newest version of all stores, if there is one.
    ///
    /// # Errors
    /// [`Error::AllClosed`], [`Error::Damaged`], [`Error::Engine`].
    pub fn newest_version(&self) -> Result<Option<MultiVersion>> {
        let newest = self.inner().saved()?.home()?.disk().multi_versions(Order::Descending).next().transpose()?;
        Ok(newest.map(MultiVersion::from))
    }

    /// One version of all stores.
    ///
    /// # Errors
    /// [`Error::NoMultiVersion`], [`Error::AllClosed`], [`Error::Damaged`], [`Error::Engine`].
    pub fn version(&self, version: u64) -> Result<MultiVersion> {
        Ok(record_in(self.inner().saved()?.home()?, version)?.into())
    }

    /// The saved versions of all stores, in order. O(versions x stores).
    ///
    /// # Errors
    /// [`Error::AllClosed`], [`Error::Damaged`], [`Error::Engine`].
    pub fn list_versions(&self) -> Result<Vec<MultiVersion>> {
        let saved = self.inner().saved()?;
        saved.home()?.disk().multi_versions(Order::Ascending).map(|record| record.map(MultiVersion::from)).collect()
    }

    /// Bases the working states of all stores on a version; changes that were not saved are forgotten. A store that it does not have
    /// becomes empty. Moves the working states only.
    ///
    /// # Errors
    /// [`Error::NoMultiVersion`], [`Error::StoreDeleted`], [`Error::NoVersion`] if a store was pruned alone, [`Error::VersionPrepared`],
    /// [`Error::AllClosed`]; before anything is moved.
    pub fn load_version(&self, version: u64) -> Result<()> {
        let inner = self.inner();
        let mut held = inner.work();
        let work = held.get()?;
        let record = work.databases.record(version)?;
        let members = inner.members_sorted(&work.databases)?;
        let mut stores = lock_all(&members)?;
        // Held until all are moved: a store may be pruned meanwhile.
        let mut pins = Vec::with_capacity(record.stores.len());
        for part in &record.stores {
            let found = members.iter().position(|(_, member)| member.place == part.place);
            let Some(store) = found.and_then(|place| stores.get_mut(place)) else {
                return Err(Error::StoreDeleted { version, store: part.name.clone() });
            };
            store.changeable()?;
            pins.push(store.store()?.pin_version(part.version).map_err(|error| error.about_store(&part.name))?);
        }
        for ((_, member), store) in members.iter().zip(&mut stores) {
            match record.stores.iter().find(|part| part.place == member.place) {
                Some(part) => store.store()?.load_version(part.version)?,
                None => store.store()?.load_nothing()?,
            }
            store.is_replaced("another version of all stores was loaded");
        }
        work.current = version;
        inner.publish(Some(work));
        inner.events.publish_with(|| MultistoreVersionLoaded { version });
        Ok(())
    }

    /// Makes `version` the newest one: all newer versions are removed, and the stores and their names are those that it has. Changes that
    /// were not saved are forgotten. What a crash interrupts, opening finishes.
    ///
    /// # Errors
    /// [`Error::NoMultiVersion`], [`Error::StoreDeleted`], [`Error::NoVersion`] if a store was pruned alone, [`Error::Pinned`] while
    /// snapshots of, or transactions on, newer versions are open, [`Error::VersionPrepared`]; nothing is changed then. [`Error::Poisoned`], [`Error::Engine`], [`Error::AllClosed`].
    pub fn rollback_to(&self, version: u64) -> Result<()> {
        let inner = self.inner();
        let _removals = inner.removals();
        let mut held = inner.work();
        let work = held.get()?;
        work.databases.home()?.disk().writable()?;
        let record = work.databases.record(version)?;
        inner.roll_back(work, &record)?;
        inner.publish(Some(work));
        inner.events.publish_with(|| MultistoreVersionRolledBack { version });
        Ok(())
    }

    /// Removes versions of all stores, and all records that only they needed. The newest version stays in any case; what a snapshot holds
    /// is deferred, and goes with the next pruning after it is dropped. Commits go on meanwhile.
    ///
    /// # Errors
    /// [`Error::KeepsNothing`], [`Error::Poisoned`], [`Error::Engine`], [`Error::AllClosed`].
    pub fn prune(&self, keep: &Keep) -> Result<PruneReport> {
        self.inner().prune(keep)
    }
}

impl Inner {
    /// All stores; those that were closed alone are opened again.
    pub(super) fn members_sorted(&self, databases: &Databases) -> Result<Vec<(String, super::Member)>> {
        self.reopen_closed(databases)?;
        let members = self.members();
        Ok(members.iter().map(|(name, member)| (name.clone(), member.clone())).collect())
    }

    fn roll_back(&self, work: &mut Work, record: &MultiRecord) -> Result<()> {
        let mut members = self.members_sorted(&work.databases)?;
        let holds: Vec<_> = members.iter_mut().map(|(_, member)| member.held.take()).collect();
        let mut stores = lock_all(&members)?;
        for store in &stores {
            store.changeable()?;
        }
        // Our own holds must not stand in the way.
        drop(holds);
        for (name, _) in &members {
            self.set_hold(name, None);
        }
        for store in &mut stores {
            store.store()?.let_go();
        }
        let newest = if work.newest > 0 { work.databases.home()?.disk().multi_version(work.newest)? } else { None };
        let planned = WholeRollback::plan(&work.databases, record);
        let done = planned.and_then(|plan| plan.run(&work.databases));
        let is_done = done.is_ok();
        if is_done {
            // The disk is ahead of what is in memory if this fails.
            self.follow(record, &members, &mut stores).inspect_err(|error| work.databases.poison(error))?;
            self.rename_members(record);
            (work.current, work.newest) = (record.version, record.version);
            let companion = work.databases.home()?.disk().companion(record.version);
            work.companions.newest = companion.inspect_err(|error| work.databases.poison(error))?;
        } else {
            for store in &mut stores {
                // After a failed write the versions may be gone; then nothing more is done with the databases until they are opened again.
                let _ = store.store()?.hold_on();
            }
        }
        drop(stores);
        let standing = if is_done { Some(record) } else { newest.as_ref() };
        for part in standing.into_iter().flat_map(|record| &record.stores) {
            let member = self
                .members()
                .iter()
                .find(|(_, member)| member.place == part.place)
                .map(|(name, member)| (name.clone(), member.store.clone()));
            if let Some((name, store)) = member {
                self.set_hold(&name, hold(&store, part.version)?);
            }
        }
        done
    }

    /// Makes the stores in memory what a rollback made of them on the disk.
    fn follow(&self, record: &MultiRecord, members: &[(String, super::Member)], stores: &mut [Locked<'_>]) -> Result<()> {
        for ((name, member), store) in members.iter().zip(stores) {
            let Some(part) = record.stores.iter().find(|part| part.place == member.place) else {
                store.close();
                self.members_mut().remove(name);
                continue;
            };
            if part.name != *name {
                store.is_renamed(&part.name, member.place.is_home())?;
            }
            store.store()?.is_rolled_back()?;
            store.is_replaced("all stores were rolled back");
        }
        Ok(())
    }

    /// Lists the members under the names that a version gives.
    fn rename_members(&self, record: &MultiRecord) {
        let mut members = self.members_mut();
        let all = std::mem::take(&mut *members);
        for (name, member) in all {
            let part = record.stores.iter().find(|part| part.place == member.place);
            members.insert(part.map_or(name, |part| part.name.clone()), member);
        }
    }

    /// Removes versions of the whole: their records first, so that no record ever lists what is not there.
    fn prune(&self, keep: &Keep) -> Result<PruneReport> {
        let _removals = self.removals();
        let mut held = self.work();
        let work = held.get()?;
        let disk = work.databases.home()?.disk();
        disk.writable()?;
        let records = disk.multi_versions(Order::Ascending).collect::<Result<Vec<_>>>()?;
        let times: Vec<_> = records.iter().map(|record| (record.version, record.time)).collect();
        let kept = kept_versions(&times, keep)?;
        let (kept, removed): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| kept.contains(&record.version));
        disk.change_home(&HomeChanges { removed: removed.iter().map(|record| record.version).collect(), ..HomeChanges::default() })?;
        let mut report = PruneReport { versions: removed.len() as u64, ..PruneReport::default() };
        let Some(newest) = kept.last().cloned() else { return Ok(report) };
        let stores: Vec<(SharedStore, BTreeSet<u64>)> = self
            .members()
            .values()
            .map(|member| {
                let of = |record: &MultiRecord| record.stores.iter().find(|part| part.place == member.place).map(|part| part.version);
                let listed: BTreeSet<u64> = kept.iter().filter_map(of).collect();
                let newest = of(&newest);
                Ok((member.store.clone(), going(&member.store, &listed, newest)?))
            })
            .collect::<Result<_>>()?;
        drop(held);
        for (store, going) in stores {
            let pruned = store.prune(&Keep::Without(going))?;
            report.nodes += pruned.nodes;
            report.deferred.extend(pruned.deferred);
        }
        report.deferred.sort_unstable();
        report.deferred.dedup();
        if report.versions > 0 {
            let (versions, nodes, oldest) = (report.versions, report.nodes, kept.first().map(|record| record.version));
            self.events.publish_with(|| MultistoreVersionPruned { versions, nodes, oldest });
        }
        Ok(report)
    }
}

/// The versions of a store that no kept version of the whole lists, up to the newest that one does.
fn going(store: &SharedStore, listed: &BTreeSet<u64>, newest: Option<u64>) -> Result<BTreeSet<u64>> {
    let Some(newest) = newest else { return Ok(BTreeSet::new()) };
    let versions = store.list_versions().map_err(|error| error.about_store(&store.name()))?;
    Ok(versions.into_iter().map(|info| info.version).filter(|version| *version < newest && !listed.contains(version)).collect())
}
