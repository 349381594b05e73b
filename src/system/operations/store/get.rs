//! `store.get`: one key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::bytes::Encoding;
use super::super::place;
use super::lookup::look_up;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// A key at a version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyAt {
    /// The store.
    pub store: String,
    /// The key.
    pub key: String,
    /// A saved version of the store; the working state if it is left out.
    #[serde(default)]
    pub version: Option<u64>,
    /// How keys and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// What a version says about a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Found {
    /// The key.
    pub key: String,
    /// Whether it is there.
    pub found: bool,
    /// Its value; null where it is not.
    pub value: Option<String>,
    /// The version; null for the working state.
    pub version: Option<u64>,
    /// The version that set it; null where it is not there, or set since the last save.
    pub set_at: Option<u64>,
}

/// `store.get`.
pub struct GetKey;

impl Operation for GetKey {
    type Input = KeyAt;
    type Output = Found;
    const ID: &'static str = "store.get";
    const DESCRIPTION: &'static str = "Gives the value of a key, now or at a version.";

    fn access(&self, input: &KeyAt) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: KeyAt) -> Result<Found, OperationError> {
        let KeyAt { store, key, version, encoding } = input;
        let read = encoding.read("key", &key)?;
        let store = place::store(system, &store)?;
        let mut found = Found { key, found: false, value: None, version, set_at: None };
        look_up((system, context), &store, version, &[read], &mut |_, seen| {
            if let Some((value, set_at)) = seen {
                (found.found, found.value, found.set_at) = (true, Some(encoding.write("the value", value)?), set_at);
            }
            Ok(())
        })?;
        Ok(found)
    }
}
