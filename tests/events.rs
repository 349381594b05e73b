//! The event bus: what subscribers get, in which order, and what happens when they are slow, panic or go away.
//!
//! Nothing here depends on how fast threads are: they wait for each other, and [`LONG`] only ends a test that hangs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::Numbers;
use proptest::prelude::*;
use treering::event::{
    Counts, Event, EventBus, Pattern, Published, StoreCreated, StoreDeleted, SubscriberKind, Subscription, Topic, TransactionRollback,
    VersionLoaded,
};

const LONG: Duration = Duration::from_mins(1);

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

fn loaded(store: &str, version: u64) -> VersionLoaded {
    VersionLoaded { store: store.to_owned(), version }
}

fn publish_versions(bus: &EventBus, store: &str, versions: Range<u64>) {
    for version in versions {
        bus.publish(loaded(store, version));
    }
}

/// What is there to receive now.
fn received(subscription: &Subscription) -> Vec<u64> {
    std::iter::from_fn(|| subscription.try_recv().ok()).map(|published| published.sequence).collect()
}

fn counts(delivered: u64, dropped: u64, waiting: u64, panics: u64) -> Counts {
    Counts { delivered, dropped, waiting, panics }
}

#[test]
fn handles_can_go_to_other_threads() {
    fn is_shareable<T: Send + Sync>() {}
    is_shareable::<EventBus>();
    is_shareable::<Subscription>();
    is_shareable::<treering::event::Callback>();
}

#[test]
fn events_nobody_hears_are_numbered_but_not_built() {
    let bus = EventBus::new();
    assert_eq!(bus.publish(loaded("s", 1)), 1);
    let not_built = || -> VersionLoaded { panic!("built for nobody") };
    assert_eq!(bus.publish_with(not_built), 2);
    let stores = bus.subscribe(pattern("store.*"), 8);
    assert_eq!(bus.publish_with(not_built), 3);
    assert_eq!(bus.publish_with(|| StoreDeleted { store: "s".to_owned() }), 4);
    let published = stores.recv().unwrap();
    assert_eq!(published.sequence, 4);
    assert_eq!(*published.event, Event::StoreDeleted(StoreDeleted { store: "s".to_owned() }));
    drop(stores);
    assert_eq!(bus.publish_with(not_built), 5);
    assert_eq!(bus.stats().published, 5);
}

#[test]
fn an_event_may_be_built_by_code_that_uses_the_bus() {
    let bus = EventBus::new();
    let all = bus.subscribe(pattern("**"), 8);
    let outer = bus.publish_with(|| loaded("outer", bus.publish(loaded("inner", 0))));
    let events: Vec<Published> = std::iter::from_fn(|| all.try_recv().ok()).collect();
    assert_eq!(outer, 2);
    assert_eq!(events.iter().map(|published| published.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(*events.last().unwrap().event, Event::VersionLoaded(loaded("outer", 1)));
}

const PUBLISHERS: u64 = 8;
const EACH: u64 = 2000;

/// Publishes from many threads at once: each its own store, versions from 0.
fn publish_from_many_threads(bus: &EventBus) {
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            scope.spawn(move || publish_versions(bus, &publisher.to_string(), 0..EACH));
        }
    });
}

fn assert_in_order(events: &[Published]) {
    let mut next = vec![0; usize::try_from(PUBLISHERS).unwrap()];
    for pair in events.windows(2) {
        assert!(pair[0].sequence < pair[1].sequence, "{} came before {}", pair[0].sequence, pair[1].sequence);
    }
    for published in events {
        let Event::VersionLoaded(loaded) = &*published.event else { panic!("{published:?} was not published") };
        let next = &mut next[loaded.store.parse::<usize>().unwrap()];
        assert!(loaded.version >= *next, "{published:?} came after version {next}");
        *next = loaded.version + 1;
    }
}

#[test]
fn all_subscribers_see_one_order_under_many_publishers() {
    let bus = EventBus::new();
    let capacity = usize::try_from(PUBLISHERS * EACH).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let log = move |published: &Published| sink.lock().unwrap().push(published.clone());
    let callback = bus.on_with_capacity(pattern("store.**"), capacity, log).unwrap();
    let subscription = bus.subscribe(pattern("**"), capacity);
    publish_from_many_threads(&bus);
    assert!(bus.flush(LONG));
    drop(bus);
    let events: Vec<Published> = subscription.iter().collect();
    assert_in_order(&events);
    assert!(events.iter().map(|published| published.sequence).eq(1..=PUBLISHERS * EACH));
    assert_eq!(*seen.lock().unwrap(), events);
    assert_eq!(callback.stats().counts, counts(PUBLISHERS * EACH, 0, 0, 0));
}

#[test]
fn drops_are_counted_exactly_while_receivers_and_publishers_race() {
    let bus = EventBus::new();
    let subscriptions: Vec<Subscription> = [1, 3, 64].into_iter().map(|capacity| bus.subscribe(pattern("**"), capacity)).collect();
    let callback = bus.on_with_capacity(pattern("**"), 2, |_| thread::yield_now()).unwrap();
    let received: Vec<Vec<Published>> = thread::scope(|scope| {
        let receivers: Vec<_> = subscriptions.iter().map(|subscription| scope.spawn(|| subscription.iter().collect())).collect();
        publish_from_many_threads(&bus);
        assert!(bus.flush(LONG));
        for subscriber in bus.stats().subscribers {
            assert_eq!(subscriber.counts.matched(), PUBLISHERS * EACH, "{subscriber:?}");
        }
        drop(bus);
        receivers.into_iter().map(|receiver| receiver.join().unwrap()).collect()
    });
    for (subscription, events) in subscriptions.iter().zip(&received) {
        assert_in_order(events);
        assert_eq!(events.len() as u64 + subscription.missed(), PUBLISHERS * EACH);
        assert_eq!(subscription.stats().counts, counts(events.len() as u64, subscription.missed(), 0, 0));
    }
    let called = callback.stats().counts;
    assert_eq!((called.delivered + called.dropped, called.waiting), (PUBLISHERS * EACH, 0));
}

#[test]
fn a_subscriber_gets_every_event_from_its_first_on_though_others_publish_meanwhile() {
    let (bus, done) = (EventBus::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    bus.publish(loaded("s", 0));
                }
            });
        }
        for _ in 0..500 {
            let all = bus.subscribe(pattern("**"), usize::MAX);
            let own = bus.publish(loaded("s", 1));
            let seen: Vec<u64> = all.iter().map(|published| published.sequence).take_while(|sequence| *sequence <= own + 20).collect();
            // A gap would be an event that its publisher took for unheard.
            let is_whole = seen.windows(2).all(|pair| pair[1] == pair[0] + 1);
            done.fetch_or(!is_whole, Ordering::Relaxed);
            assert!(is_whole && seen.contains(&own) && seen.last() == Some(&(own + 20)), "{seen:?} without {own}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn each_event_goes_to_one_of_the_threads_that_share_a_subscription() {
    let bus = EventBus::new();
    let shared = bus.subscribe(pattern("**"), usize::try_from(PUBLISHERS * EACH).unwrap());
    let mut all: Vec<u64> = thread::scope(|scope| {
        let receivers: Vec<_> = (0..3).map(|_| scope.spawn(|| shared.iter().map(|p| p.sequence).collect::<Vec<_>>())).collect();
        publish_from_many_threads(&bus);
        drop(bus);
        receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect()
    });
    all.sort_unstable();
    assert!(all.into_iter().eq(1..=PUBLISHERS * EACH));
}

#[test]
fn a_panicking_callback_is_counted_kept_and_disturbs_nobody() {
    /// Its drop panics too.
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("injected panic in a drop");
        }
    }
    let bus = EventBus::new();
    let panics = |published: &Published| match published.sequence % 3 {
        0 => panic!("injected panic"),
        1 => std::panic::panic_any(Bomb),
        _ => {}
    };
    let bad = bus.on(pattern("**"), panics).unwrap();
    let good = bus.on(pattern("**"), |_| {}).unwrap();
    let subscription = bus.subscribe(pattern("**"), 100);
    publish_versions(&bus, "s", 0..9);
    assert!(bus.flush(LONG));
    assert_eq!(bad.stats().counts, counts(9, 0, 0, 6));
    assert_eq!(good.stats().counts, counts(9, 0, 0, 0));
    assert_eq!(received(&subscription), (1..=9).collect::<Vec<_>>());
    assert_eq!(bus.stats().total, counts(27, 0, 0, 6));
}

#[test]
fn a_callback_whose_drop_panics_does_not_hang_the_bus() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("injected panic in the drop of a callback");
        }
    }
    let bomb = Bomb;
    let bus = EventBus::new();
    let callback = bus.on(pattern("**"), move |_| assert_eq!(size_of_val(&bomb), 0)).unwrap();
    bus.publish(loaded("s", 1));
    drop(bus);
    assert_eq!(callback.stats().counts, counts(1, 0, 0, 1));
}

/// A callback that says when it starts and then waits to be let go on.
fn blocked(bus: &EventBus, capacity: usize) -> (treering::event::Callback, mpsc::Receiver<u64>, mpsc::Sender<()>) {
    let (started, starts) = mpsc::channel();
    let (release, latch) = mpsc::channel();
    let wait = move |published: &Published| {
        started.send(published.sequence).unwrap();
        latch.recv().unwrap();
    };
    (bus.on_with_capacity(pattern("**"), capacity, wait).unwrap(), starts, release)
}

#[test]
fn a_blocked_callback_blocks_neither_publishers_nor_other_callbacks() {
    let bus = EventBus::new();
    let (callback, starts, release) = blocked(&bus, 2);
    bus.publish(loaded("s", 0));
    assert_eq!(starts.recv_timeout(LONG), Ok(1));
    assert!(!bus.flush(Duration::ZERO), "nothing waits, but the callback has not come back");
    let others = bus.on(pattern("**"), |_| {}).unwrap();
    // It holds event 1 and has room for two. All these calls come back although it does not.
    publish_versions(&bus, "s", 1..10);
    assert!(!bus.flush(Duration::ZERO), "a callback is not done yet");
    assert_eq!(callback.stats().counts, counts(1, 7, 2, 0));
    for _ in 0..3 {
        release.send(()).unwrap();
    }
    assert!(bus.flush(LONG));
    assert_eq!(starts.try_iter().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(callback.stats().counts, counts(3, 7, 0, 0));
    assert_eq!(others.stats().counts, counts(9, 0, 0, 0));
}

#[test]
fn dropping_the_handle_of_a_blocked_callback_drops_what_waits() {
    let bus = EventBus::new();
    let (callback, starts, release) = blocked(&bus, 5);
    publish_versions(&bus, "s", 0..4);
    assert_eq!(starts.recv_timeout(LONG), Ok(1));
    drop(callback);
    bus.publish(loaded("s", 4));
    assert_eq!(bus.stats().total, counts(1, 3, 0, 0));
    assert!(bus.stats().subscribers.is_empty());
    release.send(()).unwrap();
    assert_eq!(starts.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected), "the thread lets the callback go and calls it no more");
}

#[test]
fn a_callback_can_unsubscribe_itself() {
    let bus = EventBus::new();
    let (called, calls) = mpsc::channel();
    let slot = Arc::new(Mutex::new(None));
    let own = Arc::clone(&slot);
    let once = move |published: &Published| {
        called.send(published.sequence).unwrap();
        drop(own.lock().unwrap().take());
    };
    let mut guard = slot.lock().unwrap();
    *guard = Some(bus.on(pattern("**"), once).unwrap());
    // The callback waits for the lock, so all three are published before it unsubscribes.
    publish_versions(&bus, "s", 0..3);
    drop(guard);
    assert_eq!(calls.iter().collect::<Vec<_>>(), [1]);
    assert_eq!(bus.stats().total, counts(1, 2, 0, 0));
    assert!(bus.stats().subscribers.is_empty());
}

#[test]
fn a_callback_can_publish_and_subscribe() {
    let bus = EventBus::new();
    let inner = bus.clone();
    let (send, subscriptions) = mpsc::channel();
    let answer = move |published: &Published| {
        assert!(!inner.flush(LONG), "a callback cannot wait for itself");
        send.send(inner.subscribe(pattern("store.transaction.*"), 4)).unwrap();
        inner.publish(TransactionRollback { store: "s".to_owned(), transaction: published.sequence });
    };
    let callback = bus.on(pattern("store.version.loaded"), answer).unwrap();
    bus.publish(loaded("s", 1));
    assert!(bus.flush(LONG));
    let subscription = subscriptions.try_recv().unwrap();
    assert_eq!(received(&subscription), [2]);
    assert_eq!(callback.stats().counts, counts(1, 0, 0, 0));
    // The callback has a handle of the bus, which goes with it.
    drop((callback, bus));
    assert_eq!(subscription.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn dropping_the_bus_gives_callbacks_what_waits_and_ends_their_threads() {
    let bus = EventBus::new();
    let (send, calls) = mpsc::channel();
    let callback = bus.on(pattern("**"), move |published| send.send(published.sequence).unwrap()).unwrap();
    publish_versions(&bus, "s", 0..100);
    drop(bus.clone());
    assert_eq!(bus.publish(loaded("s", 100)), 101, "another handle is left");
    drop(bus);
    // No waiting: after the drop the callback was called for the last time, and is gone.
    assert!(calls.try_iter().eq(1..=101));
    assert_eq!(calls.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(callback.stats().counts, counts(101, 0, 0, 0));
}

#[test]
fn the_last_handle_of_the_bus_can_go_in_a_callback() {
    let bus = EventBus::new();
    let (other, other_starts, release) = blocked(&bus, 8);
    let slot = Arc::new(Mutex::new(None::<EventBus>));
    let own = Arc::clone(&slot);
    let (send, dropped) = mpsc::channel();
    let last = move |_: &Published| {
        drop(own.lock().unwrap().take());
        send.send(()).unwrap();
    };
    let callback = bus.on(pattern("**"), last).unwrap();
    let mut guard = slot.lock().unwrap();
    publish_versions(&bus, "s", 0..3);
    *guard = Some(bus);
    drop(guard);
    // The drop comes back although the other callback is blocked; then both get what waits, and are gone.
    for _ in 0..3 {
        dropped.recv_timeout(LONG).unwrap();
    }
    assert_eq!(dropped.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
    for _ in 0..3 {
        release.send(()).unwrap();
    }
    assert!(other_starts.iter().eq(1..=3));
    assert_eq!((callback.stats().counts, other.stats().counts), (counts(3, 0, 0, 0), counts(3, 0, 0, 0)));
}

#[test]
fn receiving_ends_when_the_bus_is_gone_and_nothing_waits() {
    let bus = EventBus::new();
    let (subscription, idle) = (bus.subscribe(pattern("**"), 2), bus.subscribe(pattern("store.created"), 2));
    assert_eq!(subscription.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(subscription.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    bus.publish(loaded("s", 1));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| idle.recv());
        drop(bus);
        waiting.join().unwrap().unwrap_err();
    });
    assert_eq!(subscription.recv_timeout(Duration::MAX).unwrap().sequence, 1);
    assert_eq!(subscription.try_recv(), Err(TryRecvError::Disconnected));
    assert!(subscription.recv().is_err());
}

#[test]
fn stats_tell_subscribers_apart() {
    let bus = EventBus::new();
    let subscription = bus.subscribe(pattern("store.*"), 0);
    let callback = bus.on(pattern("**"), |_| {}).unwrap();
    assert_eq!(subscription.stats().capacity, 1, "room for nothing is of no use");
    let stats = bus.stats();
    assert_eq!(stats.subscribers, [subscription.stats(), callback.stats()]);
    let told: Vec<_> = stats.subscribers.iter().map(|stats| (stats.pattern.to_string(), stats.kind, stats.capacity)).collect();
    let expected = [("store.*", SubscriberKind::Subscription, 1), ("**", SubscriberKind::Callback, EventBus::CALLBACK_CAPACITY)];
    assert_eq!(told, expected.map(|(text, kind, capacity)| (text.to_owned(), kind, capacity)));
}

/// What the bus should do, for one subscriber.
struct Model {
    pattern: &'static str,
    capacity: usize,
    waiting: VecDeque<u64>,
    counts: Counts,
}

const PATTERNS: [&str; 6] = ["**", "store.**", "store.*", "store.version.loaded", "*.version.*", "multistore.**"];

/// Written out, so that it is no copy of how patterns match.
fn wants(pattern: &str, topic: Topic) -> bool {
    match topic {
        Topic::StoreCreated => ["**", "store.**", "store.*"].contains(&pattern),
        Topic::VersionLoaded => ["**", "store.**", "store.version.loaded", "*.version.*"].contains(&pattern),
        other => panic!("{other} is not published here"),
    }
}

impl Model {
    fn publish(&mut self, sequence: u64, topic: Topic) {
        if !wants(self.pattern, topic) {
            return;
        }
        if self.waiting.len() < self.capacity {
            self.waiting.push_back(sequence);
        } else {
            self.counts.dropped += 1;
        }
    }

    fn counts(&self) -> Counts {
        Counts { waiting: self.waiting.len() as u64, ..self.counts }
    }
}

fn run_against_model(seed: u64, steps: u64) {
    let mut numbers = Numbers(seed);
    let (bus, mut published, mut gone) = (EventBus::new(), 0, Counts::default());
    let mut members: Vec<(Subscription, Model)> = Vec::new();
    for _ in 0..steps {
        let chosen = usize::try_from(numbers.below(members.len().max(1) as u64)).unwrap();
        match numbers.below(10) {
            0 => {
                let capacity = usize::try_from(1 + numbers.below(5)).unwrap();
                let text = PATTERNS[usize::try_from(numbers.below(PATTERNS.len() as u64)).unwrap()];
                let model = Model { pattern: text, capacity, waiting: VecDeque::new(), counts: Counts::default() };
                members.push((bus.subscribe(pattern(text), capacity), model));
            }
            1 if !members.is_empty() => {
                let (_, model) = members.swap_remove(chosen);
                gone.delivered += model.counts.delivered;
                gone.dropped += model.counts.dropped + model.waiting.len() as u64;
            }
            2..6 if !members.is_empty() => {
                let (subscription, model) = &mut members[chosen];
                let expected = model.waiting.pop_front();
                model.counts.delivered += u64::from(expected.is_some());
                assert_eq!(subscription.try_recv().ok().map(|published| published.sequence), expected);
            }
            kind => {
                let created = StoreCreated { store: "s".to_owned(), engine: "memory".to_owned() };
                let event: Event = if kind % 2 == 0 { created.into() } else { loaded("s", 1).into() };
                published += 1;
                for (_, model) in &mut members {
                    model.publish(published, event.topic());
                }
                assert_eq!(bus.publish(event), published);
            }
        }
        let mut total = gone;
        for (subscription, model) in &members {
            assert_eq!(subscription.stats().counts, model.counts());
            assert_eq!(subscription.missed(), model.counts.dropped);
            total.delivered += model.counts.delivered;
            total.dropped += model.counts.dropped;
            total.waiting += model.waiting.len() as u64;
        }
        let stats = bus.stats();
        assert_eq!((stats.published, stats.total, stats.subscribers.len()), (published, total, members.len()));
    }
}

proptest! {
    #[test]
    fn the_bus_does_what_the_model_does(seed: u64) {
        run_against_model(seed, 200);
    }
}
