//! A stream that notes what goes in and out, and sends the answers to requests that came together together.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connections::Notes;

/// As many bytes of answers are held back at most.
const MOST_HELD: usize = 64 << 10;

/// A stream that notes what goes in and out. Who serves the connection has the stream, too, to end it when this is gone.
///
/// Whole answers are held back until there is nothing to read: before that, hyper has not looked for further requests that came together with
/// those answered, and will yet. Whenever it has looked, it flushes. (Its own way of doing this, `pipeline_flush`, waits also where only a part
/// of a request has come, and at the end of a connection it drops answers if there is more to be read.)
pub(super) struct Watched {
    stream: Arc<TcpStream>,
    notes: Arc<Notes>,
    held: Vec<u8>,
    /// How much of what is held was sent already.
    sent: usize,
    /// Whether hyper will look for more to read: it found something when it looked last.
    is_more_expected: bool,
}

impl Watched {
    pub(super) fn new(stream: Arc<TcpStream>, notes: Arc<Notes>) -> Self {
        Self { stream, notes, held: Vec::new(), sent: 0, is_more_expected: false }
    }

    /// Sends what is held back.
    fn poll_send_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.held.get(self.sent..) {
            match ready!(send(&self.stream, &self.notes, context, |stream| stream.try_write(rest)))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        self.held.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Whether there is room to hold back so many bytes more.
    fn has_room(&self, bytes: usize) -> bool {
        self.held.len() + bytes <= MOST_HELD
    }
}

/// Writes as soon as there is room for something.
fn send(
    stream: &TcpStream,
    notes: &Notes,
    context: &mut Context<'_>,
    write: impl Fn(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    let written = loop {
        match stream.poll_write_ready(context) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
            Poll::Pending => break Poll::Pending,
        }
        match write(stream) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => break Poll::Ready(written),
        }
    };
    notes.sent(written.is_ready());
    written
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.is_more_expected = false;
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) => {
                    self.is_more_expected = true;
                    self.notes.received();
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.has_room(bytes.len()) {
            ready!(self.poll_send_held(context))?;
            return send(&self.stream, &self.notes, context, |stream| stream.try_write(bytes));
        }
        self.held.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, pieces: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let bytes = pieces.iter().map(|piece| piece.len()).sum();
        if !self.has_room(bytes) {
            ready!(self.poll_send_held(context))?;
            return send(&self.stream, &self.notes, context, |stream| stream.try_write_vectored(pieces));
        }
        pieces.iter().for_each(|piece| self.held.extend_from_slice(piece));
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_more_expected && self.notes.is_whole() { Poll::Ready(Ok(())) } else { self.poll_send_held(context) }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send_held(context))?;
        Poll::Ready(SockRef::from(&*self.stream).shutdown(Shutdown::Write))
    }
}
