//! Files to look at: every batch a directory, in JSON or Borsh. For small data, since all of it is in memory while it is open.
//!
//! ```text
//! <folder>/format.json                              {"format":1,"encoding":"json"}
//! <folder>/LOCK                                     locked by the one that writes
//! <folder>/00000000000000000041/base.json           the full state
//! <folder>/00000000000000000042/changes.json        a batch, see `record`
//! <folder>/00000000000000000043/changes-unsynced.json
//! <folder>/.writing-44/                             left by a crash; removed at the next opening
//! ```
//!
//! Invariants
//! 1. A batch has its number as soon as it is whole: its directory is written under another name and renamed.
//! 2. A synced batch is on the disk, and so is everything before it, before it gets its number; `changes.json` is never torn.
//!    `changes-unsynced.json` may be lost or torn when the machine stops: then it and what follows count as not written, unless something
//!    synced follows, which makes it damage.
//! 3. Numbers have no gaps from the newest base (or 1) on. What is older than the newest base is of no use.
//!
//! When more than half of what was written is dead, the state is written as a new base and the older directories are removed.

mod disk;
mod folder;
mod load;
mod record;
mod text;

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, thread};

use serde::{Deserialize, Serialize};
use treering_tree::Order;

use super::memory::MemoryBackend;
use super::{Access, Backend, BackendError, Batch, Durability, Keyspace, Scan};
use disk::Disk;
use folder::{Folder, failed};
use load::Loaded;

const FORMAT_FILE: &str = "format.json";
const LOCK_FILE: &str = "LOCK";
/// How often a lock that seems taken is tried again, and after what time.
const LOCK_ATTEMPTS: usize = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// The format of the folder that this program writes, and the newest that it knows.
const FORMAT: u32 = 1;
/// Directories from which on, and at every multiple of which, it is seen whether they are worth folding into one.
const FOLD_AT: u64 = 64;
/// How often a reader looks again when a writer changes the folder under its eyes.
const READ_ATTEMPTS: u32 = 50;
/// Between two such attempts.
const READ_PAUSE: Duration = Duration::from_millis(5);

/// How batches are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text, a change a line.
    Json,
    /// Compact bytes.
    Borsh,
}

impl Format {
    /// Its name in messages and at the end of file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Borsh => "borsh",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What `format.json` says.
#[derive(Serialize, Deserialize)]
struct FormatFile {
    format: u32,
    encoding: Format,
}

/// A folder of files.
pub struct FileBackend {
    folder: Folder,
    memory: MemoryBackend,
    /// `None` when opened read-only.
    writer: Option<Mutex<Writer>>,
}

/// What changes with writes.
struct Writer {
    /// The number of the next batch.
    next: u64,
    /// Batches since the newest base.
    batches: u64,
    /// Bytes of all keys and values on the disk.
    written: usize,
    unsynced: Vec<u64>,
    /// What went wrong; then it is not known what is on the disk.
    failure: Option<String>,
    /// Held open, which holds the lock.
    _lock: File,
}

impl FileBackend {
    /// Whether a database of files is in this folder.
    #[must_use]
    pub fn exists(path: &Path) -> bool {
        path.join(FORMAT_FILE).exists()
    }

    /// Opens the database in folder `path`. Without a format, in the one that it has; a new one gets JSON.
    ///
    /// Opened read-only it gives the state of that moment, also while another process writes; nothing on the disk is touched.
    ///
    /// # Errors
    /// When there is none (unless `access` is [`Access::Create`]), another one writes it, it has another format than the one asked for or
    /// a newer one, or files cannot be read or are damaged.
    pub fn open(path: &Path, access: Access, format: Option<Format>) -> Result<Self, BackendError> {
        if !Self::exists(path) {
            if access != Access::Create {
                return Err(BackendError::new(opening(path), "there is no database of files; create one, or choose another folder"));
            }
            create(path, format.unwrap_or(Format::Json))?;
        }
        if access == Access::ReadOnly {
            return Self::open_to_read(path, format);
        }
        let lock = lock(path)?;
        let folder = Folder { path: path.to_owned(), format: read_format(path, format)?, disk: Disk::default() };
        folder.remove_unfinished()?;
        let loaded = load::load(&folder)?;
        // From the end, so that a crash here leaves no gap.
        for number in loaded.useless.iter().rev() {
            folder.remove(*number)?;
        }
        let (memory, writer) = loaded.into_writer(&folder, lock)?;
        Ok(Self { folder, memory, writer: Some(Mutex::new(writer)) })
    }

    /// A writer may fold directories while they are read here, so that some are gone: then there is a newer base, and it is tried again.
    fn open_to_read(path: &Path, format: Option<Format>) -> Result<Self, BackendError> {
        let folder = Folder { path: path.to_owned(), format: read_format(path, format)?, disk: Disk::default() };
        let mut attempt = 1;
        loop {
            let before = folder.numbers()?;
            let loaded = load::load(&folder);
            let after = folder.numbers()?;
            match loaded {
                Ok(loaded) if loaded.base == folder.newest_base(&after) => return Ok(Self { folder, memory: loaded.memory, writer: None }),
                Err(error) if attempt == READ_ATTEMPTS || before == after => return Err(error),
                Ok(_) if attempt == READ_ATTEMPTS => {
                    return Err(BackendError::new(opening(path), "another process rewrites them all the time; try again later"));
                }
                _ => attempt += 1,
            }
            thread::sleep(READ_PAUSE);
        }
    }

    /// The format of its files.
    #[must_use]
    pub fn format(&self) -> Format {
        self.folder.format
    }

    /// Does something with the writer; an error of it is the last thing that the writer does.
    fn writing(&self, act: impl FnOnce(&mut Writer) -> Result<(), BackendError>) -> Result<(), BackendError> {
        let refused = |why: String| Err(BackendError::new(format!("writing to {}", self.folder.path.display()), why));
        let Some(writer) = &self.writer else { return refused("it was opened read-only".to_owned()) };
        let mut writer: MutexGuard<'_, Writer> = writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &writer.failure {
            return refused(format!("an earlier write failed ({failure}); open it again"));
        }
        let result = act(&mut writer);
        if let Err(error) = &result {
            writer.failure = Some(error.to_string());
        }
        result
    }

    fn append(&self, writer: &mut Writer, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        if durability == Durability::Synced {
            self.folder.sync(&writer.unsynced)?;
            writer.unsynced.clear();
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.fold_if_worth_it(writer)?;
        self.folder.write(writer.next, batch, durability)?;
        if durability != Durability::Synced {
            writer.unsynced.push(writer.next);
        }
        writer.next += 1;
        writer.batches += 1;
        writer.written += batch.bytes();
        self.memory.write(batch, durability)
    }

    fn fold_if_worth_it(&self, writer: &mut Writer) -> Result<(), BackendError> {
        if writer.batches == 0 || !writer.batches.is_multiple_of(FOLD_AT) {
            return Ok(());
        }
        let state = self.state()?;
        let dead = writer.written.saturating_sub(state.bytes());
        if dead <= state.bytes() {
            return Ok(());
        }
        self.folder.write_base(writer.next, &state)?;
        let base = writer.next;
        (writer.next, writer.batches, writer.written) = (base + 1, 0, state.bytes());
        writer.unsynced.clear();
        self.folder.numbers()?.into_iter().filter(|number| *number < base).try_for_each(|number| self.folder.remove(number))
    }

    /// The batch that makes the contents from nothing.
    fn state(&self) -> Result<Batch, BackendError> {
        let mut state = Batch::new();
        for keyspace in Keyspace::ALL {
            for pair in self.memory.scan(keyspace, &[], None, Order::Ascending) {
                let (key, value) = pair?;
                state.put(keyspace, key, value);
            }
        }
        Ok(state)
    }
}

impl Loaded {
    fn into_writer(self, folder: &Folder, lock: File) -> Result<(MemoryBackend, Writer), BackendError> {
        let batches = folder.numbers()?.len() as u64;
        let writer = Writer { next: self.next, batches, written: self.written, unsynced: self.unsynced, failure: None, _lock: lock };
        Ok((self.memory, writer))
    }
}

impl Backend for FileBackend {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.memory.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        self.memory.scan(keyspace, from, to, order)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.writing(|writer| self.append(writer, batch, durability))
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.writing(|writer| self.append(writer, &Batch::new(), Durability::Synced))
    }
}

fn opening(path: &Path) -> String {
    format!("opening the files in {}", path.display())
}

/// Makes an empty database. The file that makes it one comes last and whole.
fn create(path: &Path, format: Format) -> Result<(), BackendError> {
    fs::create_dir_all(path).map_err(failed("making the folder", path))?;
    let _lock = lock(path)?;
    if FileBackend::exists(path) {
        return Ok(());
    }
    if folder::has_batches(path) {
        return Err(BackendError::new(opening(path), format!("{FORMAT_FILE} is missing; restore it from a copy")));
    }
    let text = serde_json::to_string(&FormatFile { format: FORMAT, encoding: format });
    let text = text.map_err(|error| BackendError::new(opening(path), error))?;
    let (file, unfinished, disk) = (path.join(FORMAT_FILE), path.join(".format.json"), Disk::default());
    let write = || {
        disk.write(&unfinished, text.as_bytes())?;
        disk.sync(&unfinished)?;
        disk.rename(&unfinished, &file)?;
        disk.sync(path)
    };
    write().map_err(failed("writing", &file))
}

/// Takes the lock. A process that this one is starting has its open files until it runs, so a lock that was just let go of may seem taken
/// for a moment.
fn lock(path: &Path) -> Result<File, BackendError> {
    let path = path.join(LOCK_FILE);
    let file = File::options().create(true).append(true).open(&path).map_err(failed("opening", &path))?;
    let mut locked = file.try_lock();
    for _ in 0..LOCK_ATTEMPTS {
        if !matches!(locked, Err(TryLockError::WouldBlock)) {
            break;
        }
        thread::sleep(LOCK_PAUSE);
        locked = file.try_lock();
    }
    match locked {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(BackendError::new(format!("locking {}", path.display()), "it is open elsewhere; close it there, or open it read-only"))
        }
        Err(TryLockError::Error(error)) => Err(failed("locking", &path)(error)),
    }
}

/// The format of the files; fails when it is not the one asked for.
fn read_format(path: &Path, asked: Option<Format>) -> Result<Format, BackendError> {
    let file = path.join(FORMAT_FILE);
    let bytes = fs::read(&file).map_err(failed("reading", &file))?;
    let number = serde_json::from_slice::<serde_json::Value>(&bytes).map_err(|error| folder::damaged(&file, error))?;
    if number.get("format").and_then(serde_json::Value::as_u64).is_some_and(|format| format > u64::from(FORMAT)) {
        let newer = format!(
            "it is of format {}, this program knows formats up to {FORMAT}; use a newer treering",
            number.get("format").unwrap_or_default()
        );
        return Err(BackendError::new(opening(path), newer));
    }
    let FormatFile { encoding: found, .. } = serde_json::from_slice(&bytes).map_err(|error| folder::damaged(&file, error))?;
    match asked {
        Some(asked) if asked != found => {
            let other = format!("they are in {found}, not in {asked}; open them as {found}, or choose another folder");
            Err(BackendError::new(opening(path), other))
        }
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests;
