//! How much memory the nodes of several trees may take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bound on the memory for nodes, shared by all trees that were opened with it; see [`Tree::open_within`](crate::Tree::open_within).
///
/// It is meant to bound what is resident, not just what is in use: [`Tree::unload`](crate::Tree::unload) gives up nodes before the next version is likely to exceed it, and
/// [`Tree::get_copy`](crate::Tree::get_copy) and its like keep nothing that does not fit. What must be in memory stays, however
/// low the limit: changes, nodes that are not in storage yet, and what a single change loads.
///
/// All counts are relaxed atomics: exact when nobody else changes them, and never far off.
#[derive(Debug)]
pub struct Budget {
    limit: AtomicU64,
    used: AtomicU64,
    /// Resident beside that, though nothing lies there.
    idle: AtomicU64,
    /// What the trees are likely to take beside `used` until they are next asked to unload.
    expected: AtomicU64,
}

impl Budget {
    /// A budget of so many bytes. With 0, reads that give copies keep nothing, and every call of `unload` gives up all it can.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        Arc::new(Self { limit: AtomicU64::new(limit_bytes), used: zero(), idle: zero(), expected: zero() })
    }

    /// A budget that is never exceeded.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::new(u64::MAX)
    }

    /// The limit in bytes; `u64::MAX` for none.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets another limit. It holds from the next unloading on.
    pub fn set_limit(&self, limit_bytes: u64) {
        self.limit.store(limit_bytes, Ordering::Relaxed);
    }

    /// Bytes that the nodes of all trees take: their slots, keys and values. Counted in groups of slots.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether more is used than the limit.
    #[must_use]
    pub fn is_exceeded(&self) -> bool {
        self.used() > self.limit()
    }

    /// Whether unloading would give up nodes now: the limit is exceeded, or likely to be by what comes until the next unloading.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.excess() > 0
    }

    /// What the trees are likely to take beside [`Budget::used`] until they are next asked to unload.
    pub(crate) fn expected(&self) -> u64 {
        self.expected.load(Ordering::Relaxed)
    }

    /// Bytes that are resident beyond the limit.
    pub(crate) fn overshoot(&self) -> u64 {
        self.used().saturating_add(self.idle.load(Ordering::Relaxed)).saturating_sub(self.limit())
    }

    /// What may be used. It is less than the limit by what is resident beyond it, though half the limit at least: giving up nodes does not
    /// make that less, only taking less new memory does.
    fn usable(&self) -> u64 {
        (self.limit() - self.overshoot().min(self.limit() / 2)).max(self.limit() / 2)
    }

    /// Whether a read may keep what it loads: beside that there is room for what writers are likely to need.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.used().saturating_add(self.expected()) < self.usable()
    }

    /// Whether a quarter of the limit is free.
    pub(crate) fn is_roomy(&self) -> bool {
        self.used().saturating_add(self.expected()) <= self.usable() - self.usable() / 4
    }

    /// How many bytes all trees together are to give up: none as long as what is expected fits. Then as much as leaves an eighth free, or more
    /// if more is expected, and not more than half.
    pub(crate) fn excess(&self) -> u64 {
        let (used, expected, usable) = (self.used(), self.expected(), self.usable());
        if used.saturating_add(expected) <= usable {
            return 0;
        }
        let roomy = usable.saturating_sub(expected.saturating_add(expected / 8)).max(usable / 2);
        used.saturating_sub(roomy.min(usable - usable / 8))
    }

    pub(crate) fn add(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Replaces one tree's part of what lies idle.
    pub(crate) fn idle_instead(&self, before: u64, now: u64) {
        self.idle.fetch_add(now, Ordering::Relaxed);
        self.idle.fetch_sub(before, Ordering::Relaxed);
    }

    /// Replaces one tree's part of what is expected.
    pub(crate) fn expect_instead(&self, before: u64, now: u64) {
        self.expected.fetch_add(now, Ordering::Relaxed);
        self.expected.fetch_sub(before, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_exceeded_above_its_limit() {
        let budget = Budget::new(100);
        budget.add(100);
        assert!(!budget.is_exceeded() && !budget.has_room());
        budget.add(1);
        assert!(budget.is_exceeded());
        budget.set_limit(200);
        assert!(!budget.is_exceeded() && budget.has_room());
        budget.expect_instead(0, 99);
        assert!(!budget.has_room());
        budget.expect_instead(99, 98);
        assert!(budget.has_room());
        assert!(Budget::unlimited().has_room());
    }
}
