//! Entries are on the disk when a call is answered, whatever fails; and what waits is bounded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use treering::engine::memory::MemoryBackend;
use treering::engine::{Backend, BackendError, Batch, Durability, Keyspace, Scan};
use treering::system::audit::{AuditLog, AuditOptions, PageRequest};
use treering::{Error, MultiStore, Order};

use super::scene::{Scene, call, save};

#[test]
fn many_threads_get_numbers_of_their_own_and_share_versions_of_the_log() {
    let scene = Scene::empty();
    let (_stores, log) = scene.open();
    let told = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (log, told) = (&log, &told);
            scope.spawn(move || {
                for step in 0..100 {
                    let operation = format!("of.{thread}.{step}");
                    let number = log.record(call(&operation)).unwrap();
                    assert_eq!(log.trail().entry(number).unwrap().unwrap().operation, operation, "it is there when it is answered");
                    assert!(told.lock().unwrap().insert(number, operation).is_none());
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    assert!(told.keys().copied().eq(1..=800));
    let page = log.trail().page(&PageRequest { order: Order::Ascending, after: None, limit: 1000 }).unwrap();
    assert!(page.entries.iter().map(|entry| (&entry.number, &entry.operation)).eq(&told));
    let report = scene.verify();
    assert_eq!((report.findings, report.entries), (Vec::new(), 800));
    assert!(report.versions < 800, "{} versions: nothing was grouped", report.versions);
}

#[test]
fn pages_follow_on_each_other_in_both_orders() {
    let scene = Scene::of_ten_entries();
    let (_stores, log) = scene.open();
    for (order, expected) in [(Order::Ascending, (1..=10).collect::<Vec<u64>>()), (Order::Descending, (1..=10).rev().collect())] {
        for limit in 1..=11 {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let page = log.trail().page(&PageRequest { order, after, limit }).unwrap();
                assert!(page.entries.len() == limit || page.next.is_none());
                seen.extend(page.entries.iter().map(|entry| entry.number));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{limit} a page");
        }
    }
    assert_eq!(log.trail().entry(11).unwrap(), None);
    let empty = Scene::empty();
    let (_stores, log) = empty.open();
    let page = log.trail().page(&PageRequest::default()).unwrap();
    assert_eq!((page.entries, page.next), (Vec::new(), None));
}

/// Every write of the log fails in turn. What was answered is there, what was not may be; nothing else is, and going on works.
#[test]
fn what_was_answered_is_there_after_every_failed_write() {
    for failing in 0.. {
        let scene = Scene::empty();
        let (stores, log) = scene.open();
        log.record(call("first")).unwrap();
        scene.audit.fail_after(failing);
        let mut answered = 1;
        while answered < 40 {
            match log.record(call("batch.apply")) {
                Ok(number) => answered = number,
                Err(error) => {
                    assert_eq!(error.code, "audit_unavailable");
                    let expected = "the audit log cannot be written (";
                    assert!(error.message.starts_with(expected) && error.message.contains("no space left"), "{}", error.message);
                    break;
                }
            }
        }
        let is_done = answered == 40;
        if !is_done {
            assert_eq!(log.record(call("another")).unwrap_err().code, "audit_unavailable");
            assert!(matches!(stores.save_version(), Err(Error::CompanionLog { .. })), "no version without the log");
            assert_eq!(log.close().unwrap_err().code, "audit_unavailable");
        }
        drop((stores, log));
        scene.audit.heal();
        let (stores, log) = scene.open();
        let there = log.record(call("after")).unwrap() - 1;
        assert!(there == answered || there == answered + 1, "{answered} were answered, {there} are there");
        save(&stores);
        log.record(call("versions.save")).unwrap();
        assert_eq!(scene.verify().findings, []);
        if is_done {
            assert!(failing >= 39, "{failing}");
            return;
        }
    }
}

#[test]
fn after_closing_nothing_is_taken_and_what_waited_is_there() {
    let scene = Scene::empty();
    let (stores, log) = scene.open();
    log.record(call("batch.apply")).unwrap();
    log.close().unwrap();
    log.close().unwrap();
    let error = log.record(call("batch.apply")).unwrap_err();
    assert_eq!(
        error.message,
        "the audit log cannot be written (it is closed); nothing that needs an entry is done: mend it and start the system again"
    );
    save(&stores);
    assert_eq!(stores.companions().unwrap()[0].1.entries, 1, "the log stands as it stood");
    assert_eq!(scene.verify().findings, []);
}

/// A backend whose writes wait while it is shut.
#[derive(Default)]
struct Gate {
    inner: MemoryBackend,
    is_shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn set(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.opened.notify_all();
    }
}

impl Backend for Gate {
    fn get(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        self.inner.get(keyspace, key)
    }

    fn scan(&self, keyspace: Keyspace, from: &[u8], to: Option<&[u8]>, order: Order) -> Scan<'_> {
        self.inner.scan(keyspace, from, to, order)
    }

    fn write(&self, batch: &Batch, durability: Durability) -> Result<(), BackendError> {
        drop(self.opened.wait_while(self.is_shut.lock().unwrap(), |is_shut| *is_shut).unwrap());
        self.inner.write(batch, durability)
    }

    fn flush(&self) -> Result<(), BackendError> {
        self.inner.flush()
    }
}

#[test]
fn who_brings_more_than_can_wait_waits_too() {
    let gate = Arc::new(Gate::default());
    let stores = MultiStore::in_memory().unwrap();
    let log = AuditLog::open_on(&stores, Arc::clone(&gate) as Arc<dyn Backend>, AuditOptions { reads: true }).unwrap();
    log.record(call("first")).unwrap();
    gate.set(true);
    let (taken, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..10_000 {
                log.add(call("store.get")).unwrap();
                taken.fetch_add(1, Ordering::SeqCst);
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let mut before = u64::MAX;
        // It goes on until nothing more is taken.
        while before != taken.load(Ordering::SeqCst) || before == 0 {
            before = taken.load(Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(200));
        }
        // Those that the writer has already, and those that wait.
        assert!((4096..=2 * 4096).contains(&before), "{before}");
        assert!(!is_over.load(Ordering::SeqCst));
        gate.set(false);
    });
    assert_eq!(taken.load(Ordering::SeqCst), 10_000);
    let number = log.record(call("last")).unwrap();
    assert_eq!(number, 10_002);
    let report = log.trail().verify(&stores, &mut |_, _| {}).unwrap();
    assert_eq!((report.findings, report.entries), (Vec::new(), 10_002));
}
