//! Loading the paths to many keys at once.

use super::Tree;
use crate::memory::{Child, Inner, Link, Place, Target, prefix_of};
use crate::{Side, TreeError};

/// How many keys are walked to side by side: as many fetches as a core has under way at a time, and some.
const LANES: usize = 16;

/// A walk from the root towards a key.
#[derive(Clone, Copy)]
struct Lane<'k> {
    link: Link,
    /// The slot of the node above, and where it goes on from there; nothing at the root.
    above: Option<(u32, Side)>,
    prefix: u64,
    key: &'k [u8],
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
        let Some(root) = self.root else { return Ok(()) };
        let mut keys = keys.into_iter();
        let mut missing = Vec::new();
        loop {
            let lanes = keys.by_ref().take(LANES);
            let start = |key| Lane { link: root.link, above: None, prefix: prefix_of(key), key, is_tied: false };
            let lanes: Vec<Lane<'_>> = lanes.map(start).collect();
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
            None => Progress::Missing,
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
                if let Some(below) = memory.loaded_link(lane.link) {
                    memory.prefetch(below);
                }
                Progress::Under
            }
            Some(_) => Progress::Done,
        }
    }

    /// Loads the nodes at which lanes are, which are missing.
    fn load_missing(&self, root: Child, lanes: &[Lane<'_>]) -> Result<(), TreeError> {
        let memory = self.memory();
        let mut children: Vec<Child> =
            lanes.iter().map(|lane| lane.above.map_or(root, |(id, side)| memory.inner(id).child(side))).collect();
        children.sort_unstable_by_key(|child| child.link.to_bits());
        children.dedup_by_key(|child| child.link);
        let places: Vec<Place> = children.into_iter().map(Place::Known).collect();
        memory.see_all(&places, true).into_iter().try_for_each(|seen| seen.map(drop))
    }
}
