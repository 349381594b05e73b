//! Operations on a store that wait to be done together, which is quicker than one by one.

use treering::SharedStore;
use treering::tree::{MAX_KEY_LEN, MAX_VALUE_LEN, TreeError};

/// Operations and bytes that wait at most.
const MAX_WAITING: usize = 1024;
const MAX_WAITING_BYTES: usize = 1 << 20;

/// A key and its new value; none to remove it.
pub(crate) type Operation = (Vec<u8>, Option<Vec<u8>>);

/// A store and what is still to be done to it.
pub(crate) struct Queue {
    store: SharedStore,
    waiting: Vec<Operation>,
    bytes: usize,
}

impl Queue {
    pub(crate) fn new(store: SharedStore) -> Self {
        Self { store, waiting: Vec::new(), bytes: 0 }
    }

    /// The store; what waits is not done yet.
    pub(crate) fn store(&self) -> &SharedStore {
        &self.store
    }

    /// Adds an operation that [`check`] let through.
    pub(crate) fn push(&mut self, (key, value): Operation) -> treering::Result<()> {
        self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
        self.waiting.push((key, value));
        if self.waiting.len() >= MAX_WAITING || self.bytes >= MAX_WAITING_BYTES { self.flush() } else { Ok(()) }
    }

    /// Does what waits.
    pub(crate) fn flush(&mut self) -> treering::Result<()> {
        let operations: Vec<_> = self.waiting.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
        self.store.apply(&operations)?;
        self.waiting.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Fails for what no tree takes, so that the error can name the line that it is in.
pub(crate) fn check((key, value): &Operation) -> Result<(), TreeError> {
    if key.len() > MAX_KEY_LEN {
        return Err(TreeError::KeyTooLong { length: key.len() });
    }
    match value {
        Some(value) if value.len() > MAX_VALUE_LEN => Err(TreeError::ValueTooLong { length: value.len() }),
        _ => Ok(()),
    }
}
