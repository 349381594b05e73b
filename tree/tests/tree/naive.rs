//! The rules of cosmos/iavl once more, as plainly as they can be written: boxes, recursion, no sharing but by `Rc`.

use std::rc::Rc;

use treering_proofs::{HashFunction, preimage};

#[derive(Clone)]
pub(crate) struct Node {
    key: Vec<u8>,
    value: Vec<u8>,
    height: u8,
    size: u64,
    version: Option<u64>,
    hash: Option<treering_proofs::Hash>,
    children: Option<[Rc<Node>; 2]>,
}

#[derive(Clone, Default)]
pub(crate) struct NaiveTree(Option<Rc<Node>>);

impl NaiveTree {
    pub(crate) fn set(&mut self, key: &[u8], value: &[u8]) {
        let leaf = Rc::new(Node { key: key.into(), value: value.into(), height: 0, size: 1, version: None, hash: None, children: None });
        self.0 = Some(match self.0.take() {
            None => leaf,
            Some(root) => insert(&root, &leaf).0,
        });
    }

    pub(crate) fn remove(&mut self, key: &[u8]) {
        if let Some(root) = &self.0
            && let Some((rest, _)) = remove(root, key)
        {
            self.0 = rest;
        }
    }

    /// Gives every new node the version, and the root hash.
    pub(crate) fn save(&mut self, function: HashFunction, version: u64) -> treering_proofs::Hash {
        let Some(root) = &self.0 else { return function.empty_root() };
        let root = number(root, function, version);
        let hash = root.hash.unwrap();
        self.0 = Some(root);
        hash
    }

    pub(crate) fn height(&self) -> u8 {
        self.0.as_ref().map_or(0, |root| root.height)
    }
}

fn fork(key: Vec<u8>, left: Rc<Node>, right: Rc<Node>) -> Rc<Node> {
    let (height, size) = (1 + left.height.max(right.height), left.size + right.size);
    Rc::new(Node { key, value: Vec::new(), height, size, version: None, hash: None, children: Some([left, right]) })
}

/// The new subtree, and whether the key was there.
fn insert(node: &Rc<Node>, leaf: &Rc<Node>) -> (Rc<Node>, bool) {
    let Some([left, right]) = &node.children else {
        return match leaf.key.cmp(&node.key) {
            std::cmp::Ordering::Equal => (leaf.clone(), true),
            std::cmp::Ordering::Less => (fork(node.key.clone(), leaf.clone(), node.clone()), false),
            std::cmp::Ordering::Greater => (fork(leaf.key.clone(), node.clone(), leaf.clone()), false),
        };
    };
    let (fresh, updated) = if leaf.key < node.key {
        let (left, updated) = insert(left, leaf);
        (fork(node.key.clone(), left, right.clone()), updated)
    } else {
        let (right, updated) = insert(right, leaf);
        (fork(node.key.clone(), left.clone(), right), updated)
    };
    if updated { (fresh, true) } else { (balanced(&fresh), false) }
}

type Removed = (Option<Rc<Node>>, Option<Vec<u8>>);

/// The new subtree and its new smallest key, if that was removed; `None` when the key is absent.
fn remove(node: &Rc<Node>, key: &[u8]) -> Option<Removed> {
    let Some([left, right]) = &node.children else { return (node.key == key).then_some((None, None)) };
    if key < node.key.as_slice() {
        return Some(match remove(left, key)? {
            (None, _) => (Some(right.clone()), Some(node.key.clone())),
            (Some(left), smallest) => (Some(balanced(&fork(node.key.clone(), left, right.clone()))), smallest),
        });
    }
    Some(match remove(right, key)? {
        (None, _) => (Some(left.clone()), None),
        (Some(right), smallest) => (Some(balanced(&fork(smallest.unwrap_or_else(|| node.key.clone()), left.clone(), right))), None),
    })
}

fn balance(node: &Node) -> i32 {
    node.children.as_ref().map_or(0, |[left, right]| i32::from(left.height) - i32::from(right.height))
}

fn balanced(node: &Rc<Node>) -> Rc<Node> {
    let [left, right] = node.children.as_ref().unwrap();
    match balance(node) {
        2.. if balance(left) < 0 => rotate_right(&fork(node.key.clone(), rotate_left(left), right.clone())),
        2.. => rotate_right(node),
        ..=-2 if balance(right) > 0 => rotate_left(&fork(node.key.clone(), left.clone(), rotate_right(right))),
        ..=-2 => rotate_left(node),
        _ => node.clone(),
    }
}

fn rotate_right(node: &Rc<Node>) -> Rc<Node> {
    let [left, right] = node.children.clone().unwrap();
    let [outer, middle] = left.children.clone().unwrap();
    fork(left.key.clone(), outer, fork(node.key.clone(), middle, right))
}

fn rotate_left(node: &Rc<Node>) -> Rc<Node> {
    let [left, right] = node.children.clone().unwrap();
    let [middle, outer] = right.children.clone().unwrap();
    fork(right.key.clone(), fork(node.key.clone(), left, middle), outer)
}

fn number(node: &Rc<Node>, function: HashFunction, version: u64) -> Rc<Node> {
    if node.version.is_some() {
        return node.clone();
    }
    let mut fresh = Node { version: Some(version), ..Node::clone(node) };
    fresh.hash = Some(match &mut fresh.children {
        None => preimage::leaf_hash(function, version, &node.key, &preimage::value_hash(function, &node.value)),
        Some(children) => {
            for child in children.iter_mut() {
                *child = number(child, function, version);
            }
            let [left, right] = children;
            preimage::inner_hash(function, node.height, node.size, version, &left.hash.unwrap(), &right.hash.unwrap())
        }
    });
    Rc::new(fresh)
}
