//! Runs `treering serve` as a process, and asks it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command};
use std::time::Duration;

use serde_json::Value;

use crate::run::{Forest, Ran, command};

/// Nothing in these tests takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that runs. It is killed when it is dropped, which a test that fails does.
pub(crate) struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    log: PathBuf,
    /// What it printed when it served.
    pub(crate) first: String,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Serves the database of `forest` on a port that the system chooses.
    pub(crate) fn of(forest: &Forest) -> Self {
        Self::start(forest, command().arg("serve").arg(forest.dir()).args(["--address", "127.0.0.1:0"]))
    }

    /// Runs a command that serves, and waits until it does.
    pub(crate) fn start(forest: &Forest, command: &mut Command) -> Self {
        let log = forest.beside("server.log");
        let mut child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        let words = || first.trim_end().rsplit("://").next().unwrap().split(';').next().unwrap();
        let of_json = || serde_json::from_str::<Value>(&first).ok().and_then(|object| Some(object.get("address")?.as_str()?.to_owned()));
        let told = of_json().unwrap_or_else(|| words().to_owned());
        let address = told.parse().unwrap_or_else(|_| panic!("{first:?}, {}", std::fs::read_to_string(&log).unwrap()));
        Self { child, out, log, first, address }
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.ask_with("", method, path, body)
    }

    /// The status and the JSON of an answer, to a request with further header lines.
    pub(crate) fn ask_with(&self, headers: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, self.address.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
    }

    /// Asks for something that must succeed.
    #[track_caller]
    pub(crate) fn done(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Sends it a signal, and waits until it has ended. What it printed after its first line, and what it logged.
    #[cfg(unix)]
    pub(crate) fn end(mut self, signal: rustix::process::Signal) -> Ran {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
        let mut out = String::new();
        self.out.read_to_string(&mut out).unwrap();
        let code = self.child.wait().unwrap().code();
        Ran { code, out, err: self.log() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
