//! What a verified proof says. Only verification makes these types, so holding one means having checked.

use alloc::vec::Vec;

/// What a verified [`Proof`](crate::Proof) says about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "whether the key is present or absent is the answer; that the proof holds alone says neither"]
pub enum Evidence {
    /// The tree holds the key.
    Present(Existence),
    /// The tree does not hold the key.
    Absent(Absence),
}

impl Evidence {
    /// The key that the evidence is about.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Present(existence) => existence.key(),
            Self::Absent(absence) => absence.key(),
        }
    }

    /// The proven value; `None` says that the key is proven absent.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Present(existence) => Some(existence.value()),
            Self::Absent(_) => None,
        }
    }

    /// The number of leaves in the tree.
    #[must_use]
    pub const fn tree_size(&self) -> u64 {
        match self {
            Self::Present(existence) => existence.tree_size(),
            Self::Absent(absence) => absence.tree_size(),
        }
    }
}

/// A key that is proven to be in the tree, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it says which value the key has; compare it with the one you expect"]
pub struct Existence {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) version: u64,
    pub(crate) index: u64,
    pub(crate) tree_size: u64,
}

impl Existence {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The version in which the key was last set.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The number of keys before this one in the tree.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The number of leaves in the tree.
    #[must_use]
    pub const fn tree_size(&self) -> u64 {
        self.tree_size
    }
}

/// A key that is proven not to be in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it says which key is absent"]
pub struct Absence {
    pub(crate) key: Vec<u8>,
    pub(crate) left: Option<Existence>,
    pub(crate) right: Option<Existence>,
    pub(crate) tree_size: u64,
}

impl Absence {
    /// The absent key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The last leaf before the key, if there is one.
    #[must_use]
    pub const fn left(&self) -> Option<&Existence> {
        self.left.as_ref()
    }

    /// The first leaf after the key, if there is one.
    #[must_use]
    pub const fn right(&self) -> Option<&Existence> {
        self.right.as_ref()
    }

    /// The number of keys before this one: the index it would have.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.left.as_ref().map_or(0, |left| left.index() + 1)
    }

    /// The number of leaves in the tree.
    #[must_use]
    pub const fn tree_size(&self) -> u64 {
        self.tree_size
    }
}
