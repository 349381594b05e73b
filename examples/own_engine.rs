//! An engine of one's own: everything in memory, and each batch in a journal file, from which opening reads it back.
//!
//! ```text
//! journal = record*
//! record  = length of body (8 bytes, little-endian) || SHA-256 of body (32 bytes) || body
//! body    = change*
//! change  = keyspace (1 byte) || kind (1 byte) || length || first part || length || second part       lengths as the one above
//! ```
//!
//! Versions, transactions, ranges and proofs come with the tree above: an engine only keeps ordered bytes.
//!
//! `cargo run --release --example own_engine`

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use treering::config::{Config, Key, MultiStoreConfig, Settings};
use treering::engine::memory::MemoryBackend;
use treering::engine::{Access, Backend, BackendError, Batch, Capabilities, Change, Durability, Engine, Keyspace, Scan};
use treering::{HashFunction, MultiStore, Order, Store};

const FILE: &str = "journal";

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let config = MultiStoreConfig::new(folder.path().join("trees"));

    let stores = MultiStore::builder(config.clone()).engine(Arc::new(JournalEngine)).home("journal").create()?;
    let forest = stores.create_store("forest", Some("journal"), &Config::new())?;
    forest.set(b"oak", b"200 rings")?;
    let saved = stores.save_version()?;
    println!("saved version {} on an engine of our own; app hash {}", saved.version, saved.app_hash);
    stores.close_all()?;
    drop(stores);

    // A power cut in the middle of a write leaves half a record, which opening throws away.
    let journal = config.root_path.join("journal").join(FILE);
    let whole = fs::read(&journal)?;
    fs::write(&journal, [&whole[..], &[42; 20]].concat())?;

    let stores = MultiStore::builder(config).engine(Arc::new(JournalEngine)).open()?;
    assert_eq!(stores.get_store("forest")?.get(b"oak")?, Some(b"200 rings".to_vec()));
    assert_eq!(stores.newest_version()?.ok_or("it was saved")?.app_hash, saved.app_hash);
    let checked = stores.check(&mut |_| {})?;
    println!("opened again after a torn write: all is there, {} hashes checked", checked.hashes);
    Ok(())
}

/// The engine: how it is called, and how a database is opened.
pub(crate) struct JournalEngine;

impl Engine for JournalEngine {
    fn name(&self) -> &'static str {
        "journal"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { persistence: true, ..Capabilities::TREE }
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn exists(&self, path: &Path) -> bool {
        path.join(FILE).exists()
    }

    fn open(&self, path: &Path, access: Access, _settings: &Settings) -> Result<Arc<dyn Backend>, BackendError> {
        Ok(Arc::new(Journal::open(path, access).map_err(|error| BackendError::new("opening the journal", error))?))
    }

    fn can_be_read_beside_writer(&self) -> bool {
        // Whole records never change; one that is being written is not read.
        true
    }
}

/// An open database.
struct Journal {
    memory: MemoryBackend,
    /// `None` when it only reads, or after a failed write, when nobody knows what the file ends with.
    file: Mutex<Option<File>>,
}

impl Journal {
    fn open(path: &Path, access: Access) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let file = path.join(FILE);
        if access == Access::Create && !file.exists() {
            fs::create_dir_all(path)?;
            File::create(&file)?.sync_all()?;
            File::open(path)?.sync_all()?;
        }
        let bytes = fs::read(&file)?;
        let (memory, whole) = replay(&bytes)?;
        let writer = if access == Access::ReadOnly {
            None
        } else {
            let writer = File::options().append(true).open(&file)?;
            writer.set_len(whole as u64)?;
            Some(writer)
        };
        Ok(Self { memory, file: Mutex::new(writer) })
    }
}

impl Backend for Journal {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.memory.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        self.memory.scan(keyspace, from, to, order)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        let failed = |why: &str| BackendError::new("writing to the journal", why.to_owned());
        let mut held = self.file.lock().map_err(|_| failed("a thread panicked while it wrote"))?;
        // Taken, and put back only when all went well.
        let mut file = held.take().ok_or_else(|| failed("it was opened read-only, or an earlier write failed"))?;
        let written = file.write_all(&record(batch)).and_then(|()| match durability {
            Durability::Synced => file.sync_data(),
            Durability::Buffered | Durability::Derived => Ok(()),
        });
        written.map_err(|error| failed(&error.to_string()))?;
        self.memory.write(batch, durability)?;
        *held = Some(file);
        Ok(())
    }

    fn flush(&self) -> Result<(), BackendError> {
        let Ok(held) = self.file.lock() else { return Ok(()) };
        held.as_ref().map_or(Ok(()), File::sync_all).map_err(|error| BackendError::new("flushing the journal", error))
    }
}

/// A batch as it is written.
fn record(batch: &Batch) -> Vec<u8> {
    let mut body = Vec::with_capacity(batch.bytes() + 18 * batch.len());
    for (keyspace, change) in batch.changes() {
        let (kind, first, second) = match change {
            Change::Put { key, value } => (0, key, value),
            Change::Delete { key } => (1, key, &[][..]),
            Change::DeleteRange { from, to } => (2, from, to),
        };
        let number = Keyspace::ALL.iter().zip(0_u8..).find(|(other, _)| **other == keyspace).map_or(u8::MAX, |(_, number)| number);
        body.extend([number, kind]);
        for part in [first, second] {
            body.extend((part.len() as u64).to_le_bytes());
            body.extend(part);
        }
    }
    let hash = HashFunction::Sha256.hash(&body);
    [&(body.len() as u64).to_le_bytes()[..], hash.as_ref(), &body].concat()
}

/// The contents of a journal, and how many bytes of it are whole records.
fn replay(bytes: &[u8]) -> Result<(MemoryBackend, usize), Box<dyn Error + Send + Sync>> {
    let memory = MemoryBackend::new();
    let mut rest = bytes;
    let mut whole = 0;
    while let Some(body) = take_record(&mut rest)? {
        memory.write(&batch(body).ok_or("a record of the journal is damaged")?, Durability::Buffered)?;
        whole = bytes.len() - rest.len();
    }
    Ok((memory, whole))
}

/// The body of the next record; none where the journal ends, or ends within a record, which was never whole.
fn take_record<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, &'static str> {
    let mut input = *rest;
    let Some(len) = take_length(&mut input) else { return Ok(None) };
    let Some((hash, input)) = input.split_at_checked(32) else { return Ok(None) };
    let Some((body, input)) = input.split_at_checked(len) else { return Ok(None) };
    if HashFunction::Sha256.hash(body).as_ref() != hash {
        // Other than the last record, it was whole once.
        return if input.is_empty() { Ok(None) } else { Err("a record of the journal is damaged") };
    }
    *rest = input;
    Ok(Some(body))
}

fn take_length(input: &mut &[u8]) -> Option<usize> {
    let (length, rest) = input.split_first_chunk::<8>()?;
    *input = rest;
    usize::try_from(u64::from_le_bytes(*length)).ok()
}

fn batch(mut body: &[u8]) -> Option<Batch> {
    let mut batch = Batch::new();
    while let Some(([number, kind], rest)) = body.split_first_chunk::<2>() {
        body = rest;
        let keyspace = *Keyspace::ALL.get(usize::from(*number))?;
        let mut part = || {
            let len = take_length(&mut body)?;
            let (part, rest) = body.split_at_checked(len)?;
            body = rest;
            Some(part)
        };
        let (first, second) = (part()?, part()?);
        match kind {
            0 => batch.put(keyspace, first, second),
            1 => batch.delete(keyspace, first),
            2 => batch.delete_range(keyspace, first, second),
            _ => return None,
        }
    }
    body.is_empty().then_some(batch)
}
