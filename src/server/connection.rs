//! One connection: the requests that come over it, and how it ends.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connections::{Notes, Place};
use super::watched::Watched;

/// How long agreeing on TLS may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection on which nothing is asked stays open when the server stops: a request that is on its way then is still answered.
const LAST_CALL: Duration = Duration::from_millis(300);
/// How long a client may take to end its side of a connection after the last answer.
const FAREWELL: Duration = Duration::from_millis(500);
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
        let stream = Arc::new(stream);
        let watched = Watched::new(Arc::clone(&stream), Arc::clone(&place.notes));
        let Self { router, tls, stopping } = self;
        let end = match tls {
            None => run(router, watched, &place, stopping).await,
            Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(watched)).await {
                Ok(Ok(watched)) => run(router, watched, &place, stopping).await,
                Ok(Err(error)) => return tracing::debug!(%error, "a client did not agree on TLS"),
                Err(_) => return tracing::debug!("a client did not agree on TLS in time"),
            },
        };
        if end == End::Answered {
            let _ = tokio::time::timeout(FAREWELL, read_to_end(&stream)).await;
        }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Nothing was under way.
    Idle,
    /// Perhaps after an answer that the client has not read yet.
    Answered,
}

/// Reads what still comes, until the client ends its side. A connection that is closed before is reset, and with it what the client has not
/// read yet: it would not know the answers to requests that were done.
async fn read_to_end(stream: &TcpStream) {
    let mut rest = [0; 4096];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut rest) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}

async fn run(router: Router, stream: impl AsyncRead + AsyncWrite + Unpin, place: &Place, mut stopping: watch::Receiver<bool>) -> End {
    let notes = Arc::clone(&place.notes);
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), Arc::clone(&notes), request));
    let mut http = http1::Builder::new();
    // Who closes its side does not wait for the answer any more. At most 100 headers are taken, which is the default: to set it costs a
    // twentieth of a request. How long heads take is watched by our own notes, which cost no timers.
    http.max_buf_size(MOST_HEAD_BYTES).max_header_size(MOST_HEAD_BYTES).header_read_timeout(None);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let (ended, end) = tokio::select! {
        biased;
        ended = connection.as_mut() => (ended, End::Answered),
        () = last_call(&mut stopping) => {
            let end = if place.notes.is_idle() { End::Idle } else { End::Answered };
            connection.as_mut().graceful_shutdown();
            (connection.await, end)
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
    end
}

/// Ends some time after the server was told to stop.
async fn last_call(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    tokio::time::sleep(LAST_CALL).await;
}

async fn answer(router: Router, notes: Arc<Notes>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    notes.begun();
    let response = tower_service::Service::call(&mut { router }, request).await?;
    notes.answered(http_body::Body::size_hint(response.body()).exact().is_some());
    Ok(response)
}
