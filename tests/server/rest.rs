//! Routes that go well.

use serde_json::json;

use super::client::{Connection, ask_with, request};
use super::node::node;

#[test]
fn stores_are_made_listed_renamed_and_deleted() {
    let node = node();
    let made = node.send("POST", "/v1/stores", &json!({ "name": "dex" }));
    assert_eq!(made.status, 201);
    assert_eq!((&made.json()["name"], &made.json()["version"]), (&json!("dex"), &json!(null)));
    let renamed = node.send("PATCH", "/v1/stores/dex", &json!({ "to": "swap" }));
    assert_eq!((renamed.status, &renamed.json()["name"]), (200, &json!("swap")));
    let names: Vec<_> = node.get("/v1/stores")["stores"].as_array().unwrap().iter().map(|store| store["name"].clone()).collect();
    assert_eq!(names, ["bank", "gov", "swap"]);
    assert_eq!((node.ask("DELETE", "/v1/stores/swap").status, node.ask("GET", "/v1/stores/swap").failure().0), (200, 404));
}

#[test]
fn keys_are_set_saved_read_at_versions_and_removed() {
    let node = node();
    node.put("bank", "alice", "1");
    let first = node.save();
    node.put("bank", "alice", "2");
    node.put("bank", "a%2Fb%20c", "slash");
    assert_eq!(node.get("/v1/stores/bank/keys/a%2Fb%20c?encoding=utf8")["value"], "slash");
    node.save();
    assert_eq!(node.ask("DELETE", "/v1/stores/bank/keys/616c696365").json(), json!({ "applied": 1 }));
    let found = |query: &str| node.get(&format!("/v1/stores/bank/keys/alice?encoding=utf8{query}"));
    assert_eq!(found("&version=1"), json!({ "key": "alice", "found": true, "value": "1", "version": 1, "set_at": 1 }));
    assert_eq!(found("&version=2"), json!({ "key": "alice", "found": true, "value": "2", "version": 2, "set_at": 2 }));
    assert_eq!(found(""), json!({ "key": "alice", "found": false, "value": null, "version": null, "set_at": null }));
    let many = |body: serde_json::Value| node.send("POST", "/v1/stores/bank/get", &body);
    let item = |key: &str, value: Option<&str>, set_at: Option<u64>| json!({ "key": key, "found": value.is_some(), "value": value, "set_at": set_at });
    let answer = many(json!({ "keys": ["alice", "a/b c"], "encoding": "utf8", "version": 2 }));
    let expected = json!({ "version": 2, "items": [item("alice", Some("2"), Some(2)), item("a/b c", Some("slash"), Some(2))] });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let answer = many(json!({ "keys": ["616c696365", "612f622063"] })).json();
    assert_eq!(
        answer,
        json!({ "version": null, "items": [item("616c696365", None, None), item("612f622063", Some("736c617368"), Some(2))] })
    );
    assert_eq!(many(json!({ "keys": ["x"] })).failure(), (400, "invalid_input".to_owned()));
    assert_eq!(many(json!({ "keys": [], "version": 9 })).failure(), (404, "no_version".to_owned()));
    assert_eq!(first["version"], 1);
    assert_eq!(node.get("/v1/versions/latest")["version"], 2);
    assert_eq!(node.get("/v1/versions/1"), first);
    let versions = node.get("/v1/versions?limit=1");
    assert_eq!((&versions["versions"][0]["version"], &versions["next"], &versions["oldest"]), (&json!(2), &json!(2), &json!(1)));
    let changes = node.get("/v1/stores/bank/diff?from=1&to=2&encoding=utf8")["changes"].clone();
    assert_eq!(changes[1], json!({ "key": "alice", "kind": "changed", "old": "1", "new": "2" }));
    let history = node.get("/v1/stores/bank/keys/alice/history?encoding=utf8")["entries"].clone();
    assert_eq!(history.as_array().unwrap().iter().map(|entry| entry["value"].clone()).collect::<Vec<_>>(), ["2", "1"]);
    let path = node.get("/v1/stores/bank/keys/alice/path?encoding=utf8");
    assert_eq!((&path["found"], &path["leaf"]["value"]), (&json!(true), &json!("2")));
}

#[test]
fn batches_transactions_and_prepared_versions_work() {
    let node = node();
    let operations = json!([{ "op": "set", "store": "bank", "key": "aa", "value": "01" }, { "op": "delete", "store": "gov", "key": "bb" }]);
    assert_eq!(node.send("POST", "/v1/batch", &json!({ "operations": operations })).json(), json!({ "applied": 2 }));
    let run = |expected: &str| {
        let body = json!({ "expect": [{ "key": "aa", "value": expected }], "operations": [{ "op": "set", "key": "aa", "value": "02" }] });
        node.send("POST", "/v1/stores/bank/transactions", &body)
    };
    assert_eq!(run("01").json()["writes"], 1);
    assert_eq!(run("01").failure(), (409, "expectation_failed".to_owned()));
    let prepared = node.ask("POST", "/v1/prepared");
    assert_eq!(prepared.status, 201);
    let id = prepared.json()["prepared"].as_str().unwrap().to_owned();
    assert_eq!(run("02").failure(), (409, "version_prepared".to_owned()));
    assert_eq!(node.ask("DELETE", &format!("/v1/prepared/{id}")).status, 200);
    let again = node.ask("POST", "/v1/prepared").json();
    let committed = node.ask("POST", &format!("/v1/prepared/{}", again["prepared"].as_str().unwrap()));
    assert_eq!((committed.status, &committed.json()["app_hash"]), (201, &prepared.json()["app_hash"]));
    assert_eq!(node.ask("POST", &format!("/v1/prepared/{id}")).failure(), (404, "no_prepared".to_owned()));
    node.put("bank", "x", "y");
    assert_eq!(node.ask("POST", "/v1/discard").status, 200);
    assert_eq!(node.get("/v1/stores/bank/keys/x?encoding=utf8")["found"], false);
}

#[test]
fn operations_are_called_by_name_and_services_stopped_and_started() {
    let node = node();
    node.put("bank", "alice", "1");
    let answer = node.send("POST", "/v1/operations/store.get", &json!({ "store": "bank", "key": "alice", "encoding": "utf8" }));
    assert_eq!(answer.json(), node.get("/v1/stores/bank/keys/alice?encoding=utf8"));
    assert!(node.get("/v1/operations?pattern=store.*")["components"].as_array().unwrap().iter().all(|one| one["kind"] == "operation"));
    assert_eq!(node.ask("POST", "/v1/services/checker/stop").json(), json!({ "stopping": ["checker"] }));
    assert_eq!(node.ask("POST", "/v1/services/chekcer/stop").failure(), (404, "unknown_service".to_owned()));
    let state = || {
        let services = node.get("/v1/services")["services"].clone();
        services.as_array().unwrap().iter().find(|service| service["id"] == "checker").unwrap()["state"]["name"].clone()
    };
    while state() != "stopped" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(node.ask("POST", "/v1/services/checker/start").status, 200);
    assert_ne!(state(), "stopped");
}

#[test]
fn requests_on_one_connection_are_answered_in_order_under_their_names() {
    let node = node();
    node.put("bank", "a", "1");
    let mut connection = Connection::open(node.address);
    let many: String =
        (0..100).map(|_| request("GET", "/v1/stores/bank/keys/61", "", None) + &request("GET", "/v1/nothing", "", None)).collect();
    connection.send(many).unwrap();
    for _ in 0..100 {
        let (first, second) = (connection.answer().unwrap(), connection.answer().unwrap());
        assert_eq!((first.status, first.headers["x-request-id"].as_str(), second.status), (200, "a-test", 404));
    }
    connection.send("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-request-id: not sane\r\n\r\n").unwrap();
    assert_eq!(connection.answer().unwrap().headers["x-request-id"].len(), 16, "a new name");
}

#[test]
fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let node = node();
    let whole = request("GET", "/healthz", "", None);
    let (start, end) = whole.split_at(whole.len() / 2);
    let mut connection = Connection::open(node.address);
    for behind in ["\r\n", start] {
        connection.send(format!("{whole}{whole}{behind}")).unwrap();
        assert_eq!([(); 2].map(|()| connection.answer().unwrap().status), [200, 200]);
    }
    connection.send(end).unwrap();
    assert_eq!(connection.answer().unwrap().status, 200);
    // What is behind a request that ends the connection is not looked at, and does no harm to its answer.
    let last = request("GET", "/healthz", "connection: close\r\n", None);
    connection.send(format!("{whole}{last}{}", whole.repeat(2000))).unwrap();
    assert_eq!([(); 2].map(|()| connection.answer().unwrap().status), [200, 200]);
    assert!(connection.answer().is_none());
}

#[test]
fn pages_are_served_with_their_types_and_nothing_from_elsewhere() {
    let node = node();
    for (path, kind) in
        [("/", "text/html; charset=utf-8"), ("/docs", "text/html; charset=utf-8"), ("/explorer/app.js", "text/javascript; charset=utf-8")]
    {
        let answer = node.ask("GET", path);
        assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, kind));
        assert!(answer.headers["content-security-policy"].starts_with("default-src 'self';"));
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        let again = ask_with(node.address, "GET", path, &format!("if-none-match: {}\r\n", answer.headers["etag"]), None);
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
}
