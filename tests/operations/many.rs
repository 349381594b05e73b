//! `store.get_many`: many keys of the same moment, and what a call may have. Its answers beside a model are in `model` and `unloaded`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};
use treering::config::{Config, MultiStoreConfig};
use treering::system::{CancelToken, Grants, OperationContext, Principal, Role, SystemConfig};

use crate::api::Api;

#[test]
fn a_call_says_of_each_key_what_is_there() {
    let api = Api::new(&["bank"]);
    api.set("bank", "alice", "1");
    api.set("bank", "", "empty");
    api.save();
    api.set("bank", "bob", "2");
    let get = |keys: Value, version: Option<u64>| {
        api.ok("store.get_many", json!({ "store": "bank", "keys": keys, "version": version, "encoding": "utf8" }))
    };
    let item = |key: &str, value: Option<&str>, set_at: Option<u64>| json!({ "key": key, "found": value.is_some(), "value": value, "set_at": set_at });
    let (alice, bob, carol) = (item("alice", Some("1"), Some(1)), item("bob", Some("2"), None), item("carol", None, None));
    let keys = json!(["bob", "alice", "carol", "bob", ""]);
    let expected = json!({ "version": null, "items": [bob, alice, carol, bob, item("", Some("empty"), Some(1))] });
    assert_eq!(get(keys.clone(), None), expected);
    let expected = json!({ "version": 1, "items": [item("bob", None, None), alice, carol, item("bob", None, None), item("", Some("empty"), Some(1))] });
    assert_eq!(get(keys, Some(1)), expected);
    assert_eq!(get(json!([]), None), json!({ "version": null, "items": [] }));
    assert_eq!(get(json!([]), Some(1)), json!({ "version": 1, "items": [] }));
    let hex = api.ok("store.get_many", json!({ "store": "bank", "keys": ["0x626F62", "626f62"] }));
    let item = |key: &str| json!({ "key": key, "found": true, "value": "32", "set_at": null });
    assert_eq!(hex["items"], json!([item("0x626F62"), item("626f62")]), "keys are given as they were asked for");
}

#[test]
fn what_a_call_may_not_have_is_said_to_the_letter() {
    let api = Api::new(&["bank"]);
    api.set("bank", "alice", "1");
    api.save();
    let err = |input: Value| api.err("store.get_many", input);
    let invalid = |path: &str, message: &str| json!({ "code": "invalid_input", "message": message, "details": { "path": path } });
    let many: Vec<String> = (0..1001).map(|number| format!("{number:04}")).collect();
    assert_eq!(
        err(json!({ "store": "bank", "keys": many })),
        invalid("keys", "keys: 1001 keys are more than the 1000 that a call may have; ask for the rest in further calls")
    );
    assert_eq!(api.ok("store.get_many", json!({ "store": "bank", "keys": many[..1000] }))["items"].as_array().unwrap().len(), 1000);
    let hex = "keys[2]: it is not hex (Odd number of digits); give two hex digits a byte, or set `encoding` to \"utf8\" or \"base64\"";
    assert_eq!(err(json!({ "store": "bank", "keys": ["00", "01", "2", "x"] })), invalid("keys[2]", hex));
    assert_eq!(
        err(json!({ "store": "bank", "keys": ["00", 1] })),
        invalid("keys[1]", "keys[1]: invalid type: integer `1`, expected a string")
    );
    assert_eq!(err(json!({ "store": "bank" })), invalid(".", "the input cannot be taken: missing field `keys`"));
    let no_store = json!({
        "code": "no_store", "message": "there is no store \"bnk\"; there are: bank", "details": { "store": "bnk", "stores": ["bank"] },
    });
    assert_eq!(err(json!({ "store": "bnk", "keys": [] })), no_store);
    let no_version = err(json!({ "store": "bank", "keys": ["00"], "version": 7 }));
    assert_eq!((&no_version["code"], &no_version["details"]["newest"]), (&json!("no_version"), &json!(1)));
    let set = json!({ "op": "set", "store": "bank", "key": "00", "value": "ff" });
    api.ok("batch.apply", json!({ "operations": [set] }));
    let not_utf8 = "the value ff is not UTF-8; ask with `encoding` \"hex\" or \"base64\"";
    assert_eq!(
        err(json!({ "store": "bank", "keys": ["alice", "\0"], "encoding": "utf8" })),
        json!({ "code": "not_utf8", "message": not_utf8, "details": { "hex": "ff" } })
    );
    let reader = api.called_by(Principal::new("reader", Grants::default().with_store("gov", Role::Read)));
    assert_eq!(reader.err("store.get_many", json!({ "store": "bank", "keys": [] }))["code"], "denied");
    let token = CancelToken::new();
    token.cancel();
    let cancelled = OperationContext::local().with_cancel_token(token);
    let error = api.system.execute_operation(&cancelled, "store.get_many", json!({ "store": "bank", "keys": ["00"] })).unwrap_err();
    assert_eq!(error.code, "cancelled");
}

#[test]
fn the_largest_value_can_be_got_but_not_more_at_once() {
    let api = Api::new(&["bank"]);
    api.set("bank", "large", &"v".repeat(16 << 20));
    api.set("bank", "small", "v");
    api.set("bank", "empty", "");
    let get = |keys: Value| api.call("store.get_many", json!({ "store": "bank", "keys": keys, "encoding": "utf8" }));
    assert_eq!(get(json!(["empty", "large", "none"])).unwrap()["items"][1]["value"].as_str().unwrap().len(), 16 << 20);
    let error = serde_json::to_value(get(json!(["large", "empty", "small"])).unwrap_err()).unwrap();
    let message = "the values have more than 16777216 bytes together; ask for fewer keys at once";
    assert_eq!(error, json!({ "code": "too_large", "message": message, "details": { "limit": 16_777_216, "path": "keys[2]" } }));
}

/// Every change sets all keys to the same value: an answer that has two values saw a change half done.
fn check_moments(api: &Api, keys: &[String]) {
    let set_all = |value: u64| {
        let operations: Vec<Value> =
            keys.iter().map(|key| json!({ "op": "set", "store": "bank", "key": key, "value": format!("{value:0600}") })).collect();
        api.ok("batch.apply", json!({ "operations": operations, "encoding": "utf8" }));
    };
    set_all(0);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for value in 1..60 {
                set_all(value);
                if value % 3 > 0 {
                    api.save();
                }
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let mut seen = 0;
        while !is_over.load(Ordering::Relaxed) {
            let found = api.ok("store.get_many", json!({ "store": "bank", "keys": keys, "encoding": "utf8" }));
            let items = found["items"].as_array().unwrap();
            assert!(items.iter().all(|item| item["value"] == items[0]["value"] && item["set_at"] == items[0]["set_at"]));
            let value: u64 = items[0]["value"].as_str().unwrap().parse().unwrap();
            assert!(value >= seen, "{value} was seen after {seen}");
            seen = value;
        }
        writer.join().unwrap();
    });
}

#[test]
fn all_keys_are_as_of_the_same_moment_in_memory_and_not() {
    let keys: Vec<String> = (0..400).map(|number| format!("{:05}", number * 7 % 400)).collect();
    check_moments(&Api::new(&["bank"]), &keys);
    let config = Config::new().with("cache_size", 1_u64 << 20);
    let stores = MultiStoreConfig::new("").with_default_engine("memory").with_engine_config("memory", config);
    let api = Api::with(SystemConfig::of_stores(stores), &["bank"]);
    // Others, so that not all of them are in memory.
    for first in (0..4000).step_by(1000) {
        let operations: Vec<Value> = (first..first + 1000)
            .map(|number| json!({ "op": "set", "store": "bank", "key": format!("x{number:05}"), "value": "v".repeat(600) }))
            .collect();
        api.ok("batch.apply", json!({ "operations": operations, "encoding": "utf8" }));
        api.save();
    }
    check_moments(&api, &keys);
}
