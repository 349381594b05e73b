//! Holding the audit log against itself, and against what stands beside the versions of all stores.
//!
//! 1. Every record of its database is what it must be: all hashes, the index.
//! 2. Its versions have no gap, and each has more entries than the one before.
//! 3. Entries are numbered from 1 without a gap, and say so themselves.
//! 4. The root of every version is computed anew from the entries, by another program than the one that wrote it.
//! 5. Every record beside a version of all stores names a version, a root and a number of entries that the log has; none is missing; and it is
//!    the one that the log says was written.

mod beside;
mod entries;

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use treering_proofs::Hash;

use super::entry::SavedMark;
use super::trail::AuditTrail;
use crate::error::{Error, Result};
use crate::multistore::MultiStore;
use crate::store::{Snapshot, VersionInfo};
use entries::EntryCheck;

/// Where all of them lie, in messages.
const RECORDS: &str = "the records beside the versions of all stores";
/// Findings that are listed.
const MAX_FINDINGS: usize = 100;

/// Something that is not as it must be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Where: an entry, a version of the log, or the record beside a version of all stores.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What verifying an audit log found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditReport {
    /// Entries of the log.
    pub entries: u64,
    /// Versions of the log, each a group of entries.
    pub versions: u64,
    /// Records beside versions of all stores.
    pub companions: u64,
    /// The root of the newest version, which says all that the log is; `None` for an empty log.
    pub root_hash: Option<Hash>,
    /// What is wrong, at most 100 things.
    pub findings: Vec<Finding>,
    /// How many more things are wrong.
    pub unlisted: u64,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many things are wrong.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.findings.len() as u64 + self.unlisted
    }

    fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { place: place.into(), what: what.into() });
        } else {
            self.unlisted += 1;
        }
    }
}

/// Verifies the audit log of `stores`, as [`AuditTrail::verify`] does; `None` if they never had one. That it is gone is a finding.
///
/// # Errors
/// As [`AuditTrail::verify`], and those of opening a database.
pub fn verify(stores: &MultiStore, progress: &mut dyn FnMut(u64, u64)) -> Result<Option<AuditReport>> {
    if let Some(trail) = AuditTrail::open(stores)? {
        return trail.verify(stores, progress).map(Some);
    }
    let mut report = AuditReport::default();
    let beside = found(stores.companions(), RECORDS, &mut report)?.unwrap_or_default();
    report.companions = beside.len() as u64;
    if let (Some((first, _)), Some((last, companion))) = (beside.first(), beside.last()) {
        let what = format!(
            "it is gone, but records beside versions {first} to {last} of all stores name it, the last with {} entries",
            companion.entries
        );
        report.add("the audit log", what);
    }
    Ok((!report.is_sound()).then_some(report))
}

/// The last note of each version of all stores, with the entry that it stands in.
type Marks = BTreeMap<u64, (u64, SavedMark)>;

impl AuditTrail {
    /// Verifies the whole log and its records beside the versions of `stores`, which it belongs to; `progress` is told how many entries of
    /// how many are done. O(entries); memory grows with the versions of the log
    /// and of all stores, not with the entries.
    ///
    /// # Errors
    /// [`Error::AllClosed`], [`Error::Engine`]; damage is a finding.
    pub fn verify(&self, stores: &MultiStore, progress: &mut dyn FnMut(u64, u64)) -> Result<AuditReport> {
        let mut report = AuditReport::default();
        // First the records: what they name was on the disk before them.
        let beside = found(stores.versions_and_companions(), RECORDS, &mut report)?;
        found(self.database().check(&mut |_| {}).map(drop), "the database of the log", &mut report)?;
        let snapshot = found(self.snapshot(), "the newest version of the log", &mut report)?.flatten();
        let versions = found(self.versions(), "the versions of the log", &mut report)?.unwrap_or_default();
        let newest = snapshot.as_ref().map_or(0, Snapshot::version);
        let versions: Vec<VersionInfo> = versions.into_iter().filter(|info| info.version <= newest).collect();
        check_versions(&versions, &mut report);
        report.versions = versions.len() as u64;
        report.root_hash = versions.last().map(|info| info.root_hash);
        let mut marks = Marks::new();
        if let Some(snapshot) = &snapshot {
            marks = EntryCheck::run(snapshot, &versions, &mut report, progress)?;
        }
        if let Some((saved, companions)) = beside {
            report.companions = companions.len() as u64;
            beside::check(&saved, &companions, &versions, &marks, &mut report);
        }
        Ok(report)
    }
}

/// What a call gave; damage is a finding, and gives nothing.
fn found<T>(result: Result<T>, place: &str, report: &mut AuditReport) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error @ (Error::Damaged { .. } | Error::Tree(_) | Error::NewerFormat { .. } | Error::OlderFormat { .. })) => {
            report.add(place, error.to_string());
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Versions count from 1, and each adds entries.
fn check_versions(versions: &[VersionInfo], report: &mut AuditReport) {
    let (mut expected, mut before) = (1, None::<&VersionInfo>);
    for info in versions {
        if info.version != expected {
            report.add(format!("version {expected} of the log"), format!("it is missing: the next one there is {}", info.version));
        }
        if let Some(before) = before.filter(|before| info.size <= before.size) {
            let what = format!("it adds no entry: it has {}, version {} had {}", info.size, before.version, before.size);
            report.add(format!("version {} of the log", info.version), what);
        }
        expected = info.version + 1;
        before = Some(info);
    }
}
