//! One key: reading, setting and removing it.

use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::route::{About, NOT_RENAMED, Route};
use crate::system::OperationError;
use crate::system::operations::{ApplyBatch, Batch, BatchOperation, Encoding, GetKey, GetKeys};

const PATH: &str = "/v1/stores/{store}/keys/{key}";

pub(in crate::server) fn routes() -> Vec<Route> {
    let of_batch = |summary, input| About { summary, input: Some(input), ..About::operation::<ApplyBatch>() };
    let set = of_batch("Sets a key. It is saved with the next version.", schema_for!(KeyValue));
    let delete = of_batch("Removes a key, which need not be there. It is saved with the next version.", schema_for!(KeyOnly));
    vec![
        Route::new(Method::GET, PATH, About::operation::<GetKey>(), get),
        Route::new(Method::POST, "/v1/stores/{store}/get", About::operation::<GetKeys>(), get_many),
        Route::new(Method::PUT, PATH, set, put),
        Route::new(Method::DELETE, PATH, delete, remove),
    ]
}

/// A read of a key mostly takes less time than handing it to another thread and back, so it is done on the spot; where it would have to
/// wait for somebody who changes the store, or reads an old version, it is not.
async fn get(mut call: Call) -> Answer {
    let input: <GetKey as crate::system::Operation>::Input = call.read_input(NOT_RENAMED).await?;
    let is_quick = input.version.is_none() && call.system().store().is_idle(&input.store);
    if is_quick {
        return Ok(answer::json(StatusCode::OK, &call.system().run::<GetKey>(&call.context, input)?));
    }
    call.run_aside(move |system, context| Ok(answer::json(StatusCode::OK, &system.run::<GetKey>(context, input)?))).await
}

/// The same of many keys; what of them must be read from storage is waited for where waiting is allowed ([`wait`](super::super::call::wait)). Done aside, keys
/// that are in memory take a third longer.
async fn get_many(mut call: Call) -> Answer {
    let input: <GetKeys as crate::system::Operation>::Input = call.read_input(NOT_RENAMED).await?;
    let is_quick = input.version.is_none() && call.system().store().is_idle(&input.store);
    if is_quick {
        return Ok(answer::json(StatusCode::OK, &call.system().run::<GetKeys>(&call.context, input)?));
    }
    call.run_aside(move |system, context| Ok(answer::json(StatusCode::OK, &system.run::<GetKeys>(context, input)?))).await
}

/// A key and its new value.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    /// The store.
    store: String,
    /// The key.
    key: String,
    /// Its new value.
    value: String,
    /// How key and value are written.
    #[serde(default)]
    encoding: Encoding,
}

/// A key.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeyOnly {
    /// The store.
    store: String,
    /// The key.
    key: String,
    /// How the key is written.
    #[serde(default)]
    encoding: Encoding,
}

async fn put(mut call: Call) -> Answer {
    let KeyValue { store, key, value, encoding } = call.read_input(NOT_RENAMED).await?;
    check(encoding, "key", &key)?;
    check(encoding, "value", &value)?;
    apply(call, BatchOperation::Set { store, key, value }, encoding).await
}

async fn remove(mut call: Call) -> Answer {
    let KeyOnly { store, key, encoding } = call.read_input(NOT_RENAMED).await?;
    check(encoding, "key", &key)?;
    apply(call, BatchOperation::Delete { store, key }, encoding).await
}

/// Says what is wrong where it is in the request, not where it would be in the batch that is made of it.
fn check(encoding: Encoding, field: &str, text: &str) -> Result<(), OperationError> {
    encoding.read(field, text).map(|_| ())
}

async fn apply(call: Call, operation: BatchOperation, encoding: Encoding) -> Answer {
    let batch = Batch { operations: vec![operation], encoding };
    call.run_aside(move |system, context| Ok(answer::json(StatusCode::OK, &system.run::<ApplyBatch>(context, batch)?))).await
}
