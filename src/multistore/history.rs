//! What was saved, as it can still be told from the disk: the events of kept versions, in the order in which they were saved.
//!
//! The commits of a database are numbered, so versions of stores on one engine have an order. A version of the whole comes right behind the
//! last commit of each engine that it lists. Between engines nothing else tells an order but the time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use treering_tree::Order;

use super::MultiStore;
use super::databases::Databases;
use super::saving::saved_all_event;
use super::versions::MultiVersion;
use crate::error::Result;
use crate::event::Event;
use crate::persist::multi::{MultiRecord, Place};
use crate::store::{VersionInfo, saved_event};

/// A saved version, of a store or of the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryEntry {
    /// The number of the home database's newest commit when it was saved; entries of other engines have that of the version of the whole
    /// behind them. It never falls from one entry to the next.
    pub commit: u64,
    /// [`Event::VersionSaved`], under the name that the store has now, or [`Event::MultistoreVersionSaved`].
    pub event: Event,
}

/// How far a history was read, to go on from there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HistoryMark {
    /// The last commit of each engine.
    commits: BTreeMap<String, u64>,
    /// The newest version of the whole.
    version: u64,
    /// The commit of the last entry.
    last: u64,
}

/// The new versions of an engine's stores, in the order of their commits.
type Queue = VecDeque<(VersionInfo, Event)>;

/// A version of the whole, and the last commit of each engine that it lists.
struct Together {
    record: MultiRecord,
    commits: BTreeMap<String, u64>,
}

impl MultiStore {
    /// The versions that were saved after `mark` (a new one: all) and are still kept, in the order in which they were saved; and the mark to
    /// go on from. O(stores + new versions x stores). What another process saves meanwhile is seen by opening again.
    ///
    /// # Errors
    /// [`Error::AllClosed`](crate::Error::AllClosed), [`Error::Damaged`](crate::Error::Damaged), [`Error::Engine`](crate::Error::Engine).
    pub fn history(&self, mark: &HistoryMark) -> Result<(Vec<HistoryEntry>, HistoryMark)> {
        let inner = self.inner();
        let mut held = inner.work();
        let databases = &held.get()?.databases;
        let mut queues: BTreeMap<String, Queue> = BTreeMap::new();
        for (name, member) in inner.members().iter() {
            let new = new_versions(databases, &member.place, mark.of(&member.engine))?;
            let new = new.into_iter().map(|info| (info, saved_event(name.clone(), &info).into()));
            queues.entry(member.engine.clone()).or_default().extend(new);
        }
        for queue in queues.values_mut() {
            queue.make_contiguous().sort_by_key(|(info, _)| info.commit);
        }
        let together = new_together(databases, mark)?;
        let mut merge = Merge { home: &databases.home, queues, mark: mark.clone(), entries: Vec::new(), elsewhere: BTreeSet::new() };
        for whole in together {
            merge.push_together(whole);
        }
        merge.push_alone(|_| u64::MAX);
        Ok((merge.entries, merge.mark))
    }
}

impl HistoryMark {
    fn of(&self, engine: &str) -> u64 {
        self.commits.get(engine).copied().unwrap_or(0)
    }
}

/// The versions of a store from commits after `after`, in order.
fn new_versions(databases: &Databases, place: &Place, after: u64) -> Result<Vec<VersionInfo>> {
    let Some((disk, store)) = databases.store_at(place) else { return Ok(Vec::new()) };
    let mut new = Vec::new();
    for found in disk.version_scan(store, Order::Descending) {
        let (version, record) = found?;
        if record.commit <= after {
            break;
        }
        new.push(VersionInfo::new(version, &record));
    }
    new.reverse();
    Ok(new)
}

/// The versions of the whole that were saved after the mark, in order. A number that was rolled back and saved again is new.
fn new_together(databases: &Databases, mark: &HistoryMark) -> Result<Vec<Together>> {
    let mut new = Vec::new();
    for record in databases.home()?.disk().multi_versions(Order::Descending) {
        let record = record?;
        let mut commits: BTreeMap<String, u64> = BTreeMap::new();
        for part in &record.stores {
            let Some((disk, store)) = databases.store_at(&part.place) else { continue };
            let Some(version) = disk.version_if_kept(store, part.version)? else { continue };
            let last = commits.entry(databases.engine_of(&part.place).to_owned()).or_default();
            *last = version.commit.max(*last);
        }
        let is_new = record.version > mark.version || commits.iter().any(|(engine, commit)| *commit > mark.of(engine));
        if !is_new {
            break;
        }
        new.push(Together { record, commits });
    }
    new.reverse();
    Ok(new)
}

/// Puts everything into one order.
struct Merge<'a> {
    home: &'a str,
    queues: BTreeMap<String, Queue>,
    mark: HistoryMark,
    entries: Vec<HistoryEntry>,
    /// The places of those that other engines than the home saved.
    elsewhere: BTreeSet<usize>,
}

impl Merge<'_> {
    fn push(&mut self, commit: u64, event: Event) {
        self.mark.last = commit.max(self.mark.last);
        self.entries.push(HistoryEntry { commit: self.mark.last, event });
    }

    /// Takes a version of the whole, behind what it lists.
    fn push_together(&mut self, Together { record, commits }: Together) {
        let first = self.entries.len();
        self.push_alone(|engine| commits.get(engine).copied().unwrap_or(0));
        self.mark.version = record.version;
        let commit = commits.get(self.home).copied().unwrap_or(0).max(self.mark.last);
        // What other engines saved for it belongs to its commit at home.
        let is_elsewhere = |place: usize| self.elsewhere.contains(&place);
        let here = self.entries.iter_mut().enumerate().skip(first).rev().skip_while(|(_, entry)| entry.commit == commit);
        here.take_while(|&(place, _)| is_elsewhere(place)).for_each(|(_, entry)| entry.commit = commit);
        self.push(commit, saved_all_event(&MultiVersion::from(record)).into());
    }

    /// Takes versions of stores up to a commit of each engine: the earliest first, other engines before the home.
    fn push_alone(&mut self, until: impl Fn(&str) -> u64) {
        loop {
            let heads = self.queues.iter().filter_map(|(engine, queue)| {
                let (info, _) = queue.front()?;
                (info.commit <= until(engine)).then(|| (info.time, engine == self.home, engine.clone()))
            });
            let Some((_, is_home, engine)) = heads.min() else { return };
            let Some((info, event)) = self.queues.get_mut(&engine).and_then(VecDeque::pop_front) else { return };
            self.mark.commits.insert(engine, info.commit);
            if !is_home {
                self.elsewhere.insert(self.entries.len());
            }
            self.push(if is_home { info.commit } else { 0 }, event);
        }
    }
}
