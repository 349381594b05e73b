//! The events that wait for one subscriber.
//!
//! Invariants:
//! 1. The events wait in the order of their numbers; `running` is below all of them.
//! 2. At most `capacity` events wait.
//! 3. A closed queue takes no events; one that was discarded has none either.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::Published;
use super::pattern::Pattern;
use super::stats::{Counts, SubscriberKind, SubscriberStats, Totals};

/// A bounded queue between the bus and a subscriber.
pub(super) struct Queue {
    pattern: Pattern,
    kind: SubscriberKind,
    capacity: usize,
    totals: Arc<Totals>,
    state: Mutex<State>,
    /// An event came, or the queue was closed.
    arrived: Condvar,
    /// The callback did something, or its thread ended.
    progressed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Published>,
    /// The event that the callback has now.
    running: Option<u64>,
    /// No further events come.
    closed: bool,
    /// The thread of the callback is done with all.
    ended: bool,
    /// Who polled in vain.
    waker: Option<Waker>,
    delivered: u64,
    dropped: u64,
    panics: u64,
}

impl Queue {
    /// An empty queue. Room for no event at all is of no use, so there is room for one at least.
    pub(super) fn new(pattern: Pattern, kind: SubscriberKind, capacity: usize, totals: Arc<Totals>) -> Self {
        let (state, arrived, progressed) = (Mutex::default(), Condvar::new(), Condvar::new());
        Self { pattern, kind, capacity: capacity.max(1), totals, state, arrived, progressed }
    }

    /// Nothing that can panic half-way runs with the lock held, so a poisoned state is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the subscriber wants.
    pub(super) fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Adds an event, or drops it when there is no room. To be called in the order of the events' numbers.
    pub(super) fn push(&self, published: &Published) {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= self.capacity {
            state.dropped += 1;
            add(&self.totals.dropped, 1);
            return;
        }
        state.waiting.push_back(published.clone());
        wake(state);
        self.arrived.notify_one();
    }

    /// Takes the next event, if one is there.
    pub(super) fn try_pop(&self) -> Result<Published, TryRecvError> {
        let mut state = self.lock();
        match self.take(&mut state) {
            Some(published) => Ok(published),
            None if state.closed => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Takes the next event; `None` when none will come. Where it is not there yet, the task is woken when it is.
    pub(super) fn poll_pop(&self, context: &mut Context<'_>) -> Poll<Option<Published>> {
        let mut state = self.lock();
        match self.take(&mut state) {
            None if !state.closed => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
            taken => Poll::Ready(taken),
        }
    }

    /// Takes the next event, and waits for it until `deadline` (`None`: forever).
    pub(super) fn pop_until(&self, deadline: Option<Instant>) -> Result<Published, RecvTimeoutError> {
        let state = wait_until(&self.arrived, self.lock(), deadline, |state| state.closed || !state.waiting.is_empty());
        let mut state = state.ok_or(RecvTimeoutError::Timeout)?;
        self.take(&mut state).ok_or(RecvTimeoutError::Disconnected)
    }

    fn take(&self, state: &mut State) -> Option<Published> {
        let published = state.waiting.pop_front()?;
        state.delivered += 1;
        if self.kind == SubscriberKind::Callback {
            state.running = Some(published.sequence);
        }
        add(&self.totals.delivered, 1);
        Some(published)
    }

    /// Says that the callback came back from the event that it had.
    pub(super) fn finished(&self) {
        self.lock().running = None;
        self.progressed.notify_all();
    }

    /// Counts a panic of the callback.
    pub(super) fn panicked(&self) {
        self.lock().panics += 1;
        add(&self.totals.panics, 1);
    }

    /// Says that the callback's thread is done.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.progressed.notify_all();
    }

    /// Lets no further event in. Those that wait can still be taken.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        wake(state);
        self.arrived.notify_all();
    }

    /// Lets no further event in, and drops those that wait.
    pub(super) fn discard(&self) {
        let mut state = self.lock();
        state.closed = true;
        let dropped = std::mem::take(&mut state.waiting).len() as u64;
        state.dropped += dropped;
        add(&self.totals.dropped, dropped);
        wake(state);
        self.arrived.notify_all();
        self.progressed.notify_all();
    }

    /// Waits until no event up to `sequence` waits or is with the callback. Gives whether that is so at `deadline` (`None`: never ends).
    pub(super) fn wait_handled(&self, sequence: u64, deadline: Option<Instant>) -> bool {
        let handled = |state: &State| {
            let next = state.waiting.front().map(|published| published.sequence);
            state.running.or(next).is_none_or(|oldest| oldest > sequence)
        };
        wait_until(&self.progressed, self.lock(), deadline, handled).is_some()
    }

    /// Waits for the callback's thread to be done. Gives whether it is at `deadline`.
    pub(super) fn wait_ended(&self, deadline: Instant) -> bool {
        wait_until(&self.progressed, self.lock(), Some(deadline), |state| state.ended).is_some()
    }

    /// What became of its events.
    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        let (delivered, dropped, panics) = (state.delivered, state.dropped, state.panics);
        Counts { delivered, dropped, waiting: state.waiting.len() as u64, panics }
    }

    /// All that is known of the subscriber.
    pub(super) fn stats(&self) -> SubscriberStats {
        SubscriberStats { pattern: self.pattern.clone(), kind: self.kind, capacity: self.capacity, counts: self.counts() }
    }
}

/// Wakes the task that polled in vain, without the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn add(total: &AtomicU64, count: u64) {
    total.fetch_add(count, Ordering::Relaxed);
}

/// Waits until `done`; `None` when `deadline` passes before.
fn wait_until<'a>(
    condition: &Condvar,
    mut state: MutexGuard<'a, State>,
    deadline: Option<Instant>,
    done: impl Fn(&State) -> bool,
) -> Option<MutexGuard<'a, State>> {
    loop {
        if done(&state) {
            return Some(state);
        }
        state = match deadline {
            None => condition.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
                condition.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
