//! What differs between two trees, without walking what they share.
//!
//! Both trees are walked side by side in key order. A subtree of one that hashes to what the subtree at the other's place hashes to holds the
//! same keys and values, for a leaf's hash covers its key, its value and the version that set it: both walks pass over it, unseen. Otherwise the
//! higher one is opened, so that what is the same comes to be met at one height.

use std::cmp::Ordering;
use std::iter::FusedIterator;
use std::ops::Bound;

use super::Tree;
use super::ahead::Ahead;
use super::bounds::Bounds;
use super::copies::OwnedEntry;
use crate::memory::{Place, Seen, View};
use crate::{Side, TreeError};

/// A key that two trees do not say the same about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The key.
    pub key: Vec<u8>,
    /// Its value in the tree that was asked; `None` where it is not there.
    pub old: Option<Vec<u8>>,
    /// Its value in the other tree; `None` where it is not there. One of the two is there, and if both are they are unequal.
    pub new: Option<Vec<u8>>,
}

/// How far a comparison came in one step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DiffStep {
    /// It found a difference.
    Found(Difference),
    /// It looked at a node or two, or passed over what is the same.
    Walked,
    /// It is at the end.
    End,
}

/// The differences between two trees within bounds, in the order of the keys; see [`Tree::diff`]. After an error the walk is over.
pub struct Diff<'a> {
    old: Walk<'a>,
    new: Walk<'a>,
    bounds: Bounds,
}

/// The walk over one of the trees.
struct Walk<'a> {
    tree: &'a Tree,
    /// Subtrees still to walk, the next one last.
    pending: Vec<Place>,
    /// The leaf that the walk has come to, before all that is pending.
    leaf: Option<OwnedEntry>,
    ahead: Ahead,
}

/// What to do next.
enum Turn {
    /// Both come to the same.
    Skip,
    Open {
        old: bool,
        new: bool,
        is_alone: bool,
    },
    Compare,
    Stop,
}

impl Tree {
    /// The keys from `start` to `end` about which this tree and `other` do not say the same, in order, lazily. O(log n) for each key set or removed
    /// between the two, and for the edges of the range: what both have in common is neither walked nor read.
    ///
    /// The trees may be versions or branches of one tree, opened from one storage or several; of trees that have nothing in common all is walked.
    /// Keys set anew to the value they had are walked, and not given. Unsaved changes count as well, but are only passed over where they
    /// were hashed ([`Tree::working_hash`]).
    ///
    /// Reads as [`Tree::scan_copies`] does: nodes are kept while the budget has room for them, otherwise none are. It reads ahead only
    /// where one of the trees is at its end.
    ///
    /// ```
    /// # use treering_tree::{Difference, Tree};
    /// # use std::ops::Bound::Unbounded;
    /// let mut tree = Tree::new();
    /// tree.set(b"oak", b"200 rings")?;
    /// tree.set(b"pine", b"80 rings")?;
    /// tree.save()?;
    /// let old = tree.clone();
    /// tree.set(b"oak", b"201 rings")?;
    /// tree.save()?;
    /// let found: Vec<Difference> = old.diff(&tree, Unbounded, Unbounded).collect::<Result<_, _>>()?;
    /// let oak = Difference { key: b"oak".to_vec(), old: Some(b"200 rings".to_vec()), new: Some(b"201 rings".to_vec()) };
    /// assert_eq!(found, [oak]);
    /// # Ok::<(), treering_tree::TreeError>(())
    /// ```
    #[must_use]
    pub fn diff<'a>(&'a self, other: &'a Self, start: Bound<Vec<u8>>, end: Bound<Vec<u8>>) -> Diff<'a> {
        Diff { old: Walk::new(self), new: Walk::new(other), bounds: Bounds { lower: start, upper: end } }
    }
}

impl<'a> Walk<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self { tree, pending: tree.root.map(Place::Known).into_iter().collect(), leaf: None, ahead: Ahead::new() }
    }

    fn is_done(&self) -> bool {
        self.leaf.is_none() && self.pending.is_empty()
    }

    /// The height of what comes next; nothing at the end. A leaf that was read is as good as one that was not.
    fn height(&self) -> Option<u8> {
        if self.leaf.is_some() { Some(0) } else { self.pending.last().map(Place::height) }
    }

    /// Looks at the next node: its children come next then, or its leaf.
    fn open(&mut self, bounds: &Bounds, is_alone: bool) -> Result<(), TreeError> {
        if self.leaf.is_some() {
            return Ok(());
        }
        let Some(place) = self.pending.pop() else { return Ok(()) };
        let tree = self.tree;
        let seen: Seen<'_> =
            if is_alone { self.ahead.see(tree, &place, |node, side| bounds.touch(node, side))? } else { tree.memory().see(&place)? };
        match seen.view(tree.memory()) {
            View::Inner(node) => {
                let sides = [Side::Right, Side::Left].into_iter().filter(|&side| bounds.touch(node, side));
                self.pending.extend(sides.map(|side| node.child(side)));
            }
            View::Leaf(leaf) if bounds.contain(leaf.key) => self.leaf = seen.into_entry(),
            View::Leaf(_) => {}
        }
        Ok(())
    }

    fn stop(&mut self) {
        self.pending.clear();
        self.leaf = None;
    }
}

impl Diff<'_> {
    /// Goes one step: looks at one node of each tree at most. For callers that want to do something else between; others iterate.
    ///
    /// # Errors
    /// When a node must be read and can't be; the walk is over then.
    pub fn step(&mut self) -> Result<DiffStep, TreeError> {
        self.advance().inspect_err(|_| {
            self.old.stop();
            self.new.stop();
        })
    }

    fn advance(&mut self) -> Result<DiffStep, TreeError> {
        match self.turn() {
            Turn::Skip => {
                self.old.pending.pop();
                self.new.pending.pop();
            }
            Turn::Open { old, new, is_alone } => {
                if old {
                    self.old.open(&self.bounds, is_alone)?;
                }
                if new {
                    self.new.open(&self.bounds, is_alone)?;
                }
            }
            Turn::Compare => return Ok(self.compare().map_or(DiffStep::Walked, DiffStep::Found)),
            Turn::Stop => return Ok(DiffStep::End),
        }
        Ok(DiffStep::Walked)
    }

    fn turn(&self) -> Turn {
        let is_alone = self.old.is_done() || self.new.is_done();
        let (old, new) = match (self.old.height(), self.new.height()) {
            (None, None) => return Turn::Stop,
            (Some(_), Some(_)) if self.meet_the_same() => return Turn::Skip,
            (Some(old), Some(new)) => (old >= new, new >= old),
            (old, new) => (old.is_some(), new.is_some()),
        };
        // What is opened is no leaf that was read already.
        let is_read = |walk: &Walk<'_>| walk.is_done() || walk.leaf.is_some();
        if is_read(&self.old) && is_read(&self.new) {
            return Turn::Compare;
        }
        Turn::Open { old, new, is_alone }
    }

    /// Whether both come to subtrees that are the same.
    fn meet_the_same(&self) -> bool {
        if self.old.leaf.is_some() || self.new.leaf.is_some() {
            return false;
        }
        match (self.old.pending.last(), self.new.pending.last()) {
            (Some(old), Some(new)) => old.is_hashed() && new.is_hashed() && old.expected() == new.expected(),
            _ => false,
        }
    }

    /// Both are at leaves, or one is and the other is at its end: takes the smaller key, or both.
    fn compare(&mut self) -> Option<Difference> {
        let order = match (&self.old.leaf, &self.new.leaf) {
            (Some((old, _)), Some((new, _))) => old.cmp(new),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let old = if order.is_le() { self.old.leaf.take() } else { None };
        let new = if order.is_ge() { self.new.leaf.take() } else { None };
        match (old, new) {
            (Some((_, old)), Some((_, new))) if old == new => None,
            (Some((key, old)), new) => Some(Difference { key, old: Some(old), new: new.map(|(_, value)| value) }),
            (None, Some((key, new))) => Some(Difference { key, old: None, new: Some(new) }),
            (None, None) => None,
        }
    }
}

impl Iterator for Diff<'_> {
    type Item = Result<Difference, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step() {
                Ok(DiffStep::Found(difference)) => return Some(Ok(difference)),
                Ok(DiffStep::Walked) => {}
                Ok(DiffStep::End) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl FusedIterator for Diff<'_> {}
