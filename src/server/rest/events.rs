//! Events as they happen (server-sent events).
//!
//! Whoever reads too slowly misses events and is told how many; nobody else waits.

use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use http_body::Frame;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Sleep};

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::failure::Failure;
use super::super::route::{About, NOT_RENAMED, Route};
use crate::event::{Pattern, Published, Subscription};
use crate::system::{Access, OperationError, Role};

/// So many events wait for a reader.
const ROOM: usize = 1024;
/// Events that wait are sent in pieces of about so many bytes.
const PIECE_BYTES: usize = 16 << 10;
/// How often something is sent when nothing happens, so that who is in between does not take the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Which events to give.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only topics that match, such as `multistore.**`; all if it is left out.
    #[serde(default)]
    pattern: Option<String>,
}

pub(in crate::server) fn route() -> Route {
    let summary = "Gives events as they happen, as server-sent events. Who reads too slowly gets an event `missed`.";
    let about = About { input: Some(schema_for!(Wanted)), ..About::other(summary, "text/event-stream") };
    Route::new(Method::GET, "/v1/events", about, open)
}

async fn open(mut call: Call) -> Answer {
    let wanted: Wanted = call.read_input(NOT_RENAMED).await?;
    // Events tell of all stores, and of who did what.
    Access::all(Role::Read).check(&call.context.principal)?;
    let pattern = wanted.pattern.as_deref().unwrap_or("**");
    let pattern: Pattern = pattern.parse().map_err(|error| OperationError::invalid_input("pattern", error))?;
    let slot = Arc::clone(&call.shared.streams).try_acquire_owned().map_err(|_| Failure::busy())?;
    let subscription = call.system().events().subscribe(pattern, ROOM);
    let stream = EventStream {
        subscription,
        missed: 0,
        is_begun: false,
        heartbeat: Box::pin(tokio::time::sleep(HEARTBEAT)),
        stopping: Box::pin(stopped(call.shared.stopping.clone())),
        _slot: slot,
    };
    Ok(answer::of_bytes(StatusCode::OK, "text/event-stream", Body::new(stream)))
}

/// Ends when the server is to stop.
async fn stopped(mut stopping: watch::Receiver<bool>) {
    // The sender goes when the server has stopped.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}

/// A body of events.
struct EventStream {
    subscription: Subscription,
    /// How many missed events the reader was told of.
    missed: u64,
    is_begun: bool,
    heartbeat: Pin<Box<Sleep>>,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The right to be read beside others.
    _slot: OwnedSemaphorePermit,
}

impl EventStream {
    /// What waits, if anything does; `None` at the end. Registers to be woken.
    fn take(&mut self, context: &mut Context<'_>) -> Option<String> {
        let mut text = String::new();
        if !std::mem::replace(&mut self.is_begun, true) {
            // Says at once that it is open, and how long to wait before asking again when it breaks.
            text.push_str("retry: 2000\n\n");
        }
        let missed = self.subscription.missed();
        if missed > self.missed {
            let _ = write!(text, "event: missed\ndata: {{\"count\":{}}}\n\n", missed - self.missed);
            self.missed = missed;
        }
        while text.len() < PIECE_BYTES {
            match self.subscription.poll_recv(context) {
                Poll::Ready(Some(published)) => write_event(&mut text, &published),
                Poll::Ready(None) if text.is_empty() => return None,
                _ => break,
            }
        }
        Some(text)
    }
}

fn write_event(text: &mut String, Published { sequence, event }: &Published) {
    // Events are plain data, which can always be written.
    if let Ok(json) = serde_json::to_string(&**event) {
        let _ = write!(text, "id: {sequence}\nevent: {}\ndata: {json}\n\n", event.topic());
    }
}

impl http_body::Body for EventStream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.stopping.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let Some(mut text) = self.take(context) else { return Poll::Ready(None) };
        if text.is_empty() {
            if self.heartbeat.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            text.push_str(":\n\n");
        }
        self.heartbeat.as_mut().reset(Instant::now() + HEARTBEAT);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(text)))))
    }
}
