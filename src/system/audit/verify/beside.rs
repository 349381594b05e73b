//! What stands beside the versions of all stores.

use std::collections::BTreeMap;

use super::{AuditReport, Marks};
use crate::multistore::MultiVersion;
use crate::persist::companion::Companion;
use crate::store::VersionInfo;

/// Holds every record against the log, in the order of the versions `saved`.
pub(super) fn check(saved: &[MultiVersion], companions: &[(u64, Companion)], log: &[VersionInfo], marks: &Marks, report: &mut AuditReport) {
    let mut beside: BTreeMap<u64, Companion> = companions.iter().copied().collect();
    let is_this_log = companions.iter().any(|(_, companion)| agrees(log, companion));
    let mut before: Option<(u64, Companion)> = None;
    for version in saved {
        let place = format!("the record beside version {} of all stores", version.version);
        let mark = marks.get(&version.version).filter(|(_, mark)| mark.is_about(version));
        let Some(companion) = beside.remove(&version.version) else {
            if let Some((entry, _)) = mark {
                report.add(place, format!("it is missing, but entry {entry} says that the version was saved with it"));
            } else if before.is_some() {
                report.add(place, "it is missing, though an older version has one");
            }
            continue;
        };
        if let Some(what) = contradiction(log, &companion, is_this_log) {
            report.add(&*place, what);
        }
        if let Some((older, named)) = before.filter(|(_, named)| named.version > companion.version) {
            let what = format!(
                "it names version {} of the log, an older one than version {}, which that beside version {older} names",
                companion.version, named.version
            );
            report.add(&*place, what);
        }
        if let Some((entry, mark)) = mark.filter(|(_, mark)| mark.entries != companion.entries) {
            let what = format!("it names {} entries of the log, but entry {entry} says that it named {}", companion.entries, mark.entries);
            report.add(&*place, what);
        }
        before = Some((version.version, companion));
    }
    for version in beside.into_keys() {
        report.add(format!("the record beside version {version} of all stores"), "there is no such version");
    }
}

/// The version of the log that a record names.
fn named<'a>(log: &'a [VersionInfo], companion: &Companion) -> Option<&'a VersionInfo> {
    let place = log.binary_search_by_key(&companion.version, |info| info.version).ok()?;
    log.get(place)
}

fn agrees(log: &[VersionInfo], companion: &Companion) -> bool {
    named(log, companion).is_some_and(|info| info.root_hash == companion.root_hash && info.size == companion.entries)
}

/// What a record says that is not so, and what may have become of the log.
fn contradiction(log: &[VersionInfo], companion: &Companion, is_this_log: bool) -> Option<String> {
    let Companion { version, root_hash, entries } = companion;
    match named(log, companion) {
        None => {
            let end = log.last().map_or_else(
                || "it is empty".to_owned(),
                |last| format!("it ends with version {} and {} entries", last.version, last.size),
            );
            let why = if is_this_log { "its end was cut off" } else { "its end was cut off, or it is another log" };
            Some(format!("it names version {version} of the log with {entries} entries, but {end}: {why}"))
        }
        Some(info) if info.root_hash != *root_hash => {
            let why = if is_this_log { "the record or the log was changed" } else { "the log was replaced by another one, or changed" };
            Some(format!("it names version {version} of the log with root {root_hash}, which has root {}: {why}", info.root_hash))
        }
        Some(info) if info.size != *entries => {
            Some(format!("it names {entries} entries in version {version} of the log, which has {}: the record was changed", info.size))
        }
        Some(_) => None,
    }
}
