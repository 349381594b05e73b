//! What every request goes through.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::header::{AUTHORIZATION, CONNECTION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::browser;
use super::call::{self, Answer, Call};
use super::failure::Failure;
use super::metrics::RouteMetrics;
use super::route::{Admission, Route};
use super::shared::Shared;
use crate::system::{CancelToken, OperationContext, Principal, new_trace_id};

/// The header that names a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest name that a request can be given.
const MOST_ID_BYTES: usize = 64;

/// A route with what is counted of it.
pub(super) struct Served {
    pub(super) shared: Arc<Shared>,
    pub(super) route: Route,
    pub(super) metrics: RouteMetrics,
}

impl Served {
    /// Answers a request.
    pub(super) async fn serve(self: Arc<Self>, places: Result<RawPathParams, RawPathParamsRejection>, request: Request) -> Response<Body> {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let id = request_id(&parts.headers);
        let origin = browser::origin_to_allow(&self.shared, &parts);
        let answer = self.attempt(&id, places, parts, body).await;
        let mut response = finish(&self.shared, &id, answer, &self.metrics.route);
        if let Some(origin) = origin {
            browser::allow(response.headers_mut(), origin);
        }
        self.metrics.answered(response.status(), begun.elapsed());
        response
    }

    async fn attempt(&self, id: &str, places: Result<RawPathParams, RawPathParamsRejection>, parts: Parts, body: Body) -> Answer {
        let shared = Arc::clone(&self.shared);
        let principal = match self.route.admission {
            Admission::Everyone => Principal::anyone(),
            Admission::Known => admit(&shared, &parts)?,
        };
        let places = places.map_err(|_| Failure::bad_path())?;
        let permit = match self.route.admission {
            Admission::Everyone => None,
            Admission::Known => Some(Arc::clone(&shared.permits).try_acquire_owned().map_err(|_| Failure::busy())?),
        };
        let context = context(principal, id, &shared);
        (self.route.handler)(Call { shared, context, parts, places, body, permit }).await
    }
}

/// The call that a request makes.
fn context(principal: Principal, id: &str, shared: &Shared) -> OperationContext {
    let deadline = Instant::now().checked_add(shared.request_timeout);
    OperationContext { principal, deadline, cancelled: CancelToken::new(), trace_id: id.to_owned(), waiting: call::wait }
}

/// Lets in who may ask at all.
pub(super) fn admit(shared: &Shared, parts: &Parts) -> Result<Principal, Failure> {
    browser::check(shared, parts)?;
    shared.authenticator.authenticate(bearer(&parts.headers)).ok_or_else(Failure::unauthenticated)
}

/// The token that the request shows.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The name of a request: the one that it comes with, if that can stand in logs and headers, or a new one.
pub(super) fn request_id(headers: &HeaderMap) -> String {
    let is_sane = |id: &&str| {
        (1..=MOST_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(is_sane);
    given.map_or_else(new_trace_id, str::to_owned)
}

/// The answer with what all answers have.
pub(super) fn finish(shared: &Shared, id: &str, answer: Answer, route: &str) -> Response<Body> {
    let mut response = answer.unwrap_or_else(|failure| {
        shared.metrics.failed(failure.code());
        tracing::debug!(request_id = id, route, code = failure.code(), message = failure.message(), "a request failed");
        failure.into_response(id)
    });
    if response.status().is_server_error() {
        tracing::warn!(request_id = id, route, status = response.status().as_u16(), "a request was answered with an error of the server");
    }
    let headers = response.headers_mut();
    // It was made of, or checked to be, characters of headers.
    headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("")));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    if shared.is_stopping() {
        // Whoever asks on gets another server, or none, but no connection that breaks under the next request.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
