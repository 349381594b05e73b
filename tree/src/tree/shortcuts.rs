//! Shortcuts from keys to leaves, as a tree uses them; what they are is in the module of the same name in `memory`.

use super::Tree;
use crate::memory::Leaf;
use crate::memory::shortcuts::{Found, LEAST_KEYS, hash_of};

impl Tree {
    /// The leaf of a key, if a shortcut leads there.
    #[inline]
    pub(super) fn shortcut(&self, key: &[u8]) -> Option<Leaf<'_>> {
        let tick = self.branch.tick()?;
        let memory = self.memory();
        let leaf = memory.leaf(memory.shortcuts.find(hash_of(key), tick)?);
        (leaf.key() == key).then_some(leaf)
    }

    /// Remembers the leaf of a key, in slot `leaf`, that was walked to.
    #[inline]
    pub(super) fn offer_shortcut(&self, key: &[u8], leaf: u32) {
        if let Some(tick) = self.branch.tick()
            && self.size() >= LEAST_KEYS as u64
            && self.memory().shortcuts.is_head(tick)
        {
            self.memory().shortcuts.offer(Found { hash: hash_of(key), leaf }, tick);
        }
    }

    /// Has shortcuts follow what was just saved.
    pub(super) fn save_shortcuts(&mut self) {
        self.branch.is_saved(&self.new_leaves);
        self.new_leaves.clear();
    }
}
