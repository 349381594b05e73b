//! Records of the database, its stores, versions and commits.
//!
//! ```text
//! database = "treering" || layout (1 byte, 2) || hash function (1 byte: 0 SHA-256, 1 BLAKE3) || initial version
//! store    = number || configuration (JSON, as it was given for the store)
//! next     = number                                                            of the next new store: none is given twice
//! version  = standing || commit || time || root hash || 0                      the tree is empty
//!          | standing || commit || time || root hash || 1 || node key || height || size
//! standing = 0                                                                 the version is kept
//!          | 1                                                                 it was removed, but newer versions are replayed over it
//! checkpoint =                                                                 (that there is one says all)
//! commit   = time || app hash || stores || (store || version || root hash || made here (0 or 1))*
//! latest   = version || value
//! indexed  = version                                                           the checkpoint up to which the index has every change
//! orphans  = node key*
//! ```
//!
//! The layout is how the records fit together. In layout 1, which had the hash function in its place (0 or 1), each node was a record.
//!
//! Times are seconds since 1970. A commit lists every store that has a version; those that it saved are marked as made here.

use treering_proofs::{Hash, HashFunction};
use treering_tree::{NodeKey, RootRecord};

use super::frame::{Reader, Writer};
use super::keys::{self, StoreId};
use crate::config::Config;
use crate::engine::Keyspace;
use crate::error::{Error, Result};

const MAGIC: &[u8] = b"treering";
const LAYOUT: u8 = 2;

/// Facts fixed when a database is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DatabaseRecord {
    pub(crate) hash_function: HashFunction,
    pub(crate) initial_version: u64,
}

impl DatabaseRecord {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut writer = Writer::new();
        let function = match self.hash_function {
            HashFunction::Sha256 => 0,
            HashFunction::Blake3 => 1,
        };
        writer.raw(MAGIC).byte(LAYOUT).byte(function).number(self.initial_version);
        writer.seal(Keyspace::Meta, keys::DATABASE)
    }

    pub(crate) fn decode(record: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(Keyspace::Meta, keys::DATABASE, record)?;
        if reader.raw(MAGIC.len())? != MAGIC {
            return Err(reader.damaged("it is not that of a treering database"));
        }
        let what = || keys::name(Keyspace::Meta, keys::DATABASE);
        match reader.byte()? {
            0 | 1 => return Err(Error::OlderFormat { what: what(), found: 1, supported: LAYOUT }),
            LAYOUT => {}
            found => return Err(Error::NewerFormat { what: what(), found, supported: LAYOUT }),
        }
        let hash_function = match reader.byte()? {
            0 => HashFunction::Sha256,
            1 => HashFunction::Blake3,
            _ => return Err(reader.damaged("its hash function is unknown")),
        };
        let initial_version = reader.number()?;
        reader.finish()?;
        Ok(Self { hash_function, initial_version })
    }
}

/// What is kept with a store's name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct StoreSettings {
    /// What was configured for this store alone.
    pub(crate) config: Config,
}

impl StoreSettings {
    pub(super) fn put(&self, writer: &mut Writer) {
        // A configuration is a map of texts to plain values, which JSON can always say.
        let json = serde_json::to_string(&self.config).unwrap_or_default();
        writer.bytes(json.as_bytes());
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self> {
        let json = reader.bytes()?;
        let config = serde_json::from_slice(json).map_err(|_| reader.damaged("the store's configuration is not JSON"))?;
        Ok(Self { config })
    }
}

pub(crate) fn encode_store(name: &str, id: StoreId, settings: &StoreSettings) -> (Vec<u8>, Vec<u8>) {
    let at = keys::store(name);
    let mut writer = Writer::new();
    writer.number(u64::from(id.0));
    settings.put(&mut writer);
    let record = writer.seal(Keyspace::Meta, &at);
    (at, record)
}

pub(crate) fn decode_store(at: &[u8], record: &[u8]) -> Result<(String, StoreId, StoreSettings)> {
    let mut reader = Reader::open(Keyspace::Meta, at, record)?;
    let Some(name) = keys::store_name(at) else { return Err(reader.damaged("the store's name is not text")) };
    let id = StoreId(reader.small_number()?);
    let settings = StoreSettings::take(&mut reader)?;
    reader.finish()?;
    Ok((name.to_owned(), id, settings))
}

/// The number of the next new store.
pub(crate) fn encode_next_store(next: u32) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.number(u64::from(next));
    writer.seal(Keyspace::Meta, keys::NEXT_STORE)
}

pub(crate) fn decode_next_store(record: &[u8]) -> Result<u32> {
    let mut reader = Reader::open(Keyspace::Meta, keys::NEXT_STORE, record)?;
    let next = reader.small_number()?;
    reader.finish()?;
    Ok(next)
}

/// A saved version of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct VersionRecord {
    pub(crate) commit: u64,
    pub(crate) time: u64,
    pub(crate) root_hash: Hash,
    pub(crate) root: Option<RootRecord>,
}

/// Whether a version is there for users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// It is kept.
    Kept,
    /// It was removed. Its record and its log stay, since kept versions after it are computed from an older checkpoint.
    Retired,
}

impl VersionRecord {
    pub(crate) fn encode(&self, store: StoreId, version: u64, standing: Standing) -> (Vec<u8>, Vec<u8>) {
        let at = keys::version(store, version);
        let mut writer = Writer::new();
        writer.byte(u8::from(standing == Standing::Retired));
        writer.number(self.commit).number(self.time).hash(&self.root_hash);
        match self.root {
            None => writer.byte(0),
            Some(root) => writer.byte(1).node_key(root.node).byte(root.height).number(root.size),
        };
        let record = writer.seal(Keyspace::Commits, &at);
        (at, record)
    }

    pub(crate) fn decode(at: &[u8], record: &[u8]) -> Result<(Self, Standing)> {
        let mut reader = Reader::open(Keyspace::Commits, at, record)?;
        let standing = match reader.byte()? {
            0 => Standing::Kept,
            1 => Standing::Retired,
            _ => return Err(reader.damaged("it is neither of a kept nor of a removed version")),
        };
        let (commit, time, root_hash) = (reader.number()?, reader.number()?, reader.hash()?);
        let root = match reader.byte()? {
            0 => None,
            1 => Some(RootRecord { node: reader.node_key()?, hash: root_hash, height: reader.byte()?, size: reader.number()? }),
            _ => return Err(reader.damaged("its root is neither there nor absent")),
        };
        reader.finish()?;
        Ok((Self { commit, time, root_hash, root }, standing))
    }
}

/// A store as a commit lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CommittedStore {
    pub(crate) store: StoreId,
    pub(crate) version: u64,
    pub(crate) root_hash: Hash,
    pub(crate) made_here: bool,
}

/// A commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CommitRecord {
    pub(crate) time: u64,
    pub(crate) app_hash: Hash,
    pub(crate) stores: Vec<CommittedStore>,
}

impl CommitRecord {
    pub(crate) fn encode(&self, number: u64) -> (Vec<u8>, Vec<u8>) {
        let at = keys::commit(number);
        let mut writer = Writer::new();
        writer.number(self.time).hash(&self.app_hash).number(self.stores.len() as u64);
        for store in &self.stores {
            writer.number(u64::from(store.store.0)).number(store.version).hash(&store.root_hash).byte(u8::from(store.made_here));
        }
        let record = writer.seal(Keyspace::Commits, &at);
        (at, record)
    }

    pub(crate) fn decode(at: &[u8], record: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(Keyspace::Commits, at, record)?;
        let (time, app_hash, count) = (reader.number()?, reader.hash()?, reader.number()?);
        let mut stores = Vec::new();
        for _ in 0..count {
            let store = StoreId(reader.small_number()?);
            let (version, root_hash) = (reader.number()?, reader.hash()?);
            let made_here = match reader.byte()? {
                0 => false,
                1 => true,
                _ => return Err(reader.damaged("a mark in it is neither set nor unset")),
            };
            stores.push(CommittedStore { store, version, root_hash, made_here });
        }
        reader.finish()?;
        Ok(Self { time, app_hash, stores })
    }
}

/// Says that all nodes of a version are stored.
pub(crate) fn encode_checkpoint(store: StoreId, version: u64) -> (Vec<u8>, Vec<u8>) {
    let at = keys::checkpoint(store, version);
    let record = Writer::new().seal(Keyspace::Commits, &at);
    (at, record)
}

/// Checks the record of a checkpoint.
pub(crate) fn decode_checkpoint(at: &[u8], record: &[u8]) -> Result<()> {
    Reader::open(Keyspace::Commits, at, record)?.finish()
}

/// The newest value of a key, and the version that set it.
pub(crate) fn encode_latest(store: StoreId, key: &[u8], version: u64, value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let at = keys::latest(store, key);
    let mut writer = Writer::with_capacity(value.len() + 8);
    writer.number(version).raw(value);
    let record = writer.seal(Keyspace::Latest, &at);
    (at, record)
}

pub(crate) fn decode_latest<'a>(at: &'a [u8], record: &'a [u8]) -> Result<(u64, &'a [u8])> {
    let mut reader = Reader::open(Keyspace::Latest, at, record)?;
    let version = reader.number()?;
    Ok((version, reader.rest()))
}

/// Says up to which checkpoint the index has every change; 0 for none.
pub(crate) fn encode_indexed(store: StoreId, version: u64) -> (Vec<u8>, Vec<u8>) {
    let at = keys::indexed(store);
    let mut writer = Writer::new();
    writer.number(version);
    let record = writer.seal(Keyspace::Latest, &at);
    (at, record)
}

pub(crate) fn decode_indexed(at: &[u8], record: &[u8]) -> Result<u64> {
    let mut reader = Reader::open(Keyspace::Latest, at, record)?;
    let version = reader.number()?;
    reader.finish()?;
    Ok(version)
}

pub(crate) fn encode_orphans(store: StoreId, version: u64, nodes: &[NodeKey]) -> (Vec<u8>, Vec<u8>) {
    let at = keys::orphans(store, version);
    let mut writer = Writer::with_capacity(nodes.len() * 8);
    for &node in nodes {
        writer.node_key(node);
    }
    let record = writer.seal(Keyspace::Orphans, &at);
    (at, record)
}

pub(crate) fn decode_orphans(at: &[u8], record: &[u8]) -> Result<Vec<NodeKey>> {
    let mut reader = Reader::open(Keyspace::Orphans, at, record)?;
    let mut nodes = Vec::new();
    while !reader.is_done() {
        nodes.push(reader.node_key()?);
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_round_trip() {
        let database = DatabaseRecord { hash_function: HashFunction::Blake3, initial_version: 1 << 40 };
        assert_eq!(DatabaseRecord::decode(&database.encode()).unwrap(), database);

        for (layout, is_newer) in [(0, false), (1, false), (3, true)] {
            let mut other = Writer::new();
            other.raw(MAGIC).byte(layout).byte(0).number(1);
            match DatabaseRecord::decode(&other.seal(Keyspace::Meta, keys::DATABASE)).unwrap_err() {
                Error::NewerFormat { found: 3, supported: 2, .. } => assert!(is_newer),
                Error::OlderFormat { found: 1, supported: 2, .. } => assert!(!is_newer),
                other => panic!("{other}"),
            }
        }
        let hash = Hash::new([9; 32]);
        let root = RootRecord { node: NodeKey::new(3, 1), hash, height: 20, size: 1_000_000 };
        for root in [None, Some(root)] {
            let version = VersionRecord { commit: 5, time: 1_700_000_000, root_hash: hash, root };
            for standing in [Standing::Kept, Standing::Retired] {
                let (at, record) = version.encode(StoreId(1), 7, standing);
                assert_eq!(VersionRecord::decode(&at, &record).unwrap(), (version, standing));
            }
        }
        let (at, record) = encode_checkpoint(StoreId(1), 7);
        decode_checkpoint(&at, &record).unwrap();
        let stores = [true, false].map(|made_here| CommittedStore { store: StoreId(2), version: 6, root_hash: hash, made_here });
        let commit = CommitRecord { time: 1, app_hash: hash, stores: stores.to_vec() };
        let (at, record) = commit.encode(8);
        assert_eq!(CommitRecord::decode(&at, &record).unwrap(), commit);

        let (at, record) = encode_latest(StoreId(1), b"key", 4, b"value");
        assert_eq!(decode_latest(&at, &record).unwrap(), (4, &b"value"[..]));
        let (at, record) = encode_indexed(StoreId(1), 4);
        assert_eq!(decode_indexed(&at, &record).unwrap(), 4);
        let nodes = [NodeKey::new(1, 1), NodeKey::new(u64::MAX, u32::MAX)];
        let (at, record) = encode_orphans(StoreId(1), 4, &nodes);
        assert_eq!(decode_orphans(&at, &record).unwrap(), nodes);
        let settings = StoreSettings { config: Config::new().with("max_versions", 5).with("version_ttl", "2 days") };
        let (at, record) = encode_store("bank", StoreId(12), &settings);
        assert_eq!(decode_store(&at, &record).unwrap(), ("bank".to_owned(), StoreId(12), settings));
        assert_eq!(decode_next_store(&encode_next_store(7)).unwrap(), 7);
    }
}
