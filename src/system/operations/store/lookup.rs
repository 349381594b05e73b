//! Looking up keys, in the working state or at a version, and counting from where they come.

use std::ops::ControlFlow;

use treering_tree::{Resident, Tree};

use super::super::page::STEPS;
use super::super::place;
use crate::store::{SharedStore, TakeSeen, ValueSeen};
use crate::system::{OperationContext, OperationError, SystemHandle};

/// So many keys of a saved version are looked up side by side: one waits for memory while the others go on.
const TOGETHER: usize = 64;

/// Takes what was found of a key, whose place among those asked for is given.
type TakeOrFail<'a> = &'a mut dyn FnMut(usize, Option<ValueSeen<'_>>) -> Result<(), OperationError>;

/// Gives what a store says about keys, in any order, each with its place among them: its value and the version that set it. All of them as of
/// the same moment.
///
/// # Errors
/// `no_version`, `deadline_exceeded`, `cancelled`, those of `take`, and what a damaged database gives.
pub(super) fn look_up(
    (system, context): (&SystemHandle, &OperationContext),
    store: &SharedStore,
    version: Option<u64>,
    keys: &[Vec<u8>],
    take: TakeOrFail<'_>,
) -> Result<(), OperationError> {
    let (mut failure, mut steps) = (None, 0_usize);
    let mut checked = |place: usize, seen: Option<ValueSeen<'_>>| {
        let is_due = steps.is_multiple_of(STEPS);
        steps += 1;
        let taken = if is_due { context.check() } else { Ok(()) }.and_then(|()| take(place, seen));
        match taken {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    };
    let from_storage = match version {
        None => look_up_working(context, store, keys, &mut checked)?,
        Some(_) => look_up_saved(place::snapshot(store, version)?.tree(), keys, &mut checked)?,
    };
    system.key_reads().add(steps, from_storage);
    failure.map_or(Ok(()), Err)
}

/// Gives how many keys were read from storage.
fn look_up_working(context: &OperationContext, store: &SharedStore, keys: &[Vec<u8>], take: TakeSeen<'_>) -> Result<usize, OperationError> {
    let Some(unread) = store.get_resident(keys, take)? else { return Ok(0) };
    let from_storage = unread.count();
    context.wait_in(|| unread.read(take))?;
    Ok(from_storage)
}

/// Gives how many keys were read from storage.
fn look_up_saved(tree: &Tree, keys: &[Vec<u8>], take: TakeSeen<'_>) -> Result<usize, OperationError> {
    let mut from_storage = 0;
    for (group, first) in keys.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
        tree.prefetch_reads(group.iter().map(Vec::as_slice));
        for (key, place) in group.iter().zip(first..) {
            let flow = match tree.get_resident_with_version(key) {
                Resident::Value((value, version)) => take(place, Some((value, Some(version)))),
                Resident::Absent => take(place, None),
                Resident::Unknown => {
                    from_storage += 1;
                    let found = tree.get_copy_with_version(key).map_err(crate::Error::from)?;
                    take(place, found.as_ref().map(|(value, version)| (&**value, Some(*version))))
                }
            };
            if flow.is_break() {
                return Ok(from_storage);
            }
        }
    }
    Ok(from_storage)
}
