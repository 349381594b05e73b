//! A range of keys: a page of it, or all of it, one key a line, as it is read.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::ACCEPT;
use axum::http::{Method, StatusCode};
use http_body::Frame;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::failure::Failure;
use super::super::route::{About, NOT_RENAMED, Route};
use crate::system::operations::{Item, ScanRange, ScanStore, scan_each};
use crate::system::{OperationContext, SystemHandle};

/// The type of lines of JSON.
const NDJSON: &str = "application/x-ndjson";
/// Lines are sent in pieces of about so many bytes.
const PIECE_BYTES: usize = 64 << 10;
/// So many pieces wait at most for who reads slowly; then reading the keys waits.
const PIECES: usize = 2;

/// What lines are sent through. A reader that broke off ends it with an error, so that it does not look whole.
type Pieces = Result<Bytes, std::io::Error>;

pub(in crate::server) fn route() -> Route {
    let summary = "Gives a page of a range of keys; with `Accept: application/x-ndjson` all of the range, one key a line, as it is read.";
    let about = About { summary, also: Some(NDJSON), ..About::operation::<ScanStore>() };
    Route::new(Method::GET, "/v1/stores/{store}/keys", about, scan)
}

async fn scan(mut call: Call) -> Answer {
    let input: ScanRange = call.read_input(NOT_RENAMED).await?;
    let accepts = call.parts.headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    if !accepts.into_iter().any(|accept| accept.contains(NDJSON)) {
        return call.run_aside(move |system, context| Ok(answer::json(StatusCode::OK, &system.run::<ScanStore>(context, input)?))).await;
    }
    stream(call, input).await
}

/// Streams a range. That it can be read, and may be, is asked by the operation itself, with a page of one key, so that who may not is told
/// so by the answer's status, and whoever watches operations sees it.
async fn stream(mut call: Call, input: ScanRange) -> Answer {
    let permit = call.permit.take();
    let (shared, mut context) = (std::sync::Arc::clone(&call.shared), call.context.clone());
    let first = ScanRange { limit: Some(1), ..input.clone() };
    call.run_aside(move |system, context| Ok(system.run::<ScanStore>(context, first)?)).await?;
    // As long as somebody reads it, it is not too late.
    (context.deadline, context.cancelled) = (None, crate::system::CancelToken::new());
    let (sender, receiver) = channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        send_all(&shared.system, &context, &input, &sender);
    });
    Ok(answer::of_bytes(StatusCode::OK, NDJSON, Body::new(Lines(receiver))))
}

fn send_all(system: &SystemHandle, context: &OperationContext, input: &ScanRange, sender: &Sender<Pieces>) {
    let mut piece = Vec::with_capacity(PIECE_BYTES + 1024);
    let scanned = scan_each(system, context, input, &mut |item: Item| {
        // Writing texts into memory cannot fail.
        let _ = serde_json::to_writer(&mut piece, &item);
        piece.push(b'\n');
        if piece.len() < PIECE_BYTES { ControlFlow::Continue(()) } else { send(sender, &mut piece) }
    });
    let _ = send(sender, &mut piece);
    if let Err(error) = scanned {
        let error = Failure::from(error);
        let line = json!({ "error": { "code": error.code(), "message": error.message(), "request_id": context.trace_id } });
        let _ = sender.blocking_send(Ok(Bytes::from(format!("{line}\n"))));
        let _ = sender.blocking_send(Err(std::io::Error::other(error.message().to_owned())));
    }
}

/// Sends a piece; waits for who reads it, and breaks off when nobody does any more.
fn send(sender: &Sender<Pieces>, piece: &mut Vec<u8>) -> ControlFlow<()> {
    if piece.is_empty() {
        return ControlFlow::Continue(());
    }
    let whole = std::mem::replace(piece, Vec::with_capacity(PIECE_BYTES + 1024));
    if sender.blocking_send(Ok(Bytes::from(whole))).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// A body of pieces as they come.
struct Lines(Receiver<Pieces>);

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
