//! Who waits for whom: reads of what is saved for nobody, and long work only until its caller does not want it any more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use treering::system::{CancelToken, OperationContext, SystemConfig, SystemService};
use treering::{Companion, CompanionLog, MultiVersion};

use crate::api::Api;

const LONG: Duration = Duration::from_secs(20);

/// A log beside the stores that keeps whoever saves waiting.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    is_reached: AtomicBool,
}

impl CompanionLog for Gate {
    fn standing(&self) -> treering::Result<Option<Companion>> {
        self.is_reached.store(true, Ordering::SeqCst);
        drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
        Ok(None)
    }

    fn saved(&self, _: &MultiVersion, _: Companion) {}
}

#[test]
fn what_is_saved_is_read_while_a_save_is_held() {
    let mut config = SystemConfig::in_memory();
    config.features.set("audit", false);
    let api = Arc::new(Api::with(config, &["bank"]));
    for value in ["1", "2"] {
        api.set("bank", "alice", value);
        api.save();
    }
    api.set("bank", "alice", "3");
    let gate = Arc::new(Gate::default());
    api.system.store().set_companion_log(Some(Arc::clone(&gate) as Arc<dyn CompanionLog>)).unwrap();
    let of_saver = Arc::clone(&api);
    let saving = thread::spawn(move || of_saver.save());
    while !gate.is_reached.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(1));
    }
    let at = |version: Value| json!({ "store": "bank", "key": "alice", "version": version, "encoding": "utf8" });
    for (id, input, pointer, expected) in [
        ("proof.make", at(json!(1)), "/value", json!("1")),
        ("proof.make", at(json!(null)), "/value", json!("2")),
        ("store.get", at(json!(2)), "/value", json!("2")),
        ("store.get_many", json!({ "store": "bank", "keys": ["alice"], "version": 1, "encoding": "utf8" }), "/items/0/value", json!("1")),
        ("store.scan", json!({ "store": "bank", "version": 1, "encoding": "utf8" }), "/items/0/value", json!("1")),
        ("store.history", json!({ "store": "bank", "key": "alice", "encoding": "utf8" }), "/entries/0/value", json!("2")),
        ("store.diff", json!({ "store": "bank", "from": 1, "to": 2, "encoding": "utf8" }), "/changes/0/new", json!("2")),
        ("store.path", at(json!(2)), "/found", json!(true)),
        ("versions.list", json!({}), "/newest", json!(2)),
        ("versions.get", json!({ "version": 1 }), "/version", json!(1)),
        ("versions.get", json!({}), "/version", json!(2)),
        ("system.status", json!({}), "/version", json!(2)),
    ] {
        let (of_reader, (sender, receiver)) = (Arc::clone(&api), channel());
        thread::spawn(move || sender.send(of_reader.ok(id, input)));
        let answer = receiver.recv_timeout(LONG).unwrap_or_else(|error| panic!("{id} waits for the save: {error}"));
        assert_eq!(answer.pointer(pointer), Some(&expected), "{id}: {answer}");
    }
    assert!(!saving.is_finished(), "the save is still held");
    *gate.is_open.lock().unwrap() = true;
    gate.opened.notify_all();
    assert_eq!(saving.join().unwrap(), 3);
    assert_eq!(api.ok("versions.list", json!({}))["newest"], 3);
}

/// A system in memory with so many keys that going through them takes some time.
fn large() -> SystemService {
    let api = Api::new(&["bank"]);
    for first in (0..200_000).step_by(20_000) {
        let operations: Vec<Value> = (first..first + 20_000)
            .map(|number| json!({ "op": "set", "store": "bank", "key": format!("{number:08x}"), "value": "00" }))
            .collect();
        api.ok("batch.apply", json!({ "operations": operations }));
        api.save();
    }
    api.system
}

#[test]
fn counting_and_checking_end_at_their_deadline_and_when_cancelled() {
    let system = large();
    for (id, input) in [("system.stats", json!({})), ("system.check", json!({ "thorough": true })), ("system.check", json!({}))] {
        let run = || system.execute_operation(&OperationContext::local(), id, input.clone()).unwrap();
        let whole = run();
        let time = |()| {
            let begun = Instant::now();
            assert_eq!(run(), whole);
            begun.elapsed()
        };
        let takes = [(); 3].map(time).into_iter().min().unwrap();
        assert!(takes > Duration::from_millis(4), "{id} takes {takes:?}, too little for being broken off");

        let begun = Instant::now();
        let late = OperationContext::local().with_timeout(takes / 4);
        assert_eq!(system.execute_operation(&late, id, input.clone()).unwrap_err().code, "deadline_exceeded", "{id}");
        assert!(begun.elapsed() >= takes / 4);

        // It is broken off while it runs: it was not cancelled when it began.
        let token = CancelToken::new();
        let context = OperationContext::local().with_cancel_token(token.clone());
        let cancelling = thread::spawn(move || {
            thread::sleep(takes / 4);
            token.cancel();
        });
        assert_eq!(system.execute_operation(&context, id, input.clone()).unwrap_err().code, "cancelled", "{id}");
        cancelling.join().unwrap();
        let again = system.execute_operation(&OperationContext::local(), id, input).unwrap();
        assert_eq!(again, whole, "what was broken off did no harm");
    }
}
