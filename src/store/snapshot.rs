//! A version of a store, to read.

pub(super) mod changes;
pub(super) mod compare;

use std::ops::Bound;
use std::sync::Arc;

use treering_proofs::{Hash, Proof};
use treering_tree::{Order, Tree};

use super::database::{Shared, VersionInfo};
use super::scan::Scan;
use crate::error::Result;
use crate::persist::Pin;
use crate::persist::keys::StoreId;
use crate::persist::records::VersionRecord;

/// A saved version of a store. `Send + Sync`; it never changes, and pruning spares its version while it lives.
pub struct Snapshot {
    info: VersionInfo,
    tree: Tree,
    _pin: Pin,
    store: StoreId,
    record: VersionRecord,
    /// Fields are dropped in order: the tree goes first.
    database: Arc<Shared>,
}

/// A version of a store that stays, without its tree.
pub(crate) struct HeldVersion {
    name: String,
    store: StoreId,
    version: u64,
    record: VersionRecord,
    pin: Pin,
}

impl HeldVersion {
    pub(super) fn new(name: &str, store: StoreId, (version, record): (u64, VersionRecord), pin: Pin) -> Self {
        Self { name: name.to_owned(), store, version, record, pin }
    }

    /// The version's number.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Gets the tree: O(1) for checkpoints and for what is in memory, else O(operations since the checkpoint).
    pub(crate) fn open(self, database: &Arc<Shared>) -> Result<Snapshot> {
        let Self { name, store, version, record, pin } = self;
        let tree = match database.published(&name, version, &record) {
            Some(tree) => tree,
            None => database.disk.tree(store, Some((version, record)))?,
        };
        Ok(Snapshot::new(Arc::clone(database), store, (version, record), tree, pin))
    }
}

impl Snapshot {
    fn new(database: Arc<Shared>, store: StoreId, (version, record): (u64, VersionRecord), tree: Tree, pin: Pin) -> Self {
        Self { info: VersionInfo::new(version, &record), tree, _pin: pin, store, record, database }
    }

    /// The version's number.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.info.version
    }

    /// The root hash.
    #[must_use]
    pub fn root_hash(&self) -> Hash {
        self.info.root_hash
    }

    /// All that is recorded of the version.
    #[must_use]
    pub fn info(&self) -> &VersionInfo {
        &self.info
    }

    /// The tree: reads by key, place and range, proofs, export, pictures.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The value of `key`. O(log n).
    ///
    /// # Errors
    /// When a node cannot be read, or is damaged.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.tree.get_copy(key)?)
    }

    /// The keys within bounds and their values, in order. What is not in memory is read ahead in few large reads, and kept only while there is
    /// room within the cache's size. [`Snapshot::tree`] has ranges that keep what they load in any case.
    ///
    /// ```
    /// # use treering::{Database, CreateOptions, OpenOptions, Order};
    /// # use std::ops::Bound;
    /// # let folder = tempfile::tempdir()?;
    /// # let database = Database::create(folder.path().join("db"), &CreateOptions::default(), &OpenOptions::default())?;
    /// let mut forest = database.store_or_new("forest")?;
    /// forest.set(b"oak", b"200 rings")?;
    /// forest.set(b"pine", b"80 rings")?;
    /// forest.save_version()?;
    /// let snapshot = database.snapshot("forest", None)?;
    /// let mut backwards = snapshot.scan(Bound::Unbounded, Bound::Unbounded, Order::Descending);
    /// assert_eq!(backwards.next().transpose()?, Some((b"pine".to_vec(), b"80 rings".to_vec())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scan(&self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>, order: Order) -> Scan<'_> {
        Scan::of(&self.tree, start, end, order)
    }

    /// The proof of what this version says about `key`, to be verified against [`Snapshot::root_hash`]. O(log n).
    ///
    /// # Errors
    /// When a node cannot be read, or is damaged.
    pub fn prove(&self, key: &[u8]) -> Result<Proof> {
        Ok(self.tree.prove(key)?)
    }
}
