//! Reading all batches when the database is opened.

use super::folder::{Folder, Kind, Read, damaged};
use crate::engine::memory::MemoryBackend;
use crate::engine::{Backend, BackendError, Batch, Durability};

/// What the folder holds.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) memory: MemoryBackend,
    /// The base that the contents start from.
    pub(super) base: Option<u64>,
    /// The number of the next batch.
    pub(super) next: u64,
    /// Bytes of all keys and values written, alive or not.
    pub(super) written: usize,
    /// Batches that may not be on the disk yet.
    pub(super) unsynced: Vec<u64>,
    /// Directories of no use: older than the base, or from the first torn one on.
    pub(super) useless: Vec<u64>,
}

/// Reads the newest base and all batches after it, up to the first that the machine lost before it was synced.
pub(super) fn load(folder: &Folder) -> Result<Loaded, BackendError> {
    let numbers = folder.numbers()?;
    let base = folder.newest_base(&numbers);
    let first = base.unwrap_or(1);
    let mut loaded = Loaded { base, next: first, ..Loaded::default() };
    let mut torn: Option<String> = None;
    for number in numbers {
        if number < first {
            loaded.useless.push(number);
            continue;
        }
        if torn.is_none() && number != loaded.next {
            torn = Some("it is missing".to_owned());
        }
        match folder.read(number)? {
            // What is synced was written after all before it was on the disk.
            Read::Whole(Kind::Base | Kind::Synced, _) if torn.is_some() => {
                return Err(damaged(&folder.directory(loaded.next), torn.unwrap_or_default()));
            }
            Read::Whole(kind, batch) if torn.is_none() => loaded.apply(number, kind, &batch)?,
            Read::Whole(..) => loaded.useless.push(number),
            Read::Torn(why) => {
                torn.get_or_insert(why);
                loaded.useless.push(number);
            }
        }
    }
    Ok(loaded)
}

impl Loaded {
    fn apply(&mut self, number: u64, kind: Kind, batch: &Batch) -> Result<(), BackendError> {
        self.memory.write(batch, Durability::Buffered)?;
        self.written += batch.bytes();
        self.next = number + 1;
        match kind {
            Kind::Unsynced => self.unsynced.push(number),
            Kind::Base | Kind::Synced => self.unsynced.clear(),
        }
        Ok(())
    }
}
