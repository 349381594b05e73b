//! `store.get_many`: many keys at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::bytes::Encoding;
use super::super::place;
use super::lookup::look_up;
use crate::system::{Access, ErrorKind, Operation, OperationContext, OperationError, Role, SystemHandle};

/// The most keys of a call.
const MOST_KEYS: usize = 1000;
/// The most bytes of the values of a call together: the largest value there can be fits.
const MOST_BYTES: usize = 16 << 20;

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
        let mut items: Vec<FoundKey> = keys.into_iter().map(|key| FoundKey { key, found: false, value: None, set_at: None }).collect();
        let mut bytes = 0;
        look_up((system, context), &store, version, &read, &mut |place, seen| {
            let (Some(item), Some((value, set_at))) = (items.get_mut(place), seen) else { return Ok(()) };
            bytes += value.len();
            if bytes > MOST_BYTES {
                return Err(too_large(place));
            }
            (item.found, item.value, item.set_at) = (true, Some(encoding.write("the value", value)?), set_at);
            Ok(())
        })?;
        Ok(FoundKeys { version, items })
    }
}

fn read_key(encoding: Encoding, number: usize, key: &str) -> Result<Vec<u8>, OperationError> {
    // The path is written only where it is needed.
    encoding.read("", key).or_else(|_| encoding.read(&format!("keys[{number}]"), key))
}

fn too_large(place: usize) -> OperationError {
    let message = format!("the values have more than {MOST_BYTES} bytes together; ask for fewer keys at once");
    OperationError::new(ErrorKind::TooLarge, "too_large", message)
        .with_details(json!({ "limit": MOST_BYTES, "path": format!("keys[{place}]") }))
}
