//! Saving in two steps over several calls.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::api::Api;

fn write(api: &Api) -> Result<serde_json::Value, treering::system::OperationError> {
    api.call("batch.apply", json!({ "operations": [{ "op": "set", "store": "bank", "key": "01", "value": "02" }] }))
}

#[test]
fn what_is_prepared_is_what_committing_gives() {
    let api = Api::new(&["bank", "gov"]);
    api.set("bank", "alice", "5");
    let prepared = api.ok("versions.prepare", json!({}));
    assert_eq!((&prepared["version"], &prepared["seconds"]), (&json!(1), &json!(60)));
    let committed = api.ok("versions.commit", json!({ "prepared": prepared["prepared"] }));
    assert_eq!((&committed["version"], &committed["app_hash"]), (&json!(1), &prepared["app_hash"]));
    for (root, store) in prepared["roots"].as_array().unwrap().iter().zip(committed["stores"].as_array().unwrap()) {
        assert_eq!((&root["store"], &root["root_hash"]), (&store["name"], &store["root_hash"]));
    }
    let id = prepared["prepared"].as_str().unwrap();
    let gone = json!({
        "code": "no_prepared",
        "message": format!("there is no prepared version {id:?} (any more); prepare one again, and commit it before its time is over"),
        "details": { "prepared": id },
    });
    assert_eq!(api.err("versions.commit", json!({ "prepared": id })), gone);
    assert_eq!(api.err("versions.abandon", json!({ "prepared": id })), gone);
}

#[test]
fn nothing_changes_beside_a_prepared_version() {
    let api = Api::new(&["bank", "gov"]);
    api.set("bank", "alice", "5");
    let prepared = api.ok("versions.prepare", json!({}));
    let of = |store: &str| {
        let message = format!("store {store:?} has a prepared version; commit or drop it first");
        json!({ "code": "version_prepared", "message": message, "details": { "store": store } })
    };
    let set = |store: &str| json!({ "op": "set", "store": store, "key": "00", "value": "01" });
    for (id, input, expected) in [
        ("batch.apply", json!({ "operations": [set("bank")] }), of("bank")),
        ("batch.apply", json!({ "operations": [set("gov"), set("bank")] }), of("bank")),
        ("transaction.run", json!({ "store": "gov", "operations": [{ "op": "delete", "key": "00" }] }), of("gov")),
        ("versions.discard", json!({}), of("bank")),
        ("versions.prepare", json!({}), of("(all stores)")),
        ("versions.save", json!({}), of("(all stores)")),
        ("stores.create", json!({ "name": "mint" }), of("(all stores)")),
    ] {
        assert_eq!(api.err(id, input), expected, "{id}");
    }
    // Reading goes on.
    assert_eq!(api.get("bank", "alice").as_deref(), Some("5"));
    assert_eq!(api.err("versions.commit", json!({ "prepared": "another" }))["code"], "no_prepared");
    assert_eq!(api.ok("versions.abandon", json!({ "prepared": prepared["prepared"] })), json!({}));
    write(&api).unwrap();
    assert_eq!(api.ok("versions.list", json!({}))["newest"], json!(null), "it was not saved");
    assert_eq!(api.save(), 1);
}

#[test]
fn a_prepared_version_is_dropped_when_its_time_is_over_and_when_the_system_stops() {
    let api = Api::new(&["bank"]);
    api.system.start().unwrap();
    let prepared = api.ok("versions.prepare", json!({ "seconds": 1 }));
    assert_eq!(write(&api).unwrap_err().code, "version_prepared");
    let begun = Instant::now();
    while write(&api).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(begun.elapsed() > Duration::from_millis(500), "it was dropped too early");
    assert_eq!(api.err("versions.commit", json!({ "prepared": prepared["prepared"] }))["code"], "no_prepared");
    api.ok("versions.prepare", json!({ "seconds": 3600 }));
    let _ = api.system.stop();
    api.system.start().unwrap();
    write(&api).unwrap();
    let _ = api.system.stop();
}

#[test]
fn time_is_watched_in_a_system_that_was_not_started() {
    let api = Api::new(&["bank"]);
    api.ok("versions.prepare", json!({ "seconds": 1 }));
    assert_eq!(api.err("versions.prepare", json!({}))["code"], "version_prepared");
    std::thread::sleep(Duration::from_millis(1_100));
    api.ok("versions.prepare", json!({}));
}
