//! A list that branches share the older part of, so that forking takes O(1).

use std::sync::Arc;

/// What a branch noted since the last save: the saved nodes that it gave up, the keys that it removed.
pub(super) struct SharedList<T> {
    /// What only this branch has.
    pub(super) recent: Vec<T>,
    earlier: Option<Arc<Self>>,
}

impl<T: Copy> SharedList<T> {
    /// Makes the list shareable, in O(1), and shares it.
    pub(super) fn share(&mut self) -> Self {
        if !self.recent.is_empty() {
            let earlier = self.earlier.take();
            let recent = std::mem::take(&mut self.recent);
            self.earlier = Some(Arc::new(Self { recent, earlier }));
        }
        Self { recent: Vec::new(), earlier: self.earlier.clone() }
    }

    /// All, in no order. Leaves the list empty.
    pub(super) fn take(&mut self) -> Vec<T> {
        let mut all = std::mem::take(&mut self.recent);
        let earlier = self.earlier.take();
        let mut next = earlier.as_deref();
        while let Some(list) = next {
            all.extend_from_slice(&list.recent);
            next = list.earlier.as_deref();
        }
        drop(Self { recent: Vec::new(), earlier });
        all
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.earlier.is_none()
    }
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self { recent: Vec::new(), earlier: None }
    }
}

impl<T> Drop for SharedList<T> {
    /// List by list: a branch with very many savepoints has a chain too long for the stack.
    fn drop(&mut self) {
        let mut next = self.earlier.take();
        while let Some(mut list) = next.and_then(Arc::into_inner) {
            next = list.earlier.take();
        }
    }
}
