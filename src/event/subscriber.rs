//! The handles of subscribers; dropping one unsubscribes.

use std::sync::mpsc::{RecvError, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::Published;
use super::bus::Shared;
use super::queue::Queue;
use super::stats::SubscriberStats;

/// A queue and its place in a bus, which it leaves when this is dropped.
pub(super) struct Membership {
    queue: Arc<Queue>,
    bus: Weak<Shared>,
}

impl Membership {
    pub(super) fn new(queue: Arc<Queue>, bus: &Arc<Shared>) -> Self {
        Self { queue, bus: Arc::downgrade(bus) }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        match self.bus.upgrade() {
            Some(bus) => bus.remove(&self.queue),
            None => self.queue.discard(),
        }
    }
}

/// Events that wait to be received. Dropping it unsubscribes.
///
/// It does not keep the bus alive: when the last [`EventBus`](super::EventBus) is gone, what waits can still be received, and then
/// receiving ends. Several threads may receive from one subscription; each event goes to one of them.
#[must_use = "dropping it unsubscribes"]
pub struct Subscription(Membership);

impl Subscription {
    pub(super) fn new(membership: Membership) -> Self {
        Self(membership)
    }

    /// The next event; waits for it.
    ///
    /// # Errors
    /// When the bus is gone and nothing waits any more.
    pub fn recv(&self) -> Result<Published, RecvError> {
        self.0.queue.pop_until(None).map_err(|_| RecvError)
    }

    /// The next event; waits for it so long.
    ///
    /// # Errors
    /// When the time is over, or the bus is gone and nothing waits any more.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Published, RecvTimeoutError> {
        self.0.queue.pop_until(deadline(timeout))
    }

    /// The next event, if it is there.
    ///
    /// # Errors
    /// When nothing waits, with the reason.
    pub fn try_recv(&self) -> Result<Published, TryRecvError> {
        self.0.queue.try_pop()
    }

    /// The next event, for a task: where it is not there yet, the task is woken when it is. `None` when the bus is gone and nothing waits
    /// any more. One task at a time can wait; it is woken on the publisher's thread, so its waker must be quick.
    pub fn poll_recv(&self, context: &mut Context<'_>) -> Poll<Option<Published>> {
        self.0.queue.poll_pop(context)
    }

    /// The events as they come; waits for each, and ends when the bus is gone and nothing waits any more.
    pub fn iter(&self) -> Events<'_> {
        Events(self)
    }

    /// How many events it missed because it had no room for them.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.0.queue.counts().dropped
    }

    /// What became of its events.
    #[must_use]
    pub fn stats(&self) -> SubscriberStats {
        self.0.queue.stats()
    }
}

impl<'a> IntoIterator for &'a Subscription {
    type Item = Published;
    type IntoIter = Events<'a>;

    fn into_iter(self) -> Events<'a> {
        self.iter()
    }
}

/// The events of a [`Subscription`] as they come.
#[must_use = "an iterator does nothing by itself"]
pub struct Events<'a>(&'a Subscription);

impl Iterator for Events<'_> {
    type Item = Published;

    fn next(&mut self) -> Option<Published> {
        self.0.recv().ok()
    }
}

/// A function that is called with events. Dropping this unsubscribes: what waits for the callback is dropped, and a call that is under
/// way goes on, unwatched, on its thread.
///
/// It does not keep the bus alive.
#[must_use = "dropping it unsubscribes"]
pub struct Callback(Membership);

impl Callback {
    pub(super) fn new(membership: Membership) -> Self {
        Self(membership)
    }

    /// What became of its events.
    #[must_use]
    pub fn stats(&self) -> SubscriberStats {
        self.0.queue.stats()
    }
}

/// When a timeout that starts now is over; `None` when that is too far away to say.
pub(super) fn deadline(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
