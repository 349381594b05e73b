//! What can go wrong.

use std::path::PathBuf;

use treering_proofs::{Hash, HashFunction};
use treering_tree::TreeError;

use crate::engine::BackendError;

/// What a call gives.
pub type Result<T> = std::result::Result<T, Error>;

/// Errors of a database and its stores. A message names what it is about and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no database in the folder.
    #[error("there is no treering database in {path}; make one with `treering init {path}` or Database::create", path = path.display())]
    NoDatabase {
        /// The folder.
        path: PathBuf,
    },
    /// A database is there already.
    #[error("{path} has a treering database already; open it, or choose another folder", path = path.display())]
    DatabaseExists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder has files, but no database.
    #[error("{path} is not empty and has no treering database; choose an empty or new folder", path = path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// Another process, or another handle of this one, has the database open.
    #[error("the database in {path} is open elsewhere; close it there, or open it read-only", path = path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The database was written by a newer program.
    #[error("the {what} has format {found}, this program knows formats up to {supported}; use a newer treering")]
    NewerFormat {
        /// The record.
        what: String,
        /// Its format.
        found: u8,
        /// The newest format known.
        supported: u8,
    },
    /// The database was made with another hash function than the one asked for.
    #[error("the database hashes with {found}, not with {expected}; the hash function is fixed when a database is made")]
    OtherHashFunction {
        /// The one asked for.
        expected: HashFunction,
        /// The one it has.
        found: HashFunction,
    },
    /// A record is damaged, or contradicts another one.
    #[error("the database is damaged: {record}: {what}; restore it from a copy")]
    Damaged {
        /// Which record.
        record: String,
        /// What is wrong with it.
        what: String,
    },
    /// The engine failed.
    #[error("the storage engine failed while {0}")]
    Engine(#[from] BackendError),
    /// A file could not be read or written.
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried, such as "creating".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The tree refused, or a node of it is missing or damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// There is no store with this name.
    #[error("there is no store {name:?}; {}", listed(stores))]
    NoStore {
        /// The name asked for.
        name: String,
        /// The names there are.
        stores: Vec<String>,
    },
    /// A store with this name is there already.
    #[error("store {name:?} is there already")]
    StoreExists {
        /// The name.
        name: String,
    },
    /// A store cannot have this name.
    #[error("{name:?} cannot be a store's name: {why}")]
    StoreName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another handle writes the store.
    #[error("store {name:?} has a writer already; drop that handle first, or read from a snapshot")]
    StoreInUse {
        /// The name.
        name: String,
    },
    /// The version was never saved, or is not kept any more.
    #[error("store {store:?} has no version {version}; {kept}")]
    NoVersion {
        /// The store.
        store: String,
        /// The version asked for.
        version: u64,
        /// Which versions there are, in words.
        kept: String,
    },
    /// A version is there already, with another root hash.
    #[error(
        "store {store:?} has version {version} already with root {found}, the one to save has root {saving}; roll back to version {before} to replace it"
    )]
    VersionExists {
        /// The store.
        store: String,
        /// The version.
        version: u64,
        /// The version before it.
        before: u64,
        /// The root hash that it has.
        found: Hash,
        /// The root hash of the tree that was to be saved.
        saving: Hash,
    },
    /// Snapshots hold versions that would go.
    #[error("store {store:?}: snapshots of versions {versions:?} are open; drop them first")]
    Pinned {
        /// The store.
        store: String,
        /// The versions held.
        versions: Vec<u64>,
    },
    /// Nothing would be left.
    #[error("at least one version must be kept")]
    KeepsNothing,
    /// The database was opened read-only.
    #[error("the database was opened read-only; open it for writing to change it")]
    ReadOnly,
    /// A write failed before, so it is not known what is on the disk.
    #[error("an earlier write failed ({cause}); what was saved before is safe: drop the database and open it again")]
    Poisoned {
        /// The first failure.
        cause: String,
    },
}

fn listed(stores: &[String]) -> String {
    if stores.is_empty() { "the database has no stores yet".to_owned() } else { format!("there are: {}", stores.join(", ")) }
}
