//! What a bus has done, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::pattern::Pattern;

/// What became of the events that a pattern matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Events that the subscriber received, or that its callback was called with.
    pub delivered: u64,
    /// Events that it will never get: it had no room for them, or unsubscribed while they waited.
    pub dropped: u64,
    /// Events that wait for it.
    pub waiting: u64,
    /// Calls of the callback that panicked; they count as delivered.
    pub panics: u64,
}

impl Counts {
    /// Events that were published for the subscriber.
    #[must_use]
    pub const fn matched(&self) -> u64 {
        self.delivered + self.dropped + self.waiting
    }
}

/// How a subscriber gets its events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubscriberKind {
    /// It receives them from a [`Subscription`](super::Subscription).
    Subscription,
    /// A thread calls it: a [`Callback`](super::Callback).
    Callback,
}

/// What one subscriber got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubscriberStats {
    /// What it subscribed to.
    pub pattern: Pattern,
    /// How it gets its events.
    pub kind: SubscriberKind,
    /// How many events can wait for it.
    pub capacity: usize,
    /// What became of its events.
    pub counts: Counts,
}

/// What a bus has done so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BusStats {
    /// Events published, whether or not anybody listened.
    pub published: u64,
    /// The subscribers there are now, the oldest first.
    pub subscribers: Vec<SubscriberStats>,
    /// The sums over all subscribers, also those that went away. While subscribers receive, the sums may be a moment apart.
    pub total: Counts,
}

/// Sums over all subscribers, which each of them adds to.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) delivered: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) panics: AtomicU64,
}

impl Totals {
    /// The sums, with the events that wait now.
    pub(super) fn counts(&self, waiting: u64) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { delivered: read(&self.delivered), dropped: read(&self.dropped), waiting, panics: read(&self.panics) }
    }
}
