//! Giving up memory: saved subtrees are replaced by stubs, and read again when needed.

use super::Tree;
use crate::memory::{Child, Link, Target};
use crate::{Side, TreeError};

/// What one resident node takes with its share of leaf, key and value; for choosing how many levels stay.
const BYTES_PER_NODE: u64 = 512;

impl Tree {
    /// Unloads saved nodes when more than `budget` bytes are in memory, so that the levels near the root stay and take half the budget
    /// at most. Gives the bytes in memory afterwards.
    ///
    /// Nodes that other branches may be reading are not unloaded: while there are other branches nothing is. Changed nodes that are not
    /// saved stay too. O(nodes unloaded).
    ///
    /// # Errors
    /// [`TreeError::Full`] when no slots are left.
    pub fn unload(&mut self, budget: u64) -> Result<u64, TreeError> {
        self.branch.reclaim();
        if self.memory_bytes() <= budget || !self.branch.is_alone() {
            return Ok(self.memory_bytes());
        }
        let kept_levels = (budget / 2 / BYTES_PER_NODE).max(1).ilog2();
        if let Some(root) = self.root {
            self.unload_below(&root, kept_levels)?;
        }
        Ok(self.memory_bytes())
    }

    fn unload_below(&mut self, child: &Child, levels: u32) -> Result<(), TreeError> {
        let Some(id) = self.inner_id(child.link) else { return Ok(()) };
        for side in [Side::Left, Side::Right] {
            let below = self.memory().inner(id).child(side);
            let is_saved = self.memory().node_key(&below).is_some();
            if levels == 0 && is_saved {
                let stub = self.branch.unload(&below)?;
                self.branch.relink(id, side, stub.link);
            } else {
                self.unload_below(&below, levels.saturating_sub(1))?;
            }
        }
        Ok(())
    }

    /// The slot of a loaded inner node.
    fn inner_id(&self, link: Link) -> Option<u32> {
        match self.memory().loaded_link(link)?.target() {
            Target::Inner(id) => Some(id),
            _ => None,
        }
    }
}
