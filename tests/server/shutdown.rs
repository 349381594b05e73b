//! Stopping loses nothing that was begun.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Connection, request};
use super::node::node;

#[test]
fn what_was_begun_is_answered_and_what_was_answered_is_there() {
    let node = node();
    let (answered, lost, is_over) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let written: Vec<u64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4_u64)
            .map(|writer| {
                let (node, answered, lost, is_over) = (&node, &answered, &lost, &is_over);
                scope.spawn(move || {
                    let mut written = 0;
                    'connections: while !is_over.load(Ordering::Relaxed) {
                        let Ok(mut connection) = Connection::try_open(node.address) else { break };
                        loop {
                            let path = format!("/v1/stores/bank/keys/{writer:02x}{written:08x}");
                            if connection.send(request("PUT", &path, "", Some(r#"{"value":"01"}"#))).is_err() {
                                lost.fetch_add(1, Ordering::Relaxed);
                                break 'connections;
                            }
                            let Some(answer) = connection.answer() else {
                                lost.fetch_add(1, Ordering::Relaxed);
                                break 'connections;
                            };
                            if answer.status != 200 {
                                break 'connections;
                            }
                            (written, _) = (written + 1, answered.fetch_add(1, Ordering::Relaxed));
                            if answer.headers.get("connection").map(String::as_str) == Some("close") {
                                break;
                            }
                        }
                    }
                    written
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        assert_eq!(node.system.stop().abandoned, Vec::<String>::new());
        is_over.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(answered.load(Ordering::Relaxed) > 20);
    // A connection that was made while the listener closed may be refused before anything was read of it.
    assert!(lost.load(Ordering::Relaxed) <= 1, "{lost:?} of {answered:?} were lost");
    let bank = node.system.store().get_store("bank").unwrap();
    for (writer, count) in written.into_iter().enumerate() {
        for number in 0..count {
            let key = hex::decode(format!("{writer:02x}{number:08x}")).unwrap();
            assert_eq!(treering::Store::get(&bank, &key).unwrap(), Some(vec![1]));
        }
    }
}

#[test]
fn a_long_request_is_waited_for_and_a_too_long_one_is_not() {
    let node = super::node::node_with(|config| config.services.stop_timeout = Duration::from_secs(3));
    let ask = |milliseconds: u64| {
        let mut connection = Connection::open(node.address);
        let body = json!({ "milliseconds": milliseconds }).to_string();
        connection.send(request("POST", "/v1/operations/test.sleep", "", Some(&body))).unwrap();
        connection
    };
    let (mut long, mut too_long) = (ask(1000), ask(20_000));
    thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    assert_eq!(node.system.stop().abandoned, Vec::<String>::new());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let answer = long.answer().unwrap();
    assert_eq!((answer.json(), answer.headers["connection"].as_str()), (json!(1000), "close"));
    assert!(too_long.answer().is_none());
    assert!(Connection::try_open(node.address).is_err(), "nobody listens any more");
    node.system.start().unwrap();
    assert_eq!(node.ask("GET", "/healthz").status, 200, "it listens again, on the same address");
}

#[test]
fn a_server_that_is_told_to_stop_by_a_request_answers_it() {
    let node = node();
    assert_eq!(node.ask("POST", "/v1/services/http/stop").json(), json!({ "stopping": ["http"] }));
    let begun = Instant::now();
    while Connection::try_open(node.address).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(20));
    }
    let status = || node.system.status("http").unwrap().state;
    while status() != treering::system::ServiceState::Stopped {
        thread::sleep(Duration::from_millis(20));
    }
    node.system.start_service("http").unwrap();
    assert_eq!(node.ask("GET", "/readyz").status, 200);
}
