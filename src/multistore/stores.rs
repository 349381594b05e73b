//! Making, deleting and renaming stores.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::databases::Databases;
use super::member::Member;
use super::pruner::Wake;
use super::{Held, Inner, MultiStore, rollback};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::event::{EventBus, StoreCreated, StoreDeleted, StoreRenamed};
use crate::persist::Pin;
use crate::persist::multi::{HomeChanges, Intent, MultiRecord, Place, PlacedStore};
use crate::persist::records::StoreSettings;
use crate::persist::rollback::RollbackTarget;
use crate::store::{About, Opening, SharedStore, check_name};

/// All stores of opened databases.
pub(super) fn members(
    databases: &mut Databases,
    events: &EventBus,
    wake: &Arc<Wake>,
    newest: Option<&MultiRecord>,
) -> Result<BTreeMap<String, Member>> {
    let mut members = BTreeMap::new();
    for (name, state) in databases.home()?.disk().stores() {
        let store = databases.home()?.open_store(&name)?;
        let place = Place { engine: String::new(), number: u64::from(state.id.0) };
        members.insert(name.clone(), member(databases, (events, wake), &name, place, store, &state.settings.config)?);
    }
    for (name, placed) in databases.home()?.disk().placed_stores()? {
        let store = databases.get(&placed.place.engine)?.open_store(&placed.place.number.to_string())?;
        members.insert(name.clone(), member(databases, (events, wake), &name, placed.place, store, &placed.settings.config)?);
    }
    for part in newest.into_iter().flat_map(|record| &record.stores) {
        if let Some(member) = members.values_mut().find(|member| member.place == part.place) {
            member.held = hold(&member.store, part.version)?;
        }
    }
    Ok(members)
}

/// Holds a version, if it is there: what lay in memory may be gone.
pub(super) fn hold(store: &SharedStore, version: u64) -> Result<Option<Arc<Pin>>> {
    match store.pin_version(version) {
        Ok(pin) => Ok(Some(pin)),
        // A store that waits for its first version again has none.
        Err(Error::NoVersion { .. } | Error::NoStore { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn member(
    databases: &Databases,
    (events, wake): (&EventBus, &Arc<Wake>),
    name: &str,
    place: Place,
    store: Opening,
    config: &Config,
) -> Result<Member> {
    let engine = databases.engine_of(&place).to_owned();
    let kind = databases.engines.get(&engine)?;
    let retention = databases.settings(&engine)?.for_store(name, &kind.keys(), config)?.retention();
    let about = About {
        name: name.to_owned(),
        engine: engine.clone(),
        path: databases.folder(&engine),
        capabilities: kind.capabilities(),
        events: events.clone(),
        after_save: Some(wake.waker()),
    };
    Ok(Member { store: SharedStore::new(store, about), place, engine, retention, held: None })
}

impl MultiStore {
    /// Makes a store on an engine; `None` for the default engine. `config` holds for this store alone (keys of store scope).
    ///
    /// It is part of the next version of all stores, which is its first. That holds for a store in memory too: it is in the app hash like any
    /// other, and empty when the stores are opened again, so what all must agree on belongs on another engine.
    ///
    /// # Errors
    /// [`Error::StoreName`], [`Error::StoreExists`], [`Error::Registry`] for an engine that is not there, [`Error::Config`],
    /// [`Error::ReadOnly`], [`Error::Engine`], [`Error::AllClosed`].
    pub fn create_store(&self, name: &str, engine: Option<&str>, config: &Config) -> Result<SharedStore> {
        check_name(name)?;
        let default = self.default_engine();
        let engine = engine.unwrap_or(&default);
        let inner = self.inner();
        let mut held = inner.work();
        let work = held.get()?;
        work.changeable()?;
        let databases = &mut work.databases;
        let kind = databases.engines.get(engine)?;
        databases.settings(engine)?.for_store(name, &kind.keys(), config)?;
        if inner.members().contains_key(name) {
            return Err(Error::StoreExists { name: name.to_owned() });
        }
        databases.home()?.disk().writable()?;
        let settings = StoreSettings { config: config.clone() };
        let (place, store) = if engine == databases.home {
            let home = databases.home()?;
            home.disk().create_store(name, settings)?;
            let store = home.open_store(name)?;
            (Place { engine: String::new(), number: u64::from(store.id().0) }, store)
        } else {
            create_elsewhere(databases, name, engine, settings)?
        };
        Ok(inner.join(databases, name, place, store, config)?.store)
    }

    /// The store `name`; one that is not there yet is made on the home's engine by the first version that is saved, in the same atomic step.
    ///
    /// # Errors
    /// [`Error::StoreName`], [`Error::ReadOnly`], [`Error::AllClosed`].
    pub fn store_or_new(&self, name: &str) -> Result<SharedStore> {
        if let Ok(store) = self.get_store(name) {
            return Ok(store);
        }
        check_name(name)?;
        let inner = self.inner();
        let mut held = inner.work();
        let work = held.get()?;
        work.changeable()?;
        let databases = &mut work.databases;
        let home = databases.home()?;
        home.disk().writable()?;
        let store = home.expect_store(name)?;
        let place = Place { engine: String::new(), number: u64::from(store.id().0) };
        Ok(inner.join(databases, name, place, store, &Config::new())?.store)
    }

    /// Removes a store with all its versions. Versions of the whole that had it stay, with their app hashes, but cannot be gone back to.
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::Pinned`] while snapshots of it, or transactions on it, are open, [`Error::VersionPrepared`],
    /// [`Error::ReadOnly`], [`Error::Engine`], [`Error::AllClosed`].
    pub fn delete_store(&self, name: &str) -> Result<()> {
        let inner = self.inner();
        let mut held = inner.work();
        let (databases, Member { store, place, held: pin, .. }) = inner.to_change(&mut held, name)?;
        let mut store = store.lock()?;
        store.changeable()?;
        register_waiting(databases, name, &place)?;
        // Our own holds must not stand in the way.
        let held_version = pin.as_ref().map(|pin| pin.version());
        inner.set_hold(name, None);
        drop(pin);
        store.store()?.let_go();
        if let Err(error) = delete(databases, name, &place) {
            // After a failed write the versions may be gone already; then nothing more is done with the databases until they are opened again.
            let _ = store.store()?.hold_on();
            let pin = held_version.and_then(|version| store.store().ok()?.pin_version(version).ok());
            inner.set_hold(name, pin);
            return Err(error.about_store(name));
        }
        store.close();
        drop(store);
        inner.members_mut().remove(name);
        inner.events.publish_with(|| StoreDeleted { store: name.to_owned() });
        Ok(())
    }

    /// Gives a store another name. Its versions, roots and proofs stay; app hashes, which hold the names, change with the next version.
    ///
    /// # Errors
    /// [`Error::NoStore`], [`Error::StoreExists`], [`Error::StoreName`], [`Error::VersionPrepared`], [`Error::ReadOnly`],
    /// [`Error::Engine`], [`Error::AllClosed`].
    pub fn rename_store(&self, from: &str, to: &str) -> Result<()> {
        check_name(to)?;
        let inner = self.inner();
        let mut held = inner.work();
        let (databases, member) = inner.to_change(&mut held, from)?;
        if inner.members().contains_key(to) {
            return Err(Error::StoreExists { name: to.to_owned() });
        }
        let mut store = member.store.lock()?;
        store.changeable()?;
        register_waiting(databases, from, &member.place)?;
        let home = databases.home()?.disk();
        if member.place.is_home() {
            home.rename_store(from, to, &HomeChanges::default())?;
        } else {
            let placed = home.placed_stores()?.into_iter().find(|(name, _)| name == from).map(|(_, placed)| placed);
            home.change_home(&HomeChanges { placed: vec![(from.to_owned(), None), (to.to_owned(), placed)], ..HomeChanges::default() })?;
        }
        store.is_renamed(to, member.place.is_home())?;
        drop(store);
        let mut members = inner.members_mut();
        members.remove(from);
        members.insert(to.to_owned(), member);
        drop(members);
        inner.events.publish_with(|| StoreRenamed { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }
}

impl Inner {
    /// The databases and a store to change, if no version is prepared.
    fn to_change<'w>(&self, held: &'w mut Held<'_>, name: &str) -> Result<(&'w Databases, Member)> {
        let work = held.get()?;
        work.changeable()?;
        self.reopen_closed(&work.databases)?;
        Ok((&work.databases, self.member(name)?))
    }

    /// Opens again the stores that were closed alone.
    pub(super) fn reopen_closed(&self, databases: &Databases) -> Result<()> {
        let closed: Vec<(String, Place, SharedStore)> = {
            let members = self.members();
            let closed = members.iter().filter(|(_, member)| member.store.is_closed());
            closed.map(|(name, member)| (name.clone(), member.place.clone(), member.store.clone())).collect()
        };
        for (name, place, store) in closed {
            // Whoever closes it has let go of it when the lock is free.
            drop(store.lock()?);
            let database = databases.open.get(databases.engine_of(&place)).ok_or(Error::AllClosed)?;
            let opened = if place.is_home() { database.expect_store(&name)? } else { database.open_store(&place.number.to_string())? };
            if let Some(member) = self.members_mut().get_mut(&name) {
                member.store = store.reopened(opened);
            }
        }
        Ok(())
    }

    /// Adds a store to those in use.
    fn join(&self, databases: &Databases, name: &str, place: Place, store: Opening, config: &Config) -> Result<Member> {
        let member = member(databases, (&self.events, &self.wake), name, place, store, config)?;
        self.members_mut().insert(name.to_owned(), member.clone());
        self.events.publish_with(|| StoreCreated { store: name.to_owned(), engine: member.engine.clone() });
        Ok(member)
    }

    pub(super) fn set_hold(&self, name: &str, pin: Option<Arc<Pin>>) {
        if let Some(member) = self.members_mut().get_mut(name) {
            member.held = pin;
        }
    }
}

/// Puts a store on the disk that waits for its first version, so that it can be renamed or deleted like others.
fn register_waiting(databases: &Databases, name: &str, place: &Place) -> Result<()> {
    let disk = databases.home()?.disk();
    if place.is_home() && !disk.stores().contains_key(name) {
        disk.create_store(name, StoreSettings::default())?;
    }
    Ok(())
}

/// The store first, its entry in the home last: without it the store goes when the stores are opened again.
fn create_elsewhere(databases: &mut Databases, name: &str, engine: &str, settings: StoreSettings) -> Result<(Place, Opening)> {
    databases.get(engine)?;
    let number = databases.home()?.disk().next_placed()?;
    let place = Place { engine: engine.to_owned(), number };
    let database = databases.get(engine)?;
    database.disk().create_store(&number.to_string(), settings.clone())?;
    let store = database.open_store(&number.to_string())?;
    let placed = vec![(name.to_owned(), Some(PlacedStore { place: place.clone(), settings }))];
    databases.home()?.disk().change_home(&HomeChanges { placed, ..HomeChanges::default() })?;
    Ok((place, store))
}

fn delete(databases: &Databases, name: &str, place: &Place) -> Result<()> {
    let home = databases.home()?.disk();
    home.writable()?;
    if place.is_home() {
        return home.delete_stores(&[name.to_owned()], &HomeChanges::default());
    }
    if let Some(database) = databases.open.get(&place.engine) {
        let target = RollbackTarget { store: place.number.to_string(), becomes: None, version: None };
        database.disk().check_rollback(&[target])?;
    }
    // The home's entry goes first, with what is left to do.
    let intents = vec![Intent { place: place.clone(), version: None }];
    home.change_home(&HomeChanges { placed: vec![(name.to_owned(), None)], intents, ..HomeChanges::default() })?;
    rollback::finish_intents(databases).inspect_err(|error| databases.poison(error))
}
