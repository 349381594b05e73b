//! Answers that went well.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

/// Bytes for an answer of usual size, so that it is written without growing.
const USUAL_BYTES: usize = 256;

/// An answer in JSON. Numbers, texts and maps with text keys can always be written; should one not be, the answer says so.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    match serde_json::to_writer(&mut bytes, value) {
        Ok(()) => of_bytes(status, "application/json", bytes),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            let text = r#"{"error":{"code":"internal","message":"the answer cannot be written as JSON","details":{},"request_id":""}}"#;
            of_bytes(StatusCode::INTERNAL_SERVER_ERROR, "application/json", text)
        }
    }
}

/// An answer of some type. Nothing that is said about changing data is to be kept by anybody on the way.
pub(super) fn of_bytes(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
