//! The tree. Each operation has its file; this one has what they share.

mod ahead;
pub mod apply;
mod bounds;
#[cfg(test)]
mod census;
pub mod check;
pub mod copies;
pub mod diff;
mod drafts;
pub mod export;
mod fetch;
pub mod import;
mod insert;
pub mod iterate;
pub mod key_path;
pub mod lookup;
mod path;
mod prefetch;
mod prove;
mod rank;
mod rebalance;
mod remove;
pub mod render;
pub mod save;
mod settle;
mod shortcuts;
mod unload;

use std::fmt;
use std::sync::Arc;

use treering_proofs::{Hash, HashFunction, MAX_VERSION};

use crate::memory::shortcuts::Found;
use crate::memory::{Branch, Child, Memory, State};
use crate::{Budget, NoSource, NodeKey, NodeSource, TreeError};
use drafts::Drafts;
use path::Step;

/// How a tree hashes and counts.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The hash function; fixed for a tree's life.
    pub hash_function: HashFunction,
    /// The version of the first save (default 1).
    pub initial_version: u64,
    /// Threads that apply a block of operations and hash a version (default 1, which 0 means too).
    pub hash_threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { hash_function: HashFunction::Sha256, initial_version: 1, hash_threads: 1 }
    }
}

/// A saved root: what a storage keeps of a version to open it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootRecord {
    /// The root's name in storage.
    pub node: NodeKey,
    /// The root hash.
    pub hash: Hash,
    /// 0 for a tree of one leaf.
    pub height: u8,
    /// Number of keys.
    pub size: u64,
}

/// A persistent AVL tree with hashed nodes.
///
/// Cloning takes a branch in O(1). A tree is `Send + Sync`; reads need `&self` and may load nodes, changes need `&mut self`.
/// An operation that fails leaves the tree as it was.
pub struct Tree {
    branch: Branch,
    root: Option<Child>,
    /// The newest saved version, 0 before the first save.
    version: u64,
    initial_version: u64,
    hash_threads: usize,
    /// The path of the operation at hand; kept for its allocation.
    path: Vec<Step>,
    /// Lists not in use; kept for their allocations.
    spare_drafts: Vec<Drafts>,
    /// Leaves of the version being saved.
    new_leaves: Vec<Found>,
}

impl Tree {
    /// An empty tree in memory, hashing with SHA-256, whose first version is 1.
    #[must_use]
    pub fn new() -> Self {
        Self::assemble(Options::default(), Arc::new(NoSource), 0, Budget::unlimited())
    }

    /// An empty tree in memory.
    ///
    /// # Errors
    /// [`TreeError::InitialVersion`] when the initial version is 0 or over 2^63 - 1.
    pub fn with_options(options: Options) -> Result<Self, TreeError> {
        Self::open(options, Arc::new(NoSource), 0, None)
    }

    /// The tree of a saved version: `root` as recorded when it was saved (`None` if it was empty), nodes from `source`. O(1).
    /// With `version` 0 nothing has been saved yet.
    ///
    /// # Errors
    /// [`TreeError::InitialVersion`] when the initial version is 0 or over 2^63 - 1.
    pub fn open(options: Options, source: Arc<dyn NodeSource>, version: u64, root: Option<RootRecord>) -> Result<Self, TreeError> {
        Self::open_within(options, source, version, root, Budget::unlimited())
    }

    /// As [`Tree::open`], with a bound on the memory for nodes that the tree shares with others. It does nothing by itself:
    /// see [`Tree::unload`] and [`Tree::get_copy`].
    ///
    /// # Errors
    /// As of [`Tree::open`].
    pub fn open_within(
        options: Options,
        source: Arc<dyn NodeSource>,
        version: u64,
        root: Option<RootRecord>,
        budget: Arc<Budget>,
    ) -> Result<Self, TreeError> {
        check_initial_version(options.initial_version)?;
        let mut tree = Self::assemble(options, source, version, budget);
        if let Some(root) = root {
            let record = crate::ChildRecord { node: root.node, hash: root.hash, height: root.height, size: root.size };
            tree.root = Some(tree.branch.stub(&record)?);
        }
        Ok(tree)
    }

    fn assemble(options: Options, source: Arc<dyn NodeSource>, version: u64, budget: Arc<Budget>) -> Self {
        Self {
            branch: Branch::new(options.hash_function, source, budget),
            root: None,
            version,
            initial_version: options.initial_version,
            hash_threads: options.hash_threads.max(1),
            path: Vec::new(),
            spare_drafts: Vec::new(),
            new_leaves: Vec::new(),
        }
    }

    fn memory(&self) -> &Memory {
        self.branch.memory()
    }

    /// The hash function.
    #[must_use]
    pub fn hash_function(&self) -> HashFunction {
        self.memory().function
    }

    /// The newest saved version; 0 before the first save.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version that the next save gives.
    ///
    /// # Errors
    /// [`TreeError::VersionsExhausted`] after version 2^63 - 1.
    pub fn next_version(&self) -> Result<u64, TreeError> {
        match self.version {
            0 => Ok(self.initial_version),
            MAX_VERSION.. => Err(TreeError::VersionsExhausted { version: self.version }),
            version => Ok(version + 1),
        }
    }

    /// Makes `version` the first one to be saved.
    ///
    /// # Errors
    /// [`TreeError::InitialVersion`] when it is 0 or over 2^63 - 1, or when a version was saved already; [`TreeError::Full`].
    pub fn set_initial_version(&mut self, version: u64) -> Result<(), TreeError> {
        check_initial_version(version)?;
        if self.version != 0 {
            return Err(TreeError::InitialVersion { version, why: "a version was saved already" });
        }
        // Hashes computed by `working_hash` hold the version that was to come.
        self.invalidate_drafts()?;
        self.initial_version = version;
        Ok(())
    }

    /// Number of keys.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.root.map_or(0, |root| root.size)
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Levels of inner nodes: 0 for an empty tree and for one leaf.
    #[must_use]
    pub fn height(&self) -> u8 {
        self.root.map_or(0, |root| root.height)
    }

    /// Whether the tree was changed since the last save.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        let root_is_draft = self.root.is_some_and(|root| self.memory().node_key(&root).is_none());
        root_is_draft || self.branch_has_orphans()
    }

    /// The root hash, if all changes are hashed: after a save, a load or [`Tree::working_hash`].
    #[must_use]
    pub fn root_hash(&self) -> Option<Hash> {
        match self.root {
            None => Some(self.hash_function().empty_root()),
            Some(root) => (!root.is_dirty()).then_some(root.hash),
        }
    }

    /// The saved root, to keep with the version; `None` for an empty tree and for one with changes.
    #[must_use]
    pub fn root_record(&self) -> Option<RootRecord> {
        let root = self.root?;
        let node = self.memory().node_key(&root)?;
        Some(RootRecord { node, hash: root.hash, height: root.height, size: root.size })
    }

    /// Bytes of all nodes in memory, of all branches together: slots, keys and values.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory().bytes()
    }

    /// The budget for this tree's memory and others'.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        self.memory().budget()
    }

    /// Whether the whole tree is in memory: nothing will ever be loaded. It may be without this being known.
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.memory().is_whole()
    }

    /// How many branches (clones) share the memory, this one included.
    #[must_use]
    pub fn branches(&self) -> usize {
        self.branch.branches()
    }

    /// Whether no other branch shares the memory: then [`Tree::unload`] can do something.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.branch.is_alone()
    }
}

fn check_initial_version(version: u64) -> Result<(), TreeError> {
    match version {
        0 => Err(TreeError::InitialVersion { version, why: "versions count from 1" }),
        1..=MAX_VERSION => Ok(()),
        _ => Err(TreeError::InitialVersion { version, why: "versions end at 2^63 - 1" }),
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Tree {
    /// Takes a branch, in O(1).
    fn clone(&self) -> Self {
        Self {
            branch: self.branch.fork(self.root.map_or(State::Saved, |root| root.state)),
            root: self.root,
            version: self.version,
            initial_version: self.initial_version,
            hash_threads: self.hash_threads,
            path: Vec::new(),
            spare_drafts: Vec::new(),
            new_leaves: Vec::new(),
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.branch.close(self.root.map(|root| root.link));
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("version", &self.version)
            .field("size", &self.size())
            .field("height", &self.height())
            .field("root_hash", &self.root_hash())
            .finish_non_exhaustive()
    }
}
