//! What is measured: ways to write, and settings.

use rocksdb::DBCompressionType;

/// How records get into a keyspace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through the write-ahead log, unsynced.
    Logged,
    /// Into the write buffer alone.
    Unlogged,
    /// As a table file, made of so many versions.
    Ingested(u64),
}

/// Ways and settings.
#[expect(clippy::struct_excessive_bools, reason = "each is measured by itself")]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) nodes: Way,
    pub(crate) index: Way,
    /// Everything of a version in one batch.
    pub(crate) is_one_batch: bool,
    pub(crate) is_one_family: bool,
    pub(crate) has_vector_buffer: bool,
    pub(crate) nodes_compression: DBCompressionType,
    pub(crate) compression: DBCompressionType,
    pub(crate) bottommost: Option<DBCompressionType>,
    pub(crate) nodes_block: usize,
    pub(crate) index_block: usize,
    pub(crate) has_node_bloom: bool,
    pub(crate) index_buffer: usize,
    pub(crate) all_buffers: usize,
    pub(crate) log_buffer: usize,
    pub(crate) log_compression: DBCompressionType,
    pub(crate) is_log_in_blobs: bool,
    pub(crate) is_wal_flushed_by_hand: bool,
    pub(crate) bytes_per_sync: u64,
    pub(crate) file_bytes: u64,
    pub(crate) level0_trigger: i32,
    pub(crate) has_compactions: bool,
    /// Table files are read after they were written: RocksDB has the system forget what it wrote of them.
    pub(crate) is_read_back: bool,
}

/// What the engine did before this was measured.
const TODAY: Variant = Variant {
    name: "today",
    nodes: Way::Ingested(1),
    index: Way::Logged,
    is_one_batch: false,
    is_one_family: false,
    has_vector_buffer: false,
    nodes_compression: DBCompressionType::Lz4,
    compression: DBCompressionType::Lz4,
    bottommost: None,
    nodes_block: 8 << 10,
    index_block: 8 << 10,
    has_node_bloom: true,
    index_buffer: 16 << 20,
    all_buffers: 48 << 20,
    log_buffer: 16 << 20,
    log_compression: DBCompressionType::Lz4,
    is_log_in_blobs: false,
    is_wal_flushed_by_hand: false,
    bytes_per_sync: 0,
    file_bytes: 64 << 20,
    level0_trigger: 4,
    has_compactions: true,
    is_read_back: false,
};

/// All of them, those to compare beside each other.
pub(crate) fn all() -> Vec<Variant> {
    use DBCompressionType::{None as Raw, Zstd};
    let today = || TODAY;
    vec![
        // The paths.
        today(),
        Variant { name: "a all in one batch through the WAL", nodes: Way::Logged, is_one_batch: true, ..today() },
        Variant { name: "b WAL off, atomic flush", nodes: Way::Unlogged, index: Way::Unlogged, ..today() },
        Variant { name: "b2 WAL off, vector buffer", nodes: Way::Unlogged, has_vector_buffer: true, ..today() },
        Variant { name: "d index with WAL off", index: Way::Unlogged, ..today() },
        Variant { name: "e1 index ingested each version", index: Way::Ingested(1), ..today() },
        Variant { name: "e8 index ingested every 8", index: Way::Ingested(8), ..today() },
        Variant { name: "one family", nodes: Way::Logged, is_one_family: true, ..today() },
        // The nodes' files.
        Variant { name: "nodes read back", is_read_back: true, ..today() },
        Variant { name: "nodes raw", nodes_compression: Raw, ..today() },
        Variant { name: "nodes zstd", nodes_compression: Zstd, ..today() },
        Variant { name: "bottommost zstd", bottommost: Some(Zstd), ..today() },
        Variant { name: "nodes 4 KiB", nodes_block: 4 << 10, ..today() },
        Variant { name: "nodes 16 KiB", nodes_block: 16 << 10, ..today() },
        Variant { name: "nodes 32 KiB", nodes_block: 32 << 10, ..today() },
        Variant { name: "nodes zstd 16 KiB", nodes_compression: Zstd, nodes_block: 16 << 10, ..today() },
        Variant { name: "no node bloom", has_node_bloom: false, ..today() },
        Variant { name: "nodes raw, no bloom", nodes_compression: Raw, has_node_bloom: false, ..today() },
        // The index.
        Variant { name: "index 4 KiB", index_block: 4 << 10, ..today() },
        Variant { name: "index 16 KiB", index_block: 16 << 10, ..today() },
        Variant { name: "index buffer 32", index_buffer: 32 << 20, all_buffers: 96 << 20, ..today() },
        Variant { name: "index buffer 64", index_buffer: 64 << 20, all_buffers: 128 << 20, ..today() },
        Variant { name: "level 0 trigger 2", level0_trigger: 2, ..today() },
        Variant { name: "level 0 trigger 8", level0_trigger: 8, ..today() },
        Variant { name: "no compactions", has_compactions: false, ..today() },
        Variant { name: "files of 16 MiB", file_bytes: 16 << 20, ..today() },
        Variant { name: "files of 256 MiB", file_bytes: 256 << 20, ..today() },
        // The log.
        Variant { name: "log in blobs", is_log_in_blobs: true, ..today() },
        Variant { name: "log raw", log_compression: Raw, ..today() },
        Variant { name: "log zstd", log_compression: Zstd, ..today() },
        Variant { name: "log buffer 1 MiB", log_buffer: 1 << 20, ..today() },
        Variant { name: "log buffer 4 MiB", log_buffer: 4 << 20, ..today() },
        Variant { name: "manual WAL flush", is_wal_flushed_by_hand: true, ..today() },
        Variant { name: "bytes per sync 1 MiB", bytes_per_sync: 1 << 20, ..today() },
    ]
}
