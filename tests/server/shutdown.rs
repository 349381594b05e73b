//! Stopping loses nothing that was begun.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Connection, request};
use super::node::{Node, node};

/// Within this time after a connection was made, or answered on, what is asked is answered for sure. Who takes longer to ask, as this busy
/// machine may make a thread do, may find the connection closed.
const AT_ONCE: Duration = Duration::from_millis(150);

/// What became of a client's requests. Each sets a key of its own.
#[derive(Default)]
struct Told {
    answered: BTreeSet<String>,
    refused: u64,
    /// The connection ended without an answer.
    unanswered: BTreeSet<String>,
    /// Of these, those that were sent at once.
    lost: BTreeSet<String>,
}

/// Sends requests, so many at a time, on connections that it keeps as long as it may, until nobody listens any more.
fn write_on(node: &Node, name: &str, at_a_time: u64) -> Told {
    let (mut told, mut number) = (Told::default(), 0);
    while let Ok(mut connection) = Connection::try_open(node.address) {
        let mut since = Instant::now();
        let mut is_open = true;
        while is_open {
            let keys: Vec<String> = (0..at_a_time).map(|place| hex::encode(format!("{name}{}", number + place))).collect();
            number += at_a_time;
            let write = |key: &String| request("PUT", &format!("/v1/stores/bank/keys/{key}"), "", Some(r#"{"value":"01"}"#));
            let is_sent = connection.send(keys.iter().map(write).collect::<String>()).is_ok();
            let is_at_once = since.elapsed() < AT_ONCE;
            let mut keys = keys.into_iter();
            while is_open && let Some(answer) = is_sent.then(|| connection.answer()).flatten() {
                let key = keys.next().unwrap();
                match answer.status {
                    200 => drop(told.answered.insert(key)),
                    // The system has stopped taking operations.
                    503 => told.refused += 1,
                    other => panic!("{other}: {}", answer.text()),
                }
                is_open = answer.headers.get("connection").map(String::as_str) != Some("close");
                since = Instant::now();
                if keys.len() == 0 {
                    break;
                }
            }
            // What is sent behind a request that is answered with `connection: close` is not looked at.
            if is_open && is_at_once && keys.len() > 0 {
                told.lost.extend(keys.clone());
            }
            is_open &= keys.len() == 0;
            told.unanswered.extend(keys);
        }
    }
    told
}

#[test]
fn what_is_asked_at_once_is_answered_and_what_is_not_answered_was_not_done() {
    let stop_once = |round: u64| {
        let node = node();
        let told: Vec<Told> = thread::scope(|scope| {
            let clients: Vec<_> = (0..8_u64)
                .map(|client| {
                    let node = &node;
                    // Some keep their connections, some send several requests at a time.
                    scope.spawn(move || write_on(node, &format!("{round}-{client}-"), [1, 1, 1, 4][usize::try_from(client % 4).unwrap()]))
                })
                .collect();
            thread::sleep(Duration::from_millis(100 + 13 * round));
            assert_eq!(node.system.stop().abandoned, Vec::<String>::new());
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let bank = node.system.store().get_store("bank").unwrap();
        let mut done = BTreeSet::new();
        treering::Store::iterate(&bank, &mut |key: &[u8], _: &[u8]| {
            done.insert(hex::encode(key));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        let answered: BTreeSet<String> = told.iter().flat_map(|told| told.answered.iter().cloned()).collect();
        assert!(answered.len() > 8, "{}", answered.len());
        let differing: Vec<String> =
            done.symmetric_difference(&answered).map(|key| String::from_utf8(hex::decode(key).unwrap()).unwrap()).collect();
        assert!(differing.is_empty(), "{differing:?} were done and not answered, or answered and not done");
        let lost: Vec<&String> = told.iter().flat_map(|told| &told.lost).collect();
        assert!(lost.is_empty(), "{lost:?} of {} were lost in round {round}", answered.len());
    };
    thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || (part * 5..part * 5 + 5).for_each(stop_once));
        }
    });
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
