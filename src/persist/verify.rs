//! Checks stored nodes while everything else goes on.

use std::ops::ControlFlow;

use super::check::{CheckSummary, root_of};
use super::keys::StoreId;
use super::source::DiskSource;
use super::walk::Walk;
use super::{Disk, Pin, VersionRow};
use crate::error::Result;

/// Told of how many nodes were walked since it was told last; says whether to go on.
pub(crate) type Step<'s> = &'s mut dyn FnMut(u64) -> ControlFlow<()>;

/// What is wrong with a checkpoint, unless it was just being removed.
pub(crate) struct Suspicion {
    /// The checkpoint, and the one before it whose nodes are known to be right.
    pub(crate) version: u64,
    pub(crate) since: u64,
}

impl Disk {
    /// Recomputes the hashes of all nodes of all checkpoints of a store, each node once, without holding anything. What is found wrong may
    /// have been removed meanwhile; see [`Disk::confirm`]. Ends early when `step` says so. O(nodes).
    pub(crate) fn verify(&self, name: &str, store: StoreId, step: Step<'_>) -> Result<(CheckSummary, Option<Suspicion>)> {
        let mut summary = CheckSummary { stores: 1, ..CheckSummary::default() };
        let mut since = 0;
        for version in self.checkpoints(store)? {
            let Some(row) = self.version_rows(store, version, version).next().transpose()? else { continue };
            match self.verify_version(name, store, (since, &row), step) {
                Ok((walked, flow)) => {
                    summary.versions += 1;
                    summary.nodes += walked.nodes;
                    summary.hashes += walked.hashes;
                    if flow.is_break() {
                        break;
                    }
                }
                Err(_) => return Ok((summary, Some(Suspicion { version, since }))),
            }
            since = version;
        }
        Ok((summary, None))
    }

    /// Looks again at what was found wrong. To be called while nothing is removed from the store: then what is wrong still is damage.
    pub(crate) fn confirm(&self, name: &str, store: StoreId, suspicion: &Suspicion, step: Step<'_>) -> Result<()> {
        let Some(row) = self.version_rows(store, suspicion.version, suspicion.version).next().transpose()? else { return Ok(()) };
        // Removed versions that others stand on cannot be held, but go only by what is kept away.
        let _hold: Option<Pin> = self.pin(name, store, row.version).ok().map(|(_, pin)| pin);
        if !self.checkpoints(store)?.contains(&row.version) {
            return Ok(());
        }
        self.verify_version(name, store, (suspicion.since, &row), step).map(drop)
    }

    fn verify_version(
        &self,
        name: &str,
        store: StoreId,
        (since, row): (u64, &VersionRow),
        step: Step<'_>,
    ) -> Result<(CheckSummary, ControlFlow<()>)> {
        let source = DiskSource::new(self, store);
        let mut walk = Walk::new(&source, name, self.database.hash_function, since, row.version, root_of(&row.record));
        let (mut told, mut flow) = (0, ControlFlow::Continue(()));
        while flow.is_continue() && walk.next().transpose()?.is_some() {
            flow = step(walk.hashes - told);
            told = walk.hashes;
        }
        Ok((CheckSummary { nodes: walk.nodes, hashes: walk.hashes, ..CheckSummary::default() }, flow))
    }
}
