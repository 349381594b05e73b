//! What is wrong is said, exactly.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::{Connection, ask, ask_with, request};
use super::node::{node, node_with, told};

#[test]
fn malformed_json_and_wrong_types_say_where() {
    let node = node();
    assert_eq!(
        node.error("POST", "/v1/batch", Some("{\"operations\":")),
        (
            400,
            told(
                "malformed_json",
                "the body is not JSON: EOF while parsing a value at line 1 column 14",
                &json!({ "line": 1, "column": 14 })
            )
        )
    );
    assert_eq!(
        node.error("POST", "/v1/batch", Some(r#"{"operations":[{"op":"set","store":"bank","key":7,"value":""}]}"#)),
        (400, told("invalid_input", "operations[0]: invalid type: integer `7`, expected a string", &json!({ "path": "operations[0]" })))
    );
    assert_eq!(
        node.error("POST", "/v1/operations/store.get", Some("[")),
        (
            400,
            told("malformed_json", "the body is not JSON: EOF while parsing a list at line 1 column 1", &json!({ "line": 1, "column": 1 }))
        )
    );
    assert_eq!(
        node.error("GET", "/v1/stores/bank/keys?limit=many", None),
        (400, told("invalid_input", "limit: \"many\" is not a whole number from 0 to 4294967295", &json!({ "path": "limit" })))
    );
    assert_eq!(
        node.error("GET", "/v1/versions/first", None),
        (400, told("invalid_input", "version: \"first\" is not a version: give its number, or `latest`", &json!({ "path": "version" })))
    );
    let body = ask_with(node.address, "POST", "/v1/stores", "content-type: text/plain\r\n", None);
    assert_eq!(body.failure(), (400, "invalid_input".to_owned()), "no body has no type");
    let mut connection = Connection::open(node.address);
    connection.send("POST /v1/batch HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    assert_eq!(connection.answer().unwrap().failure(), (415, "not_json".to_owned()));
}

#[test]
fn an_unknown_operation_has_a_nearest_one() {
    assert_eq!(
        node().error("POST", "/v1/operations/store.gte", Some("{}")),
        (
            404,
            told(
                "unknown_operation",
                "there is no operation \"store.gte\"; did you mean \"store.get\"?",
                &json!({ "operation": "store.gte", "nearest": "store.get" })
            )
        )
    );
}

#[test]
fn a_huge_body_is_refused_before_it_is_read_and_while() {
    let node = node_with(|config| config.http.body_limit = 2000);
    let whole = told(
        "body_too_large",
        "the body is larger than 2000 bytes; send less at once, or raise `body_limit` in [http]",
        &json!({ "limit": 2000 }),
    );
    let mut connection = Connection::open(node.address);
    connection.send("POST /v1/batch HTTP/1.1\r\nhost: localhost\r\nx-request-id: a-test\r\ncontent-type: application/json\r\ncontent-length: 1000000000000\r\n\r\n").unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!((answer.status, answer.json(), answer.headers["connection"].as_str()), (413, whole.clone(), "close"));
    let mut connection = Connection::open(node.address);
    connection.send("POST /v1/batch HTTP/1.1\r\nhost: localhost\r\nx-request-id: a-test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
    for _ in 0..3 {
        connection.send(format!("3e8\r\n{}\r\n", " ".repeat(1000))).unwrap();
    }
    let answer = connection.answer().unwrap();
    assert_eq!((answer.status, answer.json()), (413, whole));
    let fits = json!({ "operations": [], "encoding": "utf8" }).to_string() + &" ".repeat(1900);
    assert_eq!(ask(node.address, "POST", "/v1/batch", Some(&fits)).status, 200);
}

#[test]
fn slow_clients_are_not_waited_for() {
    let node = node_with(|config| config.http.request_timeout = Duration::from_secs(1));
    let mut body = Connection::open(node.address);
    body.send("POST /v1/batch HTTP/1.1\r\nhost: localhost\r\nx-request-id: a-test\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{").unwrap();
    let answer = body.answer().unwrap();
    let told = told("request_timeout", "the body did not arrive in time; send it faster, or less of it", &json!({}));
    assert_eq!((answer.status, answer.json(), answer.headers["connection"].as_str()), (408, told, "close"));
    // A head that never ends, a byte now and then.
    let mut head = Connection::open(node.address);
    let begun = Instant::now();
    head.send("GET /healthz HTTP/1.1\r\nx: ").unwrap();
    while head.send("y").is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the connection is still open");
        thread::sleep(Duration::from_millis(200));
    }
    assert!(begun.elapsed() > Duration::from_secs(5));
    assert_eq!(node.ask("GET", "/healthz").status, 200);
}

#[test]
fn path_tricks_lead_nowhere() {
    let node = node();
    for path in [
        "/../etc/passwd",
        "/explorer/../../Cargo.toml",
        "/explorer/%2e%2e/%2e%2e/Cargo.toml",
        "/explorer/..%2f..%2fCargo.toml",
        "/explorer/%00",
        "/explorer//app.js",
        "//v1/stores",
        "/v1//stores",
        "/v1/stores/",
        "/v1/stores/bank/keys/",
        "/v1/./stores",
        "/v1/stores/bank/../gov",
        "/V1/stores",
    ] {
        let (status, body) = node.error("GET", path, None);
        assert_eq!(
            (status, body),
            (
                404,
                told("no_route", &format!("there is nothing at {path:?}; /v1/openapi.json lists what there is"), &json!({ "path": path }))
            )
        );
    }
    // In a place of the path everything is a name, and no such store is there.
    for (name, decoded) in [("%2e%2e", ".."), ("..%2fbank", "../bank"), ("%00", "\0"), ("bank%00", "bank\0")] {
        let answer = node.ask("GET", &format!("/v1/stores/{name}"));
        assert_eq!((answer.failure(), &answer.json()["error"]["details"]["store"]), ((404, "no_store".to_owned()), &json!(decoded)));
    }
    let bad = "the path is not UTF-8 after decoding its %-sequences; give keys in hex";
    assert_eq!(node.error("GET", "/v1/stores/%ff", None), (400, told("bad_path", bad, &json!({}))));
    node.put("bank", "%00", "nul");
    assert_eq!(node.get("/v1/stores/bank/keys/00")["value"], "6e756c");
}

#[test]
fn what_is_no_http_is_refused() {
    let node = node();
    for bytes in ["\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\u{7f} HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut connection = Connection::open(node.address);
        connection.send(bytes).unwrap();
        assert!(connection.answer().is_none_or(|answer| answer.status == 400), "{bytes:?}");
    }
    let mut connection = Connection::open(node.address);
    let _ = connection.send(request("GET", "/healthz", &format!("x: {}\r\n", "y".repeat(100_000)), None));
    let status = connection.answer().map(|answer| answer.status);
    assert!(matches!(status, None | Some(431)), "{status:?}");
    assert_eq!(node.ask("GET", "/healthz").status, 200);
}

#[test]
fn invalid_hex_says_what_hex_is() {
    let message = "key: it is not hex (Odd number of digits); give two hex digits a byte, or set `encoding` to \"utf8\" or \"base64\"";
    assert_eq!(node().error("GET", "/v1/stores/bank/keys/abc", None), (400, told("invalid_input", message, &json!({ "path": "key" }))));
}

#[test]
fn a_version_that_is_not_there_comes_with_those_that_are() {
    let node = node();
    for value in ["1", "2", "3"] {
        node.put("bank", "a", value);
        node.save();
    }
    assert_eq!(node.send("POST", "/v1/prune", &json!({ "keep": { "last": 2 } })).status, 200);
    let message = "there is no version 1 of all stores; the oldest one kept is 2, the newest 3";
    let details = json!({ "version": 1, "kept": "the oldest one kept is 2, the newest 3", "oldest": 2, "newest": 3 });
    assert_eq!(node.error("GET", "/v1/versions/1", None), (404, told("no_multi_version", message, &details)));
    let (status, body) = node.error("GET", "/v1/stores/bank/keys/61?version=9", None);
    let details = &body["error"]["details"];
    assert_eq!((status, &body["error"]["code"], &details["oldest"], &details["newest"]), (404, &json!("no_version"), &json!(2), &json!(3)));
}

#[test]
fn closed_stores_say_so() {
    let node = node();
    node.system.store().close_all().unwrap();
    for (method, path) in [("GET", "/v1/stores/bank/keys/61"), ("GET", "/v1/stores"), ("POST", "/v1/versions"), ("GET", "/readyz")] {
        assert_eq!(node.ask(method, path).failure(), (503, "closed".to_owned()), "{path}");
    }
    assert_eq!(node.ask("GET", "/healthz").status, 200);
}

#[test]
fn many_who_save_at_once_get_versions_of_their_own_or_a_conflict() {
    let node = node();
    let saved: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let node = &node;
                scope.spawn(move || {
                    node.put("bank", &format!("key{number}"), "1");
                    node.ask("POST", "/v1/versions")
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut versions = Vec::new();
    for answer in saved {
        match answer.status {
            201 => versions.push(answer.json()["version"].as_u64().unwrap()),
            status => assert_eq!(status, 409, "{}", answer.text()),
        }
    }
    versions.sort_unstable();
    assert!(!versions.is_empty());
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
    assert_eq!(node.get("/v1/versions/latest")["version"], versions.len());
}

#[test]
fn pages_of_others_change_nothing() {
    let node = node();
    let foreign = "origin: http://evil.example\r\n";
    let answer = ask_with(node.address, "POST", "/v1/versions", foreign, None);
    let message = "pages of http://evil.example may not change anything here; set `cors` in [http] to allow them";
    assert_eq!((answer.status, answer.json()), (403, told("foreign_page", message, &json!({}))));
    assert_eq!(ask_with(node.address, "POST", "/v1/versions", "origin: http://localhost\r\n", None).status, 201);
    let mut rebound = Connection::open(node.address);
    rebound.send("GET /v1/stores HTTP/1.1\r\nhost: evil.example:7654\r\n\r\n").unwrap();
    assert_eq!(rebound.answer().unwrap().failure(), (403, "foreign_page".to_owned()));
    let allowing = node_with(|config| config.http.cors = Some("http://evil.example".to_owned()));
    let preflight = ask_with(allowing.address, "OPTIONS", "/v1/versions", foreign, None);
    assert_eq!((preflight.status, preflight.headers["access-control-allow-origin"].as_str()), (204, "http://evil.example"));
    assert_eq!(ask_with(allowing.address, "POST", "/v1/versions", foreign, None).status, 201);
}
