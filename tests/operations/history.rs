//! The history of a key.

use serde_json::{Value, json};

use crate::api::Api;

fn history(api: &Api, key: &str, limit: Option<u32>) -> Vec<Value> {
    let (mut all, mut before) = (Vec::new(), Value::Null);
    loop {
        let page = api.ok("store.history", json!({ "store": "bank", "key": key, "limit": limit, "before": before, "encoding": "utf8" }));
        all.extend(page["entries"].as_array().unwrap().iter().cloned());
        before = page["next"].clone();
        if before.is_null() {
            return all;
        }
    }
}

/// Versions and values; a deletion has none.
fn told(entries: &[Value]) -> Vec<(u64, Option<&str>)> {
    entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["deleted"], entry["value"].is_null());
            (entry["version"].as_u64().unwrap(), entry["value"].as_str())
        })
        .collect()
}

#[test]
fn a_key_has_an_entry_for_each_version_that_set_or_removed_it() {
    let api = Api::new(&["bank"]);
    for other in ["a", "l", "z"] {
        api.set("bank", other, "0");
    }
    let mut expected = Vec::new();
    for (version, step) in (1..).zip(["1", "", "", "2", "-", "", "", "3", "3", "-", "4", "", "-", ""]) {
        match step {
            "" => {}
            "-" => {
                api.delete("bank", "key");
                expected.push((version, None));
            }
            value => {
                api.set("bank", "key", value);
                expected.push((version, Some(value)));
            }
        }
        api.set("bank", "z", &version.to_string());
        assert_eq!(api.save(), version);
    }
    expected.reverse();
    for limit in [None, Some(1), Some(2), Some(3), Some(9)] {
        let entries = history(&api, "key", limit);
        assert_eq!(told(&entries), expected, "{limit:?}");
        assert!(entries.iter().all(|entry| entry["time"].is_u64()));
    }
    assert_eq!(history(&api, "nobody", None), Vec::<Value>::new());
    let page = api.ok("store.history", json!({ "store": "bank", "key": "key", "before": 9, "limit": 2, "encoding": "utf8" }));
    assert_eq!((told(page["entries"].as_array().unwrap()), &page["next"]), (vec![(8, Some("3")), (5, None)], &json!(5)));
}

#[test]
fn what_a_version_that_is_gone_did_is_told_as_far_as_others_know_it() {
    let api = Api::new(&["bank"]);
    for version in 1..=9 {
        match version {
            3 | 4 | 8 => api.set("bank", "key", &version.to_string()),
            6 => api.delete("bank", "key"),
            _ => {}
        }
        api.set("bank", "a", &version.to_string());
        api.set("bank", "z", &version.to_string());
        assert_eq!(api.save(), version);
    }
    api.ok("versions.prune", json!({ "keep": { "only": [5, 7, 9] } }));
    let entries = history(&api, "key", None);
    // 3 was followed by 4 before a kept version saw it; who removed the key is known up to 7.
    assert_eq!(told(&entries), [(8, Some("8")), (7, None), (4, Some("4"))]);
    assert_eq!((&entries[0]["time"], &entries[2]["time"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_key_that_has_long_been_absent_takes_several_pages_and_no_version_in_vain() {
    let api = Api::new(&["bank"]);
    api.set("bank", "key", "1");
    api.save();
    api.delete("bank", "key");
    // Beyond the last key, every version must be looked at.
    for version in 2..=2_100_u64 {
        api.set("bank", "a", &version.to_string());
        api.save();
    }
    let page = api.ok("store.history", json!({ "store": "bank", "key": "key", "encoding": "utf8" }));
    assert_eq!((page["entries"].as_array().unwrap().len(), page["next"].is_u64()), (0, true));
    assert_eq!(told(&history(&api, "key", None)), [(2, None), (1, Some("1"))]);
}
