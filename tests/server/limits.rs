//! More than is allowed is refused, and what is allowed goes on.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Connection, request};
use super::node::{node_with, told};

fn sleep(milliseconds: u64) -> String {
    request("POST", "/v1/operations/test.sleep", "", Some(&json!({ "milliseconds": milliseconds }).to_string()))
}

#[test]
fn as_many_requests_as_allowed_are_worked_on() {
    let node = node_with(|config| config.http.concurrency = 2);
    let mut working: Vec<_> = (0..2).map(|_| Connection::open(node.address)).collect();
    for connection in &mut working {
        connection.send(sleep(1000)).unwrap();
    }
    thread::sleep(Duration::from_millis(300));
    let refused = node.ask("GET", "/v1/stores");
    let busy = told("busy", "the server works on as many requests as it may; try again in a second", &json!({}));
    assert_eq!((refused.status, refused.json(), refused.headers["retry-after"].as_str()), (503, busy, "1"));
    assert_eq!((node.ask("GET", "/healthz").status, node.ask("GET", "/readyz").status), (200, 200));
    for connection in &mut working {
        assert_eq!(connection.answer().unwrap().json(), 1000);
    }
    assert_eq!(node.ask("GET", "/v1/stores").status, 200);
}

#[test]
fn what_takes_too_long_is_broken_off() {
    let node = node_with(|config| {
        config.http.request_timeout = Duration::from_secs(1);
        config.http.concurrency = 1;
    });
    let begun = Instant::now();
    let mut connection = Connection::open(node.address);
    connection.send(sleep(20_000)).unwrap();
    let answer = connection.answer().unwrap();
    let message = "the deadline of the call has passed; ask for less at once, or allow more time";
    assert_eq!((answer.status, answer.json()), (504, told("deadline_exceeded", message, &json!({}))));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(node.ask("GET", "/v1/stores").status, 200, "the operation has ended, and its place is free");
}

#[test]
fn who_goes_away_is_not_worked_for() {
    let node = node_with(|config| config.http.concurrency = 1);
    let mut connection = Connection::open(node.address);
    connection.send(sleep(20_000)).unwrap();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(node.ask("GET", "/v1/stores").status, 503);
    connection.stream.get_ref().shutdown(std::net::Shutdown::Both).unwrap();
    drop(connection);
    let begun = Instant::now();
    while node.ask("GET", "/v1/stores").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is still worked on");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn as_many_connections_as_allowed_are_held() {
    let node = node_with(|config| config.http.max_connections = 3);
    let mut held: Vec<_> = (0..3).map(|_| Connection::open(node.address)).collect();
    for connection in &mut held {
        connection.send(request("GET", "/healthz", "", None)).unwrap();
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    let mut more = Connection::open(node.address);
    let refused = more.answer().unwrap();
    let message = "the server holds as many connections as it may; try again in a second";
    let told = json!({ "error": { "code": "too_many_connections", "message": message, "details": {}, "request_id": "" } });
    assert_eq!((refused.status, refused.json(), refused.headers["retry-after"].as_str()), (503, told, "1"));
    drop(held.pop());
    let begun = Instant::now();
    loop {
        let mut again = Connection::open(node.address);
        again.send(request("GET", "/healthz", "", None)).unwrap();
        if again.answer().is_some_and(|answer| answer.status == 200) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
