//! Stores as a whole, and the system itself.

use serde_json::{Value, json};
use treering::system::{ComponentKind, Grants, Principal, Role};

use crate::api::Api;

#[test]
fn stores_are_made_listed_renamed_and_deleted() {
    let api = Api::new(&["bank"]);
    let made = api.ok("stores.create", json!({ "name": "gov", "engine": "memory", "config": { "max_versions": 3 } }));
    assert_eq!((&made["version"], &made["changed"], &made["retention"]["max_versions"]), (&Value::Null, &json!(false), &json!(3)));
    api.set("gov", "proposal", "more trees");
    assert_eq!(api.ok("stores.get", json!({ "store": "gov" }))["changed"], true);
    let saved = api.ok("versions.save", json!({}));
    let gov = api.ok("stores.get", json!({ "store": "gov" }));
    assert_eq!((&gov["version"], &gov["size"], &gov["height"], &gov["changed"]), (&json!(1), &json!(1), &json!(0), &json!(false)));
    assert_eq!(gov["root_hash"], saved["stores"][1]["root_hash"]);
    assert_eq!(api.ok("stores.rename", json!({ "from": "gov", "to": "assembly" }))["name"], "assembly");
    let names = |api: &Api| {
        let listed = api.ok("stores.list", json!({}));
        listed["stores"].as_array().unwrap().iter().map(|store| store["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&api), ["assembly", "bank"]);
    // Who may read one store sees that one only.
    let reader = Principal::new("reader", Grants::default().with_store("bank", Role::Read));
    assert_eq!(names(&api.called_by(reader)), ["bank"]);
    assert_eq!(api.ok("stores.delete", json!({ "store": "assembly" })), json!({}));
    assert_eq!(names(&api), ["bank"]);
    assert_eq!(api.err("stores.get", json!({ "store": "gov" }))["code"], "no_store");
    assert_eq!(api.err("stores.create", json!({ "name": "bank" }))["code"], "store_exists");
    assert_eq!(api.err("stores.create", json!({ "name": "" }))["code"], "store_name");
    assert_eq!(api.err("stores.create", json!({ "name": "x", "engine": "sponge" }))["code"], "unknown_engine");
    let list = api.err("stores.create", json!({ "name": "x", "config": { "max_versions": [3] } }));
    assert_eq!((&list["code"], &list["details"]["path"]), (&json!("invalid_input"), &json!("config")));
}

#[test]
fn the_system_says_how_it_is() {
    let api = Api::new(&["bank"]);
    let before = api.ok("system.status", json!({}));
    assert_eq!((&before["version"], &before["stores"], &before["current_version"]), (&Value::Null, &json!(1), &json!(0)));
    api.set("bank", "alice", "5");
    let saved = api.ok("versions.save", json!({}));
    let after = api.ok("system.status", json!({}));
    assert_eq!((&after["version"], &after["app_hash"], &after["time"]), (&saved["version"], &saved["app_hash"], &saved["time"]));
    assert_eq!((&after["hash_function"], &after["home_engine"]), (&json!("sha256"), &json!("memory")));
    for thorough in [true, false] {
        let checked = api.ok("system.check", json!({ "thorough": thorough }));
        assert_eq!((&checked["stores"], &checked["versions"], &checked["nodes"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!(checked["index_entries"], u64::from(thorough));
    }
    let stats = api.ok("system.stats", json!({}));
    let leaves = stats["engines"][0]["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "nodes: leaf").unwrap();
    assert_eq!(leaves["count"], 1);
}

#[test]
fn components_are_listed_with_their_schemas() {
    let api = Api::new(&[]);
    let all = api.ok("system.components", json!({ "kind": "operation" }))["components"].as_array().unwrap().clone();
    let ids: Vec<&str> = api.system.registry().by_kind(ComponentKind::Operation).map(|component| component.id.as_str()).collect();
    assert_eq!(all.iter().map(|component| component["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    assert!(all.iter().all(|component| component["input"]["type"] == "object" && component["output"]["type"] == "object"), "{all:?}");
    let some = api.ok("system.components", json!({ "pattern": "store.*" }))["components"].as_array().unwrap().clone();
    let ids: Vec<&str> = some.iter().map(|component| component["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["store.diff", "store.get", "store.get_many", "store.history", "store.path", "store.scan"]);
    assert_eq!(api.err("system.components", json!({ "pattern": "store..x" }))["details"]["path"], "pattern");
}
