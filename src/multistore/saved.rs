//! What is saved, to be read without waiting for who saves or changes the whole.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::{Inner, Work};
use crate::error::{Error, Result};
use crate::persist::multi::Place;
use crate::store::Database;

/// The databases and versions as they were when the work was last put down.
pub(super) struct Saved {
    pub(super) open: BTreeMap<String, Database>,
    pub(super) home: String,
    /// The version of the whole that the working states are based on; 0 before the first.
    pub(super) current: u64,
    /// The newest one.
    pub(super) newest: u64,
}

impl Saved {
    fn of(work: &Work) -> Self {
        let Work { databases, current, newest, .. } = work;
        Self { open: databases.open.clone(), home: databases.home.clone(), current: *current, newest: *newest }
    }

    /// Whether it is still so. Databases are only added while the stores are open.
    fn is_of(&self, work: &Work) -> bool {
        self.open.len() == work.databases.open.len() && self.current == work.current && self.newest == work.newest
    }

    /// The home database.
    pub(super) fn home(&self) -> Result<&Database> {
        self.open.get(&self.home).ok_or(Error::AllClosed)
    }

    /// The database that a place is in. An engine whose stores were all deleted is not even opened.
    pub(super) fn database_of(&self, place: &Place) -> Result<&Database> {
        self.open.get(if place.is_home() { &self.home } else { &place.engine }).ok_or(Error::AllClosed)
    }
}

impl Inner {
    /// What is saved.
    ///
    /// # Errors
    /// [`Error::AllClosed`].
    pub(super) fn saved(&self) -> Result<Arc<Saved>> {
        self.saved.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::AllClosed)
    }

    /// Makes readers see the work as it is now; nothing, if there is none any more.
    pub(super) fn publish(&self, work: Option<&Work>) {
        let is_known = match (&*self.saved.read().unwrap_or_else(PoisonError::into_inner), work) {
            (Some(saved), Some(work)) => saved.is_of(work),
            (None, None) => true,
            _ => false,
        };
        if !is_known {
            *self.saved.write().unwrap_or_else(PoisonError::into_inner) = work.map(Saved::of).map(Arc::new);
        }
    }
}
