//! Looking up single keys.

use super::Tree;
use super::iterate::Entry;
use crate::memory::{Along, Child, Inner, Leaf, LeafView, Link, Memory, Node, Place, Seen, Target, View, prefix_of};
use crate::{NodeKey, Side, TreeError};

/// A walk in memory towards a key.
enum Found {
    /// It came to a leaf, in this slot; the key may be another one.
    Leaf(u32),
    /// It came to a missing node.
    Missing(Child),
}

/// What is known of a key without reading from storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resident<T> {
    /// The key's value, or what is known of it.
    Value(T),
    /// The key is not in the tree.
    Absent,
    /// The key lies below a node that is not in memory. Nothing below it was changed since the last save.
    Unknown,
}

/// What a saved tree says about a key, and since when; see [`Tree::settled`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The key's value; `None` where it is absent.
    pub value: Option<Vec<u8>>,
    /// Of a key that is there, the version that set it. Of an absent one, a version since which it has been absent; where it was there in the
    /// version before, the one that removed it. 0 of a tree that was never saved.
    pub since: u64,
}

impl Tree {
    /// The value of `key`. What is loaded for it stays in memory, since it is lent; see [`Tree::get_copy`]. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn get(&self, key: &[u8]) -> Result<Option<&[u8]>, TreeError> {
        Ok(self.get_with_version(key)?.map(|(value, _)| value))
    }

    /// The value of `key`, and the saved version that set it (0 for a change not saved yet). Loads as [`Tree::get`] does. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    #[inline]
    pub fn get_with_version(&self, key: &[u8]) -> Result<Option<(&[u8], u64)>, TreeError> {
        let Some(root) = self.root else { return Ok(None) };
        if let Some(leaf) = self.shortcut(key) {
            return Ok(Some(with_version(leaf)));
        }
        let memory = self.memory();
        match walk(memory, root, key, |link, child| memory.resolve(link, child).map(Some))? {
            Found::Leaf(id) => Ok(self.arrived(key, id).map(with_version)),
            Found::Missing(_) => unreachable!("what is missing is loaded"),
        }
    }

    /// The leaf in a slot that a walk came to, if it has the key; then the way there is remembered.
    #[inline]
    fn arrived(&self, key: &[u8], id: u32) -> Option<Leaf<'_>> {
        let leaf = self.memory().leaf(id);
        let is_found = leaf.key() == key;
        if is_found {
            self.offer_shortcut(key, id);
        }
        is_found.then_some(leaf)
    }

    /// A copy of the value of `key`. When nodes on its path are missing and the budget has no room for them, they are read and not
    /// kept. O(log n).
    ///
    /// # Errors
    /// When a node must be read and can't be.
    pub fn get_copy(&self, key: &[u8]) -> Result<Option<Vec<u8>>, TreeError> {
        Ok(self.get_copy_with_version(key)?.map(|(value, _)| value))
    }

    /// [`Tree::get_copy`], with the saved version that set the value (0 for a change not saved yet). O(log n).
    ///
    /// # Errors
    /// When a node must be read and can't be.
    pub fn get_copy_with_version(&self, key: &[u8]) -> Result<Option<(Vec<u8>, u64)>, TreeError> {
        let Some(seen) = self.see_leaf(key)? else { return Ok(None) };
        let version = match seen.view(self.memory()) {
            View::Leaf(leaf) if leaf.key == key => leaf.version,
            _ => return Ok(None),
        };
        Ok(seen.into_value().map(|value| (value, version)))
    }

    /// What the tree says about `key`, and since when: every version of this tree's line from [`Settled::since`] to this one says the same.
    /// Reads as [`Tree::get_copy`] does. O(log n).
    ///
    /// An absent key lies between two neighbours. The node that forks to the two has been there since the version that made it, and as
    /// long as it is there, they are neighbours. A key beyond the first or the last one has a single neighbour, and of it nothing older than
    /// this version is known.
    ///
    /// # Errors
    /// [`TreeError::Unsaved`] with changes since the last save, and when a node must be read and can't be.
    pub fn settled(&self, key: &[u8]) -> Result<Settled, TreeError> {
        let Some(root) = self.root else { return Ok(Settled { value: None, since: self.version }) };
        let memory = self.memory();
        if memory.node_key(&root).is_none() {
            return Err(TreeError::Unsaved);
        }
        // The versions of the last nodes from which the way went to the left, and to the right.
        let (mut from, prefix) = ([self.version; 2], prefix_of(key));
        let (mut place, mut along) = (Place::Known(root), Along::to(key));
        let (seen, version) = loop {
            let seen = memory.see_along(&place, &mut along)?;
            match seen.view(memory) {
                View::Leaf(leaf) if leaf.key == key => {
                    let version = leaf.version;
                    break (Some(seen), version);
                }
                // The other neighbour lies on the other side of the last fork from which the way went towards this one.
                View::Leaf(leaf) => break (None, if leaf.key < key { from[0] } else { from[1] }),
                View::Inner(node) => {
                    let [left, right] = &mut from;
                    match node.route(prefix, key) {
                        Side::Left => *left = node.version(),
                        Side::Right => *right = node.version(),
                    }
                    place = node.child(node.route(prefix, key));
                }
            }
        };
        Ok(Settled { value: seen.and_then(Seen::into_value), since: version })
    }

    /// The leaf where `key` is or would be; `None` of an empty tree. Keeps what it reads as far as the budget has room.
    fn see_leaf(&self, key: &[u8]) -> Result<Option<Seen<'_>>, TreeError> {
        let Some(root) = self.root else { return Ok(None) };
        if let Some(leaf) = self.shortcut(key) {
            return Ok(Some(Seen::Resident(Node::Leaf(leaf))));
        }
        let memory = self.memory();
        let mut place = match walk(memory, root, key, |link, _| Ok(memory.loaded_link(link)))? {
            Found::Leaf(id) => {
                self.arrived(key, id);
                return Ok(Some(Seen::Resident(Node::Leaf(memory.leaf(id)))));
            }
            Found::Missing(child) => Place::Known(child),
        };
        let (prefix, mut along) = (prefix_of(key), Along::to(key));
        loop {
            let seen = memory.see_along(&place, &mut along)?;
            match seen.view(memory) {
                View::Leaf(_) => return Ok(Some(seen)),
                View::Inner(node) => place = node.child(node.route(prefix, key)),
            }
        }
    }

    /// What is known of `key` without reading from storage.
    #[must_use]
    #[inline]
    pub fn get_resident(&self, key: &[u8]) -> Resident<&[u8]> {
        self.resident(key, Leaf::value)
    }

    /// [`Tree::get_resident`], with the saved version that set the value (0 for a change not saved yet).
    #[must_use]
    #[inline]
    pub fn get_resident_with_version(&self, key: &[u8]) -> Resident<(&[u8], u64)> {
        self.resident(key, with_version)
    }

    fn resident<'a, T>(&'a self, key: &[u8], of: impl FnOnce(Leaf<'a>) -> T) -> Resident<T> {
        let Some(root) = self.root else { return Resident::Absent };
        if let Some(leaf) = self.shortcut(key) {
            return Resident::Value(of(leaf));
        }
        let memory = self.memory();
        match walk(memory, root, key, |link, _| Ok(memory.loaded_link(link))) {
            Ok(Found::Leaf(id)) => self.arrived(key, id).map_or(Resident::Absent, |leaf| Resident::Value(of(leaf))),
            // Nothing is loaded, so nothing fails.
            Ok(Found::Missing(_)) | Err(_) => Resident::Unknown,
        }
    }

    /// Whether `key` is in the tree. Reads as [`Tree::get_copy`] does. O(log n).
    ///
    /// # Errors
    /// When a node must be read and can't be.
    pub fn has(&self, key: &[u8]) -> Result<bool, TreeError> {
        let seen = self.see_leaf(key)?;
        let leaf = seen.as_ref().map(|seen| seen.view(self.memory()));
        Ok(matches!(leaf, Some(View::Leaf(LeafView { key: found, .. })) if found == key))
    }

    /// The smallest key and its value. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn first(&self) -> Result<Option<Entry<'_>>, TreeError> {
        self.outermost(Side::Left)
    }

    /// The largest key and its value. O(log n).
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn last(&self) -> Result<Option<Entry<'_>>, TreeError> {
        self.outermost(Side::Right)
    }

    fn outermost(&self, side: Side) -> Result<Option<Entry<'_>>, TreeError> {
        let Some(mut child): Option<Child> = self.root else { return Ok(None) };
        loop {
            match self.memory().enter(&child)? {
                Node::Inner(node) => child = node.child(side),
                Node::Leaf(leaf) => return Ok(Some((leaf.key(), leaf.value()))),
            }
        }
    }
}

/// A leaf's value, and the saved version that set it (0 for a draft).
fn with_version(leaf: Leaf<'_>) -> (&[u8], u64) {
    (leaf.value(), leaf.node_key().map_or(0, NodeKey::version))
}

/// Walks towards `key` as long as `resolve` gives the nodes: it takes a link, and what the parent knows of the node. Marks what it passes as used.
#[inline]
fn walk(
    memory: &Memory,
    root: Child,
    key: &[u8],
    resolve: impl Fn(Link, &dyn Fn() -> Child) -> Result<Option<Link>, TreeError>,
) -> Result<Found, TreeError> {
    let (now, prefix) = (memory.now(), prefix_of(key));
    let Some(mut link) = resolve(root.link, &|| root)? else { return Ok(Found::Missing(root)) };
    loop {
        match link.target() {
            Target::Inner(id) => {
                let node: &Inner = memory.inner(id);
                node.touch(now);
                let side = memory.route(node, prefix, key);
                match resolve(node.link(side), &|| node.child(side))? {
                    Some(below) => link = below,
                    None => return Ok(Found::Missing(node.child(side))),
                }
            }
            Target::Leaf(id) => return Ok(Found::Leaf(id)),
            Target::Stub(_) => unreachable!("the link is resolved"),
        }
    }
}
