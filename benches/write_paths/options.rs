//! Opens a database as a variant wants it.

use std::path::Path;

use rocksdb::{BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBRecoveryMode, MemtableFactory, Options};

use crate::variants::{Variant, Way};

const FAMILIES: [&str; 5] = ["commits", "log", "nodes", "latest", "orphans"];

pub(crate) fn family_options(name: &str, variant: &Variant, cache: &Cache) -> Options {
    let is_nodes = name == "nodes";
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_block_size(if is_nodes { variant.nodes_block } else { variant.index_block });
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    if name == "latest" || is_nodes && variant.has_node_bloom {
        blocks.set_bloom_filter(10.0, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(match name {
        "latest" => variant.index_buffer,
        "log" => variant.log_buffer,
        _ => 16 << 20,
    });
    options.set_compression_type(match name {
        "nodes" => variant.nodes_compression,
        "log" => variant.log_compression,
        _ => variant.compression,
    });
    if let Some(bottommost) = variant.bottommost {
        options.set_bottommost_compression_type(bottommost);
    }
    if is_nodes && variant.has_vector_buffer {
        options.set_memtable_factory(MemtableFactory::Vector);
    }
    if name == "log" && variant.is_log_in_blobs {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(4 << 10);
        options.set_blob_compression_type(variant.log_compression);
    }
    options.set_target_file_size_base(variant.file_bytes);
    options.set_level_zero_file_num_compaction_trigger(variant.level0_trigger);
    options.set_disable_auto_compactions(!variant.has_compactions);
    options
}

pub(crate) fn open(folder: &Path, variant: &Variant) -> DB {
    let cache = Cache::new_lru_cache(128 << 20);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_db_write_buffer_size(variant.all_buffers);
    options.set_max_background_jobs(2);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_allow_concurrent_memtable_write(false);
    options.set_max_total_wal_size(2 * variant.all_buffers as u64);
    options.set_bytes_per_sync(variant.bytes_per_sync);
    options.set_manual_wal_flush(variant.is_wal_flushed_by_hand);
    options.set_atomic_flush([variant.nodes, variant.index].contains(&Way::Unlogged));
    let families = FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, family_options(name, variant, &cache)));
    DB::open_cf_descriptors(&options, folder, families).unwrap()
}
