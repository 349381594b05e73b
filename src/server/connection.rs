//! One connection: its stream, watched, and the requests that come over it.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connections::{Notes, Place};

/// How long agreeing on TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection on which nothing is asked stays open when the server stops: a request that is on its way then is still answered.
const LAST_CALL: Duration = Duration::from_millis(300);
/// The most bytes of a request's head.
const MOST_HEAD_BYTES: usize = 64 << 10;

/// What connections are served with.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) stopping: watch::Receiver<bool>,
}

impl Serving {
    /// Serves a connection to its end.
    pub(super) async fn serve(self, stream: TcpStream, place: Place) {
        // Answers are written whole, so waiting for more to send with them only costs time.
        let _ = stream.set_nodelay(true);
        let stream = Watched { stream, notes: Arc::clone(&place.notes) };
        let Self { router, tls, stopping } = self;
        let Some(tls) = tls else { return run(router, stream, &place, stopping).await };
        match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => run(router, stream, &place, stopping).await,
            Ok(Err(error)) => tracing::debug!(%error, "a client did not agree on TLS"),
            Err(_) => tracing::debug!("a client did not agree on TLS in time"),
        }
    }
}

async fn run(router: Router, stream: impl AsyncRead + AsyncWrite + Unpin, place: &Place, mut stopping: watch::Receiver<bool>) {
    let notes = Arc::clone(&place.notes);
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), Arc::clone(&notes), request));
    let mut http = http1::Builder::new();
    // Who closes its side does not wait for the answer any more. At most 100 headers are taken, which is the default: to set it costs a
    // twentieth of a request. How long heads take is watched by our own notes, which cost no timers.
    http.pipeline_flush(true).max_buf_size(MOST_HEAD_BYTES).max_header_size(MOST_HEAD_BYTES).header_read_timeout(None);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = last_call(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Ends some time after the server was told to stop.
async fn last_call(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    tokio::time::sleep(LAST_CALL).await;
}

async fn answer(router: Router, notes: Arc<Notes>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    notes.begun();
    let response = tower_service::Service::call(&mut { router }, request).await;
    notes.answered();
    response
}

/// A stream that notes what goes in and out.
struct Watched {
    stream: TcpStream,
    notes: Arc<Notes>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.notes.received();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.notes.sent(polled.is_ready());
        polled
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffers: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.notes.sent(polled.is_ready());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
