//! Scans while their range is written.

use std::sync::Arc;

use treering_tree::Order;

use super::model::same;
use super::{Subject, done};
use crate::engine::{Batch, Durability, Keyspace, Pair};

/// Pairs scanned: more than an engine may read at a time.
const PAIRS: u64 = 3500;
/// Pairs read before the range is written.
const READ_BEFORE: [usize; 3] = [0, 1, 1700];
/// Pairs read between two writes.
const STRIDE: usize = 500;

pub(super) fn check(subject: &mut Subject<'_>) {
    let keyspace = Keyspace::Nodes;
    for order in [Order::Ascending, Order::Descending] {
        for read_before in READ_BEFORE {
            fill(subject, keyspace);
            scan_while_writing(subject, keyspace, order, read_before);
            subject.model.compare(subject.backend.as_ref(), &subject.law("batches apply in order"));
        }
    }
}

fn fill(subject: &mut Subject<'_>, keyspace: Keyspace) {
    let mut batch = Batch::new();
    batch.delete_range(keyspace, b"", [0xff; 8]);
    for number in 0..PAIRS {
        let value = subject.numbers.next().to_le_bytes();
        batch.put(keyspace, (2 * number).to_be_bytes(), value);
    }
    // A few large ones, so that a bound on bytes is met as well as one on pairs.
    for number in 0..3_u64 {
        batch.put(keyspace, (1000 * number + 1).to_be_bytes(), vec![7; 1 << 20]);
    }
    subject.write(&batch, Durability::Buffered);
}

fn scan_while_writing(subject: &mut Subject<'_>, keyspace: Keyspace, order: Order, read_before: usize) {
    let law = subject.law("a scan sees the state of its start");
    let what = format!("{law}: {order:?} scan of {keyspace}, written after {read_before} pairs");
    let expected = subject.model.scan(keyspace, &[], None, order);
    let backend = Arc::clone(&subject.backend);
    let mut scan = backend.scan(keyspace, &[], None, order);
    let mut found: Vec<Pair> = scan.by_ref().take(read_before).map(|pair| done(pair, &what)).collect();
    for round in 0.. {
        let batch = disturbance(keyspace, round);
        let durability = subject.numbers.durability();
        subject.write(&batch, durability);
        let before = found.len();
        found.extend(scan.by_ref().take(STRIDE).map(|pair| done(pair, &what)));
        if found.len() == before || found.len() > expected.len() {
            break;
        }
    }
    same(&expected, &found, &what);
}

/// Overwrites, removes and adds keys everywhere; from the third round on all that was there at first is gone.
fn disturbance(keyspace: Keyspace, round: u64) -> Batch {
    let mut batch = Batch::new();
    if round == 2 {
        batch.delete_range(keyspace, b"", [0xff; 8]);
    }
    for number in (round..PAIRS).step_by(7) {
        batch.put(keyspace, (2 * number).to_be_bytes(), b"overwritten");
        batch.delete(keyspace, (2 * number + 4).to_be_bytes());
        batch.put(keyspace, (2 * number + 1).to_be_bytes(), b"new");
    }
    batch
}
