//! Before the working state of a store is there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Core, SharedStore};
use crate::error::Result;
use crate::persist::Pin;
use crate::persist::recent::Dated;
use crate::store::unopened::Unopened;

/// What the working state comes from, until it is there. Asking costs one load.
pub(super) struct Slot {
    is_over: AtomicBool,
    unopened: Mutex<Option<Arc<Unopened>>>,
}

impl Slot {
    pub(super) fn new(unopened: Option<Unopened>) -> Self {
        Self { is_over: AtomicBool::new(unopened.is_none()), unopened: Mutex::new(unopened.map(Arc::new)) }
    }

    pub(super) fn get(&self) -> Option<Arc<Unopened>> {
        if self.is_over.load(Ordering::Acquire) { None } else { self.unopened().clone() }
    }

    /// Lets whoever computes the working state end soon.
    pub(super) fn give_up(&self) {
        if let Some(unopened) = self.get() {
            unopened.give_up();
        }
    }

    /// There is nothing to come any more. Gives whether there was until now.
    pub(super) fn end(&self) -> bool {
        self.is_over.store(true, Ordering::Release);
        let unopened = self.unopened().take();
        unopened.inspect(|unopened| unopened.let_go()).is_some()
    }

    /// Set and taken whole, so a panic elsewhere leaves it whole.
    fn unopened(&self) -> MutexGuard<'_, Option<Arc<Unopened>>> {
        self.unopened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Computes the working state, if it is not there yet, while `go_on` says yes.
    pub(super) fn ready(&self, go_on: &dyn Fn() -> bool) -> Result<()> {
        if self.opening.get().is_none() {
            return Ok(());
        }
        let mut working = self.hold()?;
        // Another may have opened or closed it meanwhile.
        let Some(unopened) = self.opening.get() else { return Ok(()) };
        let store = unopened.open(go_on).map_err(|error| self.told(error))?;
        working.store = Some(store);
        self.opening.end();
        Ok(())
    }

    /// The value of a key before the working state is there.
    pub(super) fn early(&self, unopened: &Unopened, key: &[u8]) -> Result<Option<Dated>> {
        self.open()?;
        unopened.get(key).map_err(|error| self.told(error))
    }

    /// The same of many keys at one moment; `None` when the working state is there.
    pub(super) fn early_many(&self, keys: &[impl AsRef<[u8]>]) -> Result<Option<Vec<Option<Dated>>>> {
        let Some(unopened) = self.opening.get() else { return Ok(None) };
        let found = keys.iter().map(|key| self.early(&unopened, key.as_ref())).collect::<Result<Vec<_>>>()?;
        // As long as it is not there nothing changes; since then some of it may have.
        Ok(self.opening.get().map(|_| found))
    }

    /// Makes sure that a version's tree is not computed twice, here and for the working state.
    pub(super) fn ready_for(&self, version: Option<u64>) -> Result<()> {
        let is_to_come = self.opening.get().is_some_and(|unopened| unopened.computes(version));
        if is_to_come { self.ready(&|| true) } else { Ok(()) }
    }
}

impl SharedStore {
    /// Computes the working state, if it is not there yet, while `go_on` says yes. A failure is told again to whoever uses the store.
    pub(crate) fn make_ready(&self, go_on: &dyn Fn() -> bool) -> Result<()> {
        self.core.ready(go_on)
    }

    /// Waits for the tree of a saved version where opening computes it. O(1) for all others.
    pub(crate) fn wait_for(&self, version: u64) -> Result<()> {
        self.core.ready_for(Some(version))
    }

    /// Holds a saved version, without the working state.
    pub(crate) fn pin_version(&self, version: u64) -> Result<Arc<Pin>> {
        let saved = self.core.source()?;
        let id = saved.database.disk.store(&saved.name)?.id;
        saved.database.disk.pin(&saved.name, id, version).map(|(_, pin)| Arc::new(pin)).map_err(|error| self.core.told(error))
    }
}
