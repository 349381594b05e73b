//! Sorted data as files of its own, past the write-ahead log and the write buffers.
//!
//! A table file is written beside the database, then linked into it. Its keys are new and mostly above all others, so RocksDB puts it on the
//! lowest level, where nothing ever needs to rewrite it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{ColumnFamily, DB, IngestExternalFileOptions, Options, SstFileWriter};

use crate::engine::{BackendError, Batch, Change, Keyspace};

/// Bytes of a batch from which on a file of its own costs less than a write (measured: some 2 ms for a file, 6 us for a node in a batch).
pub(super) const WORTH_A_FILE: usize = 1 << 20;

/// The folder where files are written.
pub(super) struct Folder {
    path: PathBuf,
    next: AtomicU64,
}

impl Folder {
    /// The folder within the database's; what a crash left there is removed.
    pub(super) fn open(database: &Path) -> Result<Self, BackendError> {
        let path = database.join("ingest");
        let failed = |error| BackendError::new(format!("clearing {}", path.display()), error);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::create_dir(&path).map_err(failed)?;
        Ok(Self { path, next: AtomicU64::new(0) })
    }

    /// Adds the puts of a batch, all of `keyspace`, whose keys ascend.
    pub(super) fn ingest(
        &self,
        db: &DB,
        family: &ColumnFamily,
        options: &Options,
        (keyspace, batch): (Keyspace, &Batch),
    ) -> Result<(), BackendError> {
        let file = self.path.join(format!("{}.sst", self.next.fetch_add(1, Ordering::Relaxed)));
        let failed = |error| BackendError::new(format!("writing {}", file.display()), error);
        let mut writer = SstFileWriter::create(options);
        writer.open(&file).map_err(failed)?;
        for (_, change) in batch.changes() {
            if let Change::Put { key, value } = change {
                writer.put(key, value).map_err(failed)?;
            }
        }
        writer.finish().map_err(failed)?;
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let ingested = db.ingest_external_file_cf_opts(family, &options, vec![&file]);
        ingested.map_err(|error| BackendError::new(format!("adding a file to {keyspace}"), error))
    }
}
