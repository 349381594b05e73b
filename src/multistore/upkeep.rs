//! What keeps stores well while they are used: verifying what is stored, and watching what is on its way to the disk.

use std::ops::ControlFlow;

use super::{MultiStore, StoreListing};
use crate::error::Result;
use crate::persist::check::CheckSummary;
use crate::persist::flush::FlushStatus;
use crate::persist::usage::Usage;
use crate::store::Database;

impl MultiStore {
    /// Recomputes the hashes of all stored nodes of a store, of all its versions, each once, while commits go on. `step` is told of how
    /// many nodes were looked at since it was last told, may take its time, and says whether to go on. Versions between checkpoints have no
    /// nodes of their own; [`MultiStore::check`] computes those too. What is wrong is looked at a second time, for which prunings and
    /// rollbacks wait, so that nothing that was just being removed is taken for damaged; `step` is told of no nodes then. O(nodes).
    ///
    /// # Errors
    /// The first thing that is wrong, as [`Error::Damaged`](crate::Error::Damaged) or [`Error::Tree`](crate::Error::Tree);
    /// [`Error::NoStore`](crate::Error::NoStore), [`Error::Engine`](crate::Error::Engine), [`Error::AllClosed`](crate::Error::AllClosed).
    pub fn verify_store(&self, name: &str, step: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<CheckSummary> {
        let inner = self.inner();
        let Some((database, inner_name)) = self.database_of(name)? else { return Ok(CheckSummary::default()) };
        let disk = database.disk();
        let store = disk.store(&inner_name)?.id;
        let (summary, suspicion) = disk.verify(name, store, step)?;
        let Some(suspicion) = suspicion else { return Ok(summary) };
        let _removals = inner.removals();
        if !inner.members().contains_key(name) {
            return Ok(summary);
        }
        // Others wait, so this is not slowed down.
        disk.confirm(name, store, &suspicion, &mut |_| step(0))?;
        Ok(summary)
    }

    /// What is on its way to its final place on the disk, of all engines. It is durable already: this is about memory, and about the time
    /// that opening takes after a crash. O(engines).
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed), and [`Error::Poisoned`](crate::Error::Poisoned) after a failed write: it stays until
    /// the stores are opened again.
    pub fn flush_status(&self) -> Result<FlushStatus> {
        let mut total = FlushStatus::default();
        for database in self.databases()? {
            let status = database.disk().flush_status()?;
            total.checkpoints += status.checkpoints;
            total.bytes += status.bytes;
        }
        Ok(total)
    }

    /// What is in memory, and how often it was not, of all engines. O(versions held).
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed).
    pub fn usage(&self) -> Result<Usage> {
        Ok(self.databases()?.iter().map(|database| database.disk().usage()).sum())
    }

    /// How many versions of stores are to go by their retention and have not yet. Reads as many records as [`Self::prune`] would look at.
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed), [`Error::Engine`](crate::Error::Engine), [`Error::Damaged`](crate::Error::Damaged).
    pub fn retired_versions(&self) -> Result<u64> {
        let mut count = 0;
        for StoreListing { name, retention, .. } in self.list_stores() {
            if retention.max_versions.is_none() && retention.version_ttl.is_none() {
                continue;
            }
            if let Some((database, inner_name)) = self.database_of(&name)? {
                count += database.disk().retired(&inner_name, retention)?.len() as u64;
            }
        }
        Ok(count)
    }

    /// The database that a store lies in, and its name there.
    fn database_of(&self, name: &str) -> Result<Option<(Database, String)>> {
        let member = self.inner().member(name)?;
        let inner_name = if member.place.is_home() { name.to_owned() } else { member.place.number.to_string() };
        let saved = self.inner().saved()?;
        Ok(saved.database_of(&member.place).ok().map(|database| (database.clone(), inner_name)))
    }

    /// Gets everything that was saved into its final place, on all engines, so that the next opening is quick; commits go on meanwhile.
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed), [`Error::Poisoned`](crate::Error::Poisoned),
    /// [`Error::Engine`](crate::Error::Engine). What was saved is safe all the same.
    pub fn flush(&self) -> Result<()> {
        self.databases()?.iter().try_for_each(|database| {
            database.disk().flush_status()?;
            database.disk().flush()
        })
    }

    /// The open databases, to use without holding up commits.
    fn databases(&self) -> Result<Vec<Database>> {
        Ok(self.inner().saved()?.open.values().cloned().collect())
    }
}
