//! Giving up memory: saved subtrees that were not used lately are replaced by stubs, and read again when needed.
//!
//! What stays in memory, and so bounds how low a budget can be kept:
//! 1. changes that are not saved, and saved nodes of versions that are not in storage yet (newer than `flushed`);
//! 2. all that other branches may be reading. Nodes are relinked in place, which is sound only when there is no other branch: while one
//!    lives nothing is unloaded. A snapshot held open keeps all that was in memory when it was taken, and what it loaded since; every
//!    change beside it then adds copies of its path (about 3 KiB a key in a tree of a million) until the snapshot goes. A snapshot that
//!    is to live long is better opened from storage, with a memory of its own, of which it can be the only branch;
//! 3. for the time of a version what it changes and loads. The unloading before it leaves room for as much as the one before took.

use super::Tree;
use crate::TreeError;

impl Tree {
    /// Unloads saved nodes of versions up to `flushed`, those used least lately first, when the budget is exceeded or likely to be before
    /// the next call. To be called after each save. Gives the bytes of this tree's nodes in memory afterwards.
    ///
    /// Each of the trees that share the budget gives up by what it holds, for all to come down to about 7/8 of the limit, or lower when
    /// the last versions took more than that leaves; so it does nothing in most calls. While [other branches live](Tree::is_alone)
    /// it unloads nothing.
    ///
    /// Nodes newer than `flushed` must not be looked for in storage yet, so they stay, and changes that are not saved do.
    /// O(1) when there is nothing to do, else O(nodes in memory). Measured: 22 ms with 64 MiB of nodes, a fifth of which goes; a sixth of
    /// what fetching, changing and saving a block of 10,000 that made it necessary took. Now and then slots are packed as well,
    /// which takes as long again.
    ///
    /// # Errors
    /// [`TreeError::Full`] when no slots are left. The tree is as before, but for what was unloaded until then.
    pub fn unload(&mut self, flushed: u64) -> Result<u64, TreeError> {
        self.branch.unload(self.root.as_mut(), flushed)?;
        Ok(self.memory_bytes())
    }
}
