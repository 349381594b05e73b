//! The operations of a block, put together by key and sorted.

use std::ops::Range;

use super::Operation;
use crate::memory::{Inner, Memory, prefix_of};

/// What the operations on one key are, in short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Only sets: where the key is there, the last one makes an update.
    Sets,
    /// Only removals: where the key is absent, nothing happens.
    Removals,
    /// Both; their order matters.
    Mixed,
}

/// All operations of the block on one key.
pub(super) struct Group<'a> {
    /// The first eight bytes of the key, see [`prefix_of`].
    prefix: u64,
    pub(super) key: &'a [u8],
    /// That of the last operation; `None` if it is a removal.
    pub(super) value: Option<&'a [u8]>,
    /// Where its operations begin in the sorted list.
    start: u32,
    /// How many groups up to this one have a set.
    with_sets: u32,
    pub(super) kind: Kind,
}

/// The groups of a block, in the order of their keys.
pub(super) struct Batch<'a> {
    groups: Vec<Group<'a>>,
    /// Places of operations in the block, sorted by key and then by place.
    sorted: Vec<u32>,
}

impl<'a> Batch<'a> {
    /// The block must have fewer than 2^32 operations. O(k log k).
    pub(super) fn new(operations: &[Operation<'a>]) -> Self {
        let key = |place: u32| operations.get(place as usize).map_or(&[][..], |(key, _)| key);
        let mut sorted: Vec<(u64, u32)> = operations.iter().zip(0..).map(|((key, _), place)| (prefix_of(key), place)).collect();
        sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))).then(a.1.cmp(&b.1)));
        let mut batch = Self { groups: Vec::with_capacity(operations.len()), sorted: Vec::with_capacity(operations.len()) };
        for (prefix, place) in sorted {
            if let Some(&(key, value)) = operations.get(place as usize) {
                batch.push(prefix, place, key, value);
            }
        }
        batch
    }

    fn push(&mut self, prefix: u64, place: u32, key: &'a [u8], value: Option<&'a [u8]>) {
        let start = u32::try_from(self.sorted.len()).unwrap_or(u32::MAX);
        self.sorted.push(place);
        let kind = if value.is_some() { Kind::Sets } else { Kind::Removals };
        let before = match self.groups.last_mut() {
            Some(group) if group.prefix == prefix && group.key == key => {
                group.value = value;
                if group.kind != kind {
                    // A group of removals was not counted yet.
                    group.with_sets += u32::from(group.kind == Kind::Removals);
                    group.kind = Kind::Mixed;
                }
                return;
            }
            last => last.map_or(0, |group| group.with_sets),
        };
        self.groups.push(Group { prefix, key, value, start, with_sets: before + u32::from(kind == Kind::Sets), kind });
    }

    pub(super) fn groups(&self) -> &[Group<'a>] {
        &self.groups
    }

    /// The places in the block of a group's operations.
    pub(super) fn operations_of(&self, group: u32) -> impl Iterator<Item = usize> {
        let start_of = |group: usize| self.groups.get(group).map_or(self.sorted.len(), |group| group.start as usize);
        let range = start_of(group as usize)..start_of(group as usize + 1);
        self.sorted.get(range).unwrap_or_default().iter().map(|&place| place as usize)
    }

    /// Whether any of some groups sets its key.
    #[inline]
    pub(super) fn sets_any(&self, groups: Range<u32>) -> bool {
        let up_to = |end: u32| end.checked_sub(1).and_then(|last| self.groups.get(last as usize)).map_or(0, |group| group.with_sets);
        up_to(groups.end) > up_to(groups.start)
    }

    /// The first one of some groups that lies to the right of `node`.
    #[inline]
    pub(super) fn split(&self, range: Range<u32>, memory: &Memory, node: &Inner) -> u32 {
        let groups = self.groups.get(range.start as usize..range.end as usize).unwrap_or_default();
        let mut left = if groups.len() <= 8 {
            groups.iter().take_while(|group| group.prefix < node.prefix).count()
        } else {
            groups.partition_point(|group| group.prefix < node.prefix)
        };
        if groups.get(left).is_some_and(|group| group.prefix == node.prefix) {
            let key = memory.routing_key(node);
            let rest = groups.get(left..).unwrap_or_default();
            left += rest.partition_point(|group| group.prefix == node.prefix && group.key < key);
        }
        range.start + u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Whether the split of a few groups at `node` takes its whole routing key.
    #[inline]
    pub(super) fn is_tied(&self, range: Range<u32>, node: &Inner) -> bool {
        let groups = self.groups.get(range.start as usize..range.end as usize).unwrap_or_default();
        groups.iter().take(4).any(|group| group.prefix == node.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_grouped_by_key_and_keep_their_order() {
        let (set, removal): (Option<&[u8]>, Option<&[u8]>) = (Some(b"1"), None);
        let operations: [Operation<'_>; 9] = [
            (b"shared-prefix-b", set),
            (b"a", removal),
            (b"shared-prefix-a", removal),
            (b"shared-prefix-b", Some(b"2")),
            (b"a", set),
            (b"", removal),
            (b"shared-prefix-a", removal),
            (b"a\0", set),
            (b"c", set),
        ];
        let batch = Batch::new(&operations);
        let found: Vec<_> =
            (0..).zip(batch.groups()).map(|(at, group)| (group.key, group.kind, batch.operations_of(at).collect())).collect();
        let expected: [(&[u8], Kind, Vec<usize>); 6] = [
            (b"", Kind::Removals, vec![5]),
            (b"a", Kind::Mixed, vec![1, 4]),
            (b"a\0", Kind::Sets, vec![7]),
            (b"c", Kind::Sets, vec![8]),
            (b"shared-prefix-a", Kind::Removals, vec![2, 6]),
            (b"shared-prefix-b", Kind::Sets, vec![0, 3]),
        ];
        assert_eq!(found, expected);
        assert_eq!(batch.groups()[5].value, Some(&b"2"[..]));
        let sets = |range| batch.sets_any(range);
        assert_eq!(
            [sets(0..1), sets(0..2), sets(1..2), sets(3..4), sets(4..5), sets(4..6), sets(3..3)],
            [false, true, true, true, false, true, false]
        );
    }
}
