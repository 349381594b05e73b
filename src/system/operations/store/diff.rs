//! `store.diff`: what changed between two versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use treering_tree::{DiffStep, Difference};

use super::super::bytes::Encoding;
use super::super::page::{DEFAULT_LIMIT, MOST, Page, RangeText, STEPS, limit};
use super::super::place;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// Two versions of a store, and which keys to compare.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffVersions {
    /// The store.
    pub store: String,
    /// The version that `old` is of.
    pub from: u64,
    /// The version that `new` is of; may be an older one.
    pub to: u64,
    /// Only keys that begin with this.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Only keys behind this one: `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// How many changes at most: 100 if it is left out, 10000 at most. A page of large values may end earlier.
    #[serde(default)]
    pub limit: Option<u32>,
    /// How keys and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// What became of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// It has another value.
    Changed,
    /// It is not there any more.
    Removed,
}

/// A key about which the two versions do not say the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Change {
    /// The key.
    pub key: String,
    /// What became of it.
    pub kind: ChangeKind,
    /// Its value in `from`; null where it was not there.
    pub old: Option<String>,
    /// Its value in `to`; null where it is not there.
    pub new: Option<String>,
}

/// Changes, in the order of their keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Changes {
    /// The changes.
    pub changes: Vec<Change>,
    /// What to give as `after` for the next page; null at the end.
    pub next: Option<String>,
}

/// `store.diff`.
pub struct DiffStore;

impl Operation for DiffStore {
    type Input = DiffVersions;
    type Output = Changes;
    const ID: &'static str = "store.diff";
    const DESCRIPTION: &'static str = "Gives the keys that differ between two versions; what the two share is not read.";

    fn access(&self, input: &DiffVersions) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: DiffVersions) -> Result<Changes, OperationError> {
        let mut page = Page::new(limit(input.limit, DEFAULT_LIMIT, MOST)?);
        let text = RangeText { prefix: input.prefix.as_deref(), after: input.after.as_deref(), ..RangeText::default() };
        let (lower, upper) = text.read(input.encoding)?;
        let store = place::store(system, &input.store)?;
        let (from, to) = (place::snapshot(&store, Some(input.from))?, place::snapshot(&store, Some(input.to))?);
        let mut diff = from.diff(&to, lower, upper);
        // Nodes may be walked for long without a difference, so it is steps that are counted.
        for step in 0_usize.. {
            if step.is_multiple_of(STEPS) {
                context.check()?;
            }
            match diff.step()? {
                DiffStep::Found(_) if page.is_full() => {
                    let next = page.entries.last().map(|change: &Change| change.key.clone());
                    return Ok(Changes { changes: page.entries, next });
                }
                DiffStep::Found(difference) => {
                    let bytes = bytes_of(&difference);
                    page.push(change(input.encoding, difference)?, bytes);
                }
                DiffStep::Walked => {}
                DiffStep::End => break,
            }
        }
        Ok(Changes { changes: page.entries, next: None })
    }
}

fn bytes_of(Difference { key, old, new }: &Difference) -> usize {
    key.len() + old.as_ref().map_or(0, Vec::len) + new.as_ref().map_or(0, Vec::len)
}

fn change(encoding: Encoding, Difference { key, old, new }: Difference) -> Result<Change, OperationError> {
    let kind = match (&old, &new) {
        (None, _) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(_), Some(_)) => ChangeKind::Changed,
    };
    Ok(Change {
        key: encoding.write("the key", key)?,
        kind,
        old: encoding.write_some("the old value", old)?,
        new: encoding.write_some("the new value", new)?,
    })
}
