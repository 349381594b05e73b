//! The nodes of a page as they lie there.

use treering_proofs::{Hash, varint};

use super::{INNER, KEY_BELOW, KNOWN, LEAF, LEAF_APART, NEAR, PLACES};

/// A node in a page, nothing copied.
pub(super) enum Entry<'a> {
    Leaf { key: &'a [u8], value: &'a [u8] },
    LeafApart { key: &'a [u8] },
    Inner { key: Option<&'a [u8]>, children: [Child<'a>; 2] },
}

#[derive(Clone, Copy)]
pub(super) enum Child<'a> {
    /// At this place; what is known of it, if it is stored.
    Near(u32, Option<Known<'a>>),
    Far {
        age: u64,
        nonce: u32,
        known: Known<'a>,
    },
}

/// What is stored of a child: its hash, then its height, and its size.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    hash_and_height: &'a [u8],
    size: u64,
}

/// What a parent records of a child beside its name.
#[derive(Clone, Copy)]
pub(super) struct Summary {
    pub(super) hash: Hash,
    pub(super) height: u8,
    pub(super) size: u64,
}

impl Known<'_> {
    pub(super) fn summary(&self) -> Option<Summary> {
        let (&height, hash) = self.hash_and_height.split_last()?;
        Some(Summary { hash: Hash::try_from(hash).ok()?, height, size: self.size })
    }

    fn take<'a>(rest: &mut &'a [u8]) -> Option<Known<'a>> {
        Some(Known { hash_and_height: take(rest, Hash::LEN + 1)?, size: number(rest)? })
    }
}

impl<'a> Entry<'a> {
    /// Takes an entry off the front; `None` if there is none.
    pub(super) fn take(rest: &mut &'a [u8]) -> Option<Self> {
        match byte(rest)? {
            LEAF => Some(Entry::Leaf { key: bytes(rest)?, value: bytes(rest)? }),
            LEAF_APART => Some(Entry::LeafApart { key: bytes(rest)? }),
            kind => {
                let ([left, right], [left_known, right_known]) = (NEAR, KNOWN);
                if kind & !(left | right | left_known | right_known | KEY_BELOW) != INNER {
                    return None;
                }
                let key = if kind & KEY_BELOW == 0 { Some(bytes(rest)?) } else { None };
                let left = Child::take(rest, kind & left != 0, kind & left_known != 0)?;
                let right = Child::take(rest, kind & right != 0, kind & right_known != 0)?;
                Some(Entry::Inner { key, children: [left, right] })
            }
        }
    }

    fn children(&self) -> &[Child<'a>] {
        match self {
            Entry::Inner { children, .. } => children,
            Entry::Leaf { .. } | Entry::LeafApart { .. } => &[],
        }
    }

    /// The places of near children.
    pub(super) fn near_places(&self) -> u32 {
        self.children().iter().fold(0, |places, child| match child {
            Child::Near(place, _) => places | 1 << place,
            Child::Far { .. } => places,
        })
    }

    /// The places of near children of which nothing is stored.
    pub(super) fn unknown_places(&self) -> u32 {
        self.children().iter().fold(0, |places, child| match child {
            Child::Near(place, None) => places | 1 << place,
            Child::Near(..) | Child::Far { .. } => places,
        })
    }
}

impl<'a> Child<'a> {
    fn take(rest: &mut &'a [u8], is_near: bool, is_known: bool) -> Option<Self> {
        if !is_near {
            return Some(Child::Far { age: number(rest)?, nonce: u32::try_from(number(rest)?).ok()?, known: Known::take(rest)? });
        }
        let place = u32::from(byte(rest)?);
        let known = if is_known { Some(Known::take(rest)?) } else { None };
        (place < PLACES).then_some(Child::Near(place, known))
    }
}

#[inline]
fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (&byte, behind) = rest.split_first()?;
    *rest = behind;
    Some(byte)
}

#[inline]
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (bytes, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(bytes)
}

#[inline]
fn number(rest: &mut &[u8]) -> Option<u64> {
    match rest.split_first() {
        Some((&byte @ 0..=0x7f, behind)) => {
            *rest = behind;
            Some(u64::from(byte))
        }
        _ => varint::take_uvarint(rest).ok(),
    }
}

/// Bytes behind their length.
#[inline]
fn bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    take(rest, length)
}
