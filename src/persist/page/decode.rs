//! Reading pages.

use std::borrow::Cow;

use treering_proofs::{Hash, HashFunction, preimage};
use treering_tree::{ChildRecord, NodeKey, NodeRecord, Step};

use super::{INNER, KEY_BELOW, LEAF, LEAF_APART, LEFT_NEAR, PLACES, PageName, RIGHT_NEAR, value_key};
use crate::engine::Keyspace;
use crate::error::Result;
use crate::persist::frame::{Reader, Writer};
use crate::persist::keys;

/// A page that was read.
pub(crate) struct Page<'a> {
    name: PageName,
    at: &'a [u8],
    nodes: [Option<Node<'a>>; PLACES as usize],
}

struct Node<'a> {
    entry: Entry<'a>,
    bytes: &'a [u8],
}

enum Entry<'a> {
    Leaf { key: &'a [u8], value: &'a [u8] },
    LeafApart { key: &'a [u8] },
    Inner { key: Option<&'a [u8]>, children: [Child; 2] },
}

enum Child {
    /// At this place.
    Near(u32),
    Far(ChildRecord),
}

/// What is known of a node from its page.
pub(crate) enum Found<'a> {
    Record(NodeRecord<'static>),
    /// A leaf with this key. Its value stands under `value`.
    ValueApart {
        key: &'a [u8],
        value: Vec<u8>,
    },
}

/// What a parent records of a child beside its name.
#[derive(Clone, Copy)]
struct Summary {
    hash: Hash,
    height: u8,
    size: u64,
}

impl<'a> Page<'a> {
    /// Reads a page, which stands under `at`.
    pub(crate) fn decode(at: &'a [u8], record: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::open(Keyspace::Nodes, at, record)?;
        let name = keys::page_name(at).map(|(version, number)| PageName { version, number });
        let name = name.ok_or_else(|| reader.damaged("its key is not that of a page"))?;
        let mut page = Self { name, at, nodes: [const { None }; PLACES as usize] };
        let present = reader.fixed_number()?;
        for (place, node) in (0..).zip(&mut page.nodes) {
            if present & 1 << place != 0 {
                let before = reader.left();
                let entry = entry(&mut reader, name, place, present)?;
                let length = before.len() - reader.left().len();
                *node = Some(Node { entry, bytes: before.get(..length).unwrap_or_default() });
            }
        }
        let damaged = reader.damaged("a child in it has its value apart");
        reader.finish()?;
        let is_whole = page.nodes.iter().flatten().all(|node| node.entry.near().all(|place| page.is_inside(place)));
        if is_whole { Ok(page) } else { Err(damaged) }
    }

    fn entry(&self, place: u32) -> Option<&Entry<'a>> {
        self.nodes.get(place as usize)?.as_ref().map(|node| &node.entry)
    }

    fn is_inside(&self, place: u32) -> bool {
        matches!(self.entry(place), Some(Entry::Leaf { .. } | Entry::Inner { .. }))
    }

    /// Nodes of this page, each with whether it is a leaf, and its bytes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (bool, usize)> + '_ {
        self.nodes.iter().flatten().map(|node| (!matches!(node.entry, Entry::Inner { .. }), node.bytes.len()))
    }

    /// How many nodes it has.
    pub(crate) fn count(&self) -> u64 {
        self.nodes.iter().flatten().count() as u64
    }

    /// The keys of the values apart.
    pub(crate) fn values_apart(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        (0..PLACES).filter(|&place| matches!(self.entry(place), Some(Entry::LeafApart { .. }))).map(|place| value_key(self.at, place))
    }

    /// The node at a place. Recomputes the hashes of all that is near below it.
    pub(crate) fn find(&self, place: u32, function: HashFunction) -> Option<Found<'a>> {
        self.found(place, &self.summaries(place, function))
    }

    /// The node at a place, and those below it on the way to the step's key as far as they are near. As much work as the node alone, but for
    /// the copies.
    pub(crate) fn path(
        &self,
        place: u32,
        step: &Step<'_>,
        function: HashFunction,
    ) -> Option<(Found<'a>, Vec<(NodeKey, NodeRecord<'static>)>)> {
        let summaries = self.summaries(place, function);
        let (first, mut below, mut at) = (self.found(place, &summaries)?, Vec::new(), place);
        while let Some(Entry::Inner { key, children: [left, right] }) = self.entry(at) {
            let Some(routing_key) = key.or_else(|| self.smallest_key(right)) else { break };
            let &Child::Near(next) = (if step.key < routing_key { left } else { right }) else { break };
            let is_wanted = step.with_leaf || !matches!(self.entry(next), Some(Entry::Leaf { .. }));
            let Some(record) = self.record(next, &summaries).filter(|_| is_wanted) else { break };
            below.push((self.name.node(next), record));
            at = next;
        }
        Some((first, below))
    }

    fn found(&self, place: u32, summaries: &[Option<Summary>]) -> Option<Found<'a>> {
        match self.entry(place)? {
            Entry::LeafApart { key } => Some(Found::ValueApart { key, value: value_key(self.at, place) }),
            Entry::Leaf { .. } | Entry::Inner { .. } => self.record(place, summaries).map(Found::Record),
        }
    }

    /// The node at a place, given what is known of those that are near below; `None` if its value is apart.
    fn record(&self, place: u32, summaries: &[Option<Summary>]) -> Option<NodeRecord<'static>> {
        match self.entry(place)? {
            Entry::LeafApart { .. } => None,
            Entry::Leaf { key, value } => Some(NodeRecord::Leaf { key: Cow::Owned(key.to_vec()), value: Cow::Owned(value.to_vec()) }),
            Entry::Inner { key, children: [left, right] } => {
                let key = key.or_else(|| self.smallest_key(right))?;
                let [left, right] = [left, right].map(|child| self.child(child, summaries));
                Some(NodeRecord::Inner { key: Cow::Owned(key.to_vec()), left: left?, right: right? })
            }
        }
    }

    /// What is known of the near nodes below a place.
    fn summaries(&self, place: u32, function: HashFunction) -> [Option<Summary>; PLACES as usize] {
        let mut wanted = 1_u32 << place;
        for place in place..PLACES {
            if wanted & 1 << place != 0 {
                wanted |= self.entry(place).map_or(0, Entry::near_places);
            }
        }
        let mut summaries = [None; PLACES as usize];
        for at in (place + 1..PLACES).rev().filter(|at| wanted & 1 << at != 0) {
            let summary = self.summary(at, function, &summaries);
            if let Some(slot) = summaries.get_mut(at as usize) {
                *slot = summary;
            }
        }
        summaries
    }

    fn summary(&self, place: u32, function: HashFunction, below: &[Option<Summary>]) -> Option<Summary> {
        let version = self.name.version;
        match self.entry(place)? {
            Entry::Leaf { key, value } => {
                let hash = preimage::leaf_hash(function, version, key, &preimage::value_hash(function, value));
                Some(Summary { hash, height: 0, size: 1 })
            }
            Entry::LeafApart { .. } => None,
            Entry::Inner { children: [left, right], .. } => {
                let (left, right) = (self.child(left, below)?, self.child(right, below)?);
                let height = left.height.max(right.height).checked_add(1)?;
                let size = left.size.checked_add(right.size)?;
                let hash = preimage::inner_hash(function, height, size, version, &left.hash, &right.hash);
                Some(Summary { hash, height, size })
            }
        }
    }

    /// What a parent records of a child; `None` for what no tree can have.
    fn child(&self, child: &Child, summaries: &[Option<Summary>]) -> Option<ChildRecord> {
        match child {
            Child::Far(record) => Some(*record),
            &Child::Near(place) => {
                let Summary { hash, height, size } = (*summaries.get(place as usize)?)?;
                Some(ChildRecord { node: self.name.node(place), hash, height, size })
            }
        }
    }

    /// The key of the smallest leaf below, if all on the way there are near.
    fn smallest_key(&self, child: &Child) -> Option<&'a [u8]> {
        let mut child = child;
        loop {
            let Child::Near(place) = child else { return None };
            match self.entry(*place)? {
                Entry::Leaf { key, .. } => return Some(key),
                Entry::LeafApart { .. } => return None,
                Entry::Inner { children: [left, _], .. } => child = left,
            }
        }
    }

    /// The page without the nodes at the places in `gone`; `None`: nothing is left. And the keys of the values apart that go with them.
    pub(crate) fn without(&self, gone: u32) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
        let places = (0..PLACES).zip(&self.nodes).filter_map(|(place, node)| Some((place, node.as_ref()?)));
        let (gone, left): (Vec<_>, Vec<_>) = places.partition(|(place, _)| gone & 1 << place != 0);
        let values =
            gone.iter().filter(|(_, node)| matches!(node.entry, Entry::LeafApart { .. })).map(|&(place, _)| value_key(self.at, place));
        let values = values.collect();
        if left.is_empty() {
            return (None, values);
        }
        let mut writer = Writer::with_capacity(4 + left.iter().map(|(_, node)| node.bytes.len()).sum::<usize>());
        writer.raw(&left.iter().fold(0_u32, |present, (place, _)| present | 1 << place).to_be_bytes());
        for (_, node) in left {
            writer.raw(node.bytes);
        }
        (Some(writer.seal(Keyspace::Nodes, self.at)), values)
    }
}

impl Entry<'_> {
    fn near(&self) -> impl Iterator<Item = u32> + '_ {
        let children: &[Child] = match self {
            Entry::Inner { children, .. } => children,
            Entry::Leaf { .. } | Entry::LeafApart { .. } => &[],
        };
        children.iter().filter_map(|child| match child {
            Child::Near(place) => Some(*place),
            Child::Far(_) => None,
        })
    }

    fn near_places(&self) -> u32 {
        self.near().fold(0, |places, place| places | 1 << place)
    }
}

fn entry<'a>(reader: &mut Reader<'a>, page: PageName, place: u32, present: u32) -> Result<Entry<'a>> {
    match reader.byte()? {
        LEAF => Ok(Entry::Leaf { key: reader.bytes()?, value: reader.bytes()? }),
        LEAF_APART => Ok(Entry::LeafApart { key: reader.bytes()? }),
        kind if kind & !(LEFT_NEAR | RIGHT_NEAR | KEY_BELOW) == INNER => {
            let key = if kind & KEY_BELOW == 0 { Some(reader.bytes()?) } else { None };
            let mut child = |flag| {
                if kind & flag == 0 {
                    return far(reader, page);
                }
                let child = u32::from(reader.byte()?);
                let is_there = child > place && child < PLACES && present & 1 << child != 0;
                if is_there { Ok(Child::Near(child)) } else { Err(reader.damaged("a child in it is not there")) }
            };
            Ok(Entry::Inner { key, children: [child(LEFT_NEAR)?, child(RIGHT_NEAR)?] })
        }
        _ => Err(reader.damaged("a node in it is neither leaf nor inner node")),
    }
}

fn far(reader: &mut Reader<'_>, page: PageName) -> Result<Child> {
    let version = page.version.wrapping_sub(reader.number()?);
    let node = NodeKey::new(version, reader.small_number()?);
    Ok(Child::Far(ChildRecord { node, hash: reader.hash()?, height: reader.byte()?, size: reader.number()? }))
}
