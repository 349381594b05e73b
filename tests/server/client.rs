//! A plain client: what is sent is seen, and so is what comes back.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// The name that requests are given, so that whole answers can be compared.
pub(crate) const ID: &str = "a-test";
/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status and the code of the error.
    pub(crate) fn failure(&self) -> (u16, String) {
        (self.status, self.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// A connection that stays open.
pub(crate) struct Connection<S> {
    pub(crate) stream: BufReader<S>,
}

impl Connection<TcpStream> {
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::try_open(address).unwrap()
    }

    pub(crate) fn try_open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn of(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// The next answer; `None` when the connection ended before it.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let (status, headers) = self.head()?;
        let mut body = Vec::new();
        if headers.get("transfer-encoding").map(String::as_str) == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
        } else {
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            body.resize(length, 0);
            self.stream.read_exact(&mut body).ok()?;
        }
        Some(Answer { status, headers, body })
    }

    /// The status and the headers of the next answer.
    pub(crate) fn head(&mut self) -> Option<(u16, BTreeMap<String, String>)> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {line:?}"));
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { return Some((status, headers)) };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
    }

    /// The next piece of a body that comes in pieces; `None` at its end. A body that breaks off is told by panicking.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap_or_else(|_| panic!("the body broke off: {line:?}"));
        let mut chunk = vec![0; length + 2];
        self.stream.read_exact(&mut chunk).unwrap();
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }
}

/// What a request looks like on the wire.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: Option<&str>) -> String {
    let kind = if body.is_some() { "content-type: application/json\r\n" } else { "" };
    let body = body.unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-request-id: {ID}\r\n{headers}{kind}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Asks once.
pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, body: Option<&str>) -> Answer {
    ask_with(address, method, path, "", body)
}

/// Asks once, with further headers.
pub(crate) fn ask_with(address: SocketAddr, method: &str, path: &str, headers: &str, body: Option<&str>) -> Answer {
    let mut connection = Connection::open(address);
    // The server may answer and close before all was sent.
    let _ = connection.send(request(method, path, headers, body));
    connection.answer().unwrap_or_else(|| panic!("{method} {path}: no answer"))
}
