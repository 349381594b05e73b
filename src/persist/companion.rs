//! The record beside a version of the whole, which says how a log stood that is kept beside the stores, such as the audit log.
//!
//! ```text
//! commits: n VERSION = log version || root hash || entries
//! ```
//!
//! It is written in one batch with the record of the version and goes with it, but has no part in the app hash. From the first version
//! that has one on every newer one has one too: a version that is saved without the log repeats the one before.

use treering_proofs::Hash;
use treering_tree::Order;

use super::Disk;
use super::frame::{Reader, Writer};
use super::keys;
use crate::engine::{Batch, Keyspace};
use crate::error::{Error, Result};

/// How a log stood that is kept beside the stores, when a version of all stores was saved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Companion {
    /// The newest version of the log.
    pub version: u64,
    /// Its root hash.
    pub root_hash: Hash,
    /// How many entries it has.
    pub entries: u64,
}

impl Companion {
    fn encode(&self, version: u64) -> (Vec<u8>, Vec<u8>) {
        let at = keys::companion(version);
        let mut writer = Writer::new();
        writer.number(self.version).hash(&self.root_hash).number(self.entries);
        let record = writer.seal(Keyspace::Commits, &at);
        (at, record)
    }

    /// The version of the whole that it stands beside, and what it says.
    fn decode(at: &[u8], record: &[u8]) -> Result<(u64, Self)> {
        let mut reader = Reader::open(Keyspace::Commits, at, record)?;
        let Some(beside) = keys::commit_number(at) else { return Err(reader.damaged("its key is malformed")) };
        let (version, root_hash, entries) = (reader.number()?, reader.hash()?, reader.number()?);
        reader.finish()?;
        Ok((beside, Self { version, root_hash, entries }))
    }

    /// Adds to a batch that it stands beside a version of the whole.
    pub(super) fn put(&self, batch: &mut Batch, version: u64) {
        let (at, record) = self.encode(version);
        batch.put(Keyspace::Commits, at, record);
    }
}

impl Disk {
    /// What stands beside a version of the whole, if anything does.
    pub(crate) fn companion(&self, version: u64) -> Result<Option<Companion>> {
        let at = keys::companion(version);
        let record = self.backend.get(Keyspace::Commits, &at)?;
        Ok(record.map(|record| Companion::decode(&at, &record)).transpose()?.map(|(_, companion)| companion))
    }

    /// All of them in the order of the versions that they stand beside, each with that version.
    pub(crate) fn companions(&self) -> impl Iterator<Item = Result<(u64, Companion)>> + '_ {
        let (from, to) = keys::companions();
        let scan = self.backend.scan(Keyspace::Commits, &from, Some(&to), Order::Ascending);
        scan.map(|pair| pair.map_err(Into::into).and_then(|(at, record)| Companion::decode(&at, &record)))
    }

    /// Removes what stands beside versions above `newest`, which are not there.
    pub(crate) fn forget_companions_above(&self, newest: u64) -> Result<()> {
        let Some(first) = newest.checked_add(1).map(keys::companion) else { return Ok(()) };
        let (_, end) = keys::companions();
        if self.backend.scan(Keyspace::Commits, &first, Some(&end), Order::Ascending).next().transpose()?.is_none() {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.delete_range(Keyspace::Commits, first, end);
        self.write(&batch)
    }

    /// Checks that from some version of the whole on each has one, and that none is left of a version that is gone. O(versions).
    pub(crate) fn check_companions(&self) -> Result<()> {
        let damaged = |version: u64, what: &str| {
            Err(Error::Damaged { record: format!("the record beside version {version} of all stores"), what: what.to_owned() })
        };
        let mut companions = self.companions().peekable();
        let mut is_begun = false;
        for record in self.multi_versions(Order::Ascending) {
            let version = record?.version;
            if let Some(Ok((stray, _))) = companions.next_if(|next| next.as_ref().is_ok_and(|(beside, _)| *beside < version)) {
                return damaged(stray, "there is no such version");
            }
            match companions.next_if(|next| next.as_ref().is_err() || next.as_ref().is_ok_and(|(beside, _)| *beside == version)) {
                Some(found) => {
                    found?;
                    is_begun = true;
                }
                None if is_begun => return damaged(version, "it is missing, though an older version has one"),
                None => {}
            }
        }
        match companions.next().transpose()? {
            Some((stray, _)) => damaged(stray, "there is no such version"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_round_trips_with_its_format_before_it() {
        for (version, entries) in [(1, 1), (7, 300), (u64::MAX, u64::MAX)] {
            let companion = Companion { version, root_hash: Hash::new([3; 32]), entries };
            let (at, record) = companion.encode(version / 2);
            assert_eq!(record[0], 1, "the format");
            assert_eq!(Companion::decode(&at, &record).unwrap(), (version / 2, companion));
            let (from, to) = keys::companions();
            assert!(from <= at && at < to);
            // Elsewhere it is not taken for the record of another version.
            assert!(Companion::decode(&keys::companion(version / 2 + 1), &record).is_err());
            for length in 0..record.len() {
                assert!(Companion::decode(&at, &record[..length]).is_err(), "cut to {length}");
            }
        }
    }
}
