//! One key: reading, setting and removing it.

use axum::http::{Method, StatusCode};
use serde::Deserialize;

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::route::{About, NOT_RENAMED, Route};
use crate::system::OperationError;
use crate::system::operations::{ApplyBatch, Batch, BatchOperation, Encoding, GetKey};

const PATH: &str = "/v1/stores/{store}/keys/{key}";

pub(in crate::server) fn routes() -> Vec<Route> {
    let set = About { summary: "Sets a key. It is saved with the next version.", ..About::operation::<ApplyBatch>() };
    let delete =
        About { summary: "Removes a key, which need not be there. It is saved with the next version.", ..About::operation::<ApplyBatch>() };
    vec![
        Route::new(Method::GET, PATH, About::operation::<GetKey>(), get),
        Route::new(Method::PUT, PATH, About { input: None, ..set }, put),
        Route::new(Method::DELETE, PATH, About { input: None, ..delete }, remove),
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyValue {
    store: String,
    key: String,
    value: String,
    #[serde(default)]
    encoding: Encoding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    store: String,
    key: String,
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
    let Key { store, key, encoding } = call.read_input(NOT_RENAMED).await?;
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
