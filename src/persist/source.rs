//! Reads tree nodes from a backend.

use std::sync::Arc;

use treering_tree::{NodeKey, NodeRecord, NodeSource, SourceError};

use super::keys::{self, StoreId};
use super::node;
use crate::engine::{Backend, Keyspace};

/// The nodes of one store.
pub(crate) struct DiskSource {
    backend: Arc<dyn Backend>,
    store: StoreId,
}

impl DiskSource {
    pub(crate) fn new(backend: Arc<dyn Backend>, store: StoreId) -> Self {
        Self { backend, store }
    }
}

impl NodeSource for DiskSource {
    fn load(&self, node: NodeKey) -> Result<Option<NodeRecord<'static>>, SourceError> {
        let at = keys::node(self.store, node);
        match self.backend.get(Keyspace::Nodes, &at)? {
            Some(record) => Ok(Some(node::decode(&at, &record)?)),
            None => Ok(None),
        }
    }

    fn load_many(&self, nodes: &[NodeKey]) -> Vec<Result<Option<NodeRecord<'static>>, SourceError>> {
        let keys: Vec<_> = nodes.iter().map(|&node| keys::node(self.store, node)).collect();
        let slices: Vec<&[u8]> = keys.iter().map(<[u8; 16]>::as_slice).collect();
        let found = self.backend.get_many(Keyspace::Nodes, &slices).into_iter().zip(&keys);
        found.map(|(record, at)| Ok(record?.map(|record| node::decode(at, &record)).transpose()?)).collect()
    }
}
