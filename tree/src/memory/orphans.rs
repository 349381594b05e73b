//! The saved nodes that a branch gave up; a storage deletes them once no version uses them.

use std::sync::Arc;

use crate::NodeKey;

/// Saved nodes given up since the last save: a list that branches share the older part of.
#[derive(Default)]
pub(super) struct Orphans {
    /// Those that only this branch has.
    pub(super) recent: Vec<NodeKey>,
    earlier: Option<Arc<Orphans>>,
}

impl Orphans {
    /// Makes the list shareable, in O(1), and shares it.
    pub(super) fn share(&mut self) -> Self {
        if !self.recent.is_empty() {
            let earlier = self.earlier.take();
            let recent = std::mem::take(&mut self.recent);
            self.earlier = Some(Arc::new(Self { recent, earlier }));
        }
        Self { recent: Vec::new(), earlier: self.earlier.clone() }
    }

    /// All, in order. Leaves the list empty.
    pub(super) fn take(&mut self) -> Vec<NodeKey> {
        let mut all = std::mem::take(&mut self.recent);
        let earlier = self.earlier.take();
        let mut next = earlier.as_deref();
        while let Some(list) = next {
            all.extend_from_slice(&list.recent);
            next = list.earlier.as_deref();
        }
        drop(Self { recent: Vec::new(), earlier });
        NodeKey::sort(&mut all);
        all
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.earlier.is_none()
    }
}

impl Drop for Orphans {
    /// List by list: a branch with very many savepoints has a chain too long for the stack.
    fn drop(&mut self) {
        let mut next = self.earlier.take();
        while let Some(mut list) = next.and_then(Arc::into_inner) {
            next = list.earlier.take();
        }
    }
}
