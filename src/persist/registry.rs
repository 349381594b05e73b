//! Making, renaming and deleting stores.

use super::commit::{Made, seconds_now};
use super::keys::{self, StoreId};
use super::multi::HomeChanges;
use super::prune::RemovedVersions;
use super::records::{self, StoreSettings};
use super::{Disk, State, StoreState, pins};
use crate::engine::{Batch, Keyspace};
use crate::error::{Error, Result};

impl Disk {
    /// Registers a store.
    pub(crate) fn create_store(&self, name: &str, settings: StoreSettings) -> Result<()> {
        self.writable()?;
        let _commits = self.commits();
        let mut state = self.state().clone();
        if state.stores.get(name).is_some_and(|store| store.registered) {
            return Err(Error::StoreExists { name: name.to_owned() });
        }
        let id = state.expect(name, settings).id;
        let mut batch = Batch::new();
        state.put_store(&mut batch, name, id);
        self.write(&batch)?;
        state.newest_is(name, None);
        *self.state() = state;
        Ok(())
    }

    /// Makes room for a store that is registered with its first version, unless it is there.
    pub(crate) fn expect_store(&self, name: &str) -> StoreState {
        let _commits = self.commits();
        self.state().expect(name, StoreSettings::default())
    }

    /// Gives a store another name. Its versions and proofs stay; the app hash, which has the names, changes with the next commit.
    pub(crate) fn rename_store(&self, from: &str, to: &str, home: &HomeChanges) -> Result<()> {
        self.writable()?;
        let _commits = self.commits();
        let state = self.state().clone();
        let mut stores = state.stores.clone();
        let Some(store) = stores.remove(from).filter(|store| store.registered) else { return Err(state.no_store(from)) };
        if stores.get(to).is_some_and(|store| store.registered) {
            return Err(Error::StoreExists { name: to.to_owned() });
        }
        let mut batch = Batch::new();
        home.put(&mut batch);
        batch.delete(Keyspace::Meta, keys::store(from));
        let (at, record) = records::encode_store(to, store.id, &store.settings);
        batch.put(Keyspace::Meta, at, record);
        stores.insert(to.to_owned(), store);
        let renamed = State { stores, next_commit: state.next_commit, next_store: state.next_store };
        self.put_standing(&mut batch, &renamed);
        self.write(&batch)?;
        *self.state() = State { next_commit: renamed.next_commit + 1, ..renamed };
        Ok(())
    }

    /// Removes stores, with all their versions. Fails with [`Error::Pinned`] while a snapshot of one is open.
    pub(crate) fn delete_stores(&self, names: &[String], home: &HomeChanges) -> Result<()> {
        self.writable()?;
        let (_removals, _commits) = (self.removals(), self.commits());
        self.flusher.drain()?;
        let state = self.state().clone();
        let counts = self.pins.lock();
        let mut stores = state.stores.clone();
        let mut batch = Batch::new();
        home.put(&mut batch);
        let mut removed = RemovedVersions::new();
        let mut going = Vec::new();
        for name in names {
            let Some(store) = stores.remove(name).filter(|store| store.registered) else { return Err(state.no_store(name)) };
            let held = pins::held(&counts, store.id);
            if !held.is_empty() {
                return Err(Error::Pinned { store: name.clone(), versions: held.into_iter().collect() });
            }
            removed.extend(self.version_numbers(store.id, 0)?);
            going.push((name, store.id));
        }
        for &(name, store) in &going {
            self.put_deletion(&mut batch, name, store, &removed)?;
        }
        let left = State { stores, next_commit: state.next_commit, next_store: state.next_store };
        self.put_standing(&mut batch, &left);
        self.write(&batch)?;
        for (_, store) in going {
            self.forget(store);
        }
        *self.state() = State { next_commit: left.next_commit + 1, ..left };
        Ok(())
    }

    /// Adds to a batch that a store goes with all that it has; `removed` are all versions that go with the batch.
    pub(super) fn put_deletion(&self, batch: &mut Batch, name: &str, store: StoreId, removed: &RemovedVersions) -> Result<()> {
        batch.delete(Keyspace::Meta, keys::store(name));
        self.put_emptying(batch, store, removed)?;
        batch.delete(Keyspace::Latest, keys::indexed(store));
        Ok(())
    }

    /// Adds to a batch that all versions of a store go.
    pub(super) fn put_emptying(&self, batch: &mut Batch, store: StoreId, removed: &RemovedVersions) -> Result<()> {
        for row in self.version_rows(store, 0, u64::MAX) {
            let row = row?;
            self.put_removal(batch, store, (row.version, row.record), removed)?;
        }
        for (keyspace, (from, to)) in [
            (Keyspace::Commits, keys::checkpoints_from(store, 0)),
            (Keyspace::Nodes, keys::nodes(store)),
            (Keyspace::Latest, keys::all_latest(store)),
            (Keyspace::Orphans, keys::orphans_between(store, 0, u64::MAX)),
        ] {
            batch.delete_range(keyspace, from, to);
        }
        let (at, record) = records::encode_indexed(store, 0);
        batch.put(Keyspace::Latest, at, record);
        Ok(())
    }

    /// Forgets what is in memory of a store whose versions are others now. The queue must be empty.
    pub(super) fn forget(&self, store: StoreId) {
        self.flusher.forget(store);
        let trees = self.trees().remove(store);
        drop(trees);
    }

    /// Forgets trees that were opened to read.
    pub(crate) fn forget_read_trees(&self) {
        let trees = self.trees().take();
        drop(trees);
    }

    /// The versions of a store from `first` on, also removed ones that are still needed.
    pub(super) fn version_numbers(&self, store: StoreId, first: u64) -> Result<RemovedVersions> {
        self.version_rows(store, first, u64::MAX).map(|row| row.map(|row| (store, row.version))).collect()
    }

    /// Adds a commit that made nothing, so that the newest one tells how things stand.
    pub(super) fn put_standing(&self, batch: &mut Batch, state: &State) {
        let (at, record) = self.commit_record(state, seconds_now(), &Made::new()).encode(state.next_commit);
        batch.put(Keyspace::Commits, at, record);
    }
}

impl State {
    /// Adds a store's registration to a batch.
    pub(super) fn put_store(&self, batch: &mut Batch, name: &str, id: StoreId) {
        let settings = self.stores.get(name).map(|store| store.settings.clone()).unwrap_or_default();
        let (at, record) = records::encode_store(name, id, &settings);
        batch.put(Keyspace::Meta, at, record);
        batch.put(Keyspace::Meta, keys::NEXT_STORE, records::encode_next_store(self.next_store));
        let (at, record) = records::encode_indexed(id, 0);
        batch.put(Keyspace::Latest, at, record);
    }

    /// The store `name`; a new one waits for its first version.
    fn expect(&mut self, name: &str, settings: StoreSettings) -> StoreState {
        let id = self.id_for(name);
        self.next_store = self.next_store.max(id.0.saturating_add(1));
        let store = self.stores.entry(name.to_owned()).or_insert_with(|| StoreState::waiting(id));
        if !store.registered {
            store.settings = settings;
        }
        store.clone()
    }

    pub(super) fn no_store(&self, name: &str) -> Error {
        let registered = self.stores.iter().filter(|(_, store)| store.registered);
        Error::NoStore { name: name.to_owned(), stores: registered.map(|(name, _)| name.clone()).collect() }
    }
}
