//! What can go wrong in a tree.

use treering_proofs::Hash;

use crate::NodeKey;

/// Why a [`NodeSource`](crate::NodeSource) could not give a node.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Errors of a tree. None of them leaves the tree changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The source of saved nodes failed.
    #[error("node {node} could not be read: {source}")]
    Load {
        /// The node asked for.
        node: NodeKey,
        /// What the source said.
        source: SourceError,
    },
    /// The source has no such node, though another node or a version names it.
    #[error("node {node} is missing from storage")]
    MissingNode {
        /// The node asked for.
        node: NodeKey,
    },
    /// A node read from storage is not the one that its parent (or the version) vouches for.
    #[error("node {node} is damaged: it hashes to {found}, its parent says {expected}")]
    HashMismatch {
        /// The node asked for.
        node: NodeKey,
        /// What the parent says.
        expected: Hash,
        /// What was read.
        found: Hash,
    },
    /// A node's shape contradicts what its parent records, or itself.
    #[error("node {node} is damaged: {what}")]
    Malformed {
        /// The node asked for.
        node: NodeKey,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A key is longer than [`MAX_KEY_LEN`](crate::MAX_KEY_LEN).
    #[error("the key has {length} bytes, more than the {} allowed", crate::MAX_KEY_LEN)]
    KeyTooLong {
        /// Bytes of the key.
        length: usize,
    },
    /// A value is longer than [`MAX_VALUE_LEN`](crate::MAX_VALUE_LEN).
    #[error("the value has {length} bytes, more than the {} allowed", crate::MAX_VALUE_LEN)]
    ValueTooLong {
        /// Bytes of the value.
        length: usize,
    },
    /// More nodes are in memory than links of 30 bits can name.
    #[error("the tree has too many nodes in memory (2^30 of a kind)")]
    Full,
    /// The last version that the format can hold was saved.
    #[error("version {version} is the last one possible")]
    VersionsExhausted {
        /// The newest version.
        version: u64,
    },
    /// An initial version is 0, beyond what the hash preimage can hold, or set after the first save.
    #[error("initial version {version} is not possible: {why}")]
    InitialVersion {
        /// The version asked for.
        version: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A proof was asked of a tree with changes that are not hashed yet.
    #[error("the tree has changes that are not saved; a proof needs a root hash, so save a version first")]
    Unsaved,
    /// A node stream does not describe a tree.
    #[error("the node stream is not a tree: {what} (at node {position})")]
    Import {
        /// Nodes read before the bad one.
        position: u64,
        /// What is wrong.
        what: &'static str,
    },
}
