//! `store.path`: the nodes on the way to a key.

use schemars::JsonSchema;
use serde::Serialize;
use treering_tree::{PathNode, Side};

use super::super::bytes::Encoding;
use super::super::place;
use super::get::KeyAt;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// A node of a tree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct TreeNode {
    /// Its name: the version that made it, a dot, its number among that version's nodes.
    pub node_key: String,
    /// 0 for a leaf.
    pub height: u8,
    /// Number of keys below it; 1 for a leaf.
    pub size: u64,
    /// The version that made it.
    pub version: u64,
    /// Its hash, in hex.
    pub hash: String,
    /// Of a leaf its key, of an inner node the smallest key on the right.
    pub key: String,
    /// Of a leaf its value; null for an inner node.
    pub value: Option<String>,
    /// On which side of the node above it is: `left` or `right`; null for the root.
    pub side: Option<NodeSide>,
}

/// A side of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeSide {
    /// Where the smaller keys are.
    Left,
    /// Where the larger keys are.
    Right,
}

/// The way to a key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct KeyPath {
    /// The version of the store.
    pub version: u64,
    /// Its root hash, in hex.
    pub root_hash: String,
    /// Whether the key is there.
    pub found: bool,
    /// The inner nodes from the root down; none of a tree of one leaf.
    pub path: Vec<TreeNode>,
    /// The leaf at the end: that of the key, or of a neighbour where the key is not there; null of an empty tree.
    pub leaf: Option<TreeNode>,
    /// The sibling of each node below the root, from the top: as many as there are inner nodes.
    pub siblings: Vec<TreeNode>,
}

/// `store.path`.
pub struct PathOf;

impl Operation for PathOf {
    type Input = KeyAt;
    type Output = KeyPath;
    const ID: &'static str = "store.path";
    const DESCRIPTION: &'static str =
        "Gives the nodes from the root to a key and their siblings, at a version (the newest if none is named).";

    fn access(&self, input: &KeyAt) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: KeyAt) -> Result<KeyPath, OperationError> {
        let key = input.encoding.read("key", &input.key)?;
        let snapshot = place::snapshot(&place::store(system, &input.store)?, input.version)?;
        let found = snapshot.path(&key)?;
        let written = |nodes: Vec<PathNode>| nodes.into_iter().map(|node| tree_node(input.encoding, node)).collect::<Result<Vec<_>, _>>();
        let mut path = written(found.nodes)?;
        let leaf = path.pop();
        Ok(KeyPath {
            version: snapshot.version(),
            root_hash: snapshot.root_hash().to_string(),
            found: found.is_found,
            path,
            leaf,
            siblings: written(found.siblings)?,
        })
    }
}

fn tree_node(encoding: Encoding, node: PathNode) -> Result<TreeNode, OperationError> {
    Ok(TreeNode {
        node_key: node.node.to_string(),
        height: node.height,
        size: node.size,
        version: node.node.version(),
        hash: node.hash.to_string(),
        key: encoding.write("the key", node.key)?,
        value: encoding.write_some("the value", node.value)?,
        side: node.side.map(|side| match side {
            Side::Left => NodeSide::Left,
            Side::Right => NodeSide::Right,
        }),
    })
}
