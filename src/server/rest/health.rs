//! Whether the server lives, whether it can work, and its numbers.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::metrics;
use super::super::route::{About, Route};
use crate::system::{Access, OperationError, Role};

pub(in crate::server) fn routes() -> Vec<Route> {
    let json = "application/json";
    vec![
        Route::new(Method::GET, "/healthz", About::other("Says that the server lives.", json), alive).for_everyone(),
        Route::new(Method::GET, "/readyz", About::other("Says whether requests can be worked on.", json), ready).for_everyone(),
        Route::new(
            Method::GET,
            "/metrics",
            About::other("Numbers for monitoring, in the form of OpenMetrics.", metrics::CONTENT_TYPE),
            numbers,
        ),
    ]
}

async fn alive(_: Call) -> Answer {
    Ok(answer::json(StatusCode::OK, &json!({ "status": "ok" })))
}

async fn ready(call: Call) -> Answer {
    if call.shared.is_stopping() {
        return Err(OperationError::service_stopped().into());
    }
    call.run_aside(|system, _| {
        // After closing there is none. Nobody waits for whoever is saving.
        let version = system.store().current_version().map_err(OperationError::from)?;
        Ok(answer::json(StatusCode::OK, &json!({ "status": "ready", "version": version })))
    })
    .await
}

async fn numbers(call: Call) -> Answer {
    if !call.system().configuration().features.is_on("metrics") {
        return Err(OperationError::feature_off("metrics", "metrics").into());
    }
    let metrics = Arc::clone(&call.shared.metrics);
    call.run_aside(move |system, context| {
        Access::granted(Role::Read).check(&context.principal)?;
        let text = metrics.text(system).map_err(|error| OperationError::internal(format!("the numbers cannot be written: {error}")))?;
        Ok(answer::of_bytes(StatusCode::OK, metrics::CONTENT_TYPE, text))
    })
    .await
}
