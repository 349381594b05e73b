//! The keys of all engines, and the names of every key.

use super::key::{Key, Kind, Preset, Scope};

/// Memory of a database.
pub const CACHE_SIZE: &str = "cache_size";
/// How often a version's nodes are stored.
pub const CHECKPOINT_INTERVAL: &str = "checkpoint_interval";
/// Whether saving waits for the disk.
pub const SYNC_WRITES: &str = "sync_writes";
/// Whether nothing is ever written.
pub const READ_ONLY: &str = "read_only";
/// How many versions are kept.
pub const MAX_VERSIONS: &str = "max_versions";
/// How long versions are kept.
pub const VERSION_TTL: &str = "version_ttl";
/// Which versions are kept for ever.
pub const KEEP_EVERY: &str = "keep_every";
/// How an engine compresses (a key of the engines that can).
pub const COMPRESSION: &str = "compression";
/// How large the engine's filters are (a key of rocksdb).
pub const BLOOM_BITS: &str = "bloom_bits";
/// How records are written (a key of file).
pub const FORMAT: &str = "format";

/// One part in this many of `cache_size` is the engine's block cache; the tree has the rest.
pub const ENGINE_CACHE_SHARE: u64 = 8;

/// Bytes of `cache_size` when it is not given.
pub(super) const DEFAULT_CACHE_SIZE: u64 = 1 << 30;
/// Bytes of the least `cache_size`: less does not hold the blocks and nodes of a single operation.
const LEAST_CACHE_SIZE: u64 = 1 << 20;

/// The keys of all engines, by name.
pub const COMMON_KEYS: [Key; 7] = [
    Key {
        name: CACHE_SIZE,
        kind: Kind::Bytes { min: LEAST_CACHE_SIZE, max: u64::MAX },
        default: Preset::Number(DEFAULT_CACHE_SIZE),
        meaning: "Memory for nodes of trees and for the block cache, an eighth of it; the process takes up to a quarter and 128 MiB more.",
        scope: Scope::Database,
    },
    Key {
        name: CHECKPOINT_INTERVAL,
        kind: Kind::Count { min: 1, max: u64::MAX },
        default: Preset::Number(1),
        meaning: "Of each store every so many versions one has its nodes stored; those in between are computed from the log when read.",
        scope: Scope::Database,
    },
    Key {
        name: KEEP_EVERY,
        kind: Kind::Count { min: 1, max: u64::MAX },
        default: Preset::Unset("none"),
        meaning: "Of the versions that max_versions and version_ttl would remove, those whose number is a multiple of this one stay.",
        scope: Scope::Store,
    },
    Key {
        name: MAX_VERSIONS,
        kind: Kind::Count { min: 1, max: u64::MAX },
        default: Preset::Unset("all"),
        meaning: "How many of a store's newest versions are kept; older ones are removed.",
        scope: Scope::Store,
    },
    Key {
        name: READ_ONLY,
        kind: Kind::Boolean,
        default: Preset::Boolean(false),
        meaning: "Opens what is there and never changes it.",
        scope: Scope::Database,
    },
    Key {
        name: SYNC_WRITES,
        kind: Kind::Boolean,
        default: Preset::Boolean(true),
        meaning: "Waits until a saved version is on the disk; without, a power cut may lose the newest versions, but never tears one.",
        scope: Scope::Database,
    },
    Key {
        name: VERSION_TTL,
        kind: Kind::Duration { min: 1, max: u64::MAX },
        default: Preset::Unset("forever"),
        meaning: "How long a version is kept after it was saved; the newest one always is.",
        scope: Scope::Store,
    },
];
