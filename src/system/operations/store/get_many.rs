//! `store.get_many`: many keys at once.

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use treering_tree::{Resident, Tree};

use super::super::bytes::Encoding;
use super::super::page::STEPS;
use super::super::place;
use crate::error::Result as LibraryResult;
use crate::store::{TakeSeen, ValueSeen};
use crate::system::{Access, ErrorKind, Operation, OperationContext, OperationError, Role, SystemHandle};

/// The most keys of a call.
const MOST_KEYS: usize = 1000;
/// The most bytes of the values of a call together: the largest value there can be fits.
const MOST_BYTES: usize = 16 << 20;
/// So many keys of a saved version are looked up side by side: one waits for memory while the others go on.
const TOGETHER: usize = 64;

/// Keys at a version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeysAt {
    /// The store.
    pub store: String,
    /// The keys, at most 1000; one may come more than once.
    #[schemars(length(max = 1000))]
    pub keys: Vec<String>,
    /// A saved version of the store; the working state if it is left out.
    #[serde(default)]
    pub version: Option<u64>,
    /// How keys and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// What a version says about keys: about all of them the same version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct FoundKeys {
    /// The version; null for the working state as it was at one moment of the call.
    pub version: Option<u64>,
    /// One for each key that was asked for, in that order.
    pub items: Vec<FoundKey>,
}

/// What a version says about a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct FoundKey {
    /// The key, as it was asked for.
    pub key: String,
    /// Whether it is there.
    pub found: bool,
    /// Its value; null where it is not.
    pub value: Option<String>,
    /// The version that set it; null where it is not there, or set since the last save.
    pub set_at: Option<u64>,
}

/// `store.get_many`.
pub struct GetKeys;

impl Operation for GetKeys {
    type Input = KeysAt;
    type Output = FoundKeys;
    const ID: &'static str = "store.get_many";
    const DESCRIPTION: &'static str = "Gives the values of up to 1000 keys, now or at a version: all as of the same moment.";

    fn access(&self, input: &KeysAt) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: KeysAt) -> Result<FoundKeys, OperationError> {
        let KeysAt { store, keys, version, encoding } = input;
        if keys.len() > MOST_KEYS {
            let what = format!("{} keys are more than the {MOST_KEYS} that a call may have; ask for the rest in further calls", keys.len());
            return Err(OperationError::invalid_input("keys", what));
        }
        let read = keys.iter().enumerate().map(|(number, key)| read_key(encoding, number, key));
        let read: Vec<Vec<u8>> = read.collect::<Result<_, _>>()?;
        let store = place::store(system, &store)?;
        let mut gathering = Gathering::new(context, encoding, keys);
        match version {
            None => {
                if let Some(unread) = store.get_resident(&read, &mut |place, seen| gathering.take(place, seen))? {
                    context.wait_in(|| unread.read(&mut |place, seen| gathering.take(place, seen)))?;
                }
            }
            Some(_) => get_saved(place::snapshot(&store, version)?.tree(), &read, &mut |place, seen| gathering.take(place, seen))?,
        }
        Ok(FoundKeys { version, items: gathering.finish()? })
    }
}

fn read_key(encoding: Encoding, number: usize, key: &str) -> Result<Vec<u8>, OperationError> {
    // The path is written only where it is needed.
    encoding.read("", key).or_else(|_| encoding.read(&format!("keys[{number}]"), key))
}

/// Gives what a saved version says about keys one by one.
fn get_saved(tree: &Tree, keys: &[Vec<u8>], take: TakeSeen<'_>) -> LibraryResult<()> {
    for (group, first) in keys.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
        tree.prefetch(group.iter().map(Vec::as_slice));
        for (key, place) in group.iter().zip(first..) {
            let flow = match tree.get_resident_with_version(key) {
                Resident::Value((value, version)) => take(place, Some((value, Some(version)))),
                Resident::Absent => take(place, None),
                Resident::Unknown => {
                    let found = tree.get_copy_with_version(key)?;
                    take(place, found.as_ref().map(|(value, version)| (&**value, Some(*version))))
                }
            };
            if flow.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What was found until now.
struct Gathering<'a> {
    context: &'a OperationContext,
    encoding: Encoding,
    items: Vec<FoundKey>,
    steps: usize,
    bytes: usize,
    failure: Option<OperationError>,
}

impl<'a> Gathering<'a> {
    fn new(context: &'a OperationContext, encoding: Encoding, keys: Vec<String>) -> Self {
        let items = keys.into_iter().map(|key| FoundKey { key, found: false, value: None, set_at: None }).collect();
        Self { context, encoding, items, steps: 0, bytes: 0, failure: None }
    }

    /// Takes what was found of the key at a place. Breaks off where the call fails.
    fn take(&mut self, place: usize, seen: Option<ValueSeen<'_>>) -> ControlFlow<()> {
        match self.put(place, seen) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn put(&mut self, place: usize, seen: Option<ValueSeen<'_>>) -> Result<(), OperationError> {
        if self.steps.is_multiple_of(STEPS) {
            self.context.check()?;
        }
        self.steps += 1;
        let (Some(item), Some((value, set_at))) = (self.items.get_mut(place), seen) else { return Ok(()) };
        self.bytes += value.len();
        if self.bytes > MOST_BYTES {
            return Err(too_large(place));
        }
        item.value = Some(self.encoding.write("the value", value)?);
        (item.found, item.set_at) = (true, set_at);
        Ok(())
    }

    fn finish(self) -> Result<Vec<FoundKey>, OperationError> {
        self.failure.map_or(Ok(self.items), Err)
    }
}

fn too_large(place: usize) -> OperationError {
    let message = format!("the values have more than {MOST_BYTES} bytes together; ask for fewer keys at once");
    OperationError::new(ErrorKind::TooLarge, "too_large", message)
        .with_details(json!({ "limit": MOST_BYTES, "path": format!("keys[{place}]") }))
}
