//! Removing versions, and all records that only they needed.
//!
//! A version is read from its *base*, the newest checkpoint up to it, and the logs in between. What is kept are the bases of the kept versions,
//! and the records and logs of all versions from each base to the kept version; where such a version itself is to go, its record says
//! that it is retired.
//!
//! Between two kept bases p and k nothing is kept, so a node made after p and given up at or before k is needed by nobody: of the
//! orphan records of the checkpoints in (p, k] the nodes made after p go. First the versions go, each with its log and its commit in one
//! batch: from then on they are not there any more. Then the checkpoints that nothing is read from; their nodes follow in small batches, each
//! page written again without those that go. What a crash leaves, the next pruning finds, since it looks at every gap again. Of the newest
//! versions that go, records and logs may stay for the index's sake (see [`index`](super::index)).

use std::collections::BTreeSet;

use treering_tree::{NodeKey, Order};

use super::commit::seconds_now;
use super::keys::{self, StoreId};
use super::pace::Pace;
use super::page::{Page, PageName};
use super::pins;
use super::records::{self, CommitRecord, Standing, VersionRecord};
use super::{Disk, VersionRow};
use crate::config::Retention;
use crate::engine::{Batch, Durability, Keyspace};
use crate::error::{Error, Result};

/// Changes a batch at most: small enough that a commit waiting for it does not notice.
const STEP: usize = 4096;

/// Pages of nodes that are read and written again at once: about a megabyte.
const PAGES_A_STEP: usize = 512;

/// Bytes of names of nodes that are in memory at most; less where less may wait to be flushed. When there are more, those that go are removed
/// past the write-ahead log.
const PAST_THE_LOG: usize = 8 << 20;

/// Records and logs of removed versions that stay at most because the index may need them: of those that one pruning removes, and of all.
/// Settling the index takes some 10 ms, and a table more is to be merged then: not for the one version that goes after each save.
const MOST_UNSETTLED_AT_ONCE: usize = 4;
const MOST_UNSETTLED: usize = 64;

/// With fewer nodes removed there is no room worth the work.
const MIN_RECLAIMED: u64 = 1000;

/// Versions that go together, each with its store.
pub(super) type RemovedVersions = BTreeSet<(StoreId, u64)>;

/// Which versions to keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Keep {
    /// The newest ones, this many.
    Last(u64),
    /// This version and all newer ones.
    From(u64),
    /// These; the newest version stays in any case.
    Only(BTreeSet<u64>),
    /// All but these; the newest version stays in any case.
    Without(BTreeSet<u64>),
    /// Those that the retention keeps now; the newest version stays in any case.
    Retained(Retention),
}

/// What pruning did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PruneReport {
    /// Versions removed.
    pub versions: u64,
    /// Nodes removed.
    pub nodes: u64,
    /// Versions that were to go, but are held by a snapshot. They go with the next pruning after it is dropped.
    pub deferred: Vec<u64>,
}

impl Disk {
    /// The versions of a store that its retention does not keep now. Reads as many records as there are newest versions to keep, milestones,
    /// and versions that go.
    pub(crate) fn retired(&self, name: &str, retention: Retention) -> Result<BTreeSet<u64>> {
        let store = self.store(name)?.id;
        let scan = |order| self.version_scan(store, order).map(|entry| entry.map(|(version, record)| (version, record.time)));
        retired(scan(Order::Ascending), scan(Order::Descending), retention, seconds_now())
    }

    /// Removes the versions of a store that `keep` does not name.
    pub(crate) fn prune(&self, name: &str, keep: &Keep) -> Result<PruneReport> {
        self.writable()?;
        let removals = self.removals();
        // What is about to be stored has its place among the checkpoints first.
        self.flusher.drain()?;
        let store = self.store(name)?.id;
        self.settle_before(store, keep)?;
        let mut report = PruneReport::default();
        let bases = self.remove_versions(store, keep, &mut report)?;
        let (mut before, mut pace) = (None, Pace::new(self));
        for &base in &bases {
            self.prune_gap(store, before, base, &mut report, &mut pace)?;
            before = Some(base);
        }
        // That changes nothing that is there, so other removals need not wait for it.
        drop(removals);
        self.reclaim(name, store, &report)?;
        Ok(report)
    }

    /// Settles the index when many versions go above that to which a crash may set it back: else their records and logs stay, for the next
    /// pruning. Nobody waits for it but the pruning.
    fn settle_before(&self, store: StoreId, keep: &Keep) -> Result<()> {
        let first = self.settled(store)?.saturating_add(1);
        let rows = self.version_rows(store, first, u64::MAX).collect::<Result<Vec<_>>>()?;
        let (live, retired): (Vec<&VersionRow>, Vec<&VersionRow>) = rows.iter().partition(|row| row.standing == Standing::Kept);
        let times: Vec<_> = live.iter().map(|row| (row.version, row.record.time)).collect();
        let going = times.len() - kept_versions(&times, keep)?.len();
        if going > MOST_UNSETTLED_AT_ONCE || retired.len() > MOST_UNSETTLED { self.settle_index() } else { Ok(()) }
    }

    /// Gives room back when much was removed: half as many nodes as are left of the newest version, or more.
    fn reclaim(&self, name: &str, store: StoreId, report: &PruneReport) -> Result<()> {
        let size = self.store(name)?.newest.and_then(|(_, record)| record.root).map_or(0, |root| root.size);
        // A tree has an inner node less than leaves.
        if report.nodes < MIN_RECLAIMED || report.nodes < size {
            return Ok(());
        }
        let logs = (Vec::new(), keys::logs_from(self.state().next_commit));
        for (keyspace, (from, to)) in
            [(Keyspace::Nodes, keys::nodes(store)), (Keyspace::Orphans, keys::orphans_between(store, 0, u64::MAX)), (Keyspace::Log, logs)]
        {
            self.backend.reclaim(keyspace, &from, &to)?;
        }
        Ok(())
    }

    /// Removes the versions' own records, with their logs and commits: a version goes with them or not at all. Gives the checkpoints that
    /// the versions kept are read from.
    fn remove_versions(&self, store: StoreId, keep: &Keep, report: &mut PruneReport) -> Result<BTreeSet<u64>> {
        let counts = self.pins.lock();
        let rows = self.version_rows(store, 0, u64::MAX).collect::<Result<Vec<_>>>()?;
        let live: Vec<_> = rows.iter().filter(|row| row.standing == Standing::Kept).collect();
        let times: Vec<_> = live.iter().map(|row| (row.version, row.record.time)).collect();
        let kept = kept_versions(&times, keep)?;
        let held = pins::held(&counts, store);
        report.deferred = times.iter().map(|&(version, _)| version).filter(|v| !kept.contains(v) && held.contains(v)).collect();
        let checkpoints = self.checkpoints(store)?;
        let mut needed = Needed::find(&rows, &checkpoints, |version| kept.contains(&version) || held.contains(&version));
        // From the logs of these the index is brought forward if a crash sets it back.
        let settled = self.settled(store)?;
        needed.rows.extend(rows.iter().map(|row| row.version).filter(|&version| version > settled));
        let removed: Vec<_> = rows.iter().filter(|row| !needed.rows.contains(&row.version)).collect();
        let numbers = removed.iter().map(|row| (store, row.version)).collect();
        for part in removed.chunks(STEP / 3) {
            let mut batch = Batch::new();
            for row in part {
                self.put_removal(&mut batch, store, (row.version, row.record), &numbers)?;
            }
            self.write_later(&batch)?;
        }
        let stays = |version: &u64| kept.contains(version) || held.contains(version);
        let retired: Vec<_> = live.iter().filter(|row| needed.rows.contains(&row.version) && !stays(&row.version)).collect();
        for part in retired.chunks(STEP) {
            let mut batch = Batch::new();
            for row in part {
                let (at, record) = row.record.encode(store, row.version, Standing::Retired);
                batch.put(Keyspace::Commits, at, record);
            }
            self.write_later(&batch)?;
        }
        report.versions = live.iter().filter(|row| !stays(&row.version)).count() as u64;
        // Now no version is left that is read from the other checkpoints.
        let unneeded: Vec<_> = checkpoints.into_iter().filter(|checkpoint| !needed.bases.contains(checkpoint)).collect();
        for part in unneeded.chunks(STEP) {
            let mut batch = Batch::new();
            for &checkpoint in part {
                batch.delete(Keyspace::Commits, keys::checkpoint(store, checkpoint));
            }
            self.write_later(&batch)?;
        }
        Ok(needed.bases)
    }

    /// Adds to a batch that a version goes: its record and its log, and its commit if all that the commit made are among the `removed`.
    pub(super) fn put_removal(
        &self,
        batch: &mut Batch,
        store: StoreId,
        (version, record): (u64, VersionRecord),
        removed: &RemovedVersions,
    ) -> Result<()> {
        batch.delete(Keyspace::Commits, keys::version(store, version));
        batch.delete(Keyspace::Log, keys::log(record.commit, store));
        let at = keys::commit(record.commit);
        if let Some(commit) = self.backend.get(Keyspace::Commits, &at)? {
            let commit = CommitRecord::decode(&at, &commit)?;
            if !self.is_commit_needed(&commit, |other, version| removed.contains(&(other, version)))? {
                batch.delete(Keyspace::Commits, at);
            }
        }
        Ok(())
    }

    /// Whether a version that the commit made is there and does not go.
    pub(super) fn is_commit_needed(&self, commit: &CommitRecord, goes: impl Fn(StoreId, u64) -> bool) -> Result<bool> {
        for made in commit.stores.iter().filter(|store| store.made_here) {
            let at = keys::version(made.store, made.version);
            if !goes(made.store, made.version) && self.backend.get(Keyspace::Commits, &at)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes the nodes that only checkpoints between the kept ones `before` and `after` used.
    fn prune_gap(&self, store: StoreId, before: Option<u64>, after: u64, report: &mut PruneReport, pace: &mut Pace<'_>) -> Result<()> {
        let first = before.map_or(0, |before| before + 1);
        if before.is_some() && first == after {
            return Ok(());
        }
        let (from, to) = keys::orphans_between(store, first, after);
        let at_once = usize::try_from(self.options.flush_bytes).unwrap_or(usize::MAX).min(PAST_THE_LOG) / size_of::<NodeKey>();
        let (mut records, mut names) = (Vec::new(), 0);
        for pair in self.backend.scan(Keyspace::Orphans, &from, Some(&to), Order::Ascending) {
            let (at, record) = pair?;
            let (gone, needed): (Vec<_>, Vec<_>) =
                records::decode_orphans(&at, &record)?.into_iter().partition(|node| before.is_none_or(|before| node.version() > before));
            if gone.is_empty() {
                continue;
            }
            names += gone.len() + needed.len();
            let version = keys::orphans_version(&at).unwrap_or(after);
            records.push(Unneeded { at, version, gone, needed });
            if names > at_once {
                report.nodes += self.remove_nodes(store, std::mem::take(&mut records), Durability::Derived, pace)?;
                names = 0;
            }
        }
        report.nodes += self.remove_nodes(store, records, Durability::Buffered, pace)?;
        Ok(())
    }

    /// Removes nodes, and gives how many. The nodes first, the records that name them last: a crash in between leaves the names of nodes that
    /// are gone already. For the same reason a crash may lose the removals of nodes as long as their names are there: many would fill the
    /// write-ahead log, which is written for each and read whole by the next opening.
    fn remove_nodes(&self, store: StoreId, records: Vec<Unneeded>, durability: Durability, pace: &mut Pace<'_>) -> Result<u64> {
        for part in gone_by_page(&records).chunks(PAGES_A_STEP) {
            self.writable()?;
            self.write_as(&self.without_nodes(store, part)?, durability)?;
            pace.rest();
        }
        if durability == Durability::Derived {
            self.noted(self.backend.settle(Keyspace::Nodes))?;
        }
        let mut removed = 0;
        for Unneeded { at, version, gone, needed } in records {
            removed += gone.len() as u64;
            let mut batch = Batch::new();
            if needed.is_empty() {
                batch.delete(Keyspace::Orphans, at);
            } else {
                let (at, record) = records::encode_orphans(store, version, &needed);
                batch.put(Keyspace::Orphans, at, record);
            }
            self.write_later(&batch)?;
        }
        Ok(removed)
    }

    /// What makes nodes go, each page with the places that do. Nobody else changes a page that is there.
    fn without_nodes(&self, store: StoreId, gone: &[(PageName, u32)]) -> Result<Batch> {
        let mut batch = Batch::new();
        let keys: Vec<_> = gone.iter().map(|(page, _)| page.key(store)).collect();
        let slices: Vec<&[u8]> = keys.iter().map(<[u8; keys::PAGE]>::as_slice).collect();
        for ((at, record), &(_, places)) in keys.iter().zip(self.backend.get_many(Keyspace::Nodes, &slices)).zip(gone) {
            let Some(record) = record? else { continue };
            let (left, values) = Page::decode(at, &record)?.without(places);
            match left {
                Some(left) => batch.put(Keyspace::Nodes, at, left),
                None => batch.delete(Keyspace::Nodes, at),
            }
            for at in values {
                batch.delete(Keyspace::Nodes, at);
            }
        }
        Ok(batch)
    }
}

/// The pages that nodes go from, in order, and the places of these in each.
fn gone_by_page(records: &[Unneeded]) -> Vec<(PageName, u32)> {
    let mut pages: Vec<(PageName, u32)> = Vec::new();
    for &node in records.iter().flat_map(|record| &record.gone) {
        let (page, place) = PageName::of(node);
        match pages.last_mut() {
            Some((last, places)) if *last == page => *places |= 1 << place,
            _ => pages.push((page, 1 << place)),
        }
    }
    pages.sort_unstable_by_key(|(page, _)| *page);
    pages.dedup_by(|(next, more), (page, places)| {
        let is_same = next == page;
        *places |= if is_same { *more } else { 0 };
        is_same
    });
    pages
}

/// A record of orphans, some of which no version that stays needs.
struct Unneeded {
    at: Vec<u8>,
    version: u64,
    gone: Vec<NodeKey>,
    needed: Vec<NodeKey>,
}

/// What versions that stay are read from.
struct Needed {
    /// Versions whose records and logs stay.
    rows: BTreeSet<u64>,
    /// Checkpoints whose nodes stay.
    bases: BTreeSet<u64>,
}

impl Needed {
    /// Looks at all versions, from the newest to the oldest.
    fn find(rows: &[VersionRow], checkpoints: &[u64], stays: impl Fn(u64) -> bool) -> Self {
        let mut needed = Self { rows: BTreeSet::new(), bases: BTreeSet::new() };
        let mut floor = u64::MAX;
        for row in rows.iter().rev() {
            if stays(row.version) {
                let base = checkpoints.partition_point(|&checkpoint| checkpoint <= row.version).checked_sub(1);
                let base = base.and_then(|place| checkpoints.get(place)).copied();
                needed.bases.extend(base);
                floor = floor.min(base.unwrap_or(0));
            }
            if row.version >= floor {
                needed.rows.insert(row.version);
            }
        }
        needed
    }
}

/// The versions to keep: what was asked for, and the newest. `versions` are in order, each with its time in seconds since 1970.
pub(crate) fn kept_versions(versions: &[(u64, u64)], keep: &Keep) -> Result<BTreeSet<u64>> {
    let all = versions.iter().map(|&(version, _)| version);
    let mut kept: BTreeSet<u64> = match keep {
        Keep::Last(0) => return Err(Error::KeepsNothing),
        Keep::Last(count) => all.rev().take(usize::try_from(*count).unwrap_or(usize::MAX)).collect(),
        Keep::From(first) => all.filter(|version| version >= first).collect(),
        Keep::Only(set) => all.filter(|version| set.contains(version)).collect(),
        Keep::Without(set) => all.filter(|version| !set.contains(version)).collect(),
        Keep::Retained(retention) => {
            let (ascending, descending) = (versions.iter().copied().map(Ok), versions.iter().rev().copied().map(Ok));
            let retired = retired(ascending, descending, *retention, seconds_now())?;
            all.filter(|version| !retired.contains(version)).collect()
        }
    };
    kept.extend(versions.last().map(|&(version, _)| version));
    Ok(kept)
}

/// The versions that a retention does not keep at a time, but for the newest. Times grow with versions; where a clock was set back some
/// versions stay longer.
fn retired(
    ascending: impl Iterator<Item = Result<(u64, u64)>>,
    mut descending: impl Iterator<Item = Result<(u64, u64)>>,
    retention: Retention,
    now: u64,
) -> Result<BTreeSet<u64>> {
    // The oldest of as many newest versions as are kept; 0 when there are no more than that.
    let place = |max: u64| usize::try_from(max.saturating_sub(1)).unwrap_or(usize::MAX);
    let nth_newest = retention.max_versions.map(|max| descending.nth(place(max)).transpose()).transpose()?.flatten();
    let first_by_number = nth_newest.map_or(0, |(version, _)| version);
    let mut going = BTreeSet::new();
    let mut last = None;
    for entry in ascending {
        let (version, time) = entry?;
        last = Some(version);
        if is_milestone(version, retention) {
            continue;
        }
        if version >= first_by_number && is_young(time, retention, now) {
            break;
        }
        going.insert(version);
    }
    if let Some(last) = last {
        // Only the newest version can be the last one looked at and go.
        going.remove(&last);
    }
    Ok(going)
}

/// Whether a version that was saved at this time need not go for its age.
fn is_young(time: u64, retention: Retention, now: u64) -> bool {
    retention.version_ttl.is_none_or(|ttl| time.saturating_add(ttl) > now)
}

/// Whether a version stays for its number.
fn is_milestone(version: u64, retention: Retention) -> bool {
    retention.keep_every.is_some_and(|every| every > 0 && version.is_multiple_of(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The versions that a retention keeps at a time, found by looking at each.
    fn retained(versions: &[(u64, u64)], retention: Retention, now: u64) -> BTreeSet<u64> {
        let newest_first = versions.iter().rev().zip(0..);
        let is_kept = |version: u64, time: u64, place: u64| {
            let among_newest = retention.max_versions.is_none_or(|max| place < max);
            (among_newest && is_young(time, retention, now)) || is_milestone(version, retention)
        };
        newest_first.filter(|&(&(version, time), place)| is_kept(version, time, place)).map(|(&(version, _), _)| version).collect()
    }

    #[test]
    fn a_retention_counts_dates_and_spares_milestones() {
        let versions: Vec<_> = (1..=10).map(|version| (version, 100 + version)).collect();
        let kept = |max_versions, version_ttl, keep_every| {
            let retention = Retention { max_versions, version_ttl, keep_every };
            retained(&versions, retention, 111).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(kept(None, None, None), (1..=10).collect::<Vec<_>>());
        assert_eq!(kept(Some(3), None, None), [8, 9, 10]);
        assert_eq!(kept(None, Some(5), None), [7, 8, 9, 10]);
        assert_eq!(kept(Some(2), Some(5), None), [9, 10]);
        assert_eq!(kept(Some(5), Some(2), None), [10]);
        assert_eq!(kept(Some(1), None, Some(4)), [4, 8, 10]);
        assert_eq!(kept(None, None, Some(4)), (1..=10).collect::<Vec<_>>());
        assert_eq!(kept(Some(u64::MAX), Some(u64::MAX), Some(1)).len(), 10);
    }

    #[test]
    fn what_is_retired_is_what_is_not_retained() {
        let choices = [None, Some(1), Some(2), Some(3), Some(7), Some(20), Some(u64::MAX)];
        for numbers in [vec![], vec![4], vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10], vec![2, 3, 5, 8, 12, 13, 14, 30]] {
            let versions: Vec<(u64, u64)> = numbers.iter().map(|&version| (version, 100 + version)).collect();
            let choice = |number: usize| choices[number % choices.len()];
            for number in 0..choices.len().pow(3) {
                let (max_versions, version_ttl) = (choice(number), choice(number / choices.len()));
                let keep_every = choice(number / choices.len().pow(2));
                let retention = Retention { max_versions, version_ttl, keep_every };
                let mut kept = retained(&versions, retention, 112);
                kept.extend(versions.last().map(|&(version, _)| version));
                let expected: BTreeSet<u64> = numbers.iter().copied().filter(|version| !kept.contains(version)).collect();
                let found = retired(versions.iter().copied().map(Ok), versions.iter().rev().copied().map(Ok), retention, 112);
                assert_eq!(found.unwrap(), expected, "{retention:?} of {numbers:?}");
            }
        }
    }
}
