//! The suite finds backends that break a law.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use treering_tree::Order;

use super::{Persistence, check_backend, check_backend_from};
use crate::engine::memory::MemoryBackend;
use crate::engine::{Backend, BackendError, Batch, Change, Durability, Keyspace, Scan};

/// What is wrong with a [`Broken`] backend.
#[derive(Clone, Copy)]
enum Fault {
    LosesAChange,
    IgnoresRanges,
    AppliesRangesLast,
    ScansLive,
    AppliesInTwoSteps,
    InvertedRangesHavePairs,
    DescendsFromTheWrongEnd,
}

struct Broken {
    inner: MemoryBackend,
    fault: Fault,
}

impl Broken {
    fn with(fault: Fault) -> Arc<dyn Backend> {
        Arc::new(Self { inner: MemoryBackend::new(), fault })
    }
}

fn push(batch: &mut Batch, keyspace: Keyspace, change: Change<'_>) {
    match change {
        Change::Put { key, value } => batch.put(keyspace, key, value),
        Change::Delete { key } => batch.delete(keyspace, key),
        Change::DeleteRange { from, to } => batch.delete_range(keyspace, from, to),
    }
}

fn filtered(batch: &Batch, keep: impl Fn(usize, Change<'_>) -> bool) -> Batch {
    let mut kept = Batch::new();
    for (place, (keyspace, change)) in batch.changes().enumerate() {
        if keep(place, change) {
            push(&mut kept, keyspace, change);
        }
    }
    kept
}

/// Looks for the next pair only when it is asked for.
struct LiveScan<'a> {
    inner: &'a MemoryBackend,
    keyspace: Keyspace,
    window: VecDeque<(Vec<u8>, Vec<u8>)>,
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    order: Order,
}

impl Iterator for LiveScan<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>), BackendError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.window.is_empty() {
            let scan = self.inner.scan(self.keyspace, &self.from, self.to.as_deref(), self.order);
            self.window = scan.take(1000).map(Result::unwrap).collect();
        }
        let (key, value) = self.window.pop_front()?;
        match self.order {
            Order::Ascending => self.from = [key.as_slice(), &[0]].concat(),
            Order::Descending => self.to = Some(key.clone()),
        }
        Some(Ok((key, value)))
    }
}

impl Backend for Broken {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        match self.fault {
            Fault::ScansLive => {
                let (from, to) = (from.to_vec(), to.map(<[u8]>::to_vec));
                Box::new(LiveScan { inner: &self.inner, keyspace, window: VecDeque::new(), from, to, order })
            }
            Fault::InvertedRangesHavePairs if to.is_some_and(|to| to < from) => self.inner.scan(keyspace, to.unwrap(), Some(from), order),
            Fault::DescendsFromTheWrongEnd if to.is_some() => self.inner.scan(keyspace, from, to, Order::Ascending),
            _ => self.inner.scan(keyspace, from, to, order),
        }
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        let is_range = |change: Change<'_>| matches!(change, Change::DeleteRange { .. });
        let half = batch.len() / 2;
        match self.fault {
            Fault::LosesAChange => self.inner.write(&filtered(batch, |place, _| batch.len() < 20 || place != 11), durability),
            Fault::IgnoresRanges => self.inner.write(&filtered(batch, |_, change| !is_range(change)), durability),
            Fault::AppliesRangesLast => {
                let mut reordered = filtered(batch, |_, change| !is_range(change));
                for (keyspace, change) in batch.changes().filter(|(_, change)| is_range(*change)) {
                    push(&mut reordered, keyspace, change);
                }
                self.inner.write(&reordered, durability)
            }
            Fault::AppliesInTwoSteps => {
                self.inner.write(&filtered(batch, |place, _| place < half), durability)?;
                std::thread::yield_now();
                self.inner.write(&filtered(batch, |place, _| place >= half), durability)
            }
            _ => self.inner.write(batch, durability),
        }
    }

    fn flush(&self) -> Result<(), BackendError> {
        Ok(())
    }
}

/// The message with which the suite refuses the backends that `open` gives.
fn refusal(persistence: Persistence, mut open: impl FnMut() -> Arc<dyn Backend>) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| check_backend_from(7, persistence, &mut open))).expect_err("the suite found nothing");
    let message = *panic.downcast::<String>().expect("a message");
    assert!(message.starts_with("law broken: ") && message.contains("TREERING_SEED=7"), "{message}");
    message
}

fn refuses(fault: Fault, law: &str) {
    let message = refusal(Persistence::None, || Broken::with(fault));
    assert!(message.contains(law), "another law than `{law}`: {message}");
}

#[test]
fn a_sound_backend_passes() {
    check_backend(Persistence::None, &mut || Arc::new(MemoryBackend::new()));
}

#[test]
fn a_lost_change_is_found() {
    refuses(Fault::LosesAChange, "batches apply in order");
}

#[test]
fn ignored_ranges_are_found() {
    refuses(Fault::IgnoresRanges, "batches apply in order");
}

#[test]
fn ranges_out_of_order_are_found() {
    refuses(Fault::AppliesRangesLast, "batches apply in order");
}

#[test]
fn a_scan_that_is_no_snapshot_is_found() {
    refuses(Fault::ScansLive, "a scan sees the state of its start");
}

#[test]
fn half_a_batch_is_found() {
    refuses(Fault::AppliesInTwoSteps, "no reader sees half a batch");
}

#[test]
fn pairs_of_an_inverted_range_are_found() {
    refuses(Fault::InvertedRangesHavePairs, "scans agree with gets");
}

#[test]
fn a_wrong_order_is_found() {
    refuses(Fault::DescendsFromTheWrongEnd, "scans agree with gets");
}

#[test]
fn forgetting_is_found() {
    let message = refusal(Persistence::Disk, || Arc::new(MemoryBackend::new()));
    assert!(message.contains("what was written is there after opening again"), "{message}");
}

#[test]
fn a_backend_that_was_not_dropped_is_pointed_out() {
    let mut kept = Vec::new();
    let open = move || {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        kept.push(Arc::clone(&backend));
        backend
    };
    let panic = catch_unwind(AssertUnwindSafe(|| check_backend_from(7, Persistence::Disk, &mut { open }))).expect_err("not seen");
    assert!(panic.downcast::<&str>().expect("a message").contains("must be dropped"));
}
