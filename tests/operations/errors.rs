//! What goes wrong, to the letter: code, message and details.

use serde_json::{Value, json};
use treering::system::{CancelToken, Grants, OperationContext, Principal, Role};

use crate::api::Api;

fn invalid(path: &str, what: &str) -> Value {
    let message = if path == "." { format!("the input cannot be taken: {what}") } else { format!("{path}: {what}") };
    json!({ "code": "invalid_input", "message": message, "details": { "path": path } })
}

#[test]
fn an_unknown_operation_names_the_nearest_one() {
    let api = Api::new(&[]);
    assert_eq!(
        api.err("store.gett", json!({})),
        json!({
            "code": "unknown_operation",
            "message": "there is no operation \"store.gett\"; did you mean \"store.get\"?",
            "details": { "operation": "store.gett", "nearest": "store.get" },
        })
    );
}

#[test]
fn a_malformed_input_says_where() {
    let api = Api::new(&["bank"]);
    let hex = "it is not hex (Odd number of digits); give two hex digits a byte, or set `encoding` to \"utf8\" or \"base64\"";
    let letter =
        "it is not hex (Invalid character 'z' at position 1); give two hex digits a byte, or set `encoding` to \"utf8\" or \"base64\"";
    let set = |key: &str, value: &str| json!({ "op": "set", "store": "bank", "key": key, "value": value });
    let cases = [
        ("store.get", json!({ "store": "bank" }), invalid(".", "missing field `key`")),
        ("store.get", json!({ "store": 1, "key": "" }), invalid("store", "invalid type: integer `1`, expected a string")),
        ("store.get", json!({ "store": "bank", "key": "abc" }), invalid("key", hex)),
        ("store.get", json!({ "store": "bank", "key": "0z" }), invalid("key", letter)),
        ("store.scan", json!({ "store": "bank", "after": "abc" }), invalid("after", hex)),
        (
            "store.scan",
            json!({ "store": "bank", "limit": 0 }),
            invalid("limit", "0 is not between 1 and 10000; ask for further pages instead"),
        ),
        (
            "store.scan",
            json!({ "store": "bank", "limit": 10_001 }),
            invalid("limit", "10001 is not between 1 and 10000; ask for further pages instead"),
        ),
        (
            "store.scan",
            json!({ "store": "bank", "order": "up" }),
            invalid("order", "unknown variant `up`, expected `ascending` or `descending`"),
        ),
        ("batch.apply", json!({ "operations": [set("", ""), set("00", "0")] }), invalid("operations[1].value", hex)),
        (
            "batch.apply",
            json!({ "operations": [set("", ""), { "op": "delete", "store": "bank" }] }),
            invalid("operations[1]", "missing field `key`"),
        ),
        ("transaction.run", json!({ "store": "bank", "operations": [], "expect": [{ "key": "abc" }] }), invalid("expect[0].key", hex)),
        ("versions.prepare", json!({ "seconds": 0 }), invalid("seconds", "0 is not between 1 and 3600")),
        (
            "versions.prune",
            json!({ "keep": { "retention": { "max_versions": 0 } } }),
            invalid("keep.retention.max_versions", "0 is too little: it is at least 1, or left out"),
        ),
        ("proof.verify", json!({ "key": "" }), invalid(".", "give the hash that is trusted: either `app_hash` or `root_hash`")),
        ("proof.verify", json!({ "key": "", "root_hash": "00" }), invalid("root_hash", "it is not a hash: give 64 hex digits")),
    ];
    for (id, input, expected) in cases {
        assert_eq!(api.err(id, input.clone()), expected, "{id} {input}");
    }
    let base64 = api.err("store.get", json!({ "store": "bank", "key": "=", "encoding": "base64" }));
    assert_eq!((&base64["code"], &base64["details"]["path"]), (&json!("invalid_input"), &json!("key")));
    assert_eq!(api.get("bank", ""), None, "a batch that cannot be read does nothing");
}

#[test]
fn an_unknown_store_lists_those_there_are() {
    let api = Api::new(&["bank", "gov"]);
    let expected = json!({
        "code": "no_store",
        "message": "there is no store \"bnk\"; there are: bank, gov",
        "details": { "store": "bnk", "stores": ["bank", "gov"] },
    });
    let set = |store: &str| json!({ "op": "set", "store": store, "key": "00", "value": "00" });
    api.save();
    for (id, input) in [
        ("store.get", json!({ "store": "bnk", "key": "00" })),
        ("store.scan", json!({ "store": "bnk" })),
        ("store.history", json!({ "store": "bnk", "key": "00" })),
        ("store.diff", json!({ "store": "bnk", "from": 1, "to": 1 })),
        ("store.path", json!({ "store": "bnk", "key": "00" })),
        ("batch.apply", json!({ "operations": [set("bank"), set("bnk")] })),
        ("transaction.run", json!({ "store": "bnk", "operations": [] })),
        ("proof.make", json!({ "store": "bnk", "key": "00" })),
        ("stores.get", json!({ "store": "bnk" })),
        ("stores.delete", json!({ "store": "bnk" })),
        ("stores.rename", json!({ "from": "bnk", "to": "x" })),
    ] {
        assert_eq!(api.err(id, input), expected, "{id}");
    }
    assert_eq!(api.get("bank", "\0"), None, "a batch with an unknown store does nothing");
}

#[test]
fn a_version_that_is_not_there_names_those_kept() {
    let api = Api::new(&["bank"]);
    let none = api.err("versions.get", json!({}));
    assert_eq!((&none["code"], &none["details"]["oldest"]), (&json!("no_multi_version"), &Value::Null));
    assert_eq!(api.err("store.path", json!({ "store": "bank", "key": "" }))["code"], "no_version");
    for value in ["1", "2", "3", "4"] {
        api.set("bank", "alice", value);
        api.save();
    }
    api.ok("versions.prune", json!({ "keep": { "last": 2 } }));
    let of_store = |version: u64| {
        json!({
            "code": "no_version",
            "message": format!("store \"bank\" has no version {version}; the oldest one kept is 3, the newest 4"),
            "details": { "store": "bank", "version": version, "kept": "the oldest one kept is 3, the newest 4", "oldest": 3, "newest": 4 },
        })
    };
    assert_eq!(api.err("store.get", json!({ "store": "bank", "key": "", "version": 1 })), of_store(1));
    assert_eq!(api.err("store.scan", json!({ "store": "bank", "version": 9 })), of_store(9));
    assert_eq!(api.err("store.diff", json!({ "store": "bank", "from": 3, "to": 5 })), of_store(5));
    let of_all = |version: u64| {
        json!({
            "code": "no_multi_version",
            "message": format!("there is no version {version} of all stores; the oldest one kept is 3, the newest 4"),
            "details": { "version": version, "kept": "the oldest one kept is 3, the newest 4", "oldest": 3, "newest": 4 },
        })
    };
    for id in ["versions.get", "versions.load", "versions.rollback"] {
        assert_eq!(api.err(id, json!({ "version": 2 })), of_all(2), "{id}");
    }
    assert_eq!(api.err("proof.make", json!({ "store": "bank", "key": "", "version": 1 })), of_all(1));
}

#[test]
fn closed_stores_say_so() {
    let api = Api::new(&["bank"]);
    api.save();
    api.system.store().close_all().unwrap();
    let set = json!({ "op": "set", "store": "bank", "key": "00", "value": "00" });
    for (id, input) in [
        ("stores.list", json!({})),
        ("store.get", json!({ "store": "bank", "key": "00" })),
        ("store.scan", json!({ "store": "bank" })),
        ("batch.apply", json!({ "operations": [set] })),
        ("versions.save", json!({})),
        ("versions.discard", json!({})),
        ("versions.list", json!({})),
        ("proof.make", json!({ "store": "bank", "key": "00" })),
        ("system.check", json!({})),
    ] {
        let expected = json!({ "code": "closed", "message": "the stores are closed; open the MultiStore again" });
        assert_eq!(api.err(id, input), expected, "{id}");
    }
}

#[test]
fn a_failed_expectation_names_the_key_and_what_is_there() {
    let api = Api::new(&["bank"]);
    api.set("bank", "alice", "5");
    let run = |expect: Value| {
        let operations = json!([{ "op": "set", "key": "alice", "value": "6" }, { "op": "delete", "key": "bob" }]);
        api.call("transaction.run", json!({ "store": "bank", "expect": expect, "operations": operations, "encoding": "utf8" }))
    };
    let failed = |key: &str, what: &str, expected: Value, found: Value| {
        json!({
            "code": "expectation_failed",
            "message": format!("key {key} of store \"bank\" {what}; read it and decide anew"),
            "details": { "store": "bank", "key": key, "expected": expected, "found": found },
        })
    };
    let err = |expect: Value| serde_json::to_value(run(expect).unwrap_err()).unwrap();
    assert_eq!(err(json!([{ "key": "alice", "value": "4" }])), failed("alice", "has another value", json!("4"), json!("5")));
    assert_eq!(err(json!([{ "key": "alice", "value": null }])), failed("alice", "is there", Value::Null, json!("5")));
    assert_eq!(
        err(json!([{ "key": "alice", "value": "5" }, { "key": "bob", "value": "1" }])),
        failed("bob", "is not there", json!("1"), Value::Null)
    );
    assert_eq!(api.get("bank", "alice").as_deref(), Some("5"), "nothing happened");
    assert_eq!(run(json!([{ "key": "alice", "value": "5" }, { "key": "bob" }])).unwrap()["writes"], 2);
    assert_eq!(api.get("bank", "alice").as_deref(), Some("6"));
}

#[test]
fn who_lacks_a_role_is_denied_and_nothing_happens() {
    let api = Api::new(&["bank", "gov"]);
    api.save();
    let writer = Principal::new("teller", Grants::default().with_store("bank", Role::Write).with_store("gov", Role::Read));
    let teller = api.called_by(writer);
    let set = |store: &str| json!({ "op": "set", "store": store, "key": "00", "value": "01" });
    let denied = |role: &str, place: &str| json!({ "code": "denied", "message": format!("\"teller\" lacks the role {role} for {place}; ask for a token that has it") });
    let run = json!({ "store": "gov", "operations": [] });
    for (id, input, expected) in [
        ("batch.apply", json!({ "operations": [set("bank"), set("gov")] }), denied("write", "store \"gov\"")),
        ("transaction.run", run, denied("write", "store \"gov\"")),
        ("store.get", json!({ "store": "mint", "key": "00" }), denied("read", "store \"mint\"")),
        ("proof.make", json!({ "store": "mint", "key": "00" }), denied("read", "store \"mint\"")),
        ("stores.create", json!({ "name": "mint" }), denied("admin", "store \"mint\"")),
        ("stores.rename", json!({ "from": "bank", "to": "b" }), denied("admin", "store \"b\"")),
        ("versions.save", json!({}), denied("write", "all stores")),
        ("versions.prepare", json!({}), denied("write", "all stores")),
        ("versions.load", json!({ "version": 1 }), denied("write", "all stores")),
        ("versions.discard", json!({}), denied("write", "all stores")),
        ("versions.rollback", json!({ "version": 1 }), denied("admin", "all stores")),
        ("versions.prune", json!({ "keep": { "last": 1 } }), denied("admin", "all stores")),
        ("system.check", json!({}), denied("admin", "all stores")),
    ] {
        assert_eq!(teller.err(id, input), expected, "{id}");
    }
    assert_eq!(api.get("bank", "\0"), None);
    teller.ok("batch.apply", json!({ "operations": [set("bank")] }));
    let nobody = api.called_by(Principal::new("nobody", Grants::default()));
    for id in ["stores.list", "versions.list", "versions.get", "system.status", "system.components"] {
        assert_eq!(nobody.err(id, json!({}))["code"], "denied", "{id}");
    }
    // Of versions, a reader sees the stores that it may read.
    let reader = api.called_by(Principal::new("reader", Grants::default().with_store("gov", Role::Read)));
    let seen = reader.ok("versions.get", json!({}));
    assert_eq!((seen["stores"].as_array().unwrap().len(), &seen["stores"][0]["name"]), (1, &json!("gov")));
}

#[test]
fn calls_end_at_their_deadline_and_when_cancelled() {
    let api = Api::new(&["bank"]);
    let late = OperationContext::local().with_timeout(std::time::Duration::ZERO);
    let error = api.system.execute_operation(&late, "store.scan", json!({ "store": "bank" })).unwrap_err();
    assert_eq!(error.code, "deadline_exceeded");
    let token = CancelToken::new();
    token.cancel();
    let cancelled = OperationContext::local().with_cancel_token(token);
    let error = api.system.execute_operation(&cancelled, "versions.save", json!({})).unwrap_err();
    assert_eq!(error.code, "cancelled");
    assert_eq!(api.ok("versions.list", json!({}))["newest"], Value::Null);
}

#[test]
fn keys_and_values_that_are_too_long_are_refused() {
    let api = Api::new(&["bank"]);
    let set = |key: String, value: String| json!({ "operations": [{ "op": "set", "store": "bank", "key": key, "value": value }], "encoding": "utf8" });
    let error = api.err("batch.apply", set("k".repeat(65_537), String::new()));
    assert_eq!((&error["code"], &error["details"]["length"]), (&json!("key_too_long"), &json!(65_537)));
    let error = api.err("batch.apply", set("k".to_owned(), "v".repeat((16 << 20) + 1)));
    assert_eq!(error["code"], "value_too_long");
}
