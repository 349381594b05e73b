//! Files that commands read: by name, or `-` for standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use super::error::CliError;

/// A file, or standard input, opened for reading.
pub(crate) struct Input {
    /// As errors name it.
    name: String,
    reader: Box<dyn BufRead>,
    /// Bytes in it, where that is known.
    len: Option<u64>,
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        if path == Path::new("-") {
            return Ok(Self { name: "standard input".to_owned(), reader: Box::new(io::stdin().lock()), len: None });
        }
        let name = path.display().to_string();
        let cannot_read = |source| CliError::Read { path: name.clone(), source };
        let file = File::open(path).map_err(cannot_read)?;
        let metadata = file.metadata().map_err(cannot_read)?;
        if metadata.is_dir() {
            return Err(cannot_read(io::ErrorKind::IsADirectory.into()));
        }
        let len = metadata.is_file().then_some(metadata.len());
        Ok(Self { name, reader: Box::new(BufReader::with_capacity(1 << 16, file)), len })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn len(&self) -> Option<u64> {
        self.len
    }

    pub(crate) fn into_reader(self) -> Box<dyn BufRead> {
        self.reader
    }

    /// All of it, unless that is more than `limit` bytes.
    pub(crate) fn read_all(self, limit: u64) -> Result<Vec<u8>, CliError> {
        let mut bytes = Vec::new();
        let read = self.reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        let checked = read.and_then(|len| if len as u64 > limit { Err(too_large(limit)) } else { Ok(()) });
        checked.map_err(|source| CliError::Read { path: self.name, source })?;
        Ok(bytes)
    }

    /// Reads the next line into `line`, without its end. Gives false when there is none.
    pub(crate) fn read_line(&mut self, line: &mut Vec<u8>, limit: u64) -> Result<bool, CliError> {
        line.clear();
        let read = (&mut self.reader).take(limit.saturating_add(1)).read_until(b'\n', line);
        let checked = read.and_then(|len| if len as u64 > limit { Err(too_large(limit)) } else { Ok(len > 0) });
        let found = checked.map_err(|source| CliError::Read { path: self.name.clone(), source })?;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(found)
    }
}

fn too_large(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it goes on after {limit} bytes, more than there can be to read"))
}
