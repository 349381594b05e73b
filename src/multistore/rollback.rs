//! Rolling everything back to a version of the whole.
//!
//! The home goes first, in one batch: its stores, its records, and what is to be done elsewhere (the intents). Then the other databases
//! follow. A crash in between leaves intents, which opening carries out.

use std::collections::BTreeMap;

use treering_tree::Order;

use super::databases::Databases;
use crate::error::{Error, Result};
use crate::persist::multi::{HomeChanges, Intent, MultiPart, MultiRecord, PlacedStore};
use crate::persist::rollback::RollbackTarget;

/// What a rollback of the whole does.
pub(super) struct WholeRollback {
    /// To the stores of the home.
    home: Vec<RollbackTarget>,
    /// To the home's records, with what is to be done elsewhere.
    changes: HomeChanges,
}

impl WholeRollback {
    /// Plans to make `record` the newest version: stores that it does not list go, the others get the names that it gives.
    ///
    /// # Errors
    /// [`Error::StoreDeleted`], [`Error::Pinned`], [`Error::NoVersion`]; nothing was changed.
    pub(super) fn plan(databases: &Databases, record: &MultiRecord) -> Result<Self> {
        let disk = databases.home()?.disk();
        let placed: BTreeMap<String, PlacedStore> = disk.placed_stores()?.into_iter().collect();
        let mut changes = HomeChanges::default();
        for newer in disk.multi_versions(Order::Descending) {
            let newer = newer?;
            if newer.version <= record.version {
                break;
            }
            changes.removed.push(newer.version);
        }
        let mut home = Vec::new();
        let stores = disk.stores();
        for (name, store) in &stores {
            let part = record.stores.iter().find(|part| part.place.is_home() && part.place.number == u64::from(store.id.0));
            home.push(RollbackTarget {
                store: name.clone(),
                becomes: part.map(|part| part.name.clone()),
                version: part.map(|part| part.version),
            });
        }
        for (name, store) in &placed {
            let part = record.stores.iter().find(|part| part.place == store.place);
            let persists = databases.engines.get(&store.place.engine)?.capabilities().persistence;
            let is_lost = part.is_some() && !persists && !has_version(databases, part)?;
            // What lay in memory only is gone: such a store stays as it is, under the name that it had.
            if !is_lost {
                changes.intents.push(Intent { place: store.place.clone(), version: part.map(|part| part.version) });
            }
            if part.is_none_or(|part| part.name != *name) {
                changes.placed.push((name.clone(), None));
            }
        }
        for part in record.stores.iter().filter(|part| !part.place.is_home()) {
            if let Some((name, store)) = placed.iter().find(|(_, store)| store.place == part.place)
                && *name != part.name
            {
                changes.placed.push((part.name.clone(), Some(store.clone())));
            }
        }
        let is_at_home = |number: u64| stores.values().any(|store| u64::from(store.id.0) == number);
        let is_elsewhere = |part: &MultiPart| placed.values().any(|store| store.place == part.place);
        let is_there = |part: &MultiPart| if part.place.is_home() { is_at_home(part.place.number) } else { is_elsewhere(part) };
        if let Some(gone) = record.stores.iter().find(|part| !is_there(part)) {
            return Err(Error::StoreDeleted { version: record.version, store: gone.name.clone() });
        }
        disk.check_rollback(&home)?;
        for intent in &changes.intents {
            let Some(database) = databases.open.get(&intent.place.engine) else { continue };
            let name = placed.iter().find(|(_, store)| store.place == intent.place).map_or("", |(name, _)| name.as_str());
            database.disk().check_rollback(&[target(intent)]).map_err(|error| error.about_store(name))?;
        }
        Ok(Self { home, changes })
    }

    /// Carries it out.
    pub(super) fn run(&self, databases: &Databases) -> Result<()> {
        let rolled_back = databases.home()?.disk().rollback_stores(&self.home, &self.changes);
        rolled_back.and_then(|()| finish_intents(databases)).inspect_err(|error| databases.poison(error))
    }
}

fn has_version(databases: &Databases, part: Option<&MultiPart>) -> Result<bool> {
    let Some(part) = part else { return Ok(false) };
    let Some(database) = databases.open.get(&part.place.engine) else { return Ok(false) };
    let Some(store) = database.disk().stores().remove(&part.place.number.to_string()) else { return Ok(false) };
    database.disk().has_version(store.id, part.version)
}

/// What an intent does.
fn target(intent: &Intent) -> RollbackTarget {
    let store = intent.place.number.to_string();
    let becomes = intent.version.is_some().then(|| store.clone());
    RollbackTarget { store, becomes, version: intent.version }
}

/// What intents do, by engine.
fn by_engine(intents: &[Intent]) -> BTreeMap<&str, Vec<RollbackTarget>> {
    let mut targets: BTreeMap<&str, Vec<RollbackTarget>> = BTreeMap::new();
    for intent in intents {
        targets.entry(&intent.place.engine).or_default().push(target(intent));
    }
    targets
}

/// Does elsewhere what the home says is to be done, as far as it was not done before.
pub(super) fn finish_intents(databases: &Databases) -> Result<()> {
    let home = databases.home()?.disk();
    let intents = home.intents()?;
    if intents.is_empty() {
        return Ok(());
    }
    for (engine, mut targets) in by_engine(&intents) {
        let Some(database) = databases.open.get(engine) else { continue };
        let there = database.store_names();
        targets.retain(|target| there.contains(&target.store));
        database.disk().rollback_stores(&targets, &HomeChanges::default())?;
    }
    home.clear_intents()
}
