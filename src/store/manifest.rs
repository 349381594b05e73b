//! The file that says that a folder holds stores, and on which engine their home database is.
//!
//! ```text
//! treering.json    {"format":1,"home":"rocksdb"}
//! treering.lock    held by the process that writes
//! ENGINE/          the database of each engine, as the engine lays it out; the home's is there from the beginning
//! ```
//!
//! It is written once, last of all when the folder is made: a folder without it holds nothing that was ever promised.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const NAME: &str = "treering.json";
const TEMPORARY: &str = "treering.json.new";
/// The newest format of the folder.
const FORMAT: u8 = 1;

/// What the file says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u8,
    /// The engine of the home database.
    pub(crate) home: String,
}

/// Read first: a newer format may have other fields.
#[derive(Deserialize)]
struct FormatOnly {
    format: u64,
}

impl Manifest {
    pub(crate) fn new(home: &str) -> Self {
        Self { format: FORMAT, home: home.to_owned() }
    }

    /// Whether a file in the folder is this one.
    pub(crate) fn is_manifest(name: &std::ffi::OsStr) -> bool {
        name == NAME || name == TEMPORARY
    }

    /// Reads it, if it is there.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
            Err(source) => return Err(Error::Io { action: "reading", path, source }),
        };
        let damaged = |what: String| Error::Damaged { record: path.display().to_string(), what };
        let FormatOnly { format } = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if format > u64::from(FORMAT) {
            let found = u8::try_from(format).unwrap_or(u8::MAX);
            return Err(Error::NewerFormat { what: path.display().to_string(), found, supported: FORMAT });
        }
        if format < u64::from(FORMAT) {
            return Err(damaged(format!("there never was a format {format}")));
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| damaged(error.to_string()))
    }

    /// Writes it, whole or not at all.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let (temporary, path) = (folder.join(TEMPORARY), folder.join(NAME));
        let text = serde_json::to_string(self).map_err(io::Error::from);
        let written = text.and_then(|text| {
            let mut file = File::create(&temporary)?;
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            // The rename is on the disk when the folder is.
            File::open(folder)?.sync_all()
        });
        written.map_err(|source| Error::Io { action: "writing", path, source })
    }
}

/// Fails unless a folder has nothing but what an interrupted making of stores may have left.
pub(crate) fn check_is_empty(folder: &Path, is_engine: impl Fn(&std::ffi::OsStr) -> bool) -> Result<()> {
    let failed = |source| Error::Io { action: "reading", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !super::lock::FolderLock::is_lock_file(&name) && !Manifest::is_manifest(&name) && !is_engine(&name) {
            return Err(Error::FolderInUse { path: folder.to_owned() });
        }
    }
    Ok(())
}
