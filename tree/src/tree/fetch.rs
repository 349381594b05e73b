//! Loading the paths to many keys at once.

use std::panic::resume_unwind;
use std::thread;

use super::Tree;
use super::apply::Operation;
use crate::memory::{Child, Inner, Link, Place, Target, prefix_of};
use crate::{Side, Step, TreeError};

/// How many keys are walked to side by side: as many fetches as a core has under way at a time, and some.
const LANES: usize = 16;
/// A thread takes as long to start as a few nodes to load.
const NODES_WORTH_A_THREAD: usize = 128;

/// A walk from the root towards a key.
#[derive(Clone, Copy)]
struct Lane<'k> {
    link: Link,
    /// The slot of the node above, and where it goes on from there; nothing at the root.
    above: Option<(u32, Side)>,
    prefix: u64,
    key: &'k [u8],
    /// Whether the leaf itself is not needed when it is known from above to have this key.
    skips_leaf: bool,
    /// Slot of the routing key of the last node from which the walk went to the right: the key of the leaf where it ends.
    leaf_key: Option<u32>,
    /// Whether the routing key, which has the same prefix, was asked for in the last round.
    is_tied: bool,
}

/// How a walk goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Under,
    Missing,
    Done,
}

impl<'k> Lane<'k> {
    fn start(root: Child, key: &'k [u8], skips_leaf: bool) -> Self {
        Self { link: root.link, above: None, prefix: prefix_of(key), key, skips_leaf, leaf_key: None, is_tied: false }
    }
}

impl Tree {
    /// Says that `keys` are about to be read or changed: loads all that is missing on the paths to them, level by level, each level with one
    /// [`load_many`](crate::NodeSource::load_many). A node on several paths is loaded once. What is in memory is fetched into the
    /// processor's cache as [`Tree::prefetch`] does; when all is, this does no more than that.
    ///
    /// What is loaded is kept, whatever the budget: changes need it. Nodes beside the paths that a change turns out to need, for a
    /// rotation, it loads itself. O(keys · log n); holds O(keys) beside the nodes.
    ///
    /// # Errors
    /// When a node can't be loaded: the error of one of these. What else was asked for at the same level is kept.
    pub fn fetch<'k>(&self, keys: impl IntoIterator<Item = &'k [u8]>) -> Result<(), TreeError> {
        self.fetch_paths(keys.into_iter().map(|key| (key, false)))
    }

    /// As [`Tree::fetch`], for a block of operations: leaves that are only replaced are not needed, and the nodes above tell which these
    /// are.
    pub(super) fn fetch_for(&self, operations: &[Operation<'_>]) -> Result<(), TreeError> {
        self.fetch_paths(operations.iter().map(|&(key, value)| (key, value.is_some())))
    }

    /// Loads what is missing on the paths to keys, each with whether a leaf that is known to have it is not needed.
    fn fetch_paths<'k>(&self, mut keys: impl Iterator<Item = (&'k [u8], bool)>) -> Result<(), TreeError> {
        let Some(root) = self.root else { return Ok(()) };
        let mut missing = Vec::new();
        loop {
            let lanes: Vec<Lane<'_>> = keys.by_ref().take(LANES).map(|(key, skips_leaf)| Lane::start(root, key, skips_leaf)).collect();
            if lanes.is_empty() {
                break;
            }
            self.walk_lanes(lanes, &mut missing);
        }
        while !missing.is_empty() {
            self.load_missing(root, &missing)?;
            let mut below = Vec::new();
            for lanes in missing.chunks(LANES) {
                self.walk_lanes(lanes.to_vec(), &mut below);
            }
            missing = below;
        }
        Ok(())
    }

    /// Walks until every lane has come to its leaf or to a node that is missing; the latter are added to `missing`.
    fn walk_lanes<'k>(&self, mut lanes: Vec<Lane<'k>>, missing: &mut Vec<Lane<'k>>) {
        while !lanes.is_empty() {
            lanes.retain_mut(|lane| {
                let progress = self.advance_lane(lane);
                if progress == Progress::Missing {
                    missing.push(*lane);
                }
                progress == Progress::Under
            });
        }
    }

    /// Goes one level down.
    fn advance_lane(&self, lane: &mut Lane<'_>) -> Progress {
        let memory = self.memory();
        match memory.loaded_link(lane.link).map(Link::target) {
            None if self.needs(lane) => Progress::Missing,
            Some(Target::Inner(id)) => {
                let node: &Inner = memory.inner(id);
                if lane.prefix == node.prefix && !lane.is_tied {
                    lane.is_tied = true;
                    memory.prefetch_key(node);
                    return Progress::Under;
                }
                lane.is_tied = false;
                let side = memory.route(node, lane.prefix, lane.key);
                (lane.link, lane.above) = (node.link(side), Some((id, side)));
                if side == Side::Right {
                    lane.leaf_key = Some(node.key);
                }
                if let Some(below) = memory.loaded_link(lane.link) {
                    memory.prefetch(below);
                }
                Progress::Under
            }
            _ => Progress::Done,
        }
    }

    /// Whether the node at which a lane is, which is missing, must be loaded.
    fn needs(&self, lane: &Lane<'_>) -> bool {
        let memory = self.memory();
        let is_leaf = lane.above.is_some_and(|(id, side)| memory.inner(id).child_height(side) == 0);
        !(is_leaf && lane.skips_leaf && lane.leaf_key.is_some_and(|slot| memory.key_in(slot) == lane.key))
    }

    /// Loads the nodes at which lanes are, which are missing, and what comes with them of the lanes' paths; many of them on several threads,
    /// each a range of names.
    fn load_missing(&self, root: Child, lanes: &[Lane<'_>]) -> Result<(), TreeError> {
        let memory = self.memory();
        let mut steps: Vec<(Step<'_>, Child)> = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let child = lane.above.map_or(root, |(id, side)| memory.inner(id).child(side));
            let Some(node) = memory.missing(&Place::Known(child)) else { continue };
            steps.push((Step { node, key: lane.key, with_leaf: !lane.skips_leaf }, child));
        }
        steps.sort_unstable_by_key(|(step, _)| step.node);
        steps.dedup_by_key(|(step, _)| step.node);
        let load = |steps: &[(Step<'_>, Child)]| memory.load_paths(steps);
        let threads = self.hash_threads.min(steps.len() / NODES_WORTH_A_THREAD).max(1);
        let mut parts = steps.chunks(steps.len().div_ceil(threads).max(1));
        let first = parts.next().unwrap_or_default();
        thread::scope(|scope| {
            let load = &load;
            let helpers: Vec<_> = parts.map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || load(part)))).collect();
            let done = load(first);
            let others = helpers.into_iter().map(|(part, helper)| match helper.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(done)) => done,
                Ok(Err(panic)) => resume_unwind(panic),
                // The system has no further thread.
                Err(_) => load(part),
            });
            others.fold(done, Result::and)
        })
    }
}
