//! The files under the crate: its disk, made safe.
//!
//! The crate never syncs anything, and goes on after most errors of reading and some of writing: it takes a block that it cannot read
//! for one without keys, and removes the inputs of a compaction whose outputs it could not write. So all its files come from here, and
//! a [`Fuse`] blows at the first failure of any of them: from then on nothing is written any more, above all no manifest, and every
//! answer is that failure. Opening again starts from the last sound manifest.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::rc::Rc;

use rusty_leveldb::env::{Env, FileLock, Logger, RandomAccess};
use rusty_leveldb::{PosixDiskEnv, Status, StatusCode};

use super::{checksum, framing};

/// Bytes at the end of a table.
const FOOTER: usize = 48;
/// The last bytes of a table.
const MAGIC: [u8; 8] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/// Bytes after each block of a table: how it is compressed, and a checksum.
const TRAILER: usize = 5;

/// The first failure, and what is to be synced.
#[derive(Default)]
pub(super) struct Fuse {
    failure: RefCell<Option<String>>,
    /// Whether flushing the write-ahead log syncs it, too. Tables and manifests always are.
    pub(super) sync_log: Cell<bool>,
}

impl Fuse {
    /// The failure that blew it, if one did.
    pub(super) fn check(&self) -> Result<(), String> {
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }

    /// Blows it, unless something else did before.
    pub(super) fn blow(&self, failure: impl Into<String>) {
        self.failure.borrow_mut().get_or_insert(failure.into());
    }

    fn check_io(&self) -> io::Result<()> {
        self.check().map_err(io::Error::other)
    }

    /// Blows it at an error.
    fn watch<T>(&self, path: &Path, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.blow(format!("{}: {error}", path.display())))
    }

    fn watch_status<T>(&self, result: Result<T, Status>) -> Result<T, Status> {
        result.inspect_err(|status| self.blow(status.to_string()))
    }
}

/// The crate's view of the disk.
pub(super) struct SafeFiles {
    pub(super) disk: PosixDiskEnv,
    pub(super) fuse: Rc<Fuse>,
}

impl SafeFiles {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.fuse.check_io()?;
        let file = File::create(path)?;
        sync_folder_of(path)?;
        Ok(file)
    }
}

impl Env for SafeFiles {
    /// Log files are read whole, and only if they are sound; the crate reads them at the beginning, and they are small.
    fn open_sequential_file(&self, path: &Path) -> Result<Box<dyn Read>, Status> {
        let bytes = fs::read(path).map_err(Status::from)?;
        let is_log = extension(path) == "log" || name(path).starts_with("MANIFEST-");
        if !is_log {
            return Ok(Box::new(Cursor::new(bytes)));
        }
        let damaged = |why| Status::new(StatusCode::Corruption, &format!("{} is damaged: {why}; restore it from a copy", path.display()));
        let sound = framing::sound_part(&bytes).map_err(damaged)?;
        Ok(Box::new(Cursor::new(sound.to_vec())))
    }

    fn open_random_access_file(&self, path: &Path) -> Result<Box<dyn RandomAccess>, Status> {
        let open = || -> io::Result<CheckedTable> {
            let file = File::open(path)?;
            let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
            let table = CheckedTable { file, length, path: path.to_owned(), fuse: Rc::clone(&self.fuse) };
            table.check_footer()?;
            Ok(table)
        };
        Ok(Box::new(self.fuse.watch(path, open())?))
    }

    fn open_writable_file(&self, path: &Path) -> Result<Box<dyn Write>, Status> {
        let file = self.fuse.watch(path, self.create(path))?;
        Ok(Box::new(SafeWriter { file, path: path.to_owned(), is_log: extension(path) == "log", fuse: Rc::clone(&self.fuse) }))
    }

    /// Never asked for: old logs and manifests are not written again, since a torn end in them would hide what is appended.
    fn open_appendable_file(&self, path: &Path) -> Result<Box<dyn Write>, Status> {
        Err(Status::new(StatusCode::NotSupported, &format!("{} is not to be appended to", path.display())))
    }

    fn exists(&self, path: &Path) -> Result<bool, Status> {
        self.disk.exists(path)
    }

    fn children(&self, path: &Path) -> Result<Vec<std::path::PathBuf>, Status> {
        self.fuse.watch_status(self.disk.children(path))
    }

    fn size_of(&self, path: &Path) -> Result<usize, Status> {
        self.fuse.watch_status(self.disk.size_of(path))
    }

    /// A file that could not be removed is only of no use, and removed at the next opening.
    fn delete(&self, path: &Path) -> Result<(), Status> {
        self.fuse.check_io()?;
        self.disk.delete(path)
    }

    fn mkdir(&self, path: &Path) -> Result<(), Status> {
        self.disk.mkdir(path)
    }

    fn rmdir(&self, path: &Path) -> Result<(), Status> {
        self.disk.rmdir(path)
    }

    /// Only `CURRENT` is renamed; it must be on the disk before it has its name.
    fn rename(&self, old: &Path, new: &Path) -> Result<(), Status> {
        self.fuse.check_io()?;
        let rename = || {
            File::open(old)?.sync_all()?;
            fs::rename(old, new)?;
            sync_folder_of(new)
        };
        Ok(self.fuse.watch(new, rename())?)
    }

    fn lock(&self, path: &Path) -> Result<FileLock, Status> {
        self.disk.lock(path)
    }

    fn unlock(&self, lock: FileLock) -> Result<(), Status> {
        self.disk.unlock(lock)
    }

    fn new_logger(&self, _: &Path) -> Result<Logger, Status> {
        Ok(Logger::new(Box::new(io::sink())))
    }

    fn micros(&self) -> u64 {
        self.disk.micros()
    }

    fn sleep_for(&self, micros: u32) {
        self.disk.sleep_for(micros);
    }
}

/// A file that is written whole or fails: the crate does not look at how much of a write was done.
struct SafeWriter {
    file: File,
    path: std::path::PathBuf,
    is_log: bool,
    fuse: Rc<Fuse>,
}

impl Write for SafeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.fuse.check_io()?;
        let written = self.file.write_all(bytes);
        self.fuse.watch(&self.path, written)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.fuse.check_io()?;
        if self.is_log && !self.fuse.sync_log.get() {
            return Ok(());
        }
        self.fuse.watch(&self.path, self.file.sync_data())
    }
}

/// A table whose blocks are checked as they are read.
struct CheckedTable {
    file: File,
    length: usize,
    path: std::path::PathBuf,
    fuse: Rc<Fuse>,
}

impl RandomAccess for CheckedTable {
    fn read_at(&self, place: usize, into: &mut [u8]) -> Result<usize, Status> {
        self.fuse.watch(&self.path, self.read_checked(place, into))?;
        Ok(into.len())
    }
}

impl CheckedTable {
    fn read_exact(&self, place: usize, into: &mut [u8]) -> io::Result<()> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_exact_at(&self.file, into, place as u64);
        #[cfg(not(unix))]
        {
            use std::io::Seek;
            let mut file = &self.file;
            file.seek(io::SeekFrom::Start(place as u64))?;
            file.read_exact(into)
        }
    }

    /// Reads a footer, a block with its trailer, or (filters) one without.
    fn read_checked(&self, place: usize, into: &mut [u8]) -> io::Result<()> {
        self.read_exact(place, into)?;
        if is_sound(into) || (into.len() == FOOTER && place + FOOTER == self.length) {
            return Ok(());
        }
        let mut with_trailer = vec![0; into.len() + TRAILER];
        if self.read_exact(place, &mut with_trailer).is_ok() && is_sound(&with_trailer) {
            return Ok(());
        }
        Err(damaged(&format!("the block at byte {place} has another checksum than it should")))
    }

    /// The crate panics at a footer of something else.
    fn check_footer(&self) -> io::Result<()> {
        let mut footer = [0; FOOTER];
        let place = self.length.checked_sub(FOOTER).ok_or_else(|| damaged("it is too short"))?;
        self.read_exact(place, &mut footer)?;
        // Two handles of two numbers, each of which ends with a byte below 128.
        let numbers = footer.iter().take(FOOTER - MAGIC.len()).filter(|byte| **byte < 0x80).count();
        if footer.ends_with(&MAGIC) && numbers >= 4 { Ok(()) } else { Err(damaged("its end is not that of a table")) }
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged: {why}; restore it from a copy"))
}

/// Whether these bytes are a block and its trailer.
fn is_sound(bytes: &[u8]) -> bool {
    bytes.split_last_chunk::<4>().is_some_and(|(block, stored)| checksum::masked(&[block]) == u32::from_le_bytes(*stored))
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// Gets the names in a file's folder onto the disk.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
