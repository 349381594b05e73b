//! The thread that calls a callback.
//!
//! Every callback has a thread of its own: a slow one then delays no other, and nothing has to be scheduled. The thread holds its queue
//! only, not the bus, so that it does not keep the bus alive.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use super::Published;
use super::queue::Queue;

thread_local! {
    /// Whether this is the thread of a callback, of whichever bus.
    static CALLS_BACK: Cell<bool> = const { Cell::new(false) };
}

/// A thread that takes events from a queue until it is closed. Dropping this lets the thread go on by itself.
pub(super) struct Worker {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

impl Worker {
    /// Starts a thread that calls `callback` with the events of `queue`.
    pub(super) fn start(queue: &Arc<Queue>, callback: impl FnMut(&Published) + Send + 'static) -> io::Result<Self> {
        let own = Arc::clone(queue);
        let thread = Builder::new().name("treering-events".to_owned()).spawn(move || run(&own, callback))?;
        Ok(Self { queue: Arc::clone(queue), thread })
    }

    /// Waits until the thread is done, until `deadline` at most; the queue must be closed. Gives whether it is.
    pub(super) fn join(self, deadline: Instant) -> bool {
        let ended = self.queue.wait_ended(deadline);
        if ended {
            // It has nothing left to do, so this does not wait; and it catches all panics, so there is no news in the result.
            drop(self.thread.join());
        }
        ended
    }
}

/// Whether the code that asks runs in a callback. There it must not wait for callbacks: it could be one of those, or one of those could
/// wait for it.
pub(super) fn is_in_callback() -> bool {
    CALLS_BACK.get()
}

fn run(queue: &Queue, mut callback: impl FnMut(&Published)) {
    CALLS_BACK.set(true);
    while let Ok(published) = queue.pop_until(None) {
        if panics(|| callback(&published)) {
            queue.panicked();
        }
        queue.finished();
    }
    // What the callback owned goes now, by the user's code too.
    if panics(move || drop(callback)) {
        queue.panicked();
    }
    queue.end();
}

/// Whether the call panics. The panic has been reported on the way, as the program's panic hook does it.
fn panics(call: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(call)) else { return false };
    // A panic can carry a value whose drop panics again; there it ends.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(payload);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::Event;
    use super::super::payload::StoreDeleted;
    use super::super::stats::SubscriberKind;
    use super::*;

    #[test]
    fn a_callback_that_does_not_come_back_is_left_behind() {
        let pattern = "**".parse().unwrap();
        let queue = Arc::new(Queue::new(pattern, SubscriberKind::Callback, 4, Arc::default()));
        let (release, latch) = mpsc::channel::<()>();
        let (sender, ended) = mpsc::channel();
        let worker = Worker::start(&queue, move |_| {
            latch.recv().unwrap();
            sender.send(()).unwrap();
        });
        let event = Event::from(StoreDeleted { store: "s".into() });
        queue.push(&Published { sequence: 1, event: Arc::new(event) });
        queue.close();
        assert!(!worker.unwrap().join(Instant::now()));
        release.send(()).unwrap();
        ended.recv().unwrap();
        assert!(queue.wait_ended(Instant::now() + std::time::Duration::from_mins(1)));
    }
}
