//! One version, by its number or as the newest.

use axum::http::{Method, StatusCode};

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::failure::Failure;
use super::super::route::{About, Route};
use crate::system::OperationError;
use crate::system::operations::{GetVersion, VersionOrNewest};

pub(in crate::server) fn route() -> Route {
    Route::new(Method::GET, "/v1/versions/{version}", About::operation::<GetVersion>(), get)
}

async fn get(call: Call) -> Answer {
    let input = VersionOrNewest { version: number(call.place("version").unwrap_or_default())? };
    call.run_aside(move |system, context| Ok(answer::json(StatusCode::OK, &system.run::<GetVersion>(context, input)?))).await
}

fn number(word: &str) -> Result<Option<u64>, Failure> {
    if word == "latest" {
        return Ok(None);
    }
    let wrong = |_| OperationError::invalid_input("version", format!("{word:?} is not a version: give its number, or `latest`"));
    Ok(Some(word.parse().map_err(wrong)?))
}
