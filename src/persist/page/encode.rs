//! Writing pages.

use treering_tree::{ChildRecord, NodeKey, NodeRecord};

use super::{
    INNER, KEY_BELOW, KNOWN, LEAF, LEAF_APART, LONGEST_INSIDE, MOST_WORK, NEAR, PLACES, PageName, WORK_OF_INNER, WORK_OF_LEAF, value_key,
};
use crate::engine::{BackendError, Keyspace, Put};
use crate::persist::frame::Writer;
use crate::persist::keys::StoreId;

type Written = Result<(), BackendError>;

/// Puts nodes, which come in ascending order of their names, page by page.
pub(crate) struct PageWriter<'t> {
    store: StoreId,
    page: Option<PageName>,
    /// The nodes of the page so far, each with its place.
    nodes: Vec<(u32, NodeRecord<'t>)>,
    /// Of the nodes at each place the index; valid where one is there.
    index: [u8; PLACES as usize],
    /// How much is hashed to know the node at each place, as far as it is not stored; valid where one is there.
    work: [u8; PLACES as usize],
    /// Bytes of an earlier page, to be written over.
    spare: Vec<u8>,
}

impl<'t> PageWriter<'t> {
    pub(crate) fn new(store: StoreId) -> Self {
        let none = [0; PLACES as usize];
        Self { store, page: None, nodes: Vec::with_capacity(PLACES as usize), index: none, work: none, spare: Vec::new() }
    }

    /// Adds a node; puts the page before when that is complete.
    pub(crate) fn add(&mut self, node: NodeKey, record: NodeRecord<'t>, put: &mut Put<'_>) -> Written {
        let (page, place) = PageName::of(node);
        if self.page != Some(page) {
            self.finish(put)?;
            self.page = Some(page);
        }
        if let (Some(index), Ok(next)) = (self.index.get_mut(place as usize), u8::try_from(self.nodes.len())) {
            *index = next;
        }
        self.nodes.push((place, record));
        Ok(())
    }

    /// Puts the last page.
    pub(crate) fn finish(&mut self, put: &mut Put<'_>) -> Written {
        let Some(page) = self.page.take() else { return Ok(()) };
        let at = page.key(self.store);
        self.count_work(page);
        let mut writer = Writer::reuse(std::mem::take(&mut self.spare));
        let present = self.nodes.iter().fold(0_u32, |present, (place, _)| present | 1 << place);
        writer.raw(&present.to_be_bytes());
        for (_, record) in &self.nodes {
            self.put_entry(&mut writer, page, record);
        }
        self.spare = writer.seal(Keyspace::Nodes, &at);
        put(&at, &self.spare)?;
        for (place, record) in &self.nodes {
            if let NodeRecord::Leaf { value, .. } = record
                && is_apart(value)
            {
                let at = value_key(&at, *place);
                let mut writer = Writer::with_capacity(value.len());
                writer.raw(value);
                put(&at, &writer.seal(Keyspace::Nodes, &at))?;
            }
        }
        self.nodes.clear();
        Ok(())
    }

    fn put_entry(&self, writer: &mut Writer, page: PageName, record: &NodeRecord<'t>) {
        match record {
            NodeRecord::Leaf { key, value } if is_apart(value) => {
                writer.byte(LEAF_APART).bytes(key);
            }
            NodeRecord::Leaf { key, value } => {
                writer.byte(LEAF).bytes(key).bytes(value);
            }
            NodeRecord::Inner { key, left, right } => self.put_inner(writer, page, key, [left, right]),
        }
    }

    fn put_inner(&self, writer: &mut Writer, page: PageName, key: &[u8], children: [&ChildRecord; 2]) {
        let near = children.map(|child| self.near(page, child));
        let is_known = near.map(|near| near.is_none_or(|(place, _)| self.work_of(place) > MOST_WORK));
        let mut kind = INNER;
        for ((near, is_known), (near_flag, known_flag)) in near.iter().zip(is_known).zip(NEAR.into_iter().zip(KNOWN)) {
            if near.is_some() {
                kind |= if is_known { near_flag | known_flag } else { near_flag };
            }
        }
        let [_, right] = near;
        if right.is_some_and(|(_, right)| self.smallest_near_key(page, right) == Some(key)) {
            writer.byte(kind | KEY_BELOW);
        } else {
            writer.byte(kind).bytes(key);
        }
        for ((child, near), is_known) in children.into_iter().zip(near).zip(is_known) {
            if let Some((place, _)) = near {
                // Below 128, so this is a byte.
                writer.number(u64::from(place));
            } else {
                let age = page.version.wrapping_sub(child.node.version());
                writer.number(age).number(u64::from(child.node.nonce()));
            }
            if is_known {
                writer.hash(&child.hash).byte(child.height).number(child.size);
            }
        }
    }

    /// Children come behind their parents, so it is counted from the end.
    fn count_work(&mut self, page: PageName) {
        for index in (0..self.nodes.len()).rev() {
            let Some((place, record)) = self.nodes.get(index) else { continue };
            let work = match record {
                NodeRecord::Leaf { .. } => WORK_OF_LEAF,
                NodeRecord::Inner { left, right, .. } => {
                    let below = [left, right].into_iter().filter_map(|child| self.near(page, child));
                    below.map(|(place, _)| self.work_of(place)).filter(|&work| work <= MOST_WORK).sum::<u8>() + WORK_OF_INNER
                }
            };
            let place = *place as usize;
            if let Some(slot) = self.work.get_mut(place) {
                *slot = work;
            }
        }
    }

    fn work_of(&self, place: u32) -> u8 {
        self.work.get(place as usize).copied().unwrap_or_default()
    }

    /// A near child with its place.
    fn near(&self, page: PageName, child: &ChildRecord) -> Option<(u32, &NodeRecord<'t>)> {
        let (child_page, place) = PageName::of(child.node);
        if child_page != page {
            return None;
        }
        let index = usize::from(*self.index.get(place as usize)?);
        let (there, record) = self.nodes.get(index)?;
        let is_inside = !matches!(record, NodeRecord::Leaf { value, .. } if is_apart(value));
        (*there == place && is_inside).then_some((place, record))
    }

    /// The key of the smallest leaf below a near node, if all on the way there are near.
    fn smallest_near_key<'s>(&'s self, page: PageName, mut record: &'s NodeRecord<'t>) -> Option<&'s [u8]> {
        loop {
            match record {
                NodeRecord::Leaf { key, .. } => return Some(key),
                NodeRecord::Inner { left, .. } => record = self.near(page, left)?.1,
            }
        }
    }
}

fn is_apart(value: &[u8]) -> bool {
    value.len() > LONGEST_INSIDE
}
