//! Left and right.

/// Which child of an inner node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Keys smaller than the routing key.
    Left,
    /// Keys equal to or greater than the routing key.
    Right,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}
