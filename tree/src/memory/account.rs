//! What one memory takes of the budget that it shares with others.
//!
//! Invariants
//! 1. Each count of the budget is the sum of that count over all accounts; an account takes back on its drop what it put there.
//! 2. `held` counts slots in use or in a pool, and what keys and values take beside their slots. It is exact at any time.
//! 3. `idle` counts what is resident beside that: vacant slots, which are filled again before new memory is taken. It is as of the last call
//!    for unloading. As long as `held` stays within the limit and the mix of slots of all sizes stays the same, both together do;
//!    when the mix changes, what they are beyond the limit lowers it (see [`Budget`]), and is given back to the system block by block.
//! 4. `growth` is by how much the peak of `held` between two calls for unloading was over its beginning: what the next period is
//!    expected to take as well, and so is to find room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Budget;

/// See the module's documentation.
pub(crate) struct Account {
    held: AtomicU64,
    /// The most that was held since the last [`Account::settle`].
    peak: AtomicU64,
    /// What was held then.
    settled: AtomicU64,
    /// By how much the peak was over it: what is expected again.
    growth: AtomicU64,
    idle: AtomicU64,
    budget: Arc<Budget>,
}

impl Account {
    pub(crate) fn new(budget: Arc<Budget>) -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        Arc::new(Self { held: zero(), peak: zero(), settled: zero(), growth: zero(), idle: zero(), budget })
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Bytes of slots in use or in a pool, and of keys and values beside them.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn add(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let held = self.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if held > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(held, Ordering::Relaxed);
        }
        self.budget.add(bytes);
    }

    #[inline]
    pub(crate) fn sub(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.sub(bytes);
    }

    /// Says what lies idle now.
    pub(crate) fn set_idle(&self, bytes: u64) {
        let before = self.idle.swap(bytes, Ordering::Relaxed);
        self.budget.idle_instead(before, bytes);
    }

    /// How many bytes this memory is to give up for the budget to have room: its share, by what it holds.
    pub(crate) fn excess(&self) -> u64 {
        let share = u128::from(self.held()) * u128::from(self.budget.excess()) / u128::from(self.budget.used().max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// Ends a period between two unloadings: what it took at its peak, the next one is expected to take.
    pub(crate) fn settle(&self) {
        let held = self.held();
        let peak = self.peak.swap(held, Ordering::Relaxed);
        let settled = self.settled.swap(held, Ordering::Relaxed);
        let growth = peak.saturating_sub(settled);
        let before = self.growth.swap(growth, Ordering::Relaxed);
        self.budget.expect_instead(before, growth);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.sub(*self.held.get_mut());
        self.budget.idle_instead(*self.idle.get_mut(), 0);
        self.budget.expect_instead(*self.growth.get_mut(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_give_up_by_what_they_hold_and_take_back_what_they_put() {
        let budget = Budget::new(800);
        let (one, two) = (Account::new(Arc::clone(&budget)), Account::new(Arc::clone(&budget)));
        one.add(750);
        two.add(250);
        // 1000 are used, 200 too many; of the 600 that may be used till these are given back, 525 are to be left.
        assert_eq!((one.excess(), two.excess()), (356, 118));
        // Resident are 1040: 240 too many.
        two.set_idle(40);
        assert_eq!(budget.overshoot(), 240);
        two.sub(250);
        drop(two);
        assert_eq!((budget.used(), budget.overshoot()), (750, 0));
        one.sub(450);
        assert_eq!(one.excess(), 0);
        // At the peak it had 750 more than at the beginning.
        one.settle();
        assert_eq!((budget.expected(), one.excess()), (750, 0));
        one.add(200);
        // Half of the limit is left, whatever is expected.
        assert_eq!(one.excess(), 100);
        one.settle();
        assert_eq!((budget.expected(), one.excess()), (200, 0));
        one.set_idle(7);
        drop(one);
        assert_eq!((budget.used(), budget.expected(), budget.overshoot()), (0, 0, 0));
    }
}
