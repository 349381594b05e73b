//! All connections, and which of them stand still.
//!
//! A connection notes, in coarse time, since when a request's head is on its way, since when what is to be sent does not go out, and since
//! when it is idle. One task looks at all of them now and then and ends those that take too long: that costs a request no timer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

/// How often connections are looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long the head of a request may take to arrive.
const HEAD: Duration = Duration::from_secs(10);
/// How long nothing of an answer may go out.
const STALL: Duration = Duration::from_secs(30);
/// How long nothing may be asked.
const IDLE: Duration = Duration::from_mins(10);

/// No time was noted. Times are noted in looks since the start, from 1 on.
const NEVER: u32 = 0;

/// What a connection notes.
pub(super) struct Notes {
    clock: Arc<AtomicU32>,
    /// Since when a head is on its way.
    head: AtomicU32,
    /// Since when nothing goes out of what is to be sent.
    stalled: AtomicU32,
    /// Since when nothing is asked.
    idle: AtomicU32,
    /// Whether the answer that is being sent is there as a whole.
    is_whole: AtomicBool,
}

impl Notes {
    fn now(&self) -> u32 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Something came in.
    pub(super) fn received(&self) {
        if self.idle.swap(NEVER, Ordering::Relaxed) != NEVER {
            self.head.store(self.now(), Ordering::Relaxed);
        }
    }

    /// A whole head is there.
    pub(super) fn begun(&self) {
        self.head.store(NEVER, Ordering::Relaxed);
        self.idle.store(NEVER, Ordering::Relaxed);
    }

    /// A request was answered, as a whole or with what comes piece by piece; what comes in next is the head of another one.
    pub(super) fn answered(&self, is_whole: bool) {
        self.is_whole.store(is_whole, Ordering::Relaxed);
        self.idle.store(self.now(), Ordering::Relaxed);
    }

    /// Whether the answer that is being sent is there as a whole.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Relaxed)
    }

    /// Whether nothing is asked: neither is a request being answered, nor did anything of one come in.
    pub(super) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed) != NEVER
    }

    /// Something could not be sent, or could again.
    pub(super) fn sent(&self, has_gone_out: bool) {
        if has_gone_out {
            self.stalled.store(NEVER, Ordering::Relaxed);
        } else {
            let _ = self.stalled.compare_exchange(NEVER, self.now(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Why it is to be ended, if it is.
    fn overdue(&self, limits: &Limits) -> Option<&'static str> {
        let now = self.now();
        let is_over = |since: &AtomicU32, limit: u32| {
            let since = since.load(Ordering::Relaxed);
            since != NEVER && now.saturating_sub(since) > limit
        };
        if is_over(&self.head, limits.head) {
            return Some("the head of a request did not arrive in time");
        }
        if is_over(&self.stalled, limits.stall) {
            return Some("an answer was not read");
        }
        is_over(&self.idle, limits.idle).then_some("nothing was asked for long")
    }
}

/// How long things may take, in looks.
struct Limits {
    head: u32,
    stall: u32,
    idle: u32,
}

/// All connections.
pub(super) struct Connections {
    clock: Arc<AtomicU32>,
    next: AtomicU64,
    open: Mutex<HashMap<u64, (Arc<Notes>, AbortHandle)>>,
    count: AtomicUsize,
}

/// A place among the connections, which is left when this is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    id: u64,
    pub(super) notes: Arc<Notes>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(&self.id);
        self.connections.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    pub(super) fn new() -> Arc<Self> {
        let (clock, next, open, count) = (Arc::new(AtomicU32::new(1)), AtomicU64::new(0), Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { clock, next, open, count })
    }

    /// The map is changed by single calls.
    fn open(&self) -> MutexGuard<'_, HashMap<u64, (Arc<Notes>, AbortHandle)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// A place for a connection, if there are fewer than `most`. Its first head is on its way from now on.
    pub(super) fn enter(self: &Arc<Self>, most: usize) -> Option<Place> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= most {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let zero = || AtomicU32::new(NEVER);
        let notes = Notes { clock: Arc::clone(&self.clock), head: zero(), stalled: zero(), idle: zero(), is_whole: AtomicBool::new(false) };
        notes.answered(false);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        Some(Place { connections: Arc::clone(self), id, notes: Arc::new(notes) })
    }

    /// Has a connection looked at, which is this task.
    pub(super) fn watch(&self, place_id: u64, notes: Arc<Notes>, task: AbortHandle) {
        self.open().insert(place_id, (notes, task));
    }

    /// Looks at all connections now and then, for ever.
    pub(super) async fn keep_looking(self: Arc<Self>) {
        let in_looks = |time: Duration| u32::try_from(time.as_millis() / LOOK.as_millis()).unwrap_or(u32::MAX);
        let limits = Limits { head: in_looks(HEAD), stall: in_looks(STALL), idle: in_looks(IDLE) };
        loop {
            tokio::time::sleep(LOOK).await;
            self.clock.fetch_add(1, Ordering::Relaxed);
            self.open().retain(|_, (notes, task)| match notes.overdue(&limits) {
                None => !task.is_finished(),
                Some(why) => {
                    tracing::debug!(why, "a connection is ended");
                    task.abort();
                    false
                }
            });
        }
    }

    /// Ends all connections.
    pub(super) fn end_all(&self) {
        self.open().drain().for_each(|(_, (_, task))| task.abort());
    }

    /// Waits until there are none, until `deadline` at most. Says whether there are none.
    pub(super) async fn wait_until_none(&self, deadline: Instant) -> bool {
        while self.count() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }
}

impl Place {
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}
