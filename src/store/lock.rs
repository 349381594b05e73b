//! One process at a time may write a database.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};

const NAME: &str = "treering.lock";

/// Holds the lock until it is dropped, also by a crash: the system lets go of it with the process.
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock of the database in `folder`, at once or not at all.
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let failed = |action, source| Error::Io { action, path: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|source| failed("opening", source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: folder.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed("locking", source)),
        }
    }

    /// Whether a file in a database's folder is the lock's.
    pub(crate) fn is_lock_file(name: &std::ffi::OsStr) -> bool {
        name == NAME
    }
}
