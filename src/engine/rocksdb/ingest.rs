//! Table files that are written beside the database and then linked into it, past the write-ahead log and the write buffers.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{IngestExternalFileOptions, Options, RocksBackend, RocksError, SstFileWriter};
use crate::engine::{Backend, BackendError, Batch, Durability, Keyspace};

/// Bytes from which on pairs get a table file of their own. It costs less from 1 MiB on (measured: about 2 ms for the file, 6 us a node),
/// but such files are never merged: a long history of middling versions would be one of a million small files.
const WORTH_A_FILE: usize = 2 << 20;
/// Bytes of pairs that one file gets.
const MOST_IN_A_FILE: usize = 64 << 20;

/// Sorted pairs of one keyspace on their way. Few are written as a batch. Many go straight into a table file. The keys of
/// nodes are mostly above all others, so RocksDB puts the file on the lowest level, where nothing need rewrite it, and where it needs no
/// filter: mostly no other file has keys between its own, and the keys asked for are there. A file of other keys goes above those that it
/// overlaps, and is merged with them in time.
pub(super) struct Ingestion<'a> {
    backend: &'a RocksBackend,
    keyspace: Keyspace,
    options: &'a Options,
    few: Batch,
    table: Option<Table<'a>>,
}

/// A table file that is being written.
struct Table<'a> {
    file: PathBuf,
    writer: SstFileWriter<'a>,
    bytes: usize,
}

impl<'a> Ingestion<'a> {
    /// `options`: those of the keyspace.
    pub(super) fn new(backend: &'a RocksBackend, keyspace: Keyspace, options: &'a Options) -> Self {
        Self { backend, keyspace, options, few: Batch::new(), table: None }
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), BackendError> {
        if let Some(table) = &mut self.table {
            table.put(key, value)?;
            return if table.bytes < MOST_IN_A_FILE { Ok(()) } else { self.add_table() };
        }
        self.few.put(self.keyspace, key, value);
        match &self.backend.ingest {
            Some(folder) if self.few.bytes() >= WORTH_A_FILE => self.begin_table(folder.next_file()?),
            _ => Ok(()),
        }
    }

    /// What was put is seen from now on.
    pub(super) fn finish(mut self) -> Result<(), BackendError> {
        self.add_table()?;
        if self.few.is_empty() { Ok(()) } else { self.backend.write(&self.few, Durability::Buffered) }
    }

    fn begin_table(&mut self, file: PathBuf) -> Result<(), BackendError> {
        let writer = SstFileWriter::create(self.options);
        writer.open(&file).map_err(|error| failed(&file, error))?;
        let mut table = Table { file, writer, bytes: 0 };
        self.few.put_each(&mut |key, value| table.put(key, value))?;
        self.few.clear();
        self.table = Some(table);
        Ok(())
    }

    fn add_table(&mut self) -> Result<(), BackendError> {
        let Some(Table { file, mut writer, .. }) = self.table.take() else { return Ok(()) };
        writer.finish().map_err(|error| failed(&file, error))?;
        read_back(&file)?;
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let family = self.backend.family(self.keyspace)?;
        let added = self.backend.db.ingest_external_file_cf_opts(family, &options, vec![file]);
        added.map_err(|error| BackendError::new(format!("adding a file to {}", self.keyspace), error))
    }
}

impl Table<'_> {
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), BackendError> {
        self.bytes += key.len() + value.len();
        self.writer.put(key, value).map_err(|error| failed(&self.file, error))
    }
}

fn failed(file: &Path, error: RocksError) -> BackendError {
    BackendError::new(format!("writing {}", file.display()), error)
}

/// The folder, within the database's; made when it is first needed.
pub(super) struct Folder {
    path: PathBuf,
    next: AtomicU64,
}

impl Folder {
    /// The folder of a database; what a crash left there is removed.
    pub(super) fn of(database: &Path) -> Result<Self, BackendError> {
        let path = database.join("ingest");
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(BackendError::new(format!("clearing {}", path.display()), error))
            }
            _ => Ok(Self { path, next: AtomicU64::new(0) }),
        }
    }

    /// A name for the next file.
    pub(super) fn next_file(&self) -> Result<PathBuf, BackendError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        fs::create_dir_all(&self.path).map_err(|error| BackendError::new(format!("making {}", self.path.display()), error))?;
        Ok(self.path.join(format!("{number}.sst")))
    }
}

/// Reads a file that was just written. RocksDB tells the system to forget what it wrote of it (`SstFileWriter` in its C interface always
/// does), so that the first reader of each block would wait for the disk.
fn read_back(file: &Path) -> Result<(), BackendError> {
    let read = File::open(file).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
    read.map(drop).map_err(|error| BackendError::new(format!("reading {} back", file.display()), error))
}
