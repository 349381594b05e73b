//! How the stores stand: looked at when the numbers are asked for, or, where looking takes long, now and then.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{ReadFromLabel, ReadLabel, RecordLabel};
use crate::system::SystemHandle;
use crate::{MultiStore, Result};

/// A number that goes up and down.
type Number = Gauge<u64, AtomicU64>;

/// How the stores stand.
#[derive(Default)]
pub(super) struct State {
    stores: Number,
    oldest: Number,
    newest: Number,
    held: Number,
    cache_limit: Number,
    cache_used: Number,
    cache_misses: Family<ReadLabel, Counter>,
    key_reads: Family<ReadFromLabel, Counter>,
    audit_failed: Number,
    flush_waiting: Number,
    flush_bytes: Number,
    retired: Number,
    records: Family<RecordLabel, Number>,
    record_bytes: Family<RecordLabel, Number>,
}

impl State {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("stores", "Stores", self.stores.clone());
        registry.register("oldest_version", "The oldest kept version of all stores; 0 before the first", self.oldest.clone());
        registry.register("newest_version", "The newest version of all stores; 0 before the first", self.newest.clone());
        registry.register("held_versions", "Versions that open snapshots, transactions and working states hold", self.held.clone());
        let help = "Memory that nodes, keys and values may take";
        registry.register_with_unit("cache_limit", help, Unit::Bytes, self.cache_limit.clone());
        registry.register_with_unit("cache_used", "Memory that they take", Unit::Bytes, self.cache_used.clone());
        let help = "Reads of storage for what was not in memory, by kind: nodes (for reads, changes and proofs), or the index of keys";
        registry.register("cache_misses", help, self.cache_misses.clone());
        let help = "Keys that store.get and store.get_many looked up, by where they were found, or found missing: memory, or storage. \
                    Memory of both is the share of hits";
        registry.register("key_reads", help, self.key_reads.clone());
        let help = "1 when the audit log cannot be written: nothing that needs an entry is done then; else 0, also where there is none";
        registry.register("audit_failed", help, self.audit_failed.clone());
        registry.register("flush_lag_checkpoints", "Checkpoints on their way to their final place", self.flush_waiting.clone());
        registry.register_with_unit("flush_lag", "Memory that they hold", Unit::Bytes, self.flush_bytes.clone());
        registry.register("prune_lag_versions", "Versions of stores that are to go and have not yet", self.retired.clone());
        registry.register("records", "Stored records by engine and kind, as last counted", self.records.clone());
        let help = "Bytes of stored records by engine and kind, as last counted";
        registry.register_with_unit("records", help, Unit::Bytes, self.record_bytes.clone());
    }

    /// Looks at what takes no long to look at.
    pub(super) fn look(&self, system: &SystemHandle) -> Result<()> {
        let (store, reads) = (system.store(), system.key_reads());
        for (from, count) in [("memory", reads.from_memory()), ("storage", reads.from_storage())] {
            self.key_reads.get_or_create(&ReadFromLabel { from }).inner().store(count, Ordering::Relaxed);
        }
        self.audit_failed.set(system.audit().is_some_and(|log| log.failure().is_some()).into());
        let usage = store.usage()?;
        let window = store.version_window()?;
        let flush = store.flush_status()?;
        self.stores.set(store.list_stores().len() as u64);
        self.oldest.set(window.map_or(0, |(oldest, _)| oldest));
        self.newest.set(window.map_or(0, |(_, newest)| newest));
        self.held.set(usage.held_versions);
        self.cache_limit.set(usage.cache_limit);
        self.cache_used.set(usage.cache_used);
        for (kind, reads) in [("nodes", usage.nodes_read), ("index", usage.index_reads)] {
            self.cache_misses.get_or_create(&ReadLabel { kind }).inner().store(reads, Ordering::Relaxed);
        }
        self.flush_waiting.set(flush.checkpoints);
        self.flush_bytes.set(flush.bytes);
        Ok(())
    }

    /// Looks at what is to be pruned. Reads records of versions.
    pub(super) fn look_at_retired(&self, store: &MultiStore) -> Result<()> {
        self.retired.set(store.retired_versions()?);
        Ok(())
    }

    /// Counts all records. Reads all of them.
    pub(super) fn count(&self, store: &MultiStore) -> Result<()> {
        for (engine, kinds) in store.stats()? {
            for stats in kinds {
                let label = RecordLabel { engine: engine.clone(), kind: stats.kind.to_owned() };
                self.records.get_or_create(&label).set(stats.count);
                self.record_bytes.get_or_create(&label).set(stats.bytes);
            }
        }
        Ok(())
    }
}
