//! The tree's nodes and values in RocksDB.

use std::path::Path;

use anyhow::{Context as _, Result};
use borsh::BorshDeserialize as _;
use jmt::storage::{HasPreimage, LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use rocksdb::{ColumnFamily, DB, IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions};

pub(crate) const NODES: &str = "jmt";
pub(crate) const VALUES: &str = "jmt-values";
pub(crate) const KEYS: &str = "jmt-keys";
pub(crate) const PREIMAGES: &str = "jmt-keys-by-keyhash";

pub(crate) struct Reader(DB);

impl Reader {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        Ok(Self(DB::open_cf(&options, path, [NODES, VALUES, KEYS, PREIMAGES])?))
    }

    pub(crate) fn family(&self, name: &str) -> Result<&ColumnFamily> {
        self.0.cf_handle(name).context("a column family is missing")
    }

    pub(crate) fn write(&self, batch: WriteBatch, options: &WriteOptions) -> Result<()> {
        Ok(self.0.write_opt(batch, options)?)
    }

    /// The version of the last node, since versions come first in the keys.
    pub(crate) fn newest_version(&self) -> Result<Option<Version>> {
        let Some(last) = self.0.iterator_cf(self.family(NODES)?, IteratorMode::End).next() else { return Ok(None) };
        let (key, _) = last?;
        let version = key.first_chunk().context("a key is too short")?;
        Ok(Some(Version::from_be_bytes(*version)))
    }
}

/// The version first: what is written together lies together.
pub(crate) fn node_key(key: &NodeKey) -> Result<Vec<u8>> {
    let mut bytes = key.version().to_be_bytes().to_vec();
    borsh::to_writer(&mut bytes, key)?;
    Ok(bytes)
}

impl TreeReader for Reader {
    fn get_node_option(&self, key: &NodeKey) -> Result<Option<Node>> {
        let found = self.0.get_pinned_cf(self.family(NODES)?, node_key(key)?)?;
        found.map(|bytes| Ok(Node::try_from_slice(&bytes)?)).transpose()
    }

    fn get_value_option(&self, newest: Version, key: KeyHash) -> Result<Option<OwnedValue>> {
        let at = |version: Version| [key.0.as_slice(), &version.to_be_bytes()].concat();
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(at(0));
        options.set_iterate_upper_bound(at(newest.saturating_add(1)));
        let Some(last) = self.0.iterator_cf_opt(self.family(VALUES)?, options, IteratorMode::End).next() else { return Ok(None) };
        Ok(Option::try_from_slice(&last?.1)?)
    }

    fn get_rightmost_leaf(&self) -> Result<Option<(NodeKey, LeafNode)>> {
        // Only a restoration from a snapshot asks for it.
        anyhow::bail!("not needed here")
    }
}

impl HasPreimage for Reader {
    fn preimage(&self, hash: KeyHash) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get_cf(self.family(PREIMAGES)?, hash.0)?)
    }
}
