//! `transaction.run`: changes of a store on conditions, all or none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::bytes::Encoding;
use super::place;
use crate::store::traits::{Transaction, Transactional};
use crate::system::{Access, ErrorKind, Operation, OperationContext, OperationError, Role, SystemHandle};

/// What a key must be for a transaction to take place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The key.
    pub key: String,
    /// The value that it must have; null: it must not be there.
    #[serde(default)]
    pub value: Option<String>,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum KeyOperation {
    /// Sets a key.
    Set {
        /// The key.
        key: String,
        /// Its new value.
        value: String,
    },
    /// Removes a key, which need not be there.
    Delete {
        /// The key.
        key: String,
    },
}

/// Changes of a store that happen together, if the store is as expected.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransactionInput {
    /// The store.
    pub store: String,
    /// What must hold for the transaction to take place.
    #[serde(default)]
    pub expect: Vec<Expectation>,
    /// The changes, done in this order.
    pub operations: Vec<KeyOperation>,
    /// How keys and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// How a transaction went in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct TransactionOutput {
    /// Its place in the order of everything that changed the store since it was opened.
    pub sequence: Option<u64>,
    /// How many keys it set or removed.
    pub writes: u64,
}

/// `transaction.run`.
pub struct RunTransaction;

impl Operation for RunTransaction {
    type Input = TransactionInput;
    type Output = TransactionOutput;
    const ID: &'static str = "transaction.run";
    const DESCRIPTION: &'static str =
        "Changes keys of a store, all or none, if keys have the values expected. They are saved with the next version.";

    fn access(&self, input: &TransactionInput) -> Access {
        Access::store(Role::Write, &input.store)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: TransactionInput) -> Result<TransactionOutput, OperationError> {
        let store = place::store(system, &input.store)?;
        // Dropped on the way out after a failure, it is rolled back.
        let transaction = store.begin_tx()?;
        for (number, expected) in input.expect.iter().enumerate() {
            context.check()?;
            check_expected(&*transaction, number, expected, &input)?;
        }
        for (number, operation) in input.operations.iter().enumerate() {
            let read = |field: &str, text: &str| input.encoding.read(&format!("operations[{number}].{field}"), text);
            match operation {
                KeyOperation::Set { key, value } => transaction.set(&read("key", key)?, &read("value", value)?)?,
                KeyOperation::Delete { key } => transaction.delete(&read("key", key)?)?,
            }
        }
        context.check()?;
        let committed = transaction.commit()?;
        Ok(TransactionOutput { sequence: committed.sequence, writes: committed.writes })
    }
}

fn check_expected(
    transaction: &dyn Transaction,
    number: usize,
    expected: &Expectation,
    input: &TransactionInput,
) -> Result<(), OperationError> {
    let key = input.encoding.read(&format!("expect[{number}].key"), &expected.key)?;
    let value = input.encoding.read_some(&format!("expect[{number}].value"), expected.value.as_deref())?;
    let found = transaction.get(&key)?;
    if found == value {
        return Ok(());
    }
    let what = match (&found, &value) {
        (None, _) => "is not there",
        (Some(_), None) => "is there",
        (Some(_), Some(_)) => "has another value",
    };
    let message = format!("key {} of store {:?} {what}; read it and decide anew", expected.key, input.store);
    // A value that cannot be said in the encoding asked for is said in hex.
    let found = found.map(|value| input.encoding.write("the value", value.clone()).unwrap_or_else(|_| format!("0x{}", hex::encode(value))));
    let details = json!({ "store": input.store, "key": expected.key, "expected": expected.value, "found": found });
    Err(OperationError::new(ErrorKind::Conflict, "expectation_failed", message).with_details(details))
}
