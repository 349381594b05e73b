//! The numbers of events, and whether anybody listens: one word, so that an event nobody hears costs one atomic step.
//!
//! Bit 0 says that there are subscribers; the bits above it count the events. Since both are in one word, an event that is numbered after
//! somebody subscribed can't be taken for one that nobody hears.

use std::sync::atomic::{AtomicU64, Ordering};

const LISTENED: u64 = 1;
const ONE_EVENT: u64 = 2;

/// Numbers events. Other memory is ordered by the bus's lock, and steps on one word are ordered as they are, so all can be relaxed.
#[derive(Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    /// Numbers an event that nobody listens to; `None`, and no number is used, when somebody does.
    pub(super) fn next_unheard(&self) -> Option<u64> {
        let unheard = |word| (word & LISTENED == 0).then_some(word + ONE_EVENT);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, unheard).ok().map(|word| word / ONE_EVENT + 1)
    }

    /// Numbers an event. To be called with the bus's lock held, so that queues get events in this order.
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(ONE_EVENT, Ordering::Relaxed) / ONE_EVENT + 1
    }

    /// The number of the newest event; 0 if there was none.
    pub(super) fn newest(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / ONE_EVENT
    }

    /// Says that there are subscribers.
    pub(super) fn listen(&self) {
        self.0.fetch_or(LISTENED, Ordering::Relaxed);
    }

    /// Says that there are none.
    pub(super) fn ignore(&self) {
        self.0.fetch_and(!LISTENED, Ordering::Relaxed);
    }
}
