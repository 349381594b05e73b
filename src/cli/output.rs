//! Where results go: standard output, as text for people or as one JSON object a line.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use super::error::CliError;

/// The form of what is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Standard output, buffered: a scan of a million keys must not be a million system calls.
pub(crate) struct Output {
    form: Form,
    out: BufWriter<Stdout>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let form = if json { Form::Json } else { Form::Text };
        Self { form, out: BufWriter::new(io::stdout()) }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Prints one record on a line of its own. JSON takes its fields, people see its `Display`.
    pub(crate) fn print(&mut self, record: &(impl Serialize + Display)) -> Result<(), CliError> {
        match self.form {
            Form::Json => self.json(record),
            Form::Text => Ok(writeln!(self.out, "{record}")?),
        }
    }

    /// Prints one record as JSON on a line of its own.
    pub(crate) fn json(&mut self, record: &impl Serialize) -> Result<(), CliError> {
        serde_json::to_writer(&mut self.out, record).map_err(io::Error::from)?;
        Ok(self.out.write_all(b"\n")?)
    }

    /// Prints text for people as it is.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), CliError> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// Whether whoever read the output has gone away: that is known of a pipe, also when there is nothing to write.
    #[cfg(unix)]
    pub(crate) fn is_unread(&self) -> bool {
        let mut events = [rustix::event::PollFd::new(self.out.get_ref(), rustix::event::PollFlags::empty())];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let is_asked = rustix::event::poll(&mut events, Some(&now)).is_ok();
        let gone = rustix::event::PollFlags::ERR | rustix::event::PollFlags::NVAL;
        is_asked && events.iter().any(|event| event.revents().intersects(gone))
    }

    /// Elsewhere it is found out with the next line.
    #[cfg(not(unix))]
    pub(crate) fn is_unread(&self) -> bool {
        false
    }

    /// Hands everything printed so far to whoever reads it.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.out.flush()?)
    }
}

/// Tells something beside the result, on standard error, so that it never gets into what a script reads.
pub(crate) fn note(text: &str) {
    // Standard error may be closed; then there is nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}
