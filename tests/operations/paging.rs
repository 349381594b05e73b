//! Ranges a page at a time and as streams, differences and the way to a key.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use treering::system::operations::{Direction, Encoding, Item, ScanRange, scan_each};
use treering::system::{CancelToken, Grants, OperationContext, Principal, Role};

use crate::api::Api;

/// `count` keys `00` to ..., with values of that many bytes.
fn filled(count: u32, value_len: usize) -> Api {
    let api = Api::new(&["bank"]);
    let set = |key: u32| json!({ "op": "set", "store": "bank", "key": format!("{key:04}"), "value": "v".repeat(value_len) });
    api.ok("batch.apply", json!({ "operations": (0..count).map(set).collect::<Vec<_>>(), "encoding": "utf8" }));
    api
}

#[test]
fn pages_put_together_are_the_whole_range() {
    let api = filled(250, 3);
    api.save();
    for version in [None, Some(1)] {
        for order in ["ascending", "descending"] {
            for limit in [1, 7, 100, 249, 250, 251] {
                let (mut all, mut after, mut pages) = (Vec::new(), Value::Null, 0);
                loop {
                    let input =
                        json!({ "store": "bank", "version": version, "order": order, "limit": limit, "after": after, "encoding": "utf8" });
                    let page = api.ok("store.scan", input);
                    all.extend(page["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap().to_owned()));
                    pages += 1;
                    after = page["next"].clone();
                    if after.is_null() {
                        break;
                    }
                }
                let mut expected: Vec<String> = (0..250).map(|key| format!("{key:04}")).collect();
                if order == "descending" {
                    expected.reverse();
                }
                assert_eq!(all, expected);
                assert_eq!(pages, 250_usize.div_ceil(limit));
            }
        }
    }
    // Without a limit a page has a hundred.
    assert_eq!(api.ok("store.scan", json!({ "store": "bank" }))["items"].as_array().unwrap().len(), 100);
}

#[test]
fn a_page_of_large_values_ends_early() {
    let api = filled(40, 500_000);
    let page = api.ok("store.scan", json!({ "store": "bank", "encoding": "utf8" }));
    let items = page["items"].as_array().unwrap();
    // 8 MiB, and what goes over it with the last one.
    assert_eq!(items.len(), 17);
    assert_eq!(page["next"], items[16]["key"]);
    api.save();
    for key in 0..40 {
        api.set("bank", &format!("{key:04}"), &"w".repeat(500_000));
    }
    api.save();
    let changes = api.ok("store.diff", json!({ "store": "bank", "from": 1, "to": 2, "encoding": "utf8" }));
    assert_eq!(changes["changes"].as_array().unwrap().len(), 9);
    assert_eq!(changes["next"], "0008");
}

#[test]
fn a_range_is_given_to_a_callback_one_by_one() {
    let api = filled(1_000, 3);
    let range = ScanRange { store: "bank".to_owned(), encoding: Encoding::Utf8, order: Direction::Descending, ..ScanRange::default() };
    let scan = |range: &ScanRange, context: &OperationContext, most: usize| {
        let mut found: Vec<Item> = Vec::new();
        let end = scan_each(&api.system, context, range, &mut |item| {
            found.push(item);
            if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (found.len(), end)
    };
    let local = OperationContext::local();
    assert_eq!(scan(&range, &local, usize::MAX), (1_000, Ok(())));
    assert_eq!(scan(&range, &local, 10), (10, Ok(())));
    assert_eq!(scan(&ScanRange { limit: Some(300), ..range.clone() }, &local, usize::MAX), (300, Ok(())));
    assert_eq!(scan(&ScanRange { limit: Some(0), ..range.clone() }, &local, usize::MAX), (0, Ok(())));
    let other = Principal::new("other", Grants::default().with_store("gov", Role::Admin));
    let (count, end) = scan(&range, &OperationContext::new(other), usize::MAX);
    assert_eq!((count, end.unwrap_err().code), (0, "denied"));
    // What is cancelled on the way ends soon.
    let token = CancelToken::new();
    let context = OperationContext::local().with_cancel_token(token.clone());
    let mut count = 0;
    let end = scan_each(&api.system, &context, &range, &mut |_| {
        count += 1;
        token.cancel();
        ControlFlow::Continue(())
    });
    assert_eq!(end.unwrap_err().code, "cancelled");
    assert!(count <= 256, "{count}");
}

#[test]
fn bytes_come_in_the_encoding_asked_for() {
    let api = Api::new(&["bank"]);
    let set = |key: &str, value: &str, encoding: &str| {
        api.ok(
            "batch.apply",
            json!({ "operations": [{ "op": "set", "store": "bank", "key": key, "value": value }], "encoding": encoding }),
        );
    };
    set("0xff00", "", "hex");
    set("yes ", "grün", "utf8");
    set("/w==", "AAE=", "base64");
    let scan = |encoding: &str| api.call("store.scan", json!({ "store": "bank", "encoding": encoding }));
    let item = |key: &str, value: &str| json!({ "key": key, "value": value });
    assert_eq!(scan("hex").unwrap()["items"], json!([item("79657320", "6772c3bc6e"), item("ff", "0001"), item("ff00", "")]));
    assert_eq!(scan("base64").unwrap()["items"], json!([item("eWVzIA==", "Z3LDvG4="), item("/w==", "AAE="), item("/wA=", "")]));
    let error = serde_json::to_value(scan("utf8").unwrap_err()).unwrap();
    let expected = json!({
        "code": "not_utf8",
        "message": "the key ff is not UTF-8; ask with `encoding` \"hex\" or \"base64\"",
        "details": { "hex": "ff" },
    });
    assert_eq!(error, expected);
    assert_eq!(api.get("bank", "yes ").as_deref(), Some("grün"));
}

#[test]
fn the_way_to_a_key_leads_from_the_root_to_its_leaf() {
    let api = filled(100, 3);
    api.save();
    let root_hash = api.ok("stores.get", json!({ "store": "bank" }))["root_hash"].clone();
    for (key, found) in [("0042", true), ("0099", true), ("00425", false), ("a", false)] {
        let path = api.ok("store.path", json!({ "store": "bank", "key": key, "encoding": "utf8" }));
        assert_eq!((&path["found"], &path["root_hash"], &path["version"]), (&json!(found), &root_hash, &json!(1)));
        let (nodes, siblings) = (path["path"].as_array().unwrap(), path["siblings"].as_array().unwrap());
        assert_eq!((&nodes[0]["hash"], &nodes[0]["side"], &nodes[0]["node_key"]), (&root_hash, &Value::Null, &json!("1.1")));
        assert_eq!(nodes.len(), siblings.len());
        assert_eq!((path["leaf"]["key"] == key, &path["leaf"]["size"]), (found, &json!(1)));
        let below = nodes.iter().skip(1).chain([&path["leaf"]]);
        for ((node, below), sibling) in nodes.iter().zip(below).zip(siblings) {
            assert_eq!(node["size"].as_u64().unwrap(), below["size"].as_u64().unwrap() + sibling["size"].as_u64().unwrap());
            let sides = [below["side"].as_str().unwrap(), sibling["side"].as_str().unwrap()];
            assert!(sides == ["left", "right"] || sides == ["right", "left"]);
            assert_eq!(below["side"] == "left", key < node["key"].as_str().unwrap());
        }
    }
    let empty = Api::new(&["bank"]);
    empty.save();
    let path = empty.ok("store.path", json!({ "store": "bank", "key": "00" }));
    assert_eq!((&path["leaf"], &path["path"], &path["siblings"]), (&Value::Null, &json!([]), &json!([])));
}
