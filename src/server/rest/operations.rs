//! Operations by their names.

use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::failure::Failure;
use super::super::route::{About, JSON, NOT_RENAMED, Route};
use crate::system::ComponentKind;
use crate::system::operations::{ComponentQuery, ListComponents};

/// Which operations to list.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only those whose ids match, such as `store.*`.
    #[serde(default)]
    pattern: Option<String>,
}

pub(in crate::server) fn list() -> Route {
    let about = About {
        summary: "Lists operations, with the JSON schemas of what they take and give.",
        input: Some(schema_for!(Wanted)),
        ..About::operation::<ListComponents>()
    };
    Route::new(Method::GET, "/v1/operations", about, |mut call| async move {
        let Wanted { pattern } = call.read_input(NOT_RENAMED).await?;
        let query = ComponentQuery { kind: Some(ComponentKind::Operation), pattern };
        call.run_aside(move |system, context| Ok(answer::json(StatusCode::OK, &system.run::<ListComponents>(context, query)?))).await
    })
}

pub(in crate::server) fn execute() -> Route {
    let summary = "Runs an operation: the body is its input, the answer its output, as its schemas say.";
    let about = About { input: Some(schema_for!(Map<String, Value>)), ..About::other(summary, JSON) };
    Route::new(Method::POST, "/v1/operations/{id}", about, run)
}

async fn run(mut call: Call) -> Answer {
    let body = call.read_body().await?;
    call.check_is_json(&body)?;
    let id = call.place("id").unwrap_or_default().to_owned();
    call.run_aside(move |system, context| {
        let input = match body.len() {
            0 => Value::Object(Map::new()),
            _ => serde_json::from_slice(&body).map_err(|error| Failure::malformed_json(&error))?,
        };
        Ok(answer::json(StatusCode::OK, &system.execute_operation(context, &id, input)?))
    })
    .await
}
