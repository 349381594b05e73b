//! A persistent, immutable AVL tree with hashed nodes: the tree of cosmos/iavl, bit for bit, as a value.
//!
//! [`Tree::clone`] takes a branch in O(1); `&mut self` edits copy on write, so branches never see each other's changes.
//! [`Tree::save`] numbers and hashes what is new and gives a root hash. The tree does no I/O: it asks a [`NodeSource`] for
//! saved nodes that are not in memory, and a storage asks it for [new nodes](Tree::new_nodes) to write.
//!
//! ```
//! use treering_tree::Tree;
//!
//! let mut tree = Tree::new();
//! tree.set(b"oak", b"200 rings")?;
//! tree.set(b"pine", b"80 rings")?;
//! let saved = tree.save()?;
//! assert_eq!(saved.version, 1);
//!
//! let mut branch = tree.clone();
//! branch.remove(b"oak")?;
//! assert_eq!(branch.get(b"oak")?, None);
//! assert_eq!(tree.get(b"oak")?, Some(&b"200 rings"[..]));
//!
//! let proof = tree.prove(b"oak")?;
//! assert!(proof.verify(tree.hash_function(), &saved.root_hash, b"oak").is_ok());
//! # Ok::<(), treering_tree::TreeError>(())
//! ```
//!
//! Reading order: [`node_key`], `memory` (slots, branches, who may write what), `tree` (the operations, one file each).

mod budget;
mod error;
mod hashing;
mod memory;
pub mod node_key;
mod record;
mod side;
pub mod tree;

pub use budget::Budget;
pub use error::{SourceError, TreeError};
pub use node_key::NodeKey;
pub use record::{ChildRecord, Loaded, LoadedPath, NoSource, NodeRecord, NodeSource, Step};
pub use side::Side;
pub use tree::apply::Operation;
pub use tree::check::{CheckError, CheckReport};
pub use tree::copies::{Copies, OwnedEntry};
pub use tree::diff::{Diff, DiffStep, Difference};
pub use tree::export::{Export, ExportNode};
pub use tree::import::Importer;
pub use tree::iterate::{Entry, Order, Range};
pub use tree::key_path::{KeyPath, PathNode};
pub use tree::lookup::{Resident, Settled};
pub use tree::render::Style;
pub use tree::save::{NewNodes, SavedVersion, SortedNodes};
pub use tree::{Options, RootRecord, Tree};
pub use treering_proofs::limits::{MAX_KEY_LEN, MAX_VALUE_LEN};
