//! Nodes as a read meets them: in memory, or as records that pass through and are not kept.
//!
//! A read walks from [`Place`] to place. As long as the nodes are in memory it sees them there. Below a missing one it goes on with records
//! from storage when the budget leaves no room for them; each is checked against all that the record above it says, just as what is loaded.
//!
//! Invariants
//! 1. Below a missing node nothing is in memory: what a stub stands for is reached through its one node only.
//! 2. What passes was verified: the hash, height and size are those that its parent vouches for, up to a parent in memory.
//! 3. What passes is owned by the read: it is never seen by another, and goes with it.

use treering_proofs::Hash;

use super::{Child, Inner, Leaf, Memory, Node, NodeKey, Target, prefix_of};
use crate::{ChildRecord, Loaded, LoadedPath, NodeRecord, Side, Step, TreeError};

/// Where a read goes next.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// A child of a node in memory, or the root.
    Known(Child),
    /// A child of a node that passes through.
    Stored(ChildRecord),
}

/// What the node above says of a node, and its record must bear out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Expected {
    pub(crate) hash: Hash,
    pub(crate) height: u8,
    pub(crate) size: u64,
}

/// A read on its way to a key: keeps what storage gave of the way ahead, so that what lies together there is read once.
pub(crate) struct Along<'k> {
    key: &'k [u8],
    ahead: std::vec::IntoIter<(NodeKey, NodeRecord<'static>)>,
}

/// A node that a read has come to.
pub(crate) enum Seen<'a> {
    Resident(Node<'a>),
    Passing(Box<(NodeKey, NodeRecord<'static>)>),
}

/// What a read sees of a node.
pub(crate) enum View<'s> {
    Leaf(LeafView<'s>),
    Inner(InnerView<'s>),
}

/// What a read sees of a leaf.
#[derive(Clone, Copy)]
pub(crate) struct LeafView<'s> {
    pub(crate) key: &'s [u8],
    pub(crate) value: &'s [u8],
    /// 0 for a draft.
    pub(crate) version: u64,
}

/// What a read sees of an inner node.
#[derive(Clone, Copy)]
pub(crate) enum InnerView<'s> {
    Resident { memory: &'s Memory, node: &'s Inner },
    Passing { version: u64, key: &'s [u8], left: &'s ChildRecord, right: &'s ChildRecord },
}

impl Place {
    /// Levels of inner nodes from here on.
    pub(crate) fn height(&self) -> u8 {
        match self {
            Self::Known(child) => child.height,
            Self::Stored(child) => child.height,
        }
    }

    /// Whether the hash of the node there is known: of all but a draft that was changed since it was hashed.
    pub(crate) fn is_hashed(&self) -> bool {
        match self {
            Self::Known(child) => !child.is_dirty(),
            Self::Stored(_) => true,
        }
    }

    /// What the node there must be.
    pub(crate) fn expected(&self) -> Expected {
        match *self {
            Self::Known(Child { hash, height, size, .. }) | Self::Stored(ChildRecord { hash, height, size, .. }) => {
                Expected { hash, height, size }
            }
        }
    }
}

impl<'k> Along<'k> {
    pub(crate) fn to(key: &'k [u8]) -> Self {
        Self { key, ahead: Vec::new().into_iter() }
    }
}

impl Seen<'_> {
    pub(crate) fn view<'s>(&'s self, memory: &'s Memory) -> View<'s> {
        match self {
            Self::Resident(Node::Leaf(leaf)) => View::Leaf(LeafView::of(*leaf)),
            Self::Resident(Node::Inner(node)) => View::Inner(InnerView::Resident { memory, node }),
            Self::Passing(passing) => match &**passing {
                (node, NodeRecord::Leaf { key, value }) => View::Leaf(LeafView { key, value, version: node.version() }),
                (node, NodeRecord::Inner { key, left, right }) => {
                    View::Inner(InnerView::Passing { version: node.version(), key, left, right })
                }
            },
        }
    }

    /// As [`Seen::into_entry`], without the key.
    pub(crate) fn into_value(self) -> Option<Vec<u8>> {
        match self {
            Self::Resident(Node::Leaf(leaf)) => Some(leaf.value().to_vec()),
            Self::Resident(Node::Inner(_)) => None,
            Self::Passing(passing) => match passing.1 {
                NodeRecord::Leaf { value, .. } => Some(value.into_owned()),
                NodeRecord::Inner { .. } => None,
            },
        }
    }

    /// A leaf's key and value, without copying what passes; `None` for an inner node.
    pub(crate) fn into_entry(self) -> Option<(Vec<u8>, Vec<u8>)> {
        match self {
            Self::Resident(Node::Leaf(leaf)) => Some((leaf.key().to_vec(), leaf.value().to_vec())),
            Self::Resident(Node::Inner(_)) => None,
            Self::Passing(passing) => match passing.1 {
                NodeRecord::Leaf { key, value } => Some((key.into_owned(), value.into_owned())),
                NodeRecord::Inner { .. } => None,
            },
        }
    }
}

impl<'s> LeafView<'s> {
    pub(crate) fn of(leaf: Leaf<'s>) -> Self {
        Self { key: leaf.key(), value: leaf.value(), version: leaf.node_key().map_or(0, NodeKey::version) }
    }
}

impl<'s> InnerView<'s> {
    /// The side on which `key` (with this prefix) lies.
    pub(crate) fn route(self, prefix: u64, key: &[u8]) -> Side {
        match self {
            Self::Resident { memory, node } => memory.route(node, prefix, key),
            Self::Passing { key: routing_key, .. } if key < routing_key => Side::Left,
            Self::Passing { .. } => Side::Right,
        }
    }

    /// The routing key.
    pub(crate) fn key(self) -> &'s [u8] {
        match self {
            Self::Resident { memory, node } => memory.routing_key(node),
            Self::Passing { key, .. } => key,
        }
    }

    pub(crate) fn child(self, side: Side) -> Place {
        match (self, side) {
            (Self::Resident { node, .. }, _) => Place::Known(node.child(side)),
            (Self::Passing { left, .. }, Side::Left) => Place::Stored(*left),
            (Self::Passing { right, .. }, Side::Right) => Place::Stored(*right),
        }
    }

    /// Hash, height and size of a child.
    fn known_of(self, side: Side) -> (&'s Hash, u8, u64) {
        match (self, side) {
            (Self::Resident { node, .. }, _) => (node.hash(side), node.child_height(side), node.child_size(side)),
            (Self::Passing { left: child, .. }, Side::Left) | (Self::Passing { right: child, .. }, Side::Right) => {
                (&child.hash, child.height, child.size)
            }
        }
    }

    pub(crate) fn hash(self, side: Side) -> &'s Hash {
        self.known_of(side).0
    }

    pub(crate) fn child_size(self, side: Side) -> u64 {
        self.known_of(side).2
    }

    pub(crate) fn height(self) -> u8 {
        let [left, right] = [Side::Left, Side::Right].map(|side| self.known_of(side).1);
        // What passes was checked not to overflow, as what is in memory.
        left.max(right).saturating_add(1)
    }

    pub(crate) fn size(self) -> u64 {
        let [left, right] = [Side::Left, Side::Right].map(|side| self.known_of(side).2);
        left.saturating_add(right)
    }

    /// 0 for a draft that never was saved.
    pub(crate) fn version(self) -> u64 {
        match self {
            Self::Resident { node, .. } => node.version,
            Self::Passing { version, .. } => version,
        }
    }
}

impl Memory {
    /// The node at a place. A missing one is loaded: kept when the budget has room for it, else it passes.
    pub(crate) fn see(&self, place: &Place) -> Result<Seen<'_>, TreeError> {
        match place {
            Place::Stored(record) => self.pass(record.node, &Child::unlinked(record)),
            Place::Known(child) => match (self.loaded_link(child.link), child.link.target()) {
                (Some(link), _) => Ok(Seen::Resident(self.node(link))),
                (None, Target::Stub(id)) if !self.budget().has_room() => self.pass(self.stub(id).node, child),
                _ => Ok(Seen::Resident(self.enter(child)?)),
            },
        }
    }

    /// As [`Memory::see`], on the way to a key.
    pub(crate) fn see_along(&self, place: &Place, along: &mut Along<'_>) -> Result<Seen<'_>, TreeError> {
        let Some(node) = self.missing(place) else { return self.see(place) };
        let record = match along.ahead.next().filter(|(ahead, _)| *ahead == node) {
            Some((_, record)) => Ok(Some(record)),
            None => self.load_along(node, along),
        };
        self.settle(place, Some((node, record)), self.budget().has_room())
    }

    fn load_along(&self, node: NodeKey, along: &mut Along<'_>) -> Loaded {
        let step = Step { node, key: along.key, with_leaf: true };
        let path = self.source.load_paths(&[step]).pop().unwrap_or_else(|| Ok(Vec::new()));
        along.ahead = path?.into_iter();
        Ok(along.ahead.next().filter(|(first, _)| *first == node).map(|(_, record)| record))
    }

    /// The record of a node that is not to be kept.
    fn pass(&self, node: NodeKey, expected: &Child) -> Result<Seen<'_>, TreeError> {
        let record = self.verified(node, self.source.load(node), expected)?;
        Ok(Seen::Passing(Box::new((node, record))))
    }

    /// The nodes at places, those that are missing read together in the order of their names. With `keep` all that can be are kept.
    pub(crate) fn see_all(&self, places: &[Place], keep: bool) -> Vec<Result<Seen<'_>, TreeError>> {
        let mut missing: Vec<(NodeKey, usize)> =
            places.iter().enumerate().filter_map(|(at, place)| self.missing(place).map(|node| (node, at))).collect();
        missing.sort_unstable();
        let names: Vec<NodeKey> = missing.iter().map(|&(node, _)| node).collect();
        let mut found = if names.is_empty() { Vec::new() } else { self.source.load_many(&names) }.into_iter();
        let mut records: Vec<Option<(NodeKey, Loaded)>> = Vec::new();
        records.resize_with(places.len(), || None);
        for (node, at) in missing {
            // A source that gives too few has not found the others.
            let record = found.next().unwrap_or(Ok(None));
            if let Some(place) = records.get_mut(at) {
                *place = Some((node, record));
            }
        }
        places.iter().zip(records).map(|(place, record)| self.settle(place, record, keep)).collect()
    }

    /// Loads nodes that are missing, in the order of their names, each with what its parent knows of it, and what comes with them of the paths
    /// below. An error is that of one of them; what else could be loaded is kept.
    pub(crate) fn load_paths(&self, nodes: &[(Step<'_>, Child)]) -> Result<(), TreeError> {
        let steps: Vec<Step<'_>> = nodes.iter().map(|&(step, _)| step).collect();
        let mut paths = self.source.load_paths(&steps).into_iter();
        let mut done = Ok(());
        for (step, child) in nodes {
            // A source that gives too few has not found the others.
            let path = paths.next().unwrap_or_else(|| Ok(Vec::new()));
            done = done.and(self.keep_path(step, *child, path));
        }
        done
    }

    /// Keeps the nodes of a path, the first of which is that of the step.
    fn keep_path(&self, step: &Step<'_>, mut child: Child, path: LoadedPath) -> Result<(), TreeError> {
        let mut path = match path {
            Ok(path) => path.into_iter(),
            Err(error) => return self.verified(step.node, Err(error), &child).map(drop),
        };
        let first = path.next().filter(|(node, _)| *node == step.node);
        let mut next = Some((step.node, first.map(|(_, record)| record)));
        let prefix = prefix_of(step.key);
        while let Some((node, record)) = next {
            let Target::Stub(id) = child.link.target() else { break };
            if self.stub(id).node != node {
                break;
            }
            let record = self.verified(node, Ok(record), &child)?;
            let Node::Inner(inner) = self.node(self.load_once(id, || Ok(record))?) else { break };
            child = inner.child(self.route(inner, prefix, step.key));
            next = path.next().map(|(node, record)| (node, Some(record)));
        }
        Ok(())
    }

    /// The name of the node at a place; `None` for a draft. Reads nothing.
    pub(crate) fn name_of(&self, place: &Place) -> Option<NodeKey> {
        match place {
            Place::Known(child) => self.node_key(child),
            Place::Stored(record) => Some(record.node),
        }
    }

    /// The name of the node at a place if it is not in memory.
    pub(crate) fn missing(&self, place: &Place) -> Option<NodeKey> {
        match place {
            Place::Stored(record) => Some(record.node),
            Place::Known(child) => match child.link.target() {
                Target::Stub(id) if self.resident(id).is_none() => Some(self.stub(id).node),
                _ => None,
            },
        }
    }

    /// The node at a place, given its record if it had to be read.
    fn settle(&self, place: &Place, record: Option<(NodeKey, Loaded)>, keep: bool) -> Result<Seen<'_>, TreeError> {
        let Some((node, record)) = record else { return self.see(place) };
        match place {
            Place::Known(child) => {
                let record = self.verified(node, record, child)?;
                match child.link.target() {
                    Target::Stub(id) if keep => Ok(Seen::Resident(self.node(self.load_once(id, || Ok(record))?))),
                    _ => Ok(Seen::Passing(Box::new((node, record)))),
                }
            }
            Place::Stored(child) => Ok(Seen::Passing(Box::new((node, self.verified(node, record, &Child::unlinked(child))?)))),
        }
    }
}
