//! What an engine is: a kind of [`Backend`] that can be opened by its name, with settings.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Access, Backend, BackendError};
use crate::config::{Key, Settings};

/// A storage engine.
///
/// Every engine is a backend under the same tree, so transactions, versions and ranges are alike on all of them. Add your own to a
/// [`Registry`](super::Registry).
pub trait Engine: Send + Sync {
    /// Its name, such as `rocksdb`: lowercase letters, digits, `_` and `-`.
    fn name(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The keys of its own, beside [`COMMON_KEYS`](crate::config::COMMON_KEYS).
    fn keys(&self) -> Vec<Key>;

    /// Whether a database of this engine is at `path`.
    fn exists(&self, path: &Path) -> bool;

    /// Opens the database at `path`, or makes it ([`Access::Create`]). `settings` were checked against [`keys`](Self::keys); the access
    /// is what counts, not their `read_only`.
    ///
    /// # Errors
    /// What the engine says: there is no database, it cannot be read or written, is open elsewhere, is damaged.
    fn open(&self, path: &Path, access: Access, settings: &Settings) -> Result<Arc<dyn Backend>, BackendError>;

    /// Whether a database can be opened with [`Access::ReadOnly`] while another process writes it.
    fn can_be_read_beside_writer(&self) -> bool {
        false
    }
}

impl fmt::Debug for dyn Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.name())
    }
}

/// What an engine can do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts")]
pub struct Capabilities {
    /// Changes of a transaction are saved all or none.
    pub transactions: bool,
    /// Every saved version stays readable until it is pruned.
    pub versioning: bool,
    /// Keys can be read in order.
    pub range_queries: bool,
    /// What was saved is there after the process has ended.
    pub persistence: bool,
    /// It can write compressed.
    pub compression: bool,
}

impl Capabilities {
    /// What the tree gives to every engine: transactions, versions, ranges. Nothing else.
    pub const TREE: Self = Self { transactions: true, versioning: true, range_queries: true, persistence: false, compression: false };
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.transactions, "transactions"),
            (self.versioning, "versioning"),
            (self.range_queries, "range queries"),
            (self.persistence, "persistence"),
            (self.compression, "compression"),
        ];
        let there: Vec<_> = all.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect();
        if there.is_empty() { f.write_str("none") } else { f.write_str(&there.join(", ")) }
    }
}
