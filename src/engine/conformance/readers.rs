//! Several threads that read while one writes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use treering_tree::Order;

use super::{Subject, done};
use crate::engine::{Backend, Batch, Durability, Keyspace};

/// Batches written.
const BATCHES: u64 = 200;
/// Threads that read.
const READERS: usize = 3;
/// Keys that every batch sets to its number.
const KEYS: u8 = 40;
const KEYSPACE: Keyspace = Keyspace::Latest;

/// What the threads share.
struct Shared<'a> {
    backend: &'a dyn Backend,
    /// The newest batch whose write has returned.
    acknowledged: AtomicU64,
    done: AtomicBool,
    law: String,
}

pub(super) fn check(subject: &mut Subject<'_>) {
    let mut first = batch(0);
    first.delete_range(KEYSPACE, b"", b"key ");
    first.delete_range(KEYSPACE, b"key!", [0xff; 8]);
    subject.write(&first, Durability::Buffered);
    let law = subject.law("no reader sees half a batch");
    let shared = Shared { backend: subject.backend.as_ref(), acknowledged: AtomicU64::new(0), done: AtomicBool::new(false), law };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                scope.spawn({
                    let shared = &shared;
                    move || read(shared, reader)
                })
            })
            .collect();
        let written = thread::scope(|inner| inner.spawn(|| write(&shared)).join());
        shared.done.store(true, Ordering::SeqCst);
        // A panic goes on with its own message.
        written.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        for reader in readers {
            let rounds = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            assert!(rounds > 0, "{}: a reader never came to read", shared.law);
        }
    });
    subject.model.apply(&batch(BATCHES));
    subject.model.compare(subject.backend.as_ref(), &subject.law("batches apply in order"));
}

/// Sets all keys to `number`; every second batch removes them first, which nobody may see.
fn batch(number: u64) -> Batch {
    let mut batch = Batch::new();
    if number % 2 == 1 {
        batch.delete_range(KEYSPACE, b"key ", b"key!");
    }
    for key in 0..KEYS {
        batch.put(KEYSPACE, [b"key ".as_slice(), &[key]].concat(), number.to_be_bytes());
    }
    batch
}

fn write(shared: &Shared<'_>) {
    for number in 1..=BATCHES {
        let durability = if number % 16 == 0 { Durability::Synced } else { Durability::Buffered };
        done(shared.backend.write(&batch(number), durability), &shared.law);
        shared.acknowledged.store(number, Ordering::SeqCst);
    }
}

/// Reads until the writer is done; how many times.
fn read(shared: &Shared<'_>, reader: usize) -> u64 {
    let order = if reader == 0 { Order::Descending } else { Order::Ascending };
    let (mut rounds, mut newest) = (0, 0);
    loop {
        let last = shared.done.load(Ordering::SeqCst);
        let acknowledged = shared.acknowledged.load(Ordering::SeqCst);
        let number = read_all(shared, order);
        assert!(number >= acknowledged, "{}: batch {acknowledged} was acknowledged, a later scan sees {number}", shared.law);
        assert!(number >= newest, "{}: a scan saw batch {newest}, a later one {number}", shared.law);
        newest = number;
        rounds += 1;
        if last {
            return rounds;
        }
    }
}

/// The batch that a scan sees, which all keys agree on.
fn read_all(shared: &Shared<'_>, order: Order) -> u64 {
    let law = &shared.law;
    let pairs: Vec<_> = shared.backend.scan(KEYSPACE, b"key ", Some(b"key!"), order).map(|pair| done(pair, law)).collect();
    let mut numbers: Vec<u64> = pairs.iter().filter_map(|(_, value)| Some(u64::from_be_bytes(*value.first_chunk()?))).collect();
    let seen = numbers.len();
    assert!(seen == usize::from(KEYS), "{law}: a scan sees {seen} of {KEYS} keys that are always written together");
    numbers.dedup();
    match numbers.as_slice() {
        [number] => *number,
        _ => panic!("{law}: one scan sees the batches {numbers:?}"),
    }
}
