//! The entries themselves, and the roots that they give.

use std::ops::Bound;

use treering_tree::Order;

use super::super::entry::AuditEntry;
use super::super::spine::Spine;
use super::{AuditReport, Marks, found};
use crate::error::Result;
use crate::store::{Snapshot, VersionInfo};

/// Entries from one telling of progress to the next.
const STEP: u64 = 1000;

/// Going through all entries in order.
pub(super) struct EntryCheck<'a> {
    snapshot: &'a Snapshot,
    /// The versions that added entries.
    growing: Vec<&'a VersionInfo>,
    /// The place of the version that added the entry at hand.
    group: usize,
    /// What the entries up to here give; `None` once that can no longer be the log's.
    spine: Option<Spine>,
    next: u64,
    marks: Marks,
    report: &'a mut AuditReport,
}

impl<'a> EntryCheck<'a> {
    /// Checks all, and gives what they say of saved versions.
    pub(super) fn run(
        snapshot: &'a Snapshot,
        versions: &'a [VersionInfo],
        report: &'a mut AuditReport,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Marks> {
        let growing = growing(versions);
        let total = growing.last().map_or(0, |info| info.size);
        let mut check = Self { snapshot, growing, group: 0, spine: Some(Spine::default()), next: 1, marks: Marks::new(), report };
        let scan = snapshot.scan(Bound::Unbounded, Bound::Unbounded, Order::Ascending);
        for pair in scan {
            let place = format!("entry {}", check.next);
            let Some((key, value)) = found(pair, &place, check.report)? else { break };
            check.entry(&key, &value)?;
            if check.report.entries.is_multiple_of(STEP) {
                progress(check.report.entries, total);
            }
        }
        if check.next <= total {
            check.missing(check.next, total, "missing at the end");
        }
        progress(check.report.entries, total);
        Ok(check.marks)
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let Some(number) = AuditEntry::number_in(key) else {
            self.spine = None;
            self.report.add(format!("key {} of the log", hex::encode(key)), "it is no number of an entry");
            return Ok(());
        };
        self.report.entries += 1;
        if number != self.next {
            self.missing(self.next, number.saturating_sub(1), &format!("missing: the next one there is {number}"));
        }
        self.next = number.saturating_add(1);
        self.content(number, value);
        while self.growing.get(self.group).is_some_and(|info| info.size < number) {
            self.group += 1;
        }
        match self.growing.get(self.group) {
            Some(&info) => self.root(info, number, key, value),
            None => Ok(()),
        }
    }

    fn missing(&mut self, first: u64, last: u64, how: &str) {
        self.spine = None;
        let (place, verb) =
            if first >= last { (format!("entry {first}"), "it is") } else { (format!("entries {first} to {last}"), "they are") };
        self.report.add(place, format!("{verb} {how}"));
    }

    /// What the entry says of itself.
    fn content(&mut self, number: u64, value: &[u8]) {
        match AuditEntry::decode(value) {
            Ok(entry) => {
                if entry.number != number {
                    self.report.add(format!("entry {number}"), format!("it says that it is entry {}", entry.number));
                }
                self.marks.extend(entry.saved.into_iter().map(|mark| (mark.version, (number, mark))));
            }
            Err(error) => self.report.add(format!("entry {number}"), format!("it cannot be read: {error}")),
        }
    }

    /// Compares the root at the end of the version `info`; once that is wrong, looks at each entry for the version that changed it.
    fn root(&mut self, info: &VersionInfo, number: u64, key: &[u8], value: &[u8]) -> Result<()> {
        let Some(spine) = &mut self.spine else { return self.changed(info.version, number).map(drop) };
        spine.push(info.version, key, value);
        if number < info.size || spine.root() == info.root_hash {
            return Ok(());
        }
        let root = spine.root();
        self.spine = None;
        let first = self.group.checked_sub(1).and_then(|before| self.growing.get(before)).map_or(1, |before| before.size + 1);
        let mut is_explained = false;
        for number in first..=number {
            is_explained |= self.changed(info.version, number)?;
        }
        if !is_explained {
            let what = format!("its root is {}, its entries {first} to {number} give {root}", info.root_hash);
            self.report.add(format!("version {} of the log", info.version), what);
        }
        Ok(())
    }

    /// Whether another version than the one that added an entry has set it.
    fn changed(&mut self, version: u64, number: u64) -> Result<bool> {
        let place = format!("entry {number}");
        let read = self.snapshot.tree().get_copy_with_version(&AuditEntry::key(number)).map_err(Into::into);
        let Some((_, set_in)) = found(read, &place, self.report)?.flatten() else { return Ok(false) };
        if set_in != version {
            self.report.add(place, format!("it was added in version {version} of the log and changed in version {set_in}"));
        }
        Ok(set_in != version)
    }
}

/// The versions with more entries than any before.
fn growing(versions: &[VersionInfo]) -> Vec<&VersionInfo> {
    let mut most = 0;
    let grows = |info: &&VersionInfo| {
        let grows = info.size > most;
        most = most.max(info.size);
        grows
    };
    versions.iter().filter(grows).collect()
}
