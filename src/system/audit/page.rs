//! Reading the audit log page by page.

use std::ops::Bound;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use treering_tree::Order;

use super::entry::AuditEntry;
use super::trail::{AuditTrail, decoded};
use crate::error::{Error, Result};

/// Entries of a page when nothing else is asked for.
const LIMIT: usize = 100;
/// Entries of the largest page.
const MAX_LIMIT: usize = 10_000;

/// Which entries.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// `Descending`: the newest first.
    pub order: Order,
    /// Those behind the entry of this number, in that order; `None`: from the first on.
    pub after: Option<u64>,
    /// How many at most, up to 10000.
    pub limit: usize,
}

impl Default for PageRequest {
    /// The 100 newest.
    fn default() -> Self {
        Self { order: Order::Descending, after: None, limit: LIMIT }
    }
}

/// Some entries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// The entries, in the order asked for.
    pub entries: Vec<AuditEntry>,
    /// What to give as `after` for the next page; null: there is none.
    pub next: Option<u64>,
}

impl AuditTrail {
    /// A page of entries. O(log n) and O(1) an entry.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Tree`], [`Error::Engine`].
    pub fn page(&self, request: &PageRequest) -> Result<AuditPage> {
        let limit = request.limit.clamp(1, MAX_LIMIT);
        let Some(snapshot) = self.snapshot()? else { return Ok(AuditPage { entries: Vec::new(), next: None }) };
        let behind = request.after.map_or(Bound::Unbounded, |after| Bound::Excluded(AuditEntry::key(after).to_vec()));
        let (start, end) = match request.order {
            Order::Ascending => (behind, Bound::Unbounded),
            Order::Descending => (Bound::Unbounded, behind),
        };
        let mut scan = snapshot.scan(start, end, request.order);
        let mut entries = Vec::new();
        for pair in scan.by_ref().take(limit) {
            let (key, value) = pair?;
            let number = AuditEntry::number_in(&key).ok_or_else(|| bad_key(&key))?;
            entries.push(decoded(number, &value)?);
        }
        let next = if scan.next().transpose()?.is_some() { entries.last().map(|entry| entry.number) } else { None };
        Ok(AuditPage { entries, next })
    }
}

fn bad_key(key: &[u8]) -> Error {
    Error::Damaged { record: format!("key {} of the audit log", hex::encode(key)), what: "it is no number of an entry".to_owned() }
}
