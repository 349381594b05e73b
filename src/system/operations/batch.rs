//! `batch.apply`: changes of any stores, all or none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes::Encoding;
use super::place;
use crate::multistore::BatchChange;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// One change of a store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum BatchOperation {
    /// Sets a key.
    Set {
        /// The store.
        store: String,
        /// The key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Removes a key, which need not be there.
    Delete {
        /// The store.
        store: String,
        /// The key.
        key: String,
    },
}

impl BatchOperation {
    fn store(&self) -> &str {
        match self {
            Self::Set { store, .. } | Self::Delete { store, .. } => store,
        }
    }
}

/// Changes of any stores.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The changes, done in this order.
    pub operations: Vec<BatchOperation>,
    /// How keys and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// What a batch did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Applied {
    /// How many operations were done: all of them.
    pub applied: u64,
}

/// `batch.apply`.
pub struct ApplyBatch;

impl Operation for ApplyBatch {
    type Input = Batch;
    type Output = Applied;
    const ID: &'static str = "batch.apply";
    const DESCRIPTION: &'static str = "Sets and removes keys of any stores, all or none. They are saved with the next version.";

    fn access(&self, input: &Batch) -> Access {
        Access::stores(Role::Write, input.operations.iter().map(BatchOperation::store))
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: Batch) -> Result<Applied, OperationError> {
        let numbered = input.operations.iter().enumerate();
        let read: Vec<ReadChange<'_>> =
            numbered.map(|(number, operation)| read_change(number, operation, input.encoding)).collect::<Result<_, _>>()?;
        let changes: Vec<BatchChange<'_>> = read.iter().map(|change| (change.0, change.1.as_slice(), change.2.as_deref())).collect();
        if let Some((store, ..)) = changes.first() {
            // Says it if the stores were closed; the others are looked for below.
            place::store(system, store)?;
        }
        context.check()?;
        system.store().apply(&changes)?;
        Ok(Applied { applied: changes.len() as u64 })
    }
}

/// The store, the key and its new value.
type ReadChange<'a> = (&'a str, Vec<u8>, Option<Vec<u8>>);

fn read_change(number: usize, operation: &BatchOperation, encoding: Encoding) -> Result<ReadChange<'_>, OperationError> {
    let read = |field: &str, text: &str| encoding.read(&format!("operations[{number}].{field}"), text);
    Ok(match operation {
        BatchOperation::Set { store, key, value } => (store, read("key", key)?, Some(read("value", value)?)),
        BatchOperation::Delete { store, key } => (store, read("key", key)?, None),
    })
}
