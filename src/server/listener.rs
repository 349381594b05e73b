//! Accepting connections.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::connection::Serving;
use super::connections::Connections;
use super::error::ServerError;

/// How long accepting rests when the system has no room for another connection.
const REST: Duration = Duration::from_millis(100);
/// So many connections can wait to be accepted; the system may allow fewer. Those beyond try again only after a second.
const BACKLOG: i32 = 4096;
/// What a connection is told for which there is no room.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 155\r\n\r\n{\"error\":{\"code\":\"too_many_connections\",\"message\":\"the server holds as many connections as it may; try again in a second\",\"details\":{},\"request_id\":\"\"}}  \n";

/// Listens, at once: who connects from now on waits for the server to be started.
pub(super) fn bind(address: SocketAddr) -> Result<std::net::TcpListener, ServerError> {
    let listen = |source: io::Error| match source.kind() {
        ErrorKind::AddrInUse => ServerError::AddressInUse { address },
        _ => ServerError::Listen { address, source },
    };
    open(address).map_err(listen)
}

fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A server that starts again must not wait for what is left of connections before.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts connections until the server is to stop, and then those that have come before.
pub(super) async fn accept(listener: TcpListener, serving: Serving, connections: Arc<Connections>, most: usize) {
    let mut stopping: watch::Receiver<bool> = serving.stopping.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => serve(stream, &serving, &connections, most),
            Err(error) => {
                // Mostly there are no file descriptors left; connections that end give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, _)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            serve(stream, &serving, &connections, most);
        }
    }
}

fn serve(stream: TcpStream, serving: &Serving, connections: &Arc<Connections>, most: usize) {
    let Some(place) = connections.enter(most) else {
        if serving.tls.is_none() {
            tokio::spawn(refuse(stream));
        }
        return;
    };
    let (id, notes) = (place.id(), Arc::clone(&place.notes));
    let task = tokio::spawn(serving.clone().serve(stream, place));
    connections.watch(id, notes, task.abort_handle());
}

/// Tells who connects that there is no room. What fits the system's buffer needs no waiting.
async fn refuse(mut stream: TcpStream) {
    let told = async {
        let _ = stream.write_all(FULL).await;
        let _ = stream.shutdown().await;
        // Closed with unread bytes, the answer might be lost on its way.
        let mut rest = [0; 4096];
        while matches!(tokio::io::AsyncReadExt::read(&mut stream, &mut rest).await, Ok(1..)) {}
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
}
