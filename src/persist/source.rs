//! Reads tree nodes from a backend.

use std::borrow::Cow;
use std::sync::Arc;

use treering_proofs::HashFunction;
use treering_tree::{Loaded, LoadedPath, NodeKey, NodeRecord, NodeSource, SourceError, Step};

use super::Disk;
use super::frame::Reader;
use super::keys::{self, StoreId};
use super::page::{Found, Page, PageName};
use super::usage::Reads;
use crate::engine::{Backend, Keyspace};
use crate::error::Error;

/// Pages that are in memory together, some half a megabyte.
const PAGES_AT_ONCE: usize = 256;

/// The nodes of one store.
pub(crate) struct DiskSource {
    backend: Arc<dyn Backend>,
    store: StoreId,
    function: HashFunction,
    reads: Arc<Reads>,
}

impl DiskSource {
    /// The nodes of a store of a database, which counts what is read.
    pub(crate) fn new(disk: &Disk, store: StoreId) -> Self {
        let function = disk.database.hash_function;
        Self { backend: Arc::clone(&disk.backend), store, function, reads: Arc::clone(&disk.reads) }
    }

    /// Reads the pages of nodes, which are in ascending order, each page once, and gives what `find` says of each node.
    fn read<T>(
        &self,
        nodes: &[NodeKey],
        find: impl Fn(usize, &Page<'_>, u32) -> Result<T, SourceError>,
        missing: impl Fn() -> T,
    ) -> Vec<Result<T, SourceError>> {
        let places: Vec<_> = nodes.iter().map(|&node| PageName::of(node)).collect();
        let groups: Vec<_> = places.chunk_by(|one, next| one.0 == next.0).collect();
        self.reads.add_nodes(groups.len());
        let mut answers = Vec::with_capacity(nodes.len());
        for groups in groups.chunks(PAGES_AT_ONCE) {
            let keys: Vec<_> = groups.iter().filter_map(|group| group.first()).map(|(page, _)| page.key(self.store)).collect();
            let slices: Vec<&[u8]> = keys.iter().map(<[u8; keys::PAGE]>::as_slice).collect();
            let records = self.backend.get_many(Keyspace::Nodes, &slices);
            for ((group, at), record) in groups.iter().zip(&keys).zip(records) {
                let page = record.as_ref().map(|record| record.as_ref().map(|record| Page::decode(at, record)));
                answers.extend(group.iter().zip(answers.len()..).map(|(&(_, place), index)| match &page {
                    Ok(Some(Ok(page))) => find(index, page, place),
                    Ok(Some(Err(error))) => Err(error.to_string().into()),
                    Ok(None) => Ok(missing()),
                    Err(error) => Err(error.to_string().into()),
                }));
            }
        }
        answers
    }

    fn complete(&self, found: Found<'_>) -> Result<NodeRecord<'static>, SourceError> {
        match found {
            Found::Record(record) => Ok(record),
            Found::ValueApart { key, value: at } => {
                self.reads.add_nodes(1);
                let missing = || Error::Damaged { record: keys::name(Keyspace::Nodes, &at), what: "it is missing".to_owned() };
                let record = self.backend.get(Keyspace::Nodes, &at)?.ok_or_else(missing)?;
                let value = Reader::open(Keyspace::Nodes, &at, &record)?.rest().to_vec();
                Ok(NodeRecord::Leaf { key: Cow::Owned(key.to_vec()), value: Cow::Owned(value) })
            }
        }
    }

    fn find(&self, page: &Page<'_>, place: u32) -> Loaded {
        page.find(place, self.function).map(|found| self.complete(found)).transpose()
    }
}

impl NodeSource for DiskSource {
    fn load(&self, node: NodeKey) -> Loaded {
        self.reads.add_nodes(1);
        let (page, place) = PageName::of(node);
        let at = page.key(self.store);
        match self.backend.get(Keyspace::Nodes, &at)? {
            Some(record) => self.find(&Page::decode(&at, &record)?, place),
            None => Ok(None),
        }
    }

    fn load_many(&self, nodes: &[NodeKey]) -> Vec<Loaded> {
        self.read(nodes, |_, page, place| self.find(page, place), || None)
    }

    fn load_paths(&self, steps: &[Step<'_>]) -> Vec<LoadedPath> {
        let nodes: Vec<NodeKey> = steps.iter().map(|step| step.node).collect();
        let find = |index: usize, page: &Page<'_>, place| {
            let Some((step, first)) = steps.get(index).and_then(|step| Some((step, page.find(place, self.function)?))) else {
                return Ok(Vec::new());
            };
            let mut path = vec![(step.node, self.complete(first)?)];
            path.extend(page.path_below(place, step, self.function));
            Ok(path)
        };
        self.read(&nodes, find, Vec::new)
    }
}
