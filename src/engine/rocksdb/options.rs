//! How a RocksDB database is opened.

use std::collections::BTreeMap;

use crate::engine::Keyspace;

/// Bits a key in bloom filters: about 1 % of lookups of absent keys read a block.
pub(crate) const DEFAULT_BLOOM_BITS: u32 = 10;
/// More do not make filters better.
pub(crate) const MOST_BLOOM_BITS: u32 = 20;

/// How blocks are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Compression {
    /// Not at all: fastest to write.
    None,
    /// Fast.
    #[default]
    Lz4,
    /// Small.
    Zstd,
}

impl Compression {
    /// Its name in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::None, Self::Lz4, Self::Zstd].into_iter().find(|compression| compression.name() == name)
    }
}

/// How to open a RocksDB database. A database can be opened with other options than it was made with: what is on disk says itself how
/// it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RocksOptions {
    /// Bytes of the cache for blocks, indexes and filters (default 128 MiB).
    pub block_cache: usize,
    /// How each keyspace is compressed (default: LZ4, also for keyspaces that are not in it).
    pub compression: BTreeMap<Keyspace, Compression>,
    /// Bits a key in the bloom filters of latest values (default 10); 0: no filters.
    pub bloom_bits: u32,
}

impl Default for RocksOptions {
    fn default() -> Self {
        Self { block_cache: 128 << 20, compression: BTreeMap::new(), bloom_bits: DEFAULT_BLOOM_BITS }
    }
}

impl RocksOptions {
    /// How a keyspace is compressed.
    #[must_use]
    pub fn compression_of(&self, keyspace: Keyspace) -> Compression {
        self.compression.get(&keyspace).copied().unwrap_or_default()
    }
}
