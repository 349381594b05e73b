//! What one memory takes of the budget that it shares with others.
//!
//! Invariants
//! 1. The budget's `used` is the sum of `held` and `idle` over all accounts; an account takes back on its drop what it put there.
//! 2. `held` counts slots in use or in a pool, and what keys and values take beside their slots.
//! 3. `idle` counts what is resident beside that and not about to be used again: vacant slots that nobody wanted for as long as lies
//!    between two unloadings, and the untouched end of a huge page. Vacant slots that are soon filled again cost nothing twice.

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
        self.budget.add(bytes);
        self.budget.sub(before);
    }

    /// Whether the budget is exceeded, or likely to be before the next unloading.
    pub(crate) fn is_tight(&self) -> bool {
        self.budget.used().saturating_add(self.budget.expected()) > self.budget.limit()
    }

    /// How many bytes this memory is to give up: its share, by what it holds, of what all must for the budget to have room again. That is an
    /// eighth, and what is expected to come with an eighth of that, at most half.
    pub(crate) fn excess(&self) -> u64 {
        let (limit, used, expected) = (self.budget.limit(), self.budget.used(), self.budget.expected());
        let roomy = limit.saturating_sub(expected.saturating_add(expected / 8)).max(limit / 2);
        let goal = roomy.min(limit - limit / 8);
        let mine = u128::from(self.held() + self.idle.load(Ordering::Relaxed));
        let share = mine * u128::from(used.saturating_sub(goal)) / u128::from(used.max(1));
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
        self.budget.sub(*self.held.get_mut() + *self.idle.get_mut());
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
        two.add(200);
        two.set_idle(50);
        assert!(one.is_tight() && budget.is_exceeded());
        // 1000 are used and 700 are to be left.
        assert_eq!((one.excess(), two.excess()), (225, 75));
        two.sub(200);
        two.set_idle(20);
        assert_eq!(budget.used(), 770);
        drop(two);
        one.sub(450);
        assert_eq!(budget.used(), 300);
        // 750 were the peak, all of them new.
        one.settle();
        assert_eq!((budget.expected(), one.is_tight()), (750, true));
        assert_eq!(one.excess(), 0);
        one.add(100);
        one.settle();
        assert_eq!((budget.expected(), one.is_tight()), (100, false));
        drop(one);
        assert_eq!((budget.used(), budget.expected()), (0, 0));
    }
}
