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
/// How long connections that are being made may take to be made when the server stops and nobody else is let in.
const HANDSHAKES: Duration = Duration::from_millis(200);
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
    let stopped = async move { drop(stopping.wait_for(|is_stopping| *is_stopping).await) };
    accept_until(stopped, &listener, &serving, &connections, most).await;
    match let_nobody_in(&listener) {
        Ok(()) => accept_until(tokio::time::sleep(HANDSHAKES), &listener, &serving, &connections, most).await,
        Err(error) => tracing::debug!(%error, "whoever connects just now may be turned away after it"),
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

async fn accept_until(
    end: impl Future<Output = ()>,
    listener: &TcpListener,
    serving: &Serving,
    connections: &Arc<Connections>,
    most: usize,
) {
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            biased;
            () = end.as_mut() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => serve(stream, serving, connections, most),
            Err(error) => {
                // Mostly there are no file descriptors left; connections that end give some back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Has the system leave everyone unanswered who wants to connect. Else some would be connected, and send, between the last one that is
/// accepted and the end of listening, which resets them. So they try again a second later, and find nobody there, or another server.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn let_nobody_in(listener: &TcpListener) -> io::Result<()> {
    use socket2::SockFilter;

    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Where a segment has its flags.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    // A segment that only begins a connection is dropped. Sockets that are accepted have the filter, too, and never get such segments.
    let program = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    socket2::SockRef::from(listener).attach_filter(&program)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn let_nobody_in(_: &TcpListener) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
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
