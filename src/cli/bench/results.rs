//! The figures of a run, in the order in which they were taken.

use std::fmt;

use serde::Serialize;
use treering::proofs::{Hash, HashFunction};

use super::Args;
use super::beside::Beside;
use super::measure::{Phase, each, load_average};
use crate::cli::notation::{grouped, sized};

/// One line of results. The names, and what they mean, are those of the programs that measure other stores.
///
/// `_s`: in a second. `_ms`: milliseconds. `_us_op`: microseconds of processor time of all threads, an operation. `_wbytes_op`: bytes
/// written to disk, an operation. `p50`, `p99`: within which half, or 99 of 100, of the versions were saved.
#[derive(Serialize, Default)]
pub(crate) struct Results {
    peer: &'static str,
    n: u64,
    batch: u64,
    blocks: u64,
    hash: HashFunction,
    durability: &'static str,
    checkpoint_interval: u64,
    cache_mib: u64,
    hash_threads: u64,
    loadavg_start: Option<String>,
    load_ops_s: u64,
    load_blk_ms_p50: f64,
    load_blk_ms_p99: f64,
    load_cpu_us_op: f64,
    load_wbytes_op: Option<u64>,
    root_loaded: Hash,
    blk_ops_s: u64,
    blk_ms_p50: f64,
    blk_ms_p99: f64,
    blk_cpu_us_op: f64,
    blk_wbytes_op: Option<u64>,
    /// Of the first 20 blocks alone.
    blk_ops_s_first_20: u64,
    /// After the blocks, until all that was under way in the background was done; its processor time and writes count for the blocks.
    blk_drain_ms: f64,
    root: Hash,
    gets_s: u64,
    get_cpu_us: f64,
    proofs_s: u64,
    proof_cpu_us: f64,
    proof_bytes_avg: u64,
    verifies_s: u64,
    scan_items_s: u64,
    scan_items: u64,
    /// Records read from the storage engine, an operation of a block, a get, a proof: nodes and index entries that were not in memory.
    blk_reads_op: f64,
    get_reads: f64,
    proof_reads: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
    close_ms: f64,
    disk_bytes: u64,
    reopen_ms: f64,
    vmhwm_mib: Option<u64>,
    /// The same when the blocks were done, before keys to read, proofs and what is read are in memory too, and what of it was the workload's own:
    /// lists of keys, and operations that were made ahead.
    vmhwm_blocks_mib: Option<u64>,
    workload_mib: u64,
    loadavg_end: Option<String>,
}

/// Versions that were saved, and the root after them.
pub(super) struct Blocks {
    pub(super) phase: Phase,
    pub(super) operations: u64,
    pub(super) root: Hash,
    /// See `blk_drain_ms`.
    pub(super) drain_ms: f64,
}

/// Everything that was read.
pub(super) struct Reads {
    pub(super) gets: Phase,
    pub(super) proofs: Phase,
    pub(super) verifies: Phase,
    pub(super) proof_bytes: u64,
    pub(super) scan: Phase,
    pub(super) scan_items: u64,
}

/// Records read from the storage engine in a phase, since they were not in memory.
#[derive(Clone, Copy, Default)]
pub(super) struct RecordsRead {
    pub(super) blocks: u64,
    pub(super) gets: u64,
    pub(super) proofs: u64,
}

/// The most memory that the process had until the blocks were done, and what of it was the workload's own.
#[derive(Clone, Copy)]
pub(super) struct MemoryOfBlocks {
    pub(super) peak_mib: Option<u64>,
    pub(super) workload_mib: u64,
}

impl Results {
    pub(super) fn new(args: &Args, hash: HashFunction, durability: &'static str, loadavg_start: Option<String>) -> Self {
        Self {
            peer: "treering",
            n: args.keys,
            batch: args.batch,
            blocks: args.blocks,
            hash,
            durability,
            checkpoint_interval: args.checkpoint_interval,
            cache_mib: args.cache_size,
            hash_threads: args.hash_threads,
            loadavg_start,
            ..Self::default()
        }
    }

    pub(super) fn with_load(mut self, load: &Blocks) -> Self {
        let Blocks { phase, operations, root, .. } = load;
        self.load_ops_s = phase.rate(*operations);
        self.load_blk_ms_p50 = phase.percentile(50);
        self.load_blk_ms_p99 = phase.percentile(99);
        self.load_cpu_us_op = phase.cpu_us_each(*operations);
        self.load_wbytes_op = phase.written_each(*operations);
        self.root_loaded = *root;
        self
    }

    pub(super) fn with_blocks(mut self, blocks: &Blocks) -> Self {
        const FIRST: u64 = 20;
        let Blocks { phase, operations, root, drain_ms } = blocks;
        self.root = *root;
        self.blk_drain_ms = *drain_ms;
        if *operations > 0 {
            self.blk_ops_s = phase.rate(*operations);
            self.blk_ms_p50 = phase.percentile(50);
            self.blk_ms_p99 = phase.percentile(99);
            self.blk_cpu_us_op = phase.cpu_us_each(*operations);
            self.blk_wbytes_op = phase.written_each(*operations);
            self.blk_ops_s_first_20 = phase.first(20).rate(self.batch.saturating_mul(self.blocks.min(FIRST)));
        }
        self
    }

    pub(super) fn with_reads(mut self, args: &Args, reads: &Reads) -> Self {
        if args.gets > 0 {
            self.gets_s = reads.gets.rate(args.gets);
            self.get_cpu_us = reads.gets.cpu_us_each(args.gets);
        }
        if args.proofs > 0 {
            self.proofs_s = reads.proofs.rate(args.proofs);
            self.proof_cpu_us = reads.proofs.cpu_us_each(args.proofs);
            self.proof_bytes_avg = reads.proof_bytes;
            self.verifies_s = reads.verifies.rate(args.proofs);
        }
        self.scan_items_s = reads.scan.rate(reads.scan_items);
        self.scan_items = reads.scan_items;
        self
    }

    pub(super) fn with_records_read(mut self, args: &Args, read: RecordsRead) -> Self {
        self.blk_reads_op = each(read.blocks, args.blocks.saturating_mul(args.batch));
        self.get_reads = each(read.gets, args.gets);
        self.proof_reads = each(read.proofs, args.proofs);
        self
    }

    pub(super) fn with_beside(mut self, beside: Option<Beside>) -> Self {
        self.beside = beside;
        self
    }

    pub(super) fn with_memory_of_blocks(mut self, memory: MemoryOfBlocks) -> Self {
        self.vmhwm_blocks_mib = memory.peak_mib;
        self.workload_mib = memory.workload_mib;
        self
    }

    pub(super) fn with_end(mut self, close_ms: f64, disk_bytes: u64, reopen_ms: f64, vmhwm_mib: Option<u64>) -> Self {
        self.close_ms = close_ms;
        self.disk_bytes = disk_bytes;
        self.reopen_ms = reopen_ms;
        self.vmhwm_mib = vmhwm_mib;
        self.loadavg_end = load_average();
        self
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = |number: Option<u64>| number.map_or("?".to_owned(), grouped);
        let writes = |rate: u64, p50: f64, p99: f64, cpu: f64, written: Option<u64>| {
            let (rate, written) = (grouped(rate), known(written));
            format!("{rate:>11} op/s   p50 {p50:.1} ms, p99 {p99:.1} ms   {cpu:.1} us of CPU and {written} bytes written an operation")
        };
        let load = writes(self.load_ops_s, self.load_blk_ms_p50, self.load_blk_ms_p99, self.load_cpu_us_op, self.load_wbytes_op);
        let blocks = writes(self.blk_ops_s, self.blk_ms_p50, self.blk_ms_p99, self.blk_cpu_us_op, self.blk_wbytes_op);
        let (n, batch) = (grouped(self.n), grouped(self.batch));
        writeln!(f, "run      {n} keys, then {} blocks of {batch} operations; {}, {}", self.blocks, self.hash, self.durability)?;
        writeln!(f, "load     {load}")?;
        writeln!(f, "blocks   {blocks}")?;
        writeln!(f, "gets     {:>11} a second", grouped(self.gets_s))?;
        writeln!(f, "proofs   {:>11} a second, of {} bytes", grouped(self.proofs_s), grouped(self.proof_bytes_avg))?;
        writeln!(f, "verifies {:>11} a second", grouped(self.verifies_s))?;
        writeln!(f, "scan     {:>11} keys a second, over {} keys", grouped(self.scan_items_s), grouped(self.scan_items))?;
        let reads = [self.blk_reads_op, self.get_reads, self.proof_reads];
        if reads.iter().any(|&reads| reads > 0.0) {
            let [blocks, gets, proofs] = reads;
            writeln!(f, "reads    of the storage engine: {blocks:.2} an operation of a block, {gets:.2} a get, {proofs:.2} a proof")?;
        }
        writeln!(f, "open     {:>11.2} ms, after closing in {:.1} ms", self.reopen_ms, self.close_ms)?;
        writeln!(f, "room     {:>11} on disk, {} MiB of memory at most", sized(self.disk_bytes), known(self.vmhwm_mib))?;
        write!(f, "root     {}", self.root)
    }
}
