//! Writes that a crash may lose.

use super::Subject;
use crate::engine::{Batch, Durability, Keyspace};

/// How many writes.
const WRITES: u64 = 64;
/// The key whose value is the number of the last write.
const LAST: &[u8] = b"last";

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
        let found = last_settled(subject);
        let law = subject.law("what is settled is no older than asked for");
        assert!((settled..=number).contains(&found), "{law}: {found} of {number}, {settled} was settled");
    }
    subject.reopen();
}

fn last_settled(subject: &Subject<'_>) -> u64 {
    let found = subject.backend.get_settled(Keyspace::Latest, LAST);
    let found = super::done(found, &subject.law("a backend can read what is settled"));
    found.and_then(|value| Some(u64::from_be_bytes(value.try_into().ok()?))).unwrap_or_default()
}
