//! `store.history`: what became of a key over the versions that are kept.
//!
//! A version says which version set a key, or since when it has been absent: from there the walk goes on to the newest kept version before
//! that. So versions in which nothing happened to the key, or near it, are not even looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::bytes::Encoding;
use super::super::page::{DEFAULT_LIMIT, Page, limit};
use super::super::place;
use crate::error::Error;
use crate::store::{SharedStore, Versioned};
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// Entries of a page at most.
const MOST: u32 = 1000;
/// Versions that are looked at for a page at most: where a key has long been absent, the page may end before anything is found.
const MOST_LOOKS: usize = 1000;

/// A key whose history is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryOf {
    /// The store.
    pub store: String,
    /// The key.
    pub key: String,
    /// Only what happened before this version: `next` of the page before.
    #[serde(default)]
    pub before: Option<u64>,
    /// How many entries at most: 100 if it is left out, 1000 at most.
    #[serde(default)]
    pub limit: Option<u32>,
    /// How keys and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// What a version did to the key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct HistoryStep {
    /// The version that did it. Of a deletion, where the versions around it are not kept, one by which it was done.
    pub version: u64,
    /// When that version was saved, in seconds since 1970; null if it is not kept any more.
    pub time: Option<u64>,
    /// The value that it set; null for a deletion.
    pub value: Option<String>,
    /// Whether it removed the key.
    pub deleted: bool,
}

/// The history of a key, the newest first. Changes that were undone before the next kept version are not in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct KeyHistory {
    /// What happened.
    pub entries: Vec<HistoryStep>,
    /// What to give as `before` for the next page, which may have no entries where the key has long been absent; null at the end.
    pub next: Option<u64>,
}

/// `store.history`.
pub struct History;

impl Operation for History {
    type Input = HistoryOf;
    type Output = KeyHistory;
    const ID: &'static str = "store.history";
    const DESCRIPTION: &'static str = "Gives the versions that set or removed a key, as far as versions are kept, the newest first.";

    fn access(&self, input: &HistoryOf) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: HistoryOf) -> Result<KeyHistory, OperationError> {
        let limit = limit(input.limit, DEFAULT_LIMIT, MOST)?;
        let key = input.encoding.read("key", &input.key)?;
        let store = place::store(system, &input.store)?;
        let walk = Walk { store, key, encoding: input.encoding, page: Page::new(limit), absent_since: None };
        walk.run(context, input.before.map_or(u64::MAX, |before| before.saturating_sub(1)))
    }
}

struct Walk {
    store: SharedStore,
    key: Vec<u8>,
    encoding: Encoding,
    page: Page<HistoryStep>,
    /// The oldest version known in which the key is absent up to the one looked at before.
    absent_since: Option<u64>,
}

impl Walk {
    /// Looks at versions from the newest one that is not above `most` on.
    fn run(mut self, context: &OperationContext, mut most: u64) -> Result<KeyHistory, OperationError> {
        let mut next = None;
        for _ in 0..MOST_LOOKS {
            context.check()?;
            let Some(version) = self.store.version_up_to(most)?.map(|info| info.version) else { return Ok(self.end(None)) };
            let settled = match self.store.snapshot(Some(version)) {
                // It was pruned since.
                Err(Error::NoVersion { .. }) => continue,
                snapshot => snapshot?.settled(&self.key)?,
            };
            if settled.value.is_none() {
                self.absent_since = Some(settled.since);
                // The next page looks at it again, to know since when the key is absent.
                next = Some(version.saturating_add(1));
            } else {
                if let Some(removed_in) = self.absent_since.take() {
                    if self.page.is_full() {
                        return Ok(self.end_full());
                    }
                    self.push(removed_in, None)?;
                }
                if self.page.is_full() {
                    return Ok(self.end_full());
                }
                self.push(settled.since, settled.value)?;
                next = Some(settled.since);
            }
            most = settled.since.saturating_sub(1);
        }
        Ok(self.end(next))
    }

    fn push(&mut self, version: u64, value: Option<Vec<u8>>) -> Result<(), OperationError> {
        let info = self.store.version_up_to(version)?.filter(|info| info.version == version);
        let (deleted, bytes) = (value.is_none(), value.as_ref().map_or(0, Vec::len));
        let value = self.encoding.write_some("the value", value)?;
        self.page.push(HistoryStep { version, time: info.map(|info| info.time), value, deleted }, bytes);
        Ok(())
    }

    /// The page is full, and there is more: it goes on before its last entry.
    fn end_full(self) -> KeyHistory {
        let next = self.page.entries.last().map(|entry| entry.version);
        self.end(next)
    }

    fn end(self, next: Option<u64>) -> KeyHistory {
        KeyHistory { entries: self.page.entries, next }
    }
}
