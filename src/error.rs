//! What can go wrong.

use std::path::PathBuf;

use treering_proofs::{Hash, HashFunction};
use treering_tree::TreeError;

use crate::config::ConfigError;
use crate::engine::{BackendError, EngineError};

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
    /// The database was made by an earlier program, which stored it otherwise.
    #[error(
        "the {what} has format {found}, this program knows format {supported} only; export its stores with the treering that made it, and \
         import them into a new database"
    )]
    OlderFormat {
        /// The record.
        what: String,
        /// Its format.
        found: u8,
        /// The format known.
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
    /// Snapshots, transactions or the newest version of a `MultiStore` hold versions that would go.
    #[error(
        "store {store:?}: versions {versions:?} are held by snapshots, transactions or the newest version of all stores; drop the former, roll back all stores together"
    )]
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
    /// The key is longer than the engine can keep; other engines take keys of 64 KiB.
    #[error("the key has {length} bytes, more than the {max} that this store's engine can keep")]
    KeyTooLong {
        /// Bytes of the key.
        length: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The store was closed.
    #[error("store {store:?} is closed; get it from the MultiStore again")]
    Closed {
        /// The store.
        store: String,
    },
    /// A store cannot do this.
    #[error("the engine {engine} has no {feature}; `capabilities` tells what a store can do")]
    Unsupported {
        /// The engine, or what stands for one, such as "a transaction".
        engine: String,
        /// What was asked for.
        feature: Feature,
    },
    /// What a transaction read was changed by another one that was committed since.
    #[error("the transaction read key {} of store {store:?}, which was changed since; begin again", hex::encode(key))]
    Conflict {
        /// The store.
        store: String,
        /// A key that was changed.
        key: Vec<u8>,
    },
    /// The working state below a transaction was replaced.
    #[error("the working state of store {store:?} was replaced since the transaction began ({by}); begin again")]
    StateReplaced {
        /// The store.
        store: String,
        /// By what.
        by: &'static str,
    },
    /// The transaction was committed or rolled back.
    #[error("the transaction on store {store:?} has ended; begin another one")]
    TransactionEnded {
        /// The store.
        store: String,
    },
    /// A write in a transaction that only reads.
    #[error("the transaction on store {store:?} only reads; begin one that writes")]
    ReadOnlyTransaction {
        /// The store.
        store: String,
    },
    /// A transaction was used while one nested in it is open.
    #[error("a nested transaction on store {store:?} is open; commit or roll it back first")]
    NestedTransactionOpen {
        /// The store.
        store: String,
    },
    /// The savepoint was released, or undone by going back to an earlier one, or belongs to another transaction.
    #[error("the transaction on store {store:?} has no savepoint {savepoint} (any more)")]
    NoSavepoint {
        /// The store.
        store: String,
        /// The savepoint.
        savepoint: u64,
    },
    /// A version was prepared and is neither committed nor dropped.
    #[error("store {store:?} has a prepared version; commit or drop it first")]
    VersionPrepared {
        /// The store.
        store: String,
    },
    /// A version of all stores is there already, with another app hash.
    #[error(
        "version {version} of all stores is there already with app hash {found}, the one to save has {saving}; roll back to version {before} to replace it"
    )]
    MultiVersionExists {
        /// The version.
        version: u64,
        /// The version before it.
        before: u64,
        /// The app hash that it has.
        found: Hash,
        /// The app hash of what was to be saved.
        saving: Hash,
    },
    /// A new version of all stores would have a store that goes back, or begins again, without having been rolled back.
    #[error(
        "store {store:?} is at version {version} and has versions up to {newest}: a new version of all stores would take it back; load its version {newest}, or roll it back"
    )]
    BehindNewest {
        /// The store.
        store: String,
        /// The version that its working state is based on; 0 for none.
        version: u64,
        /// Its newest version.
        newest: u64,
    },
    /// A version of all stores was never saved, or is not kept any more.
    #[error("there is no version {version} of all stores; {kept}")]
    NoMultiVersion {
        /// The version asked for.
        version: u64,
        /// The oldest and the newest one that there are.
        edges: Option<(u64, u64)>,
        /// Which versions there are, in words.
        kept: String,
    },
    /// A version of all stores cannot be gone back to, since it has a store that was deleted.
    #[error("version {version} of all stores has the store {store:?}, which was deleted since")]
    StoreDeleted {
        /// The version.
        version: u64,
        /// The store's name then.
        store: String,
    },
    /// The log that stands beside the versions of all stores cannot be written, so that no version is saved either.
    #[error(
        "the log that stands beside the versions of all stores cannot be written ({cause}); nothing is saved without it: mend it and open the stores again"
    )]
    CompanionLog {
        /// What its writer says.
        cause: String,
    },
    /// The `MultiStore` was closed.
    #[error("the stores are closed; open the MultiStore again")]
    AllClosed,
    /// The stores lie on another engine than the one asked for.
    #[error("the stores in {path} have their home on engine {found}, not on {expected}; the home is fixed when they are made", path = path.display())]
    OtherEngine {
        /// The folder.
        path: PathBuf,
        /// The engine asked for.
        expected: String,
        /// The engine that it has.
        found: String,
    },
    /// Some of the stores lie on another engine than the home.
    #[error("the stores in {path} lie on several engines; open them with MultiStore", path = path.display())]
    SeveralEngines {
        /// The folder.
        path: PathBuf,
    },
    /// What an interrupted commit left must be cleaned up, which a read-only opening cannot do.
    #[error("a crash left something to clean up in {path}; open it once for writing", path = path.display())]
    NeedsCleaning {
        /// The folder.
        path: PathBuf,
    },
    /// The configuration cannot be taken.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An engine is not there, or cannot be registered.
    #[error(transparent)]
    Registry(#[from] EngineError),
    /// A write failed before, so it is not known what is on the disk.
    #[error("an earlier write failed ({cause}); what was saved before is safe: drop the database and open it again")]
    Poisoned {
        /// The first failure.
        cause: String,
    },
}

impl Error {
    /// The same about a store that its database knows by another name than its users.
    pub(crate) fn about_store(mut self, name: &str) -> Self {
        match &mut self {
            Self::NoVersion { store, .. }
            | Self::VersionExists { store, .. }
            | Self::BehindNewest { store, .. }
            | Self::Pinned { store, .. } => name.clone_into(store),
            _ => {}
        }
        self
    }
}

/// What a store may or may not be able to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Feature {
    /// Reading a range of keys in order.
    RangeQueries,
    /// Transactions.
    Transactions,
    /// Versions.
    Versions,
    /// Proofs.
    Proofs,
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RangeQueries => "range queries",
            Self::Transactions => "transactions",
            Self::Versions => "versions",
            Self::Proofs => "proofs",
        })
    }
}

fn listed(stores: &[String]) -> String {
    if stores.is_empty() { "the database has no stores yet".to_owned() } else { format!("there are: {}", stores.join(", ")) }
}
