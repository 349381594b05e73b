//! What a client is told when a request fails: one form for everything.

use axum::body::Body;
use axum::http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer;
use crate::system::{ErrorKind, OperationError};

/// Why a request fails. As JSON `{"error":{"code":..,"message":..,"details":{..},"request_id":..}}`.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Value,
    /// In a box, so that a failure stays small to pass on.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    message: &'a str,
    details: &'a Value,
    request_id: &'a str,
}

impl Failure {
    /// A failure without details.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Value::Object(Map::new()), header: None }
    }

    /// The same with details.
    pub(super) fn with_details(self, details: Value) -> Self {
        Self { details, ..self }
    }

    fn with_header(self, name: HeaderName, value: &'static str) -> Self {
        Self { header: Some(Box::new((name, HeaderValue::from_static(value)))), ..self }
    }

    /// The same, after which the connection is closed: what is left of the request will not be read.
    fn closing(self) -> Self {
        self.with_header(CONNECTION, "close")
    }

    /// Nothing is there.
    pub(super) fn no_route(path: &str) -> Self {
        let message = format!("there is nothing at {path:?}; /v1/openapi.json lists what there is");
        Self::new(StatusCode::NOT_FOUND, "no_route", message).with_details(json!({ "path": path }))
    }

    /// Something is there, but not for this method. Who routes adds which are.
    pub(super) fn no_method(method: &str, path: &str, allowed: &str) -> Self {
        let message = format!("{path:?} does not take {method}; it takes {allowed}");
        let failure = Self::new(StatusCode::METHOD_NOT_ALLOWED, "no_method", message).with_details(json!({ "allowed": allowed }));
        Self { header: HeaderValue::from_str(allowed).ok().map(|allowed| Box::new((ALLOW, allowed))), ..failure }
    }

    /// The path is not text.
    pub(super) fn bad_path() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_path", "the path is not UTF-8 after decoding its %-sequences; give keys in hex")
    }

    /// Who calls is not known.
    pub(super) fn unauthenticated() -> Self {
        let message = "a token is needed; give one as `Authorization: Bearer TOKEN`";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).with_header(WWW_AUTHENTICATE, "Bearer")
    }

    /// A page of somebody else asks through a browser.
    pub(super) fn foreign_page(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign_page", message)
    }

    /// More is being worked on than is allowed.
    pub(super) fn busy() -> Self {
        let message = "the server works on as many requests as it may; try again in a second";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).with_header(RETRY_AFTER, "1")
    }

    /// The body is larger than is taken.
    pub(super) fn body_too_large(limit: usize) -> Self {
        let message = format!("the body is larger than {limit} bytes; send less at once, or raise `body_limit` in [http]");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message).with_details(json!({ "limit": limit })).closing()
    }

    /// The body did not come in time.
    pub(super) fn body_too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time; send it faster, or less of it")
            .closing()
    }

    /// The body broke off.
    pub(super) fn body_broken() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "body_broken", "the body could not be read to its end").closing()
    }

    /// The body is not JSON.
    pub(super) fn malformed_json(error: &serde_json::Error) -> Self {
        let message = format!("the body is not JSON: {error}");
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", message)
            .with_details(json!({ "line": error.line(), "column": error.column() }))
    }

    /// The body is said to be something else than JSON.
    pub(super) fn not_json(found: &str) -> Self {
        let message = format!("the body is said to be {found:?}; send JSON, with `Content-Type: application/json`");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", message)
    }

    /// The name of the failure.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// The sentence.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// As an answer.
    pub(super) fn into_response(self, request_id: &str) -> Response<Body> {
        let told = Told { code: self.code, message: &self.message, details: &self.details, request_id };
        let mut response = answer::json(self.status, &Envelope { error: told });
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        let status = match error.kind {
            ErrorKind::BadInput => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            // What is missing is nothing for who may not.
            ErrorKind::Denied => return Self::new(StatusCode::FORBIDDEN, "denied", "the token does not allow this"),
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let details = if error.details.is_null() { Value::Object(Map::new()) } else { error.details };
        Self::new(status, error.code, error.message).with_details(details)
    }
}
