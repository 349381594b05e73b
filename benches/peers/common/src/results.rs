//! The figures of a run.

use serde::Serialize;

/// One line of results. The names, and what they mean, are those of `treering bench`.
#[derive(Serialize, Default)]
pub(crate) struct Results {
    pub(crate) peer: &'static str,
    pub(crate) n: u64,
    pub(crate) batch: u64,
    pub(crate) blocks: u64,
    pub(crate) hash: &'static str,
    pub(crate) durability: &'static str,
    pub(crate) loadavg_start: Option<String>,
    pub(crate) load_ops_s: u64,
    pub(crate) load_blk_ms_p50: f64,
    pub(crate) load_blk_ms_p99: f64,
    pub(crate) load_cpu_us_op: f64,
    pub(crate) load_wbytes_op: Option<u64>,
    pub(crate) root_loaded: String,
    pub(crate) blk_ops_s: u64,
    pub(crate) blk_ms_p50: f64,
    pub(crate) blk_ms_p99: f64,
    pub(crate) blk_cpu_us_op: f64,
    pub(crate) blk_wbytes_op: Option<u64>,
    pub(crate) root: String,
    pub(crate) gets_s: u64,
    pub(crate) get_cpu_us: f64,
    pub(crate) proofs_s: u64,
    pub(crate) proof_cpu_us: f64,
    pub(crate) proof_bytes_avg: Option<u64>,
    pub(crate) verifies_s: u64,
    pub(crate) absence_proofs: bool,
    /// Nothing if the store cannot be read in the order of its keys.
    pub(crate) scan_items_s: Option<u64>,
    pub(crate) scan_items: Option<u64>,
    pub(crate) close_ms: f64,
    pub(crate) disk_bytes: u64,
    pub(crate) reopen_ms: f64,
    pub(crate) vmhwm_mib: Option<u64>,
    pub(crate) loadavg_end: Option<String>,
}
