//! Where table files are written before they are linked into the database.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::BackendError;

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
pub(super) fn read_back(file: &Path) -> Result<(), BackendError> {
    let read = File::open(file).and_then(|mut file| io::copy(&mut file, &mut io::sink()));
    read.map(drop).map_err(|error| BackendError::new(format!("reading {} back", file.display()), error))
}
