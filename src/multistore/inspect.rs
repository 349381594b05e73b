//! Looking through all databases: checking and counting.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use treering_proofs::app_hash;
use treering_tree::Order;

use super::MultiStore;
use super::databases::Databases;
use crate::error::{Error, Result};
use crate::persist::check::{CheckProgress, CheckSummary};
use crate::persist::multi::{MultiPart, MultiRecord};
use crate::persist::stats::KindStats;
use crate::persist::watch::Watch;

impl MultiStore {
    /// The engine of the home database, which keeps the records of the whole.
    ///
    /// # Errors
    /// [`Error::AllClosed`].
    pub fn home_engine(&self) -> Result<String> {
        Ok(self.inner().saved()?.home.clone())
    }

    /// Walks every kept version of every store on every engine, recomputes every hash, compares the indexes with the newest trees, and every
    /// version of the whole with its stores. O(nodes). Saving waits meanwhile.
    ///
    /// # Errors
    /// The first thing that is wrong, as [`Error::Damaged`] or [`Error::Tree`]; [`Error::Engine`], [`Error::AllClosed`].
    pub fn check(&self, progress: &mut dyn FnMut(CheckProgress<'_>)) -> Result<CheckSummary> {
        Ok(self.check_while(progress, &mut || ControlFlow::Continue(()))?.unwrap_or_default())
    }

    /// The same as long as `go_on`, which is asked often, says so; `None` when it did not.
    ///
    /// # Errors
    /// As [`MultiStore::check`].
    pub fn check_while(
        &self,
        progress: &mut dyn FnMut(CheckProgress<'_>),
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Option<CheckSummary>> {
        let mut watch = Watch::new(go_on);
        let mut held = self.inner().work();
        let databases = &held.get()?.databases;
        let names = names_in_databases(databases)?;
        let mut summary = CheckSummary::default();
        for (engine, database) in &databases.open {
            let name_of = |store: &str| names.get(&(engine.clone(), store.to_owned())).cloned().unwrap_or_else(|| store.to_owned());
            let mut progress = |step: CheckProgress<'_>| progress(CheckProgress { store: &name_of(step.store), ..step });
            let checked = database.disk().check(&mut progress, &mut watch);
            let checked = checked.map_err(|error| told_in_names(error, engine, &names))?;
            summary.stores += checked.stores;
            summary.versions += checked.versions;
            summary.nodes += checked.nodes;
            summary.hashes += checked.hashes;
            summary.index_entries += checked.index_entries;
            if watch.is_over_now() {
                return Ok(None);
            }
        }
        databases.home()?.disk().multi_versions(Order::Ascending).try_for_each(|record| check_whole(databases, &record?))?;
        databases.home()?.disk().check_companions()?;
        Ok(Some(summary))
    }

    /// Counts all records, by engine, while commits go on. O(records).
    ///
    /// # Errors
    /// [`Error::Engine`], [`Error::AllClosed`].
    pub fn stats(&self) -> Result<Vec<(String, Vec<KindStats>)>> {
        Ok(self.stats_while(&mut || ControlFlow::Continue(()))?.unwrap_or_default())
    }

    /// The same as long as `go_on`, which is asked often, says so; `None` when it did not.
    ///
    /// # Errors
    /// As [`MultiStore::stats`].
    pub fn stats_while(&self, go_on: &mut dyn FnMut() -> ControlFlow<()>) -> Result<Option<Vec<(String, Vec<KindStats>)>>> {
        let (saved, mut watch, mut stats) = (self.inner().saved()?, Watch::new(go_on), Vec::new());
        for (engine, database) in &saved.open {
            stats.push((engine.clone(), database.disk().stats(&mut watch)?));
        }
        Ok((!watch.is_over_now()).then_some(stats))
    }
}

/// The names of the stores beside the home, by engine and by the name that their databases know them by.
type Names = BTreeMap<(String, String), String>;

fn names_in_databases(databases: &Databases) -> Result<Names> {
    let placed = databases.home()?.disk().placed_stores()?;
    Ok(placed.into_iter().map(|(name, store)| ((store.place.engine, store.place.number.to_string()), name)).collect())
}

/// An error of the database of an engine, with the names that users know instead of those in the database.
fn told_in_names(error: Error, engine: &str, names: &Names) -> Error {
    let Error::Damaged { record, what } = error else { return error };
    let of_engine = names.iter().filter(|((of, _), _)| of == engine);
    let record =
        of_engine.fold(record, |record, ((_, inner), name)| record.replace(&format!("store {inner:?}"), &format!("store {name:?}")));
    Error::Damaged { record, what }
}

/// A version of the whole has the app hash of the roots that it lists, and those of its stores' versions that are still there.
fn check_whole(databases: &Databases, record: &MultiRecord) -> Result<()> {
    let damaged = |what: String| Err(Error::Damaged { record: format!("version {} of all stores", record.version), what });
    if app_hash(record.stores.iter().map(|part| (part.name.as_str(), part.root_hash))) != record.app_hash {
        return damaged("its app hash is not that of its stores".to_owned());
    }
    for part in &record.stores {
        if !is_as_listed(databases, part)? {
            return damaged(format!("version {} of store {:?} has another root", part.version, part.name));
        }
    }
    Ok(())
}

/// Whether the version of a store is the one listed, or not there any more.
fn is_as_listed(databases: &Databases, part: &MultiPart) -> Result<bool> {
    let Some((disk, store)) = databases.store_at(&part.place) else { return Ok(true) };
    Ok(disk.version_if_kept(store, part.version)?.is_none_or(|version| version.root_hash == part.root_hash))
}
