//! fjall: every keyspace one of fjall's, all in one database, in Rust throughout.
//!
//! A batch is a transaction of fjall's single writer: it goes to the journal whole, and readers see all of it or nothing. A synced one
//! is committed with `PersistMode::SyncAll` (fsync). fjall has no removal of ranges that takes part in transactions, so a range is
//! scanned and its keys are removed.
//!
//! Values of [`SEPARATED`] bytes and more of the log and of the newest values are kept apart from their keys, so that compaction does
//! not copy them again and again: a version's operations are one such value and never change. Records of the other keyspaces are small.
//!
//! fjall takes no empty key, so every key has a byte before it. It takes keys of 65535 bytes at most, so 65534 are left.
//!
//! What fjall does not do: when a byte of a journal is damaged where an entry begins, it takes the rest of the journal for the torn end
//! of the last write and drops it without an error (`journal/reader.rs`). Damage inside of entries is found by their checksums.
//!
//! fjall cannot be opened without writing, so a reader opens it as a writer does, and then refuses to write. It needs the writer closed.

use std::fs;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use fjall::config::CompressionPolicy;
use fjall::{
    CompressionType, Guard, KeyspaceCreateOptions, KvSeparationOptions, PersistMode, Readable, SingleWriterTxDatabase,
    SingleWriterTxKeyspace, SingleWriterWriteTx,
};
use treering_tree::Order;

use super::{Access, Backend, BackendError, Batch, Change, Durability, Keyspace, Pair, Scan};

/// Bytes of the values that are kept apart from their keys. Below it what is saved in copying is lost in looking twice.
pub const SEPARATED: u32 = 4 << 10;
/// Bytes of a keyspace's newest writes that are held in memory.
const WRITE_BUFFER: u64 = 16 << 20;
/// Threads for flushes and compactions.
const BACKGROUND_THREADS: usize = 2;
/// The byte before every key.
const BEFORE_KEYS: u8 = 0;
/// Bytes of a key at most: fjall has 16 bits for its length, of which the byte before it takes one.
const LONGEST_KEY: usize = u16::MAX as usize - 1;
/// The file that fjall makes last, which makes a folder a database.
const MARKER: &str = "version";

/// How a fjall database is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FjallOptions {
    /// Bytes of the block cache.
    pub cache_size: u64,
    /// Whether data is compressed (LZ4). It counts when the database is made, and stays.
    pub compression: bool,
}

/// A fjall database.
pub struct FjallBackend {
    database: SingleWriterTxDatabase,
    keyspaces: Vec<(Keyspace, SingleWriterTxKeyspace)>,
    path: PathBuf,
    access: Access,
    /// What went wrong in a write; then it is not known what is on the disk.
    failure: RwLock<Option<String>>,
}

impl FjallBackend {
    /// Whether a fjall database is in this folder.
    #[must_use]
    pub fn exists(path: &Path) -> bool {
        // A crash while it is made may leave the file empty.
        fs::metadata(path.join(MARKER)).is_ok_and(|marker| marker.len() > 0)
    }

    /// Opens the database in folder `path`. Compression counts when it is made.
    ///
    /// # Errors
    /// When there is none (unless `access` is [`Access::Create`]), another one has it open, or what fjall says.
    pub fn open(path: &Path, access: Access, options: FjallOptions) -> Result<Self, BackendError> {
        if !Self::exists(path) {
            if access != Access::Create {
                return Err(BackendError::new(opening(path), "there is no fjall database; create one, or choose another folder"));
            }
            remove_unfinished(path)?;
        }
        let builder = SingleWriterTxDatabase::builder(path).cache_size(options.cache_size).worker_threads(BACKGROUND_THREADS);
        let builder = builder.journal_compression(compression(options));
        let database = builder.open().map_err(|error| open_failed(path, error))?;
        let keyspaces = Keyspace::ALL.into_iter().map(|keyspace| {
            let opened = database.keyspace(keyspace.name(), || keyspace_options(keyspace, options));
            Ok((keyspace, opened.map_err(|error| open_failed(path, error))?))
        });
        let keyspaces = keyspaces.collect::<Result<Vec<_>, BackendError>>()?;
        Ok(Self { database, keyspaces, path: path.to_owned(), access, failure: RwLock::new(None) })
    }

    fn keyspace(&self, keyspace: Keyspace) -> Result<&SingleWriterTxKeyspace, BackendError> {
        let found = self.keyspaces.iter().find(|(found, _)| *found == keyspace).map(|(_, opened)| opened);
        found.ok_or_else(|| BackendError::new(format!("looking into {}", self.path.display()), format!("{keyspace} is missing")))
    }

    fn check_writable(&self) -> Result<(), BackendError> {
        let refused = |why: String| Err(BackendError::new(format!("writing to {}", self.path.display()), why));
        if self.access == Access::ReadOnly {
            return refused("it was opened read-only".to_owned());
        }
        match &*self.failure.read().unwrap_or_else(PoisonError::into_inner) {
            Some(failure) => refused(format!("an earlier write failed ({failure}); open it again")),
            None => Ok(()),
        }
    }

    /// Remembers an error of a write.
    fn noted<T>(&self, result: Result<T, fjall::Error>, action: &str) -> Result<T, BackendError> {
        result.map_err(|error| {
            *self.failure.write().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            BackendError::new(action, error)
        })
    }

    fn apply(&self, transaction: &mut SingleWriterWriteTx<'_>, keyspace: Keyspace, change: Change<'_>) -> Result<(), BackendError> {
        let opened = self.keyspace(keyspace)?;
        match change {
            Change::Put { key, value } => transaction.insert(opened, checked(key)?, value),
            // There can be no such key.
            Change::Delete { key } if key.len() > LONGEST_KEY => {}
            Change::Delete { key } => transaction.remove(opened, prefixed(key)),
            Change::DeleteRange { from, to } if to <= from => {}
            Change::DeleteRange { from, to } => {
                let keys = transaction.range(opened.inner(), range(from, Some(to))).map(Guard::key);
                let keys = keys.collect::<Result<Vec<_>, _>>();
                for key in keys.map_err(|error| BackendError::new(format!("scanning {keyspace}"), error))? {
                    transaction.remove(opened, key);
                }
            }
        }
        Ok(())
    }
}

impl Backend for FjallBackend {
    fn max_key_len(&self) -> usize {
        LONGEST_KEY
    }

    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        if key.len() > LONGEST_KEY {
            return Ok(None);
        }
        let found = self.database.read_tx().get(self.keyspace(keyspace)?.inner(), prefixed(key));
        let found = found.map_err(|error| BackendError::new(format!("reading from {keyspace}"), error))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        if to.is_some_and(|to| to <= from) {
            return Box::new(std::iter::empty());
        }
        let opened = match self.keyspace(keyspace) {
            Ok(opened) => opened.inner(),
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let pairs = self.database.read_tx().range(opened, range(from, to));
        let pair = move |guard: Guard| -> Result<Pair, BackendError> {
            let (key, value) = guard.into_inner().map_err(|error| BackendError::new(format!("scanning {keyspace}"), error))?;
            Ok((key.get(1..).unwrap_or_default().to_vec(), value.to_vec()))
        };
        match order {
            Order::Ascending => Box::new(pairs.map(pair)),
            Order::Descending => Box::new(pairs.rev().map(pair)),
        }
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        self.check_writable()?;
        let mode = match durability {
            Durability::Synced => PersistMode::SyncAll,
            Durability::Buffered | Durability::Derived => PersistMode::Buffer,
        };
        let mut transaction = self.database.write_tx().durability(Some(mode));
        for (keyspace, change) in batch.changes() {
            self.apply(&mut transaction, keyspace, change)?;
        }
        self.noted(transaction.commit(), "writing a batch")
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.check_writable()?;
        self.noted(self.database.persist(PersistMode::SyncAll), "syncing the journal")
    }
}

fn opening(path: &Path) -> String {
    format!("opening fjall in {}", path.display())
}

fn open_failed(path: &Path, error: fjall::Error) -> BackendError {
    match error {
        fjall::Error::Locked => BackendError::new(opening(path), "it is open elsewhere; close it there (a reader needs it closed, too)"),
        error => BackendError::new(opening(path), error),
    }
}

/// Removes what a crash left of a database that was being made: fjall refuses to make one where such files are.
fn remove_unfinished(path: &Path) -> Result<(), BackendError> {
    let (journal, keyspaces) = (path.join("0.jnl"), path.join("keyspaces"));
    if !path.join(MARKER).exists() && !journal.exists() {
        return Ok(());
    }
    let remove = || {
        let lock = fs::File::options().create(true).append(true).open(path.join("lock"))?;
        lock.try_lock()?;
        for file in [path.join(MARKER), journal].iter().filter(|file| file.exists()) {
            fs::remove_file(file)?;
        }
        if keyspaces.exists() { fs::remove_dir_all(keyspaces) } else { Ok(()) }
    };
    remove()
        .map_err(|error: std::io::Error| BackendError::new(format!("removing an unfinished fjall database in {}", path.display()), error))
}

fn prefixed(key: &[u8]) -> Vec<u8> {
    [&[BEFORE_KEYS], key].concat()
}

/// The range `from..to` (`None`: to the end) as fjall has it. fjall panics at a bound that no key can be as long as; the longest key that
/// begins it stands for it, which is less.
fn range(from: &[u8], to: Option<&[u8]>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let cut = |key: &[u8]| key.get(..LONGEST_KEY).filter(|cut| cut.len() < key.len()).map(prefixed);
    let from = cut(from).map_or_else(|| Bound::Included(prefixed(from)), Bound::Excluded);
    let to = match to {
        None => Bound::Excluded(vec![BEFORE_KEYS + 1]),
        Some(to) => cut(to).map_or_else(|| Bound::Excluded(prefixed(to)), Bound::Included),
    };
    (from, to)
}

/// The key as fjall has it, when it is not too long.
fn checked(key: &[u8]) -> Result<Vec<u8>, BackendError> {
    if key.len() > LONGEST_KEY {
        let why = format!("a key has {} bytes, fjall takes {LONGEST_KEY} at most", key.len());
        return Err(BackendError::new("writing a batch", why));
    }
    Ok(prefixed(key))
}

fn compression(options: FjallOptions) -> CompressionType {
    if options.compression { CompressionType::Lz4 } else { CompressionType::None }
}

fn keyspace_options(keyspace: Keyspace, options: FjallOptions) -> KeyspaceCreateOptions {
    let compression = compression(options);
    let created =
        KeyspaceCreateOptions::default().max_memtable_size(WRITE_BUFFER).data_block_compression_policy(CompressionPolicy::all(compression));
    match keyspace {
        Keyspace::Log | Keyspace::Latest => {
            created.with_kv_separation(Some(KvSeparationOptions::default().separation_threshold(SEPARATED).compression(compression)))
        }
        Keyspace::Meta | Keyspace::Commits | Keyspace::Nodes | Keyspace::Orphans => created,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: FjallOptions = FjallOptions { cache_size: 1 << 20, compression: true };

    fn put(keyspace: Keyspace, key: &[u8], value: &[u8]) -> Batch {
        let mut batch = Batch::new();
        batch.put(keyspace, key, value);
        batch
    }

    #[test]
    fn a_key_that_is_too_long_is_an_error_and_nothing_of_its_batch_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let backend = FjallBackend::open(folder.path(), Access::Create, OPTIONS).unwrap();
        let longest = vec![1; LONGEST_KEY];
        backend.write(&put(Keyspace::Latest, &longest, b"x"), Durability::Synced).unwrap();
        assert_eq!(backend.get(Keyspace::Latest, &longest).unwrap().unwrap(), b"x");
        let mut batch = put(Keyspace::Meta, b"other", b"x");
        batch.put(Keyspace::Latest, vec![1; LONGEST_KEY + 1], b"x");
        let error = backend.write(&batch, Durability::Synced).unwrap_err().to_string();
        assert!(error.contains("65534 at most"), "{error}");
        assert_eq!(backend.get(Keyspace::Meta, b"other").unwrap(), None);
        assert_eq!(backend.get(Keyspace::Latest, &vec![1; 70_000]).unwrap(), None);
        backend.write(&put(Keyspace::Meta, b"other", b"x"), Durability::Synced).unwrap();
    }

    #[test]
    fn bounds_may_be_longer_than_any_key() {
        let folder = tempfile::tempdir().unwrap();
        let backend = FjallBackend::open(folder.path(), Access::Create, OPTIONS).unwrap();
        let (longest, bound) = (vec![1; LONGEST_KEY], vec![1; 70_000]);
        backend.write(&put(Keyspace::Latest, &longest, b"x"), Durability::Buffered).unwrap();
        for order in [Order::Ascending, Order::Descending] {
            assert_eq!(backend.scan(Keyspace::Latest, b"", Some(&bound), order).count(), 1);
            assert_eq!(backend.scan(Keyspace::Latest, &bound, None, order).count(), 0);
        }
        let mut batch = Batch::new();
        batch.delete_range(Keyspace::Latest, &bound, [2]);
        batch.delete(Keyspace::Latest, &bound);
        backend.write(&batch, Durability::Buffered).unwrap();
        assert_eq!(backend.get(Keyspace::Latest, &longest).unwrap().unwrap(), b"x");
        let mut batch = Batch::new();
        batch.delete_range(Keyspace::Latest, b"", &bound);
        backend.write(&batch, Durability::Buffered).unwrap();
        assert_eq!(backend.get(Keyspace::Latest, &longest).unwrap(), None);
    }

    #[test]
    fn a_database_whose_making_was_cut_off_is_made_anew() {
        let made = tempfile::tempdir().unwrap();
        drop(FjallBackend::open(made.path(), Access::Create, OPTIONS).unwrap());
        for left in [vec!["lock"], vec!["lock", "0.jnl"], vec!["lock", "0.jnl", MARKER]] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("keyspaces")).unwrap();
            for file in left {
                fs::write(folder.path().join(file), b"").unwrap();
            }
            assert!(!FjallBackend::exists(folder.path()));
            let backend = FjallBackend::open(folder.path(), Access::Create, OPTIONS).unwrap();
            backend.write(&put(Keyspace::Meta, b"", b""), Durability::Synced).unwrap();
            drop(backend);
            let backend = FjallBackend::open(folder.path(), Access::ReadWrite, OPTIONS).unwrap();
            assert_eq!(backend.get(Keyspace::Meta, b"").unwrap().unwrap(), b"");
        }
    }

    #[test]
    fn large_values_survive_flushing_and_opening() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..3_u8 {
            let backend = FjallBackend::open(folder.path(), Access::Create, OPTIONS).unwrap();
            for number in 0..20_u8 {
                backend.write(&put(Keyspace::Log, &[number], &vec![number ^ round; 2 << 20]), Durability::Buffered).unwrap();
            }
            for number in 0..20_u8 {
                assert_eq!(backend.get(Keyspace::Log, &[number]).unwrap().unwrap(), vec![number ^ round; 2 << 20]);
            }
        }
    }
}
