//! RocksDB: every keyspace a column family of one database.
//!
//! All batches but derived ones go through RocksDB's write-ahead log, so a batch is atomic over all keyspaces and is on the disk when a synced
//! write returns. RocksDB gets that log onto the disk before a table of what was written later. A write-ahead log whose end is torn (a crash
//! in the middle of an append) is read up to there; one that is damaged anywhere else is refused, since silently losing acknowledged commits
//! is worse than not opening.
//!
//! How a version is written was measured (`cargo bench --bench write_paths`; a version of 10,000 operations has 90,000 nodes). Ratios to
//! nodes as files and the index through the log, of one to three runs on a busy machine of two cores, where processor time holds to a fifth
//! at best:
//!
//! | instead | processor | bytes written | and |
//! |---|---|---|---|
//! | everything in one batch through the log | 1.2 to 1.9 | 1.7 to 1.9 | a synced commit takes 1.6 to 2.8 times as long |
//! | nodes and index with the log off, flushed at once | 1.3 to 1.7 | 1.2 to 1.4 | |
//! | nodes into a vector as write buffer | 1.6 to 1.9 | 1.5 | |
//! | **only the index with the log off**: what is done here | 0.95 to 1.05 | 0.9 | a killed database opens in 0.4 to 0.6 of the time |
//! | the same, with 128 MiB of log instead of 48 | 0.95 to 1.05 | 0.8 to 1.0 | opens in 1.5 to 2 times the time |
//! | the same, with RocksDB's two write buffers a keyspace | | | beside a pruning the slowest blocks take twice as long |
//! | index added as a file, each version or every eighth | 1.3, 0.7 to 0.9 | 1.5, 0.8 to 0.9 | as above for every eighth |
//! | nodes not compressed, by Zstd | 0.9, 1.5 | 1.1, 0.97 | the database 1.14, 0.97 times as large |
//! | nodes in blocks of 4, 16 KiB | 1.1 to 1.2, 0.9 to 1.0 | 1.0 | |
//! | index with a write buffer of 64 MiB, or merged from eight files on | 0.9 to 1.0 | 0.9 to 0.95 | more memory, or slower scans |
//! | log in blob files | 1.0 | 1.0 | |
//! | everything through the log, 48 MiB of it, small write buffers | 1.0 | 1.1 | blocks 1.0 to 1.2 times as long; opens in 0.65 of the time |
//! | nodes by Zstd in blocks of 16 KiB, a checkpoint every 100 versions | 1.0 | | the database 0.98 times as large |
//!
//! Those rows are of nodes that were a record each. Now they stand in pages of 32: the same blocks take 0.70 of the processor time and 0.71 of
//! the bytes written, and the database has 0.76 of the size (0.86 with a checkpoint every 100 versions). A fifth of what that saves of the
//! time is that index keys are inserted into the write buffer from where the one before went.
//!
//! Nodes go from the tree through an encoding thread into the file, 256 KiB at a time: in one piece they took 13 MB a version out of the
//! caches (processor 0.9 of before, versions a second while the flusher is behind 1.1 with the second thread). Zstd at level 1 and write
//! buffers of up to 96 MiB make merging the index cheaper.
//!
//! Two things more were kept. Nodes have no filters (bytes 0.98). And files of them are read once after writing, since RocksDB has the system
//! forget them: first reads are 10 times as fast, and with a cache far smaller than the tree blocks are 1.4 times as fast or more.

mod framing;
mod ingest;
mod options;

use std::path::{Path, PathBuf};

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB, DBCompressionType,
    DBRecoveryMode, Direction, Error as RocksError, FlushOptions, IngestExternalFileOptions, IteratorMode, Options, ReadOptions, ReadTier,
    SstFileWriter, WriteBatch, WriteOptions,
};
use treering_tree::Order;

use super::{Access, Backend, BackendError, Batch, Change, Durability, Keyspace, PutAll, Scan};
use ingest::Ingestion;

pub use options::{Compression, RocksOptions};
pub(super) use options::{DEFAULT_BLOOM_BITS, MOST_BLOOM_BITS};

/// Bytes of all write buffers together: as many as of the block cache, within these bounds. Smaller ones make smaller tables, which are
/// merged more often.
const LEAST_WRITE_BUFFERS: usize = 12 << 20;
const MOST_WRITE_BUFFERS: usize = 96 << 20;
/// Bytes of write-ahead log, which opening after a crash reads: 0.4 to 1 ms a MiB. When there is more the index is flushed too, though it is
/// not in that log.
const MOST_WAL: u64 = 48 << 20;
/// Of all write buffers, one part in so many is that of a keyspace. That of the log is smaller: a full one lets go of the write-ahead log. The
/// log comes in order, so that small tables cost nothing more.
const PART_OF_KEYSPACE: usize = 3;
const PART_OF_LOG: usize = 6;
/// Write buffers of a keyspace, the one that is written included; all of them together have their own bound. With RocksDB's two, writes stop
/// as soon as one fills while another waits for its flush behind those of other keyspaces: with 48 MiB of log the slowest blocks beside
/// a pruning took twice as long.
const WRITE_BUFFERS: i32 = 6;
/// Bytes of a data block; larger blocks compress better, smaller ones cost less to read a single record from.
const BLOCK: usize = 8 << 10;
/// Bytes of a data block of nodes: one or two pages. They are mostly hashes, which compress badly, and each is read alone from somewhere.
const NODE_BLOCK: usize = 4 << 10;
/// Bytes of a part of a table's index or filter. In one part, that of a large table is half a megabyte: a small block cache would hold a
/// few of these and little else, and read one anew for each key.
const INDEX_BLOCK: usize = 4 << 10;
/// Bytes at most that RocksDB's batch takes for a change beside key and value: type, column family, two lengths.
const CHANGE_FRAME: usize = 12;
/// How hard Zstd tries; with its own default, 3, the database was a hundredth smaller.
const ZSTD_LEVEL: i32 = 1;
/// Keys that are read together: each holds its block until all are read. RocksDB itself goes by 32.
const KEYS_AT_ONCE: usize = 256;
/// Threads for flushes and compactions.
const BACKGROUND_JOBS: i32 = 2;

/// Files that are kept open at most, of those that the process may have (half of them, commonly 512). A long history has more; with
/// half of a thousand files open, a scan of 10 M keys that are scattered over all of them had not ended after seven minutes; it takes two.
const MOST_OPEN_FILES: u64 = 4096;

/// Threads that open files, anew for each column family: with RocksDB's 16 starting a hundred threads takes most of the time of opening.
const FILE_OPENING_THREADS: i32 = 2;

/// A RocksDB database.
pub struct RocksBackend {
    db: DB,
    path: PathBuf,
    /// Where files to ingest are written; none when nothing may be.
    ingest: Option<ingest::Folder>,
    options: RocksOptions,
}

impl RocksBackend {
    /// Whether a RocksDB database is in this folder.
    #[must_use]
    pub fn exists(path: &Path) -> bool {
        path.join("CURRENT").exists()
    }

    /// Opens the database in folder `path`.
    ///
    /// # Errors
    /// What RocksDB says: the folder cannot be read or written, another process has it open, its files are damaged or of a newer format.
    pub fn open(path: &Path, access: Access, options: &RocksOptions) -> Result<Self, BackendError> {
        if access != Access::Create {
            framing::check(path)?;
        }
        let cache = Cache::new_lru_cache(options.block_cache);
        let for_database = database_options(access, options);
        let families: Vec<_> = Keyspace::ALL
            .into_iter()
            .map(|keyspace| ColumnFamilyDescriptor::new(keyspace.name(), family_options(keyspace, Some(&cache), options)))
            .collect();
        let opened = match access {
            Access::ReadOnly => DB::open_cf_descriptors_read_only(&for_database, path, families, false),
            Access::Create | Access::ReadWrite => DB::open_cf_descriptors(&for_database, path, families),
        };
        let db = opened.map_err(|error| BackendError::new(format!("opening RocksDB in {}", path.display()), error))?;
        let ingest = if access == Access::ReadOnly { None } else { Some(ingest::Folder::of(path)?) };
        Ok(Self { db, path: path.to_owned(), ingest, options: options.clone() })
    }

    fn family(&self, keyspace: Keyspace) -> Result<&ColumnFamily, BackendError> {
        let missing = || BackendError::new(format!("looking into {}", self.path.display()), format!("column family {keyspace} is missing"));
        self.db.cf_handle(keyspace.name()).ok_or_else(missing)
    }

    fn to_rocks(&self, batch: &Batch) -> Result<WriteBatch, BackendError> {
        let mut rocks = WriteBatch::with_capacity_bytes(batch.bytes() + batch.len() * CHANGE_FRAME);
        for (keyspace, change) in batch.changes() {
            let family = self.family(keyspace)?;
            match change {
                Change::Put { key, value } => rocks.put_cf(family, key, value),
                Change::Delete { key } => rocks.delete_cf(family, key),
                // RocksDB refuses a range that ends before it starts.
                Change::DeleteRange { from, to } if to <= from => {}
                Change::DeleteRange { from, to } => rocks.delete_range_cf(family, from, to),
            }
        }
        Ok(rocks)
    }
}

impl Backend for RocksBackend {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let read = self.db.get_cf(self.family(keyspace)?, key);
        read.map_err(|error| BackendError::new(format!("reading from {keyspace}"), error))
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        if to.is_some_and(|to| to <= from) {
            return Box::new(std::iter::empty());
        }
        let family = match self.family(keyspace) {
            Ok(family) => family,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        if let Some(to) = to {
            options.set_iterate_upper_bound(to);
        }
        let mode = match (order, to) {
            (Order::Ascending, _) => IteratorMode::From(from, Direction::Forward),
            (Order::Descending, Some(to)) => IteratorMode::From(to, Direction::Reverse),
            (Order::Descending, None) => IteratorMode::End,
        };
        let pairs = self.db.iterator_cf_opt(family, options, mode);
        Box::new(pairs.map(move |pair| {
            let (key, value) = pair.map_err(|error| BackendError::new(format!("scanning {keyspace}"), error))?;
            Ok((key.into_vec(), value.into_vec()))
        }))
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        let rocks = self.to_rocks(batch)?;
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        options.disable_wal(durability == Durability::Derived);
        self.db.write_opt(rocks, &options).map_err(|error| BackendError::new("writing a batch", error))
    }

    fn settle(&self, keyspace: Keyspace) -> Result<(), BackendError> {
        let flushed = self.db.flush_cf(self.family(keyspace)?);
        flushed.map_err(|error| BackendError::new(format!("flushing {keyspace}"), error))
    }

    fn get_settled(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let mut options = ReadOptions::default();
        options.set_read_tier(ReadTier::Persisted);
        let read = self.db.get_cf_opt(self.family(keyspace)?, key, &options);
        read.map_err(|error| BackendError::new(format!("reading from {keyspace}"), error))
    }

    fn ingest(&self, keyspace: Keyspace, pairs: &mut PutAll<'_>) -> Result<(), BackendError> {
        let options = family_options(keyspace, None, &self.options);
        let mut ingestion = Ingestion::new(self, keyspace, &options);
        pairs(&mut |key, value| ingestion.put(key, value))?;
        ingestion.finish()
    }

    fn get_many(&self, keyspace: Keyspace, keys: &[&[u8]]) -> Vec<Result<Option<Vec<u8>>, BackendError>> {
        // The error comes with each key then.
        let Ok(family) = self.family(keyspace) else { return keys.iter().map(|key| self.get(keyspace, key)).collect() };
        let is_sorted = keys.is_sorted();
        let mut values = Vec::with_capacity(keys.len());
        for part in keys.chunks(KEYS_AT_ONCE) {
            let read = self.db.batched_multi_get_cf(family, part.iter().copied(), is_sorted);
            let found = read.into_iter().map(|found| found.map(|value| value.map(|value| value.to_vec())));
            values.extend(found.map(|found| found.map_err(|error| BackendError::new(format!("reading from {keyspace}"), error))));
        }
        values
    }

    fn reclaim(&self, keyspace: Keyspace, from: &[u8], to: &[u8]) -> Result<(), BackendError> {
        let mut options = CompactOptions::default();
        // Writers go on, and so do the compactions that they need.
        options.set_exclusive_manual_compaction(false);
        self.db.compact_range_cf_opt(self.family(keyspace)?, Some(from), Some(to), &options);
        Ok(())
    }

    fn flush(&self) -> Result<(), BackendError> {
        let families = Keyspace::ALL.into_iter().map(|keyspace| self.family(keyspace)).collect::<Result<Vec<_>, _>>()?;
        let mut options = FlushOptions::default();
        options.set_wait(true);
        self.db.flush_cfs_opt(&families, &options).map_err(|error| BackendError::new("flushing", error))
    }
}

/// Bytes of all write buffers together.
fn write_buffers(chosen: &RocksOptions) -> usize {
    chosen.block_cache.clamp(LEAST_WRITE_BUFFERS, MOST_WRITE_BUFFERS)
}

/// How many files are kept open.
fn open_files() -> i32 {
    #[cfg(unix)]
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    #[cfg(not(unix))]
    let limit = 1024;
    i32::try_from((limit / 2).min(MOST_OPEN_FILES)).unwrap_or(i32::MAX)
}

fn database_options(access: Access, chosen: &RocksOptions) -> Options {
    let mut options = Options::default();
    options.create_if_missing(access == Access::Create);
    options.create_missing_column_families(access == Access::Create);
    options.set_db_write_buffer_size(write_buffers(chosen));
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // There is one writer, and a version's nodes come in key order, which the plain insert into a memtable makes use of.
    options.set_allow_concurrent_memtable_write(false);
    options.set_max_file_opening_threads(FILE_OPENING_THREADS);
    options.set_max_open_files(open_files());
    options.set_keep_log_file_num(2);
    options.set_max_total_wal_size(MOST_WAL);
    options
}

fn family_options(keyspace: Keyspace, cache: Option<&Cache>, chosen: &RocksOptions) -> Options {
    let mut blocks = BlockBasedOptions::default();
    if let Some(cache) = cache {
        blocks.set_block_cache(cache);
    }
    blocks.set_block_size(if keyspace == Keyspace::Nodes { NODE_BLOCK } else { BLOCK });
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true);
    blocks.set_metadata_block_size(INDEX_BLOCK);
    blocks.set_pin_top_level_index_and_filter(true);
    // Nodes have none: those asked for are there, and tables of them hardly overlap.
    if keyspace == Keyspace::Latest && chosen.bloom_bits > 0 {
        blocks.set_bloom_filter(f64::from(chosen.bloom_bits), false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_max_write_buffer_number(WRITE_BUFFERS);
    let part = if keyspace == Keyspace::Log { PART_OF_LOG } else { PART_OF_KEYSPACE };
    options.set_write_buffer_size(write_buffers(chosen) / part);
    if matches!(keyspace, Keyspace::Latest | Keyspace::Log) && chosen.compression_of(keyspace) == Compression::Lz4 {
        // What has come to the lowest level stays there long.
        options.set_bottommost_compression_type(DBCompressionType::Zstd);
        options.set_bottommost_compression_options(-14, ZSTD_LEVEL, 0, 0, true);
    }
    options.set_compression_type(match chosen.compression_of(keyspace) {
        Compression::None => DBCompressionType::None,
        Compression::Lz4 => DBCompressionType::Lz4,
        Compression::Zstd => DBCompressionType::Zstd,
    });
    if keyspace == Keyspace::Latest { with_insert_hint(options) } else { options }
}

/// Options with which a key is inserted into a memtable from where the one before of the same store went: what a version sets comes in the
/// order of keys.
fn with_insert_hint(mut options: Options) -> Options {
    // A RocksDB that does not know it inserts as ever.
    options.get_options_from_string("memtable_insert_with_hint_prefix_extractor=fixed:4").unwrap_or(options)
}
