//! One request, as those who answer it see it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::RawPathParams;
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use super::failure::Failure;
use super::input::Fields;
use super::shared::Shared;
use crate::system::{CancelToken, OperationContext, OperationError, SystemHandle};

/// How much longer than its deadline an operation is waited for: it mostly sees by itself that the time is over, and says it better.
const GRACE: Duration = Duration::from_millis(500);

/// Does what waits for storage: other requests go on meanwhile, be it on a thread of the runtime or on one for work aside.
pub(super) fn wait(work: &mut dyn FnMut()) {
    tokio::task::block_in_place(work);
}

/// An answer, or why there is none.
pub(super) type Answer = Result<Response<Body>, Failure>;

/// A request that was let in.
pub(super) struct Call {
    pub(super) shared: Arc<Shared>,
    /// Who calls, until when, and under which name.
    pub(super) context: OperationContext,
    pub(super) parts: Parts,
    /// What the path's places hold, decoded.
    pub(super) places: RawPathParams,
    pub(super) body: Body,
    /// The right to be worked on. Who goes on working after the answer keeps it.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// Cancels when it is dropped: when nobody waits for the answer any more.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Call {
    /// What is at a place of the path.
    pub(super) fn place(&self, name: &str) -> Option<&str> {
        self.places.iter().find(|(place, _)| *place == name).map(|(_, text)| text)
    }

    /// The system.
    pub(super) fn system(&self) -> &SystemHandle {
        &self.shared.system
    }

    /// Reads the whole body, within the limits on its size and time.
    pub(super) async fn read_body(&mut self) -> Result<Bytes, Failure> {
        let body = std::mem::take(&mut self.body);
        if http_body::Body::is_end_stream(&body) {
            return Ok(Bytes::new());
        }
        let limit = self.shared.body_limit;
        if http_body::Body::size_hint(&body).lower() > limit as u64 {
            return Err(Failure::body_too_large(limit));
        }
        let collected = tokio::time::timeout(self.shared.request_timeout, Limited::new(body, limit).collect()).await;
        match collected.map_err(|_| Failure::body_too_slow())? {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Failure::body_too_large(limit)),
            Err(_) => Err(Failure::body_broken()),
        }
    }

    /// The input of an operation, from the path, the query and the body; `renamed` gives a place of the path another field's name.
    pub(super) async fn read_input<T: DeserializeOwned>(&mut self, renamed: Renamed) -> Result<T, Failure> {
        let body = self.read_body().await?;
        self.check_is_json(&body)?;
        let mut fields = Fields::default();
        for (place, text) in &self.places {
            let name = if place == renamed.0 { renamed.1 } else { place };
            fields.push(name, text);
        }
        fields.push_query(self.parts.uri.query().unwrap_or_default())?;
        fields.read(&body)
    }

    /// A body that a page of somebody else made the browser send is never said to be JSON, unless that page was allowed to ask.
    pub(super) fn check_is_json(&self, body: &Bytes) -> Result<(), Failure> {
        if body.is_empty() {
            return Ok(());
        }
        let said = self.parts.headers.get(CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default();
        let kind = said.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Failure::not_json(said)) }
    }

    /// Does something that may take long on a thread for that. Until it is done it keeps the request's permit, even when nobody waits any
    /// more; it is cancelled then.
    pub(super) async fn run_aside<T: Send + 'static>(
        self,
        work: impl FnOnce(&SystemHandle, &OperationContext) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let Self { shared, context, permit, .. } = self;
        let _guard = CancelOnDrop(context.cancelled.clone());
        let timeout = shared.request_timeout + GRACE;
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&shared.system, &context)
        });
        match tokio::time::timeout(timeout, task).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(OperationError::internal("the request failed unexpectedly; please report it, with the log around it").into()),
            Err(_) => Err(OperationError::deadline_exceeded().into()),
        }
    }
}

/// A place of the path and the name of the field that it is.
pub(super) type Renamed = (&'static str, &'static str);
