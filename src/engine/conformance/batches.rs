//! Random batches, one after the other.

use treering_tree::Order;

use super::Subject;
use super::numbers::Numbers;
use crate::engine::{Batch, Change, Durability, Keyspace};

/// How many batches.
const BATCHES: usize = 240;
/// Changes of a batch at most.
const CHANGES: usize = 30;
/// Batches between two openings.
const UNTIL_REOPEN: usize = 40;
/// Keys and ranges looked at after each batch.
const LOOKS: usize = 6;

pub(super) fn check(subject: &mut Subject<'_>) {
    an_empty_batch_changes_nothing(subject);
    the_order_within_a_batch_counts(subject);
    for number in 1..=BATCHES {
        let batch = random_batch(&mut subject.numbers);
        let durability = subject.numbers.durability();
        subject.write(&batch, durability);
        look_at_changes(subject, &batch);
        look(subject);
        if number % UNTIL_REOPEN == 0 {
            subject.model.compare(subject.backend.as_ref(), &subject.law("batches apply in order"));
            if number % (2 * UNTIL_REOPEN) == 0 {
                super::done(subject.backend.flush(), &subject.law("a backend can be flushed"));
            }
            subject.reopen();
        }
    }
}

fn an_empty_batch_changes_nothing(subject: &mut Subject<'_>) {
    for durability in [Durability::Buffered, Durability::Synced] {
        subject.write(&Batch::new(), durability);
    }
    subject.model.compare(subject.backend.as_ref(), &subject.law("an empty batch changes nothing"));
}

/// A range takes what the same batch put before it, and not what it puts after.
fn the_order_within_a_batch_counts(subject: &mut Subject<'_>) {
    for keyspace in Keyspace::ALL {
        let mut batch = Batch::new();
        batch.put(keyspace, b"before", b"1");
        batch.put(keyspace, b"stays", b"1");
        batch.delete_range(keyspace, b"a", b"n");
        batch.put(keyspace, b"after", b"1");
        batch.put(keyspace, b"again", b"1");
        batch.delete(keyspace, b"again");
        batch.put(keyspace, b"again", b"2");
        batch.delete(keyspace, b"stays");
        batch.put(keyspace, b"", b"empty key");
        batch.put(keyspace, b"empty value", b"");
        batch.delete_range(keyspace, b"z", b"y");
        subject.write(&batch, Durability::Buffered);
        subject.model.compare(subject.backend.as_ref(), &subject.law("batches apply in order"));
    }
}

fn random_batch(numbers: &mut Numbers) -> Batch {
    let mut batch = Batch::new();
    for _ in 0..=numbers.below(CHANGES) {
        let (keyspace, key) = (numbers.keyspace(), numbers.key());
        match numbers.below(12) {
            0..7 => batch.put(keyspace, key, numbers.value()),
            7..10 => batch.delete(keyspace, key),
            10 => batch.delete_range(keyspace, key, numbers.key()),
            // Several changes of one key.
            _ => {
                batch.put(keyspace, &key, numbers.value());
                if numbers.once_in(2) {
                    batch.delete(keyspace, &key);
                }
                batch.put(keyspace, &key, numbers.value());
            }
        }
    }
    batch
}

fn look_at_changes(subject: &Subject<'_>, batch: &Batch) {
    let law = subject.law("batches apply in order");
    for (keyspace, change) in batch.changes() {
        let (Change::Put { key, .. } | Change::Delete { key } | Change::DeleteRange { from: key, .. }) = change;
        subject.model.compare_get(subject.backend.as_ref(), keyspace, key, &law);
    }
}

fn look(subject: &mut Subject<'_>) {
    let (gets, scans) = (subject.law("batches apply in order"), subject.law("scans agree with gets"));
    for _ in 0..LOOKS {
        let (keyspace, from, to) = (subject.numbers.keyspace(), subject.numbers.key(), subject.numbers.key());
        subject.model.compare_get(subject.backend.as_ref(), keyspace, &from, &gets);
        for order in [Order::Ascending, Order::Descending] {
            for to in [None, Some(to.as_slice()), Some(from.as_slice())] {
                subject.model.compare_scan(subject.backend.as_ref(), keyspace, (&from, to), order, &scans);
            }
        }
    }
}
