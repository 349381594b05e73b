//! Putting right what a crash left between the databases of several engines.
//!
//! The home's newest version record tells how things stand. In this order:
//! 1. What a rollback of the whole, or a deletion, had still to do elsewhere is done.
//! 2. A commit elsewhere for a version that the home does not have is taken back.
//! 3. A store elsewhere that the home does not know goes; one that is gone with its engine's memory is made again, empty.
//! 4. What stands beside versions above the home's newest one goes.
//! 5. If another database lost commits that the home has (a power cut without `sync_writes`), the whole goes back to the newest version
//!    that is there everywhere.

use std::collections::BTreeMap;

use treering_tree::Order;

use super::databases::Databases;
use super::rollback::WholeRollback;
use crate::error::{Error, Result};
use crate::persist::multi::{HomeChanges, MultiRecord, PlacedStore};
use crate::persist::rollback::RollbackTarget;
use crate::store::Database;

/// Puts everything right, or, if nothing may be written, fails when something is to be put right.
pub(super) fn recover(databases: &mut Databases) -> Result<()> {
    let placed: BTreeMap<String, PlacedStore> = databases.home()?.disk().placed_stores()?.into_iter().collect();
    let intents = databases.home()?.disk().intents()?;
    let engines: Vec<String> = placed
        .values()
        .map(|store| &store.place)
        .chain(intents.iter().map(|intent| &intent.place))
        .map(|place| place.engine.clone())
        .collect();
    for engine in &engines {
        databases.get(engine)?;
    }
    if databases.is_read_only && !is_clean(databases, &placed, intents.is_empty())? {
        return Err(Error::NeedsCleaning { path: databases.root.clone() });
    }
    super::rollback::finish_intents(databases)?;
    let newest = databases.home()?.disk().multi_versions(Order::Descending).next().transpose()?;
    for (engine, database) in databases.others() {
        take_back_unfinished(engine, database, newest.as_ref())?;
        match_stores(engine, database, &placed)?;
    }
    if !databases.is_read_only {
        databases.home()?.disk().forget_companions_above(newest.map_or(0, |record| record.version))?;
    }
    return_to_what_is_everywhere(databases)
}

fn newest_version(databases: &Databases) -> Result<u64> {
    let newest = databases.home()?.disk().multi_versions(Order::Descending).next().transpose()?;
    Ok(newest.map_or(0, |record| record.version))
}

/// Whether there is nothing to do.
fn is_clean(databases: &Databases, placed: &BTreeMap<String, PlacedStore>, no_intents: bool) -> Result<bool> {
    let newest = newest_version(databases)?;
    for (engine, database) in databases.others().filter(|(engine, _)| is_persistent(databases, engine)) {
        let unfinished = database.disk().unfinished_commit()?.is_some_and(|commit| commit.version > newest);
        let strays = database.store_names().iter().any(|name| !is_placed(placed, engine, name));
        if unfinished || strays {
            return Ok(false);
        }
    }
    for (engine, database) in databases.others().filter(|(engine, _)| !is_persistent(databases, engine)) {
        match_stores(engine, database, placed)?;
    }
    let record = databases.home()?.disk().multi_version(newest)?;
    Ok(no_intents && record.map_or(Ok(true), |record| is_everywhere(databases, &record))?)
}

fn is_persistent(databases: &Databases, engine: &str) -> bool {
    databases.engines.get(engine).is_ok_and(|engine| engine.capabilities().persistence)
}

fn is_placed(placed: &BTreeMap<String, PlacedStore>, engine: &str, number: &str) -> bool {
    placed.values().any(|store| store.place.engine == engine && store.place.number.to_string() == number)
}

/// Takes back what a database beside the home committed for versions of the whole that are not there: the last commit, or, if the home lost
/// more than one version (a power cut without `sync_writes`), all that the newest version of the whole does not list.
fn take_back_unfinished(engine: &str, database: &Database, newest: Option<&MultiRecord>) -> Result<()> {
    let disk = database.disk();
    let newest_version = newest.map_or(0, |record| record.version);
    let Some(unfinished) = disk.unfinished_commit()?.filter(|commit| commit.version > newest_version) else { return Ok(()) };
    let stores = disk.stores();
    let targets: Vec<RollbackTarget> = match newest {
        Some(record) if unfinished.version > record.version + 1 => {
            let listed =
                |name: &str| record.stores.iter().find(|part| part.place.engine == engine && part.place.number.to_string() == name);
            stores.keys().map(|name| RollbackTarget::to(name, listed(name).map(|part| part.version))).collect()
        }
        _ => {
            let target = |&(id, before): &(_, u64)| {
                let (name, _) = stores.iter().find(|(_, store)| store.id == id)?;
                Some(RollbackTarget::to(name, (before > 0).then_some(before)))
            };
            unfinished.before.iter().filter_map(target).collect()
        }
    };
    disk.rollback_stores(&targets, &HomeChanges::default())
}

/// Makes the stores of a database beside the home those that the home knows.
fn match_stores(engine: &str, database: &Database, placed: &BTreeMap<String, PlacedStore>) -> Result<()> {
    let there = database.store_names();
    let strays: Vec<String> = there.iter().filter(|name| !is_placed(placed, engine, name)).cloned().collect();
    if !strays.is_empty() {
        database.disk().delete_stores(&strays, &HomeChanges::default())?;
    }
    for store in placed.values().filter(|store| store.place.engine == engine) {
        let name = store.place.number.to_string();
        if !there.contains(&name) {
            database.disk().create_store(&name, store.settings.clone())?;
        }
    }
    Ok(())
}

/// Whether the databases beside the home have all that a version of the whole lists.
fn is_everywhere(databases: &Databases, record: &MultiRecord) -> Result<bool> {
    for part in record.stores.iter().filter(|part| !part.place.is_home() && is_persistent(databases, &part.place.engine)) {
        let Some(database) = databases.open.get(&part.place.engine) else { continue };
        // A store that was deleted since is no longer of interest.
        let Some(store) = database.disk().stores().remove(&part.place.number.to_string()) else { continue };
        if !database.disk().has_version(store.id, part.version)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn return_to_what_is_everywhere(databases: &mut Databases) -> Result<()> {
    if databases.is_read_only {
        return Ok(());
    }
    let mut lost = false;
    let mut found = None;
    for record in databases.home()?.disk().multi_versions(Order::Descending) {
        let record = record?;
        if is_everywhere(databases, &record)? {
            found = Some(record);
            break;
        }
        lost = true;
    }
    match found {
        Some(record) if lost => WholeRollback::plan(databases, &record)?.run(databases),
        None if lost => Err(Error::Damaged {
            record: databases.root.display().to_string(),
            what: "no version of all stores is whole: a database of one engine was replaced or removed".to_owned(),
        }),
        _ => Ok(()),
    }
}
