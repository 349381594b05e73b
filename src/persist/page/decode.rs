//! Reading pages.

use std::borrow::Cow;

use treering_proofs::{HashFunction, preimage};
use treering_tree::{ChildRecord, NodeKey, NodeRecord, Step};

use super::entry::{Child, Entry, Summary};
use super::{PLACES, PageName, value_key};
use crate::engine::Keyspace;
use crate::error::Result;
use crate::persist::frame::{Reader, Writer};
use crate::persist::keys;

/// A page that was read.
pub(crate) struct Page<'a> {
    name: PageName,
    at: &'a [u8],
    /// Bit i: the node at place i is there.
    present: u32,
    /// Those that are there, in the order of their places.
    nodes: Vec<Node<'a>>,
}

/// A node's place and its entry, which is taken apart when it is looked at: most are not.
struct Node<'a> {
    place: u32,
    bytes: &'a [u8],
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

impl<'a> Page<'a> {
    /// Reads a page, which stands under `at`.
    pub(crate) fn decode(at: &'a [u8], record: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::open(Keyspace::Nodes, at, record)?;
        // The largest nonce is in the last of these.
        let name = keys::page_name(at).filter(|(_, number)| *number <= u32::MAX / PLACES);
        let name = name.map(|(version, number)| PageName { version, number });
        let name = name.ok_or_else(|| reader.damaged("its key is not that of a page"))?;
        let present = reader.fixed_number()?;
        let (mut nodes, mut near, mut apart) = (Vec::with_capacity(present.count_ones() as usize), 0, 0);
        let mut rest = reader.rest();
        for place in (0..PLACES).filter(|place| present & 1 << place != 0) {
            let before = rest;
            let entry = Entry::take(&mut rest).ok_or_else(|| reader.damaged("a node in it is malformed"))?;
            let behind = present & (u32::MAX << place << 1);
            if entry.near_places() & !behind != 0 {
                return Err(reader.damaged("a child in it is not there"));
            }
            near |= entry.near_places();
            apart |= if matches!(entry, Entry::LeafApart { .. }) { 1 << place } else { 0 };
            nodes.push(Node { place, bytes: before.get(..before.len() - rest.len()).unwrap_or_default() });
        }
        match (rest.is_empty(), near & apart) {
            (true, 0) => Ok(Self { name, at, present, nodes }),
            (true, _) => Err(reader.damaged("a child in it has its value apart")),
            (false, _) => Err(reader.damaged("it has bytes behind its end")),
        }
    }

    fn entry(&self, place: u32) -> Option<Entry<'a>> {
        let before = self.present & ((1 << place) - 1);
        let node = self.nodes.get(before.count_ones() as usize).filter(|node| node.place == place)?;
        node.entry()
    }

    /// Nodes of this page, each with whether it is a leaf, and its bytes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (bool, usize)> + '_ {
        self.nodes.iter().map(|node| (!matches!(node.entry(), Some(Entry::Inner { .. })), node.bytes.len()))
    }

    /// How many nodes it has.
    pub(crate) fn count(&self) -> u64 {
        self.nodes.len() as u64
    }

    /// The keys of the values apart.
    pub(crate) fn values_apart(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.nodes.iter().filter(|node| node.has_value_apart()).map(|node| value_key(self.at, node.place))
    }

    /// The node at a place. Recomputes what is not stored of its children.
    pub(crate) fn find(&self, place: u32, function: HashFunction) -> Option<Found<'a>> {
        match self.entry(place)? {
            Entry::LeafApart { key } => Some(Found::ValueApart { key, value: value_key(self.at, place) }),
            Entry::Leaf { .. } | Entry::Inner { .. } => self.record(place, &self.summaries(1 << place, function)).map(Found::Record),
        }
    }

    /// The nodes below the one at a place on the way to the step's key, as far as they are near.
    pub(crate) fn path_below(&self, place: u32, step: &Step<'_>, function: HashFunction) -> Vec<(NodeKey, NodeRecord<'static>)> {
        let (mut places, mut at) = (Vec::new(), place);
        while let Some(Entry::Inner { key, children: [left, right] }) = self.entry(at) {
            let Some(routing_key) = key.or_else(|| self.smallest_key(&right)) else { break };
            let Child::Near(next, _) = (if step.key < routing_key { left } else { right }) else { break };
            if !step.with_leaf && matches!(self.entry(next), Some(Entry::Leaf { .. })) {
                break;
            }
            places.push(next);
            at = next;
        }
        let summaries = self.summaries(places.iter().fold(0, |all, place| all | 1 << place), function);
        places.into_iter().map_while(|place| Some((self.name.node(place), self.record(place, &summaries)?))).collect()
    }

    /// The node at a place, given what is known of those that are near below; `None` if its value is apart.
    fn record(&self, place: u32, summaries: &[Option<Summary>]) -> Option<NodeRecord<'static>> {
        match self.entry(place)? {
            Entry::LeafApart { .. } => None,
            Entry::Leaf { key, value } => Some(NodeRecord::Leaf { key: Cow::Owned(key.to_vec()), value: Cow::Owned(value.to_vec()) }),
            Entry::Inner { key, children: [left, right] } => {
                let key = key.or_else(|| self.smallest_key(&right))?;
                let [left, right] = [left, right].map(|child| self.child(&child, summaries));
                Some(NodeRecord::Inner { key: Cow::Owned(key.to_vec()), left: left?, right: right? })
            }
        }
    }

    /// What is known of the children of the nodes at `places` as far as it is not stored.
    fn summaries(&self, places: u32, function: HashFunction) -> [Option<Summary>; PLACES as usize] {
        let (mut wanted, mut seen) = (0_u32, places);
        for at in 0..PLACES {
            if seen & 1 << at != 0 {
                let unknown = self.entry(at).map_or(0, |entry| entry.unknown_places());
                wanted |= unknown;
                seen |= unknown;
            }
        }
        let mut summaries = [None; PLACES as usize];
        for at in (0..PLACES).rev().filter(|at| wanted & 1 << at != 0) {
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
                let (left, right) = (self.child(&left, below)?, self.child(&right, below)?);
                let height = left.height.max(right.height).checked_add(1)?;
                let size = left.size.checked_add(right.size)?;
                let hash = preimage::inner_hash(function, height, size, version, &left.hash, &right.hash);
                Some(Summary { hash, height, size })
            }
        }
    }

    /// What a parent records of a child; `None` for what no tree can have.
    fn child(&self, child: &Child<'_>, summaries: &[Option<Summary>]) -> Option<ChildRecord> {
        let (node, known) = match child {
            Child::Far { age, nonce, known } => (NodeKey::new(self.name.version.wrapping_sub(*age), *nonce), Some(known.summary()?)),
            Child::Near(place, Some(known)) => (self.name.node(*place), Some(known.summary()?)),
            Child::Near(place, None) => (self.name.node(*place), *summaries.get(*place as usize)?),
        };
        known.map(|Summary { hash, height, size }| ChildRecord { node, hash, height, size })
    }

    /// The key of the smallest leaf below, if all on the way there are near.
    fn smallest_key(&self, child: &Child<'a>) -> Option<&'a [u8]> {
        let mut child = *child;
        loop {
            let Child::Near(place, _) = child else { return None };
            match self.entry(place)? {
                Entry::Leaf { key, .. } => return Some(key),
                Entry::LeafApart { .. } => return None,
                Entry::Inner { children: [left, _], .. } => child = left,
            }
        }
    }

    /// The page without the nodes at the places in `gone`; `None`: nothing is left. And the keys of the values apart that go with them.
    pub(crate) fn without(&self, gone: u32) -> (Option<Vec<u8>>, Vec<Vec<u8>>) {
        let (gone, left): (Vec<_>, Vec<_>) = self.nodes.iter().partition(|node| gone & 1 << node.place != 0);
        let values = gone.iter().filter(|node| node.has_value_apart()).map(|node| value_key(self.at, node.place)).collect();
        if left.is_empty() {
            return (None, values);
        }
        let mut writer = Writer::with_capacity(4 + left.iter().map(|node| node.bytes.len()).sum::<usize>());
        writer.raw(&left.iter().fold(0_u32, |present, node| present | 1 << node.place).to_be_bytes());
        for node in left {
            writer.raw(node.bytes);
        }
        (Some(writer.seal(Keyspace::Nodes, self.at)), values)
    }
}

impl<'a> Node<'a> {
    fn entry(&self) -> Option<Entry<'a>> {
        Entry::take(&mut { self.bytes })
    }

    fn has_value_apart(&self) -> bool {
        matches!(self.entry(), Some(Entry::LeafApart { .. }))
    }
}
