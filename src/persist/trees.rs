//! Trees of versions that were read lately: who reads an old version reads it again, or its neighbours, and the nodes are in memory then.

use std::collections::VecDeque;

use treering_proofs::Hash;
use treering_tree::Tree;

use super::keys::StoreId;

/// How many trees are kept. Their nodes count for the memory of the database, and go when that is short.
const MOST: usize = 8;

/// Trees, the ones used last in front.
#[derive(Default)]
pub(super) struct OldTrees(VecDeque<(StoreId, Tree)>);

impl OldTrees {
    /// A branch of a version's tree.
    pub(super) fn get(&mut self, store: StoreId, version: u64, root_hash: Hash) -> Option<Tree> {
        let is_it = |(of, tree): &(StoreId, Tree)| *of == store && tree.version() == version && tree.root_hash() == Some(root_hash);
        let place = self.0.iter().position(is_it)?;
        let found = self.0.remove(place)?;
        let tree = found.1.clone();
        self.0.push_front(found);
        Some(tree)
    }

    /// A branch of the newest tree of a version from `base` up to `version`.
    pub(super) fn newest_between(&self, store: StoreId, base: u64, version: u64) -> Option<Tree> {
        let between = self.0.iter().filter(|(of, tree)| *of == store && (base..=version).contains(&tree.version()));
        between.max_by_key(|(_, tree)| tree.version()).map(|(_, tree)| tree.clone())
    }

    /// Keeps a tree; gives one that is not kept any more.
    #[must_use = "dropping a tree takes time: not under the lock"]
    pub(super) fn keep(&mut self, store: StoreId, tree: Tree) -> Option<(StoreId, Tree)> {
        self.0.push_front((store, tree));
        if self.0.len() > MOST { self.0.pop_back() } else { None }
    }

    /// Takes out all.
    #[must_use = "dropping trees takes time: not under the lock"]
    pub(super) fn take(&mut self) -> Self {
        Self(std::mem::take(&mut self.0))
    }

    /// Takes out all trees of a store.
    #[must_use = "dropping trees takes time: not under the lock"]
    pub(super) fn remove(&mut self, store: StoreId) -> Vec<(StoreId, Tree)> {
        let (gone, kept) = self.0.drain(..).partition(|(of, _)| *of == store);
        self.0 = kept;
        Vec::from_iter::<VecDeque<_>>(gone)
    }
}
