//! The folder of the database: a numbered directory a batch.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::{fs, str};

use super::Format;
use super::disk::Disk;
use super::record;
use crate::engine::{BackendError, Batch, Durability};

/// Digits of a directory's name.
const DIGITS: usize = 20;
/// How the name of a directory begins while it is written.
const UNFINISHED: &str = ".writing-";

/// What a batch's file says about itself by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The full state; what is numbered lower is of no use any more.
    Base,
    /// Changes that were on the disk before the directory got its name.
    Synced,
    /// Changes that the operating system may lose with the machine, in part or whole.
    Unsynced,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Base, Self::Synced, Self::Unsynced];

    const fn of(durability: Durability) -> Self {
        match durability {
            Durability::Synced => Self::Synced,
            Durability::Buffered | Durability::Derived => Self::Unsynced,
        }
    }

    fn file_name(self, format: Format) -> String {
        let name = match self {
            Self::Base => "base",
            Self::Synced => "changes",
            Self::Unsynced => "changes-unsynced",
        };
        format!("{name}.{}", format.name())
    }
}

/// What a directory holds.
pub(super) enum Read {
    /// A batch.
    Whole(Kind, Batch),
    /// What is left of an unsynced write when the machine stops; why it cannot be read.
    Torn(String),
}

/// The folder, whose batches are written in this format.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) disk: Disk,
}

impl Folder {
    /// Where the batch of this number is.
    pub(super) fn directory(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:0DIGITS$}"))
    }

    /// The numbers that are there, in order.
    pub(super) fn numbers(&self) -> Result<Vec<u64>, BackendError> {
        let mut numbers: Vec<u64> = self.names()?.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn names(&self) -> Result<Vec<String>, BackendError> {
        let names = || -> io::Result<Vec<_>> { fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name())).collect() };
        let names = names().map_err(failed("reading the folder", &self.path))?;
        Ok(names.iter().filter_map(|name| name.to_str()).map(str::to_owned).collect())
    }

    /// Removes what a crash left unfinished.
    pub(super) fn remove_unfinished(&self) -> Result<(), BackendError> {
        for name in self.names()?.iter().filter(|name| name.starts_with(UNFINISHED)) {
            let path = self.path.join(name);
            self.disk.remove_folder(&path).map_err(failed("removing", &path))?;
        }
        Ok(())
    }

    /// Removes the batch of this number.
    pub(super) fn remove(&self, number: u64) -> Result<(), BackendError> {
        let directory = self.directory(number);
        self.disk.remove_folder(&directory).map_err(failed("removing", &directory))
    }

    /// The newest full state among the batches of these numbers.
    pub(super) fn newest_base(&self, numbers: &[u64]) -> Option<u64> {
        numbers.iter().rev().copied().find(|number| self.has(*number, Kind::Base))
    }

    /// Whether the directory has a file of this kind.
    fn has(&self, number: u64, kind: Kind) -> bool {
        self.directory(number).join(kind.file_name(self.format)).exists()
    }

    /// Reads a batch.
    pub(super) fn read(&self, number: u64) -> Result<Read, BackendError> {
        let directory = self.directory(number);
        let Some(kind) = Kind::ALL.into_iter().find(|kind| self.has(number, *kind)) else {
            // Only a directory whose names were not synced can have lost its file. One that is gone altogether is an error of reading.
            fs::metadata(&directory).map_err(failed("reading", &directory))?;
            return Ok(Read::Torn("it has no file with changes".to_owned()));
        };
        let path = directory.join(kind.file_name(self.format));
        let bytes = fs::read(&path).map_err(failed("reading", &path))?;
        match record::decode(&bytes, self.format) {
            Ok(batch) => Ok(Read::Whole(kind, batch)),
            Err(why) if kind == Kind::Unsynced => Ok(Read::Torn(why)),
            Err(why) => Err(damaged(&path, why)),
        }
    }

    /// Writes a batch under this number: whole, or nothing of it.
    pub(super) fn write(&self, number: u64, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.write_kind(number, batch, Kind::of(durability))
    }

    /// Writes the full state under this number.
    pub(super) fn write_base(&self, number: u64, state: &Batch) -> Result<(), BackendError> {
        self.write_kind(number, state, Kind::Base)
    }

    fn write_kind(&self, number: u64, batch: &Batch, kind: Kind) -> Result<(), BackendError> {
        let directory = self.directory(number);
        let encoded = record::encode(batch, self.format).map_err(|why| BackendError::new("encoding a batch", why))?;
        let unfinished = self.path.join(format!("{UNFINISHED}{number}"));
        let write = || -> io::Result<()> {
            let file = unfinished.join(kind.file_name(self.format));
            self.disk.make_folder(&unfinished)?;
            self.disk.write(&file, &encoded)?;
            if kind == Kind::Unsynced {
                return self.disk.rename(&unfinished, &directory);
            }
            self.disk.sync(&file)?;
            self.disk.sync(&unfinished)?;
            self.disk.rename(&unfinished, &directory)?;
            self.disk.sync(&self.path)
        };
        write().map_err(failed("writing", &directory))
    }

    /// Gets batches that were written unsynced onto the disk.
    pub(super) fn sync(&self, numbers: &[u64]) -> Result<(), BackendError> {
        if numbers.is_empty() {
            return Ok(());
        }
        for number in numbers {
            let directory = self.directory(*number);
            let sync = || {
                self.disk.sync(&directory.join(Kind::Unsynced.file_name(self.format)))?;
                self.disk.sync(&directory)
            };
            sync().map_err(failed("syncing", &directory))?;
        }
        self.disk.sync(&self.path).map_err(failed("syncing", &self.path))
    }
}

/// The number of a directory with this name.
fn number_of(name: &str) -> Option<u64> {
    (name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_digit())).then(|| name.parse().ok())?
}

/// Whether the folder has directories of batches.
pub(super) fn has_batches(path: &Path) -> bool {
    let is_batch = |name: &OsStr| name.to_str().and_then(number_of).is_some();
    fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(|entry| is_batch(&entry.file_name())))
}

/// The error of an operation on a path.
pub(super) fn failed(action: &str, path: &Path) -> impl FnOnce(io::Error) -> BackendError {
    let action = format!("{action} {}", path.display());
    move |error| BackendError::new(action, error)
}

/// The error of a path whose contents are wrong.
pub(super) fn damaged(path: &Path, why: impl std::fmt::Display) -> BackendError {
    BackendError::new(format!("reading {}", path.display()), format!("it is damaged: {why}; restore it from a copy"))
}
