//! The operations of a version, in the order in which they were applied.
//!
//! ```text
//! log       = operation*
//! operation = 0 || len(key) key || len(value) value      set
//!           | 1 || len(key) key                          delete
//! ```

use super::Disk;
use super::frame::{Reader, Writer};
use super::keys::{self, StoreId};
use crate::engine::Keyspace;
use crate::error::{Error, Result};

const SET: u8 = 0;
const DELETE: u8 = 1;

/// One change of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation<'a> {
    /// The key has this value now.
    Set(&'a [u8], &'a [u8]),
    /// The key is gone.
    Delete(&'a [u8]),
}

/// Operations that wait for their version to be saved.
pub(crate) struct PendingLog {
    writer: Writer,
    count: u64,
}

impl PendingLog {
    pub(crate) fn new() -> Self {
        Self { writer: Writer::new(), count: 0 }
    }

    pub(crate) fn push(&mut self, operation: Operation<'_>) {
        match operation {
            Operation::Set(key, value) => self.writer.byte(SET).bytes(key).bytes(value),
            Operation::Delete(key) => self.writer.byte(DELETE).bytes(key),
        };
        self.count += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The log's record and its key.
    pub(crate) fn seal(self, commit: u64, store: StoreId) -> (Vec<u8>, Vec<u8>) {
        let at = keys::log(commit, store);
        let record = self.writer.seal(Keyspace::Log, &at);
        (at, record)
    }
}

/// Gives the operations of a log record in order.
pub(crate) fn replay<'a>(at: &'a [u8], record: &'a [u8], mut each: impl FnMut(Operation<'a>)) -> Result<()> {
    let mut reader = Reader::open(Keyspace::Log, at, record)?;
    while !reader.is_done() {
        match reader.byte()? {
            SET => each(Operation::Set(reader.bytes()?, reader.bytes()?)),
            DELETE => each(Operation::Delete(reader.bytes()?)),
            _ => return Err(reader.damaged("an operation in it is unknown")),
        }
    }
    Ok(())
}

impl Disk {
    /// Gives the operations that a commit did on a store, in order.
    pub(crate) fn operations(&self, store: StoreId, commit: u64, each: impl FnMut(Operation<'_>)) -> Result<()> {
        let at = keys::log(commit, store);
        match self.backend.get(Keyspace::Log, &at)? {
            Some(record) => replay(&at, &record, each),
            None => Err(Error::Damaged { record: format!("log record {}", hex::encode(&at)), what: "it is missing".to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_back_in_order() {
        let operations = [Operation::Set(b"a", b"1"), Operation::Delete(b"a"), Operation::Set(b"", b"")];
        let mut log = PendingLog::new();
        for operation in operations {
            log.push(operation);
        }
        let (at, record) = log.seal(4, StoreId(1));
        let mut count = 0;
        replay(&at, &record, |operation| {
            assert_eq!(operation, operations[count]);
            count += 1;
        })
        .unwrap();
        assert_eq!(count, 3);
    }
}
