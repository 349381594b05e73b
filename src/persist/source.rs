//! Reads tree nodes from a backend.

use std::sync::Arc;

use treering_tree::{NodeKey, NodeRecord, NodeSource, SourceError};

use super::keys::{self, StoreId};
use super::usage::Reads;
use super::{Disk, node};
use crate::engine::{Backend, Keyspace};

/// The nodes of one store.
pub(crate) struct DiskSource {
    backend: Arc<dyn Backend>,
    store: StoreId,
    reads: Arc<Reads>,
}

impl DiskSource {
    /// The nodes of a store of a database, which counts what is read.
    pub(crate) fn new(disk: &Disk, store: StoreId) -> Self {
        Self { backend: Arc::clone(&disk.backend), store, reads: Arc::clone(&disk.reads) }
    }
}

impl NodeSource for DiskSource {
    fn load(&self, node: NodeKey) -> Result<Option<NodeRecord<'static>>, SourceError> {
        self.reads.add_nodes(1);
        let at = keys::node(self.store, node);
        match self.backend.get(Keyspace::Nodes, &at)? {
            Some(record) => Ok(Some(node::decode(&at, &record)?)),
            None => Ok(None),
        }
    }

    fn load_many(&self, nodes: &[NodeKey]) -> Vec<Result<Option<NodeRecord<'static>>, SourceError>> {
        self.reads.add_nodes(nodes.len());
        let keys: Vec<_> = nodes.iter().map(|&node| keys::node(self.store, node)).collect();
        let slices: Vec<&[u8]> = keys.iter().map(<[u8; 16]>::as_slice).collect();
        let found = self.backend.get_many(Keyspace::Nodes, &slices).into_iter().zip(&keys);
        found.map(|(record, at)| Ok(record?.map(|record| node::decode(at, &record)).transpose()?)).collect()
    }
}
