//! Building a tree from the stream that [`Tree::export`](super::Tree::export) gives.
//!
//! Nothing in the stream is trusted: order, heights, balance, routing keys and versions are checked on the way. What no stream can
//! prove is the root hash: compare it with the one that you trust.

use std::collections::HashMap;

use super::export::ExportNode;
use super::settle::hash_node;
use super::{Options, Tree};
use crate::memory::{Child, Link, State, Target, UNHASHED};
use crate::{MAX_KEY_LEN, MAX_VALUE_LEN, NodeKey, Side, TreeError};

/// Takes a node stream and makes a tree of it. The tree is held in memory whole.
///
/// ```
/// use treering_tree::{Importer, Options, Tree};
///
/// let mut tree = Tree::new();
/// tree.set(b"oak", b"200 rings")?;
/// tree.set(b"pine", b"80 rings")?;
/// let saved = tree.save()?;
///
/// let mut importer = Importer::new(Options::default(), saved.version)?;
/// for node in tree.export()? {
///     importer.push(node?)?;
/// }
/// assert_eq!(importer.finish()?.root_hash(), Some(saved.root_hash));
/// # Ok::<(), treering_tree::TreeError>(())
/// ```
pub struct Importer {
    tree: Tree,
    version: u64,
    position: u64,
    /// Finished subtrees that have no parent yet.
    stack: Vec<Subtree>,
}

struct Subtree {
    child: Child,
    version: u64,
    smallest: Vec<u8>,
    largest: Vec<u8>,
}

impl Importer {
    /// An importer of the tree of `version`.
    ///
    /// # Errors
    /// [`TreeError::InitialVersion`] when `version` or the options' initial version is 0 or over 2^63 - 1.
    pub fn new(options: Options, version: u64) -> Result<Self, TreeError> {
        super::check_initial_version(version)?;
        Ok(Self { tree: Tree::with_options(options)?, version, position: 0, stack: Vec::new() })
    }

    /// Takes the next node of the stream. One that is refused leaves the importer as it was.
    ///
    /// # Errors
    /// [`TreeError::Import`] when it cannot follow what came before it; [`TreeError::KeyTooLong`], [`TreeError::ValueTooLong`].
    pub fn push(&mut self, node: ExportNode) -> Result<(), TreeError> {
        if node.key.len() > MAX_KEY_LEN {
            return Err(TreeError::KeyTooLong { length: node.key.len() });
        }
        if node.version == 0 || node.version > self.version {
            return Err(self.refuse("its version is 0 or newer than the tree's"));
        }
        self.tree.branch.reserve(1)?;
        let subtree = match node.value {
            Some(value) if node.height == 0 => self.leaf(&node.key, &value, node.version)?,
            None if node.height > 0 => self.fork(&node.key, node.version, node.height)?,
            _ => return Err(self.refuse("a leaf has a value and height 0, an inner node has neither")),
        };
        self.stack.push(subtree);
        self.position += 1;
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`TreeError::Import`] when nodes are missing.
    pub fn finish(mut self) -> Result<Tree, TreeError> {
        let root = self.stack.pop();
        if !self.stack.is_empty() {
            return Err(self.refuse("the stream ends before the root"));
        }
        self.tree.version = self.version;
        if let Some(root) = root {
            self.number(root.child, root.version)?;
            self.tree.root = Some(Child { state: State::Saved, ..root.child });
        }
        self.tree.branch.is_first();
        Ok(self.tree)
    }

    fn refuse(&self, what: &'static str) -> TreeError {
        TreeError::Import { position: self.position, what }
    }

    fn leaf(&mut self, key: &[u8], value: &[u8], version: u64) -> Result<Subtree, TreeError> {
        if value.len() > MAX_VALUE_LEN {
            return Err(TreeError::ValueTooLong { length: value.len() });
        }
        self.tree.branch.reserve_leaf(key.len() + value.len())?;
        let link = self.tree.branch.add_leaf(key, value);
        self.tree.branch.set_leaf_version(link, version);
        let child = self.hashed(Child { link, hash: UNHASHED, height: 0, size: 1, state: State::Hashed }, version);
        Ok(Subtree { child, version, smallest: key.to_vec(), largest: key.to_vec() })
    }

    fn fork(&mut self, key: &[u8], version: u64, height: u8) -> Result<Subtree, TreeError> {
        let Some([left, right]) = self.stack.last_chunk() else {
            return Err(self.refuse("an inner node comes before its two children"));
        };
        if left.largest >= right.smallest {
            return Err(self.refuse("its children are not in order"));
        }
        if right.smallest != key {
            return Err(self.refuse("its key is not the smallest one of its right child"));
        }
        let (low, high) = (left.child.height.min(right.child.height), left.child.height.max(right.child.height));
        if high - low > 1 || height.checked_sub(1) != Some(high) {
            return Err(self.refuse("its height does not follow from its children's, or they are out of balance"));
        }
        if version < left.version.max(right.version) {
            return Err(self.refuse("it is older than a child of its own"));
        }
        let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop()) else { unreachable!("two were just seen") };
        let id = self.tree.branch.add_fork(key, left.child, right.child);
        self.tree.branch.inner_mut(id).version = version;
        let child = self.hashed(Child { state: State::Hashed, ..self.tree.draft(id) }, version);
        Ok(Subtree { child, version, smallest: left.smallest, largest: right.largest })
    }

    fn hashed(&self, child: Child, version: u64) -> Child {
        let memory = self.tree.memory();
        Child { hash: hash_node(memory.function, memory.node(child.link), version), ..child }
    }

    /// Gives every node a number among those of its version, in pre-order, so that a version's own root has 1.
    fn number(&mut self, root: Child, version: u64) -> Result<(), TreeError> {
        let mut nonces: HashMap<u64, u32> = HashMap::new();
        let mut pending: Vec<(Link, u64)> = vec![(root.link, version)];
        while let Some((link, version)) = pending.pop() {
            let nonce = nonces.entry(version).or_insert(0);
            *nonce = nonce.checked_add(1).ok_or(TreeError::Full)?;
            let node = NodeKey::new(version, *nonce);
            if let Target::Inner(id) = link.target() {
                for side in [Side::Right, Side::Left] {
                    let below = self.tree.memory().inner(id).link(side);
                    pending.push((below, self.version_of(below)));
                    self.tree.branch.inner_mut(id).set_state(side, State::Saved);
                }
            }
            self.tree.branch.number(link, node);
        }
        Ok(())
    }

    fn version_of(&self, link: Link) -> u64 {
        match self.tree.memory().node(link) {
            crate::memory::Node::Inner(inner) => inner.version,
            crate::memory::Node::Leaf(leaf) => leaf.head.version,
        }
    }
}
