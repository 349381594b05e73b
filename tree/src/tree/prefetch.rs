//! Having many nodes fetched into the processor's cache at once.

use super::Tree;
use crate::Side;
use crate::memory::shortcuts::hash_of;
use crate::memory::{Link, Target, prefix_of};

/// How many keys are walked to side by side: as many fetches as a core has under way at a time, and some.
const LANES: usize = 16;

/// A walk from the root towards a key.
struct Lane<'k> {
    link: Option<Link>,
    prefix: u64,
    key: &'k [u8],
    /// Whether the routing key, which has the same prefix, was asked for in the last round.
    is_tied: bool,
}

impl Tree {
    /// Says that `keys` are about to be read or changed. The walks to them are made side by side, so that each waits for memory while the
    /// others go on; operations on these keys then find their paths in the cache. Worth it for groups of 16 to 64 keys of a large tree:
    /// the operations of a block of 10,000 on a million keys took about a third less time. Loads nothing from storage, changes nothing.
    pub fn prefetch<'k>(&self, keys: impl IntoIterator<Item = &'k [u8]>) {
        let Some(root) = self.root else { return };
        let link = self.memory().loaded_link(root.link);
        let mut keys = keys.into_iter();
        loop {
            let lanes = keys.by_ref().take(LANES);
            let mut lanes: Vec<Lane<'_>> = lanes.map(|key| Lane { link, prefix: prefix_of(key), key, is_tied: false }).collect();
            if lanes.is_empty() {
                return;
            }
            while !lanes.is_empty() {
                lanes.retain_mut(|lane| self.advance(lane));
            }
        }
    }

    /// As [`Tree::prefetch`], for keys that are only to be read: of those with a shortcut only the leaf is fetched. As many keys as a group of
    /// these are to come at once.
    pub fn prefetch_reads<'k>(&self, keys: impl IntoIterator<Item = &'k [u8]>) {
        let Some(tick) = self.branch.tick() else { return self.prefetch(keys) };
        let memory = self.memory();
        let keys: Vec<_> = keys.into_iter().map(|key| (key, hash_of(key))).collect();
        for &(_, hash) in &keys {
            memory.shortcuts.prefetch(hash);
        }
        let walks = keys.into_iter().filter(|&(_, hash)| match memory.shortcuts.find(hash, tick) {
            Some(leaf) => {
                memory.prefetch(Link::leaf(leaf));
                false
            }
            None => true,
        });
        self.prefetch(walks.map(|(key, _)| key));
    }

    /// Goes one level down. Gives whether there is more below.
    fn advance(&self, lane: &mut Lane<'_>) -> bool {
        let memory = self.memory();
        match lane.link.map(Link::target) {
            Some(Target::Inner(id)) => {
                let node = memory.inner(id);
                if lane.prefix == node.prefix && !lane.is_tied {
                    lane.is_tied = true;
                    memory.prefetch_key(node);
                    return true;
                }
                lane.is_tied = false;
                let side: Side = memory.route(node, lane.prefix, lane.key);
                lane.link = memory.loaded_link(node.link(side));
                lane.link.inspect(|&link| memory.prefetch(link)).is_some()
            }
            _ => false,
        }
    }
}
