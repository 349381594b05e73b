//! Why a proof does not prove what it was asked to prove.

use alloc::boxed::Box;
use core::fmt;

use crate::hash::Hash;

/// Why a proof does not hold.
///
/// A `level` counts the nodes of a proof from the leaf (0) upwards; the step `path[i]` is level `i + 1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The proof is about another key than the one asked for.
    #[error("the proof is about another key than the one asked for")]
    KeyMismatch,
    /// The proof is about another value than the one asked for.
    #[error("the proof is about another value than the one asked for")]
    ValueMismatch,
    /// The nodes do not hash to the trusted root.
    #[error("the proof leads to the root {computed}, the trusted root is {expected}")]
    RootMismatch {
        /// The trusted root.
        expected: Hash,
        /// The root that the proof's nodes give.
        computed: Hash,
    },
    /// The path is longer than any tree is high.
    #[error("the proof has {levels} levels, more than the 128 allowed")]
    TooManyLevels {
        /// The length of the path.
        levels: usize,
    },
    /// A version that no tree can have.
    #[error("the version {version} at level {level} does not fit in 63 bits")]
    VersionOutOfRange {
        /// Where.
        level: usize,
        /// The version claimed.
        version: u64,
    },
    /// A node older than its child. A node is remade whenever a child is, so this cannot be.
    #[error("the node at level {level} has version {version}, older than its child's {child}")]
    VersionBelowChild {
        /// Where.
        level: usize,
        /// The version claimed.
        version: u64,
        /// The version of the node below.
        child: u64,
    },
    /// A node not higher than its child: heights must grow towards the root, hence be at least the level.
    #[error("the node at level {level} has height {height}, not above its child's {child}")]
    HeightNotGrowing {
        /// Where.
        level: usize,
        /// The height claimed.
        height: u8,
        /// The height of the node below.
        child: u8,
    },
    /// A node more than two higher than its child: the tree would be out of balance.
    #[error("the node at level {level} has height {height}, more than 2 above its child's {child}")]
    HeightOutOfBalance {
        /// Where.
        level: usize,
        /// The height claimed.
        height: u8,
        /// The height of the node below.
        child: u8,
    },
    /// A node with no more leaves than its child: nothing would be left for the sibling.
    #[error("the node at level {level} has size {size}, not above its child's {child}")]
    SizeNotGrowing {
        /// Where.
        level: usize,
        /// The size claimed.
        size: u64,
        /// The size of the node below.
        child: u64,
    },
    /// More or fewer leaves than a balanced tree of that height can have.
    #[error("the node at level {level} claims {size} leaves, impossible at height {height}")]
    SizeImpossible {
        /// Where.
        level: usize,
        /// The size claimed.
        size: u64,
        /// The height claimed.
        height: u8,
    },
    /// The proof says that the tree is empty, the trusted root says otherwise.
    #[error("the proof claims an empty tree, the trusted root {root} is not that of one")]
    TreeNotEmpty {
        /// The trusted root.
        root: Hash,
    },
    /// A neighbour is on the wrong side of the key, or is the key itself.
    #[error("the {neighbour} neighbour's key is not on that side of the absent key")]
    NeighbourMisplaced {
        /// Which neighbour.
        neighbour: Neighbour,
    },
    /// The only neighbour given is not the outermost leaf: at this level the tree goes on beyond it.
    #[error("the {neighbour} neighbour is not at the edge: the tree goes on beyond it at level {level}")]
    NeighbourNotOutermost {
        /// Which neighbour.
        neighbour: Neighbour,
        /// The lowest level with more leaves on the outer side.
        level: usize,
    },
    /// There are leaves between the two neighbours, or their paths are of different trees.
    #[error("the neighbours are not adjacent: their paths differ in level {level} from the root")]
    NeighboursNotAdjacent {
        /// Counted from the root (1) downwards, since the two paths share their upper ends.
        level: usize,
    },
    /// The paths are adjacent, but the sizes in them do not give consecutive leaf numbers.
    #[error("the neighbours are leaves {left} and {right} by the sizes in their paths")]
    NeighbourIndexes {
        /// The left neighbour's number.
        left: u64,
        /// The right neighbour's number.
        right: u64,
    },
    /// The proof of a neighbour does not hold.
    #[error("the proof of the {neighbour} neighbour does not hold: {error}")]
    InNeighbour {
        /// Which neighbour.
        neighbour: Neighbour,
        /// Why not.
        error: Box<VerifyError>,
    },
}

/// One of the leaves around an absent key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// The last leaf before the key.
    Left,
    /// The first leaf after the key.
    Right,
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}
