//! The way back up after a change of shape: sizes, heights, and rotations where a side got too high.
//!
//! Rotations are those of cosmos/iavl: a double one is taken only when the child leans strictly the other way, and every node that
//! a rotation touches is made anew.

use super::Tree;
use crate::memory::{Child, State, UNHASHED};
use crate::{Side, TreeError};

/// The routing key that a removal hands up: it replaces the key of the nearest ancestor to whose right the removed leaf was.
#[derive(Clone, Copy)]
pub(super) struct HandedKey {
    pub(super) prefix: u64,
    pub(super) slot: u32,
}

impl Tree {
    /// An own draft as its parent is to record it.
    pub(super) fn draft(&self, id: u32) -> Child {
        self.memory().inner(id).as_draft(id)
    }

    /// Puts `child` at the path's end into copies of the path, balancing each. All nodes that rotate must be in memory.
    pub(super) fn rebuild_along_path(&mut self, mut child: Child, mut handed: Option<HandedKey>) {
        while let Some(step) = self.path.pop() {
            let (id, node) = self.branch.own_inner(step.link, Some(step.side));
            node.set_child(step.side, child);
            let (balance, draft) = (node.balance(), node.as_draft(id));
            if step.side == Side::Right
                && let Some(key) = handed.take()
            {
                node.prefix = key.prefix;
                let replaced = std::mem::replace(&mut node.key, key.slot);
                self.branch.give_up_key(replaced);
            }
            child = match balance {
                2.. => self.rotate_towards(id, Side::Right),
                ..=-2 => self.rotate_towards(id, Side::Left),
                _ => draft,
            };
        }
        if let Some(key) = handed {
            // The smallest leaf of all was removed: the key routes nowhere any more.
            self.branch.give_up_key(key.slot);
        }
        self.root = Some(child);
    }

    /// Rotates an own draft whose side opposite of `towards` is too high.
    fn rotate_towards(&mut self, id: u32, towards: Side) -> Child {
        let high = towards.opposite();
        let pivot = self.own_child(id, high);
        let node = self.memory().inner(pivot);
        if node.child_height(towards) > node.child_height(high) {
            self.own_child(pivot, towards);
            let raised = self.rotate(pivot, high);
            self.branch.inner_mut(id).set_child(high, raised);
        }
        self.rotate(id, towards)
    }

    /// Makes the child of an own draft its own draft as well.
    fn own_child(&mut self, id: u32, side: Side) -> u32 {
        let link = self.memory().inner(id).link(side);
        let (owned, node) = self.branch.own_inner(link, None);
        let child = node.as_draft(owned);
        self.branch.inner_mut(id).set_child(side, child);
        owned
    }

    /// A single rotation of an own draft, whose opposite child is an own draft as well and comes up.
    fn rotate(&mut self, id: u32, towards: Side) -> Child {
        let pivot = self.own_child(id, towards.opposite());
        let middle = self.memory().inner(pivot).child(towards);
        self.branch.inner_mut(id).set_child(towards.opposite(), middle);
        let lowered = self.draft(id);
        self.branch.inner_mut(pivot).set_child(towards, lowered);
        self.draft(pivot)
    }

    /// Loads the nodes that will rotate when the subtree at the path's end shrinks to `height`, so that nothing can fail half-way.
    pub(super) fn load_for_rotations(&self, mut height: u8) -> Result<(), TreeError> {
        for step in self.path.iter().rev() {
            let place = Child { link: step.link, hash: UNHASHED, height: 0, size: 0, state: State::Dirty };
            let Some(node) = self.loaded(&place) else { unreachable!("the path is loaded") };
            let sibling = node.child(step.side.opposite());
            let shrunk = if sibling.height > height.saturating_add(1) {
                self.height_after_rotation(&sibling, step.side, height)?
            } else {
                1 + sibling.height.max(height)
            };
            if shrunk == node.height() {
                return Ok(());
            }
            height = shrunk;
        }
        Ok(())
    }

    /// Loads what rotates towards the low `side` (of height `low`), and gives the height that comes out.
    fn height_after_rotation(&self, high: &Child, side: Side, low: u8) -> Result<u8, TreeError> {
        self.memory().enter(high)?;
        let Some(pivot) = self.loaded(high) else { unreachable!("a sibling two higher than another node is no leaf") };
        let (inside, outside) = (pivot.child(side), pivot.child(side.opposite()));
        if inside.height > outside.height {
            self.memory().enter(&inside)?;
            return Ok(inside.height + 1);
        }
        Ok(1 + outside.height.max(1 + low.max(inside.height)))
    }
}
