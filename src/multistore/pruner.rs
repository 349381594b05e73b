//! The thread that works beside commits: it computes what a crash left to be computed, then removes versions which their stores' retention
//! does not keep.
//!
//! It wakes after a save, or every second where versions go by age, and works beside commits. It ends with the last handle of the
//! `MultiStore`. A failure poisons the database that it concerns, as any failed write does, and shows with the next save.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use treering_tree::Order;

use super::member::Member;
use super::{Inner, MultiStore};
use crate::error::{Error, Result};
use crate::persist::multi::HomeChanges;
use crate::persist::prune::Keep;
use crate::store::{SharedStore, Store, Versioned};

/// How often versions are looked at that go by age.
const AGE_CHECK: Duration = Duration::from_secs(1);

/// Tells the thread that there may be something to do, or that it is to end.
#[derive(Default)]
pub(super) struct Wake {
    state: Mutex<WakeState>,
    changed: Condvar,
}

#[derive(Default)]
struct WakeState {
    is_awake: bool,
    is_over: bool,
}

impl Wake {
    pub(super) fn wake(&self) {
        self.set(|state| state.is_awake = true);
    }

    /// What wakes it, for stores.
    pub(super) fn waker(self: &Arc<Self>) -> Arc<dyn Fn() + Send + Sync> {
        let wake = Arc::clone(self);
        Arc::new(move || wake.wake())
    }

    fn end(&self) {
        self.set(|state| state.is_over = true);
    }

    fn set(&self, set: impl FnOnce(&mut WakeState)) {
        set(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Waits until there may be something to do; `false` when it is over.
    fn wait(&self, at_most: Option<Duration>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.is_awake && !state.is_over {
            state = match at_most {
                Some(time) => {
                    let (mut state, waited) = self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner);
                    state.is_awake |= waited.timed_out();
                    state
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        state.is_awake = false;
        !state.is_over
    }

    fn is_over(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_over
    }
}

/// The thread.
pub(super) struct Pruner {
    wake: Arc<Wake>,
    thread: JoinHandle<()>,
}

impl Pruner {
    pub(super) fn start(inner: &Arc<Inner>) -> Result<Self> {
        let (wake, inner) = (Arc::clone(&inner.wake), Arc::clone(inner));
        let its_wake = Arc::clone(&wake);
        let started = thread::Builder::new().name("treering-pruner".to_owned()).spawn(move || run(&inner, &its_wake));
        let thread = started.map_err(|source| Error::Io { action: "starting the pruning of", path: std::path::PathBuf::new(), source })?;
        Ok(Self { wake, thread })
    }

    /// Lets the thread end after the store at hand, and waits for it.
    pub(super) fn stop(self) {
        self.wake.end();
        // The last handle may go in a subscriber of an event that the thread itself published.
        if self.thread.thread().id() != thread::current().id() {
            let _ = self.thread.join();
        }
    }
}

fn run(inner: &Inner, wake: &Wake) {
    inner.make_stores_ready(wake);
    // What an earlier run of the process left is looked at first.
    wake.wake();
    loop {
        let by_age = inner.members().values().any(|member| member.retention.version_ttl.is_some());
        if !wake.wait(by_age.then_some(AGE_CHECK)) {
            return;
        }
        // A failed write poisons the database, so that the next save tells what happened.
        let _ = inner.prune_by_retention(wake);
    }
}

impl MultiStore {
    /// Removes the versions that their stores' retention does not keep, before it returns. That is done in the background too, but a process
    /// that soon ends may end first.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::Engine`], [`Error::AllClosed`].
    pub fn prune_by_retention(&self) -> Result<()> {
        self.inner().prune_by_retention(&Wake::default())
    }
}

impl Inner {
    /// Lets nobody who uses a store wait for its tree if it can be there before. What fails is told again to whoever uses the store.
    fn make_stores_ready(&self, wake: &Wake) {
        let stores: Vec<SharedStore> = self.members().values().map(|member| member.store.clone()).collect();
        for store in stores {
            let _ = store.make_ready(&|| !wake.is_over());
        }
    }

    fn prune_by_retention(&self, wake: &Wake) -> Result<()> {
        let members: BTreeMap<String, Member> = self
            .members()
            .iter()
            .filter(|(_, member)| !member.retention.keeps_everything())
            // Without their holds, which would stand in the way of a rollback.
            .map(|(name, member)| (name.clone(), Member { held: None, ..member.clone() }))
            .collect();
        for member in members.into_values() {
            if wake.is_over() {
                return Ok(());
            }
            self.prune_member(&member)?;
        }
        Ok(())
    }

    /// The versions of the whole that list what goes are removed first, so that no record ever lists what is not there. What goes is found
    /// before anything is held; only the removal of those records keeps a commit waiting.
    fn prune_member(&self, member: &Member) -> Result<()> {
        let _removals = self.removals();
        let (database, name) = {
            let mut held = self.work();
            let databases = &held.get()?.databases;
            let name = if member.place.is_home() { member.store.name() } else { member.place.number.to_string() };
            let Some(database) = databases.open.get(databases.engine_of(&member.place)) else { return Ok(()) };
            (database.clone(), name)
        };
        let mut going = database.disk().retired(&name, member.retention)?;
        let Some(&last) = going.last() else { return Ok(()) };
        let mut held = self.work();
        let work = held.get()?;
        let home = work.databases.home()?.disk();
        let mut removed = Vec::new();
        for record in home.multi_versions(Order::Ascending) {
            let record = record?;
            let Some(part) = record.stores.iter().find(|part| part.place == member.place) else { continue };
            if record.version == work.newest {
                going.remove(&part.version);
            } else if going.contains(&part.version) {
                removed.push(record.version);
            }
            // Later versions of the whole list later versions of the store.
            if part.version > last {
                break;
            }
        }
        if going.is_empty() {
            return Ok(());
        }
        home.change_home(&HomeChanges { removed, ..HomeChanges::default() })?;
        drop(held);
        member.store.prune(&Keep::Without(going)).map(drop)
    }
}
