//! `store.scan`: a range of keys, a page at a time or all of it to a callback.

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::bytes::Encoding;
use super::super::page::{Bounds, DEFAULT_LIMIT, Direction, MOST, Page, RangeText, STEPS, limit};
use super::super::place;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// A range of keys.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanRange {
    /// The store.
    pub store: String,
    /// A saved version of the store; the working state if it is left out.
    #[serde(default)]
    pub version: Option<u64>,
    /// Only keys that begin with this.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Only keys from this one on.
    #[serde(default)]
    pub start: Option<String>,
    /// Only keys before this one.
    #[serde(default)]
    pub end: Option<String>,
    /// Only keys that come, in the order asked for, behind this one: `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// The order.
    #[serde(default)]
    pub order: Direction,
    /// How many keys at most: 100 if it is left out, 10000 at most. A page of large values may end earlier.
    #[serde(default)]
    pub limit: Option<u32>,
    /// How keys and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// A key and its value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Item {
    /// The key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Keys of a range and their values, in order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Items {
    /// The keys and values.
    pub items: Vec<Item>,
    /// What to give as `after` for the next page; null at the end.
    pub next: Option<String>,
}

/// `store.scan`.
pub struct ScanStore;

impl Operation for ScanStore {
    type Input = ScanRange;
    type Output = Items;
    const ID: &'static str = "store.scan";
    const DESCRIPTION: &'static str = "Gives the keys of a range and their values, now or at a version, a page at a time.";

    fn access(&self, input: &ScanRange) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: ScanRange) -> Result<Items, OperationError> {
        let mut page = Page::new(limit(input.limit, DEFAULT_LIMIT, MOST)?);
        let mut has_more = false;
        walk(system, context, &input, &mut |key, value| {
            if page.is_full() {
                has_more = true;
                return Ok(ControlFlow::Break(()));
            }
            let bytes = key.len() + value.len();
            page.push(item(input.encoding, key, value)?, bytes);
            Ok(ControlFlow::Continue(()))
        })?;
        let next = if has_more { page.entries.last().map(|item| item.key.clone()) } else { None };
        Ok(Items { items: page.entries, next })
    }
}

/// Gives the keys of a range and their values one by one, as many as there are (or as `limit` says), as of the moment of the call. For
/// streams: no page is held. It is a call of [`ScanStore`], with its access and events, which ends with the last item; `each` says whether to go
/// on.
///
/// # Errors
/// As `store.scan`: before the first item, except `deadline_exceeded`, `cancelled`, `not_utf8` and what a damaged database gives.
pub fn scan_each(
    system: &SystemHandle,
    context: &OperationContext,
    input: &ScanRange,
    each: &mut dyn FnMut(Item) -> ControlFlow<()>,
) -> Result<(), OperationError> {
    system.accompany(&ScanStore, context, input.clone(), |input| {
        let mut left = input.limit;
        if left == Some(0) {
            return Ok(());
        }
        walk(system, context, &input, &mut |key, value| {
            let flow = each(item(input.encoding, key, value)?);
            left = left.map(|left| left - 1);
            Ok(if left == Some(0) { ControlFlow::Break(()) } else { flow })
        })
    })
}

fn item(encoding: Encoding, key: Vec<u8>, value: Vec<u8>) -> Result<Item, OperationError> {
    Ok(Item { key: encoding.write("the key", key)?, value: encoding.write("the value", value)? })
}

/// Called with a key and its value.
type Visit<'v> = &'v mut dyn FnMut(Vec<u8>, Vec<u8>) -> Result<ControlFlow<()>, OperationError>;

fn walk(system: &SystemHandle, context: &OperationContext, input: &ScanRange, visit: Visit<'_>) -> Result<(), OperationError> {
    let ScanRange { prefix, start, end, after, order, .. } = input;
    let text =
        RangeText { prefix: prefix.as_deref(), start: start.as_deref(), end: end.as_deref(), after: after.as_deref(), order: *order };
    let (lower, upper): Bounds = text.read(input.encoding)?;
    let store = place::store(system, &input.store)?;
    if input.version.is_some() {
        let snapshot = place::snapshot(&store, input.version)?;
        visit_all(context, snapshot.scan(lower, upper, (*order).into()), visit)
    } else {
        let working = store.working()?;
        visit_all(context, working.scan(lower, upper, (*order).into()), visit)
    }
}

fn visit_all(context: &OperationContext, scan: crate::Scan<'_>, visit: Visit<'_>) -> Result<(), OperationError> {
    for (number, entry) in scan.enumerate() {
        if number % STEPS == 0 {
            context.check()?;
        }
        let (key, value) = entry?;
        if visit(key, value)?.is_break() {
            break;
        }
    }
    Ok(())
}
