//! A branch's place in the line of saved states, as shortcuts need it.

use super::Branch;
use crate::memory::shortcuts::{self, Found, Tick};

/// Where a branch stands in the line of saved states; see [`shortcuts`].
#[derive(Clone, Copy)]
pub(super) struct Standing {
    /// The state that it comes from, if that is of the line.
    from: Option<Tick>,
    /// Whether it is just that state.
    pub(super) is_unchanged: bool,
}

impl Standing {
    /// That of a new memory.
    pub(super) const FIRST: Self = Self { from: Some(0), is_unchanged: true };
}

impl Branch {
    /// Notes that a key is removed, beside giving up its leaf.
    pub(crate) fn note_removed(&mut self, key: &[u8]) {
        self.place().removed.recent.push(shortcuts::hash_of(key));
    }

    /// The state is saved: from now on it may be read by shortcuts. `made` are its new leaves.
    pub(crate) fn is_saved(&mut self, made: &[Found]) {
        if !self.standing.is_unchanged {
            let removed = self.place().removed.take();
            let from = self.memory.shortcuts.follow(self.standing.from, &removed, made, self.is_alone());
            self.standing = Standing { from, is_unchanged: true };
        }
    }

    /// The state was put together otherwise than by changes to a saved one; it is the first of its memory.
    pub(crate) fn is_first(&mut self) {
        self.standing = Standing::FIRST;
    }

    /// The state's place in the line, as long as nothing was changed since it was saved.
    #[inline]
    pub(crate) fn tick(&self) -> Option<Tick> {
        self.standing.from.filter(|_| self.standing.is_unchanged)
    }
}
