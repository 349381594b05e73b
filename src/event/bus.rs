//! The bus: numbers events and hands them to the queues of its subscribers.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Published;
use super::clock::Clock;
use super::pattern::Pattern;
use super::queue::Queue;
use super::stats::{BusStats, SubscriberKind, Totals};
use super::subscriber::{Callback, Membership, Subscription, deadline};
use super::topic::{Event, Payload, Topic};
use super::worker::{self, Worker};

/// Carries events from those who publish to those who subscribed. Cheap to clone: clones are the same bus.
///
/// When the last of them is dropped, the callbacks still get what waits for them. The drop waits for that, for [`Self::DROP_WAIT`] at
/// most, then leaves their threads to end by themselves; in a callback it does not wait. A callback that owns a clone keeps the bus
/// alive until its [`Callback`] is dropped.
#[derive(Clone, Default)]
pub struct EventBus {
    shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    clock: Clock,
    totals: Arc<Totals>,
    members: Mutex<Vec<Member>>,
}

/// A subscriber, with the thread that calls it if it is a callback.
struct Member {
    queue: Arc<Queue>,
    worker: Option<Worker>,
}

impl EventBus {
    /// How many events can wait for a callback, if not said otherwise.
    pub const CALLBACK_CAPACITY: usize = 1024;
    /// How long dropping the last handle waits for callbacks.
    pub const DROP_WAIT: Duration = Duration::from_secs(5);

    /// A bus without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Publishes an event, or the payload of one, and gives its number. Costs one atomic step when nobody subscribed.
    pub fn publish(&self, event: impl Into<Event>) -> u64 {
        self.shared.clock.next_unheard().unwrap_or_else(|| self.shared.publish(event.into()))
    }

    /// Publishes an event that is built only when a subscriber wants its topic, and gives its number.
    pub fn publish_with<P: Payload>(&self, build: impl FnOnce() -> P) -> u64 {
        let unwanted = self.shared.clock.next_unheard().or_else(|| self.shared.next_unwanted(P::TOPIC));
        // The builder is the user's code, so it runs without the lock. Who unsubscribes meanwhile does not get the event.
        unwanted.unwrap_or_else(|| self.shared.publish(build().into()))
    }

    /// Subscribes to the topics that a pattern matches, from the next event on. At most `capacity` events (one at least) wait to be
    /// received; further ones are missed.
    pub fn subscribe(&self, pattern: Pattern, capacity: usize) -> Subscription {
        let queue = self.shared.queue(pattern, SubscriberKind::Subscription, capacity);
        Subscription::new(self.shared.join(queue, None))
    }

    /// Has a function called with the events of the topics that a pattern matches, from the next event on.
    ///
    /// The calls come one after another on a thread that only this function has. A call that panics is counted, and the next events come
    /// all the same. When [`Self::CALLBACK_CAPACITY`] events wait, further ones are dropped and counted.
    ///
    /// # Errors
    /// When the system has no further thread.
    pub fn on(&self, pattern: Pattern, callback: impl FnMut(&Published) + Send + 'static) -> io::Result<Callback> {
        self.on_with_capacity(pattern, Self::CALLBACK_CAPACITY, callback)
    }

    /// As [`Self::on`], with room for `capacity` events (one at least) to wait.
    ///
    /// # Errors
    /// When the system has no further thread.
    pub fn on_with_capacity(
        &self,
        pattern: Pattern,
        capacity: usize,
        callback: impl FnMut(&Published) + Send + 'static,
    ) -> io::Result<Callback> {
        let queue = self.shared.queue(pattern, SubscriberKind::Callback, capacity);
        let worker = Worker::start(&queue, callback)?;
        Ok(Callback::new(self.shared.join(queue, Some(worker))))
    }

    /// Waits, so long at most, until the callbacks have come back from all events published before. Gives whether they have.
    ///
    /// In a callback, which cannot wait for itself, this gives `false` at once.
    #[must_use = "it says whether the callbacks are done"]
    pub fn flush(&self, timeout: Duration) -> bool {
        if worker::is_in_callback() {
            return false;
        }
        let deadline = deadline(timeout);
        let (newest, callbacks) = self.shared.callbacks();
        callbacks.iter().all(|queue| queue.wait_handled(newest, deadline))
    }

    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> BusStats {
        let members = self.shared.lock();
        let subscribers: Vec<_> = members.iter().map(|member| member.queue.stats()).collect();
        let waiting = subscribers.iter().map(|subscriber| subscriber.counts.waiting).sum();
        BusStats { published: self.shared.clock.newest(), subscribers, total: self.shared.totals.counts(waiting) }
    }
}

impl Shared {
    /// Only queues are touched with the lock held, which do not panic, so a poisoned list is whole.
    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, event: Event) -> u64 {
        let (topic, event) = (event.topic(), Arc::new(event));
        let members = self.lock();
        let published = Published { sequence: self.clock.next(), event };
        for member in wanting(&members, topic) {
            member.queue.push(&published);
        }
        published.sequence
    }

    /// Numbers an event that no subscriber wants; `None`, and no number is used, when one does.
    fn next_unwanted(&self, topic: Topic) -> Option<u64> {
        let members = self.lock();
        wanting(&members, topic).next().is_none().then(|| self.clock.next())
    }

    fn queue(&self, pattern: Pattern, kind: SubscriberKind, capacity: usize) -> Arc<Queue> {
        Arc::new(Queue::new(pattern, kind, capacity, Arc::clone(&self.totals)))
    }

    fn join(self: &Arc<Self>, queue: Arc<Queue>, worker: Option<Worker>) -> Membership {
        let mut members = self.lock();
        members.push(Member { queue: Arc::clone(&queue), worker });
        self.clock.listen();
        Membership::new(queue, self)
    }

    /// Takes a subscriber out and drops what waits for it.
    pub(super) fn remove(&self, queue: &Arc<Queue>) {
        let mut members = self.lock();
        members.retain(|member| !Arc::ptr_eq(&member.queue, queue));
        if members.is_empty() {
            self.clock.ignore();
        }
        queue.discard();
    }

    /// The number of the newest event, and the queues of all callbacks, which have that event.
    fn callbacks(&self) -> (u64, Vec<Arc<Queue>>) {
        let members = self.lock();
        let callbacks = members.iter().filter(|member| member.worker.is_some());
        (self.clock.newest(), callbacks.map(|member| Arc::clone(&member.queue)).collect())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let members = std::mem::take(&mut *self.lock());
        for member in &members {
            member.queue.close();
        }
        if worker::is_in_callback() {
            return;
        }
        let deadline = Instant::now() + EventBus::DROP_WAIT;
        for Member { queue, worker } in members {
            if worker.is_some_and(|worker| !worker.join(deadline)) {
                queue.discard();
            }
        }
    }
}

fn wanting(members: &[Member], topic: Topic) -> impl Iterator<Item = &Member> {
    members.iter().filter(move |member| member.queue.pattern().matches(topic.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_unheard_again_when_the_last_subscriber_is_gone() {
        let bus = EventBus::new();
        let subscriptions = [(); 2].map(|()| bus.subscribe(Pattern::parse("**").unwrap(), 1));
        assert_eq!(bus.shared.clock.next_unheard(), None);
        let [first, last] = subscriptions;
        drop(first);
        assert_eq!(bus.shared.clock.next_unheard(), None);
        drop(last);
        assert_eq!(bus.shared.clock.next_unheard(), Some(1));
    }
}
