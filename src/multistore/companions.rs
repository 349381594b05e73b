//! What stands beside the versions of all stores: how a log of another database, such as the audit log, stood when each was saved.

use std::sync::Arc;

use super::{MultiStore, MultiVersion};
use crate::error::Result;
use crate::persist::companion::Companion;

/// A log whose standing is to be written beside every version of all stores. It has no part in the app hash.
///
/// It is called while a version is saved, so it must not use the `MultiStore`, and should be quick.
pub trait CompanionLog: Send + Sync {
    /// How it stands now, on the disk; `None` while it has no version.
    ///
    /// # Errors
    /// [`Error::CompanionLog`](crate::Error::CompanionLog) when it cannot be written: then no version of the stores is saved either.
    fn standing(&self) -> Result<Option<Companion>>;

    /// A new version of all stores is saved, with this beside it.
    fn saved(&self, version: &MultiVersion, beside: Companion);
}

/// The log, if there is one, and what stands beside the newest version.
pub(super) struct Companions {
    pub(super) log: Option<Arc<dyn CompanionLog>>,
    pub(super) newest: Option<Companion>,
}

impl Companions {
    /// What is to stand beside the next version: without a log the same as beside the one before, so that none lacks it from the first on.
    pub(super) fn next(&self) -> Result<Option<Companion>> {
        let standing = self.log.as_ref().map(|log| log.standing()).transpose()?.flatten();
        Ok(standing.or(self.newest))
    }

    /// A new version is saved.
    pub(super) fn saved(&mut self, version: &MultiVersion, beside: Option<Companion>) {
        self.newest = beside;
        if let (Some(log), Some(beside)) = (&self.log, beside) {
            log.saved(version, beside);
        }
    }
}

impl MultiStore {
    /// From now on the standing of `log` is written beside every new version of all stores; with `None`, that of the version before is
    /// repeated. The app hashes are the same with and without.
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed).
    pub fn set_companion_log(&self, log: Option<Arc<dyn CompanionLog>>) -> Result<()> {
        self.inner().work().get()?.companions.log = log;
        Ok(())
    }

    /// What stands beside a version of all stores; `None` if nothing does, or the version is not there.
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed), [`Error::Damaged`](crate::Error::Damaged), [`Error::Engine`](crate::Error::Engine).
    pub fn companion(&self, version: u64) -> Result<Option<Companion>> {
        self.inner().work().get()?.databases.home()?.disk().companion(version)
    }

    /// What stands beside the versions of all stores, in their order, each with the version that it stands beside. O(versions).
    ///
    /// # Errors
    /// As [`MultiStore::companion`].
    pub fn companions(&self) -> Result<Vec<(u64, Companion)>> {
        self.inner().work().get()?.databases.home()?.disk().companions().collect()
    }
}
