//! Writes that a crash may lose.

use super::Subject;
use crate::engine::{Batch, Durability, Keyspace};

/// How many writes.
const WRITES: u64 = 64;
/// The key whose value is the number of the last write.
const LAST: &[u8] = b"last";
/// Keys that are ingested at once, and bytes of their values.
const INGESTED: u64 = 20;
const VALUE: usize = 128 << 10;

pub(super) fn check(subject: &mut Subject<'_>) {
    let mut settled = 0;
    for number in 1..=WRITES {
        let mut batch = Batch::new();
        batch.put(Keyspace::Latest, (number % 10).to_be_bytes(), number.to_be_bytes());
        batch.delete(Keyspace::Latest, (number % 7).to_be_bytes());
        batch.put(Keyspace::Latest, LAST, number.to_be_bytes());
        subject.write(&batch, Durability::Derived);
        subject.model.compare(subject.backend.as_ref(), &subject.law("derived writes are seen at once"));
        if subject.numbers.once_in(8) {
            super::done(subject.backend.settle(Keyspace::Latest), &subject.law("a backend can settle what is derived"));
            settled = number;
        }
        if subject.numbers.once_in(16) {
            ingest(subject, number);
            settled = number;
        }
        let found = last_settled(subject);
        let law = subject.law("what is settled is no older than asked for");
        assert!((settled..=number).contains(&found), "{law}: {found} of {number}, {settled} was settled");
    }
    subject.reopen();
}

/// Puts sorted pairs, of keys that are there and of others, in a large amount: engines may have another way for these.
fn ingest(subject: &mut Subject<'_>, number: u64) {
    super::done(subject.backend.settle(Keyspace::Latest), &subject.law("a backend can settle what is derived"));
    let mut batch = Batch::new();
    for key in 0..INGESTED {
        let value = number.to_be_bytes().repeat(VALUE / 8);
        batch.put(Keyspace::Latest, key.to_be_bytes(), value);
    }
    super::done(subject.backend.ingest(Keyspace::Latest, &mut |put| batch.put_each(put)), &subject.law("a backend can ingest"));
    subject.model.apply(&batch);
    subject.model.compare(subject.backend.as_ref(), &subject.law("what is ingested is seen at once, over what was there"));
}

fn last_settled(subject: &Subject<'_>) -> u64 {
    let found = subject.backend.get_settled(Keyspace::Latest, LAST);
    let found = super::done(found, &subject.law("a backend can read what is settled"));
    found.and_then(|value| Some(u64::from_be_bytes(value.try_into().ok()?))).unwrap_or_default()
}
