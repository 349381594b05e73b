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
}
