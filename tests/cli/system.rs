//! `system`: parts are listed, operations called, without a server.

use std::collections::BTreeSet;

use serde_json::json;
use treering::system::{ComponentKind, SystemConfig, SystemService};

use crate::run::{Forest, treering, treering_fed};

fn call(forest: &Forest, id: &str, input: &str, words: &[&str]) -> crate::run::Ran {
    let dir = forest.dir();
    treering([&["system", "call", id, input, dir.to_str().unwrap()][..], words].concat())
}

#[test]
fn parts_are_listed_with_what_they_do() {
    let system = SystemService::builder(SystemConfig::in_memory()).build().unwrap();
    let of_library = |kind| system.registry().by_kind(kind).map(|part| part.id.clone()).collect::<BTreeSet<_>>();
    let ids = |ran: &crate::run::Ran| ran.lines().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<BTreeSet<_>>();
    let list = |what: &str| treering(["system", what]).ok();
    let (operations, services) = (list("operations"), list("services"));
    assert_eq!(ids(&operations), of_library(ComponentKind::Operation));
    // The server brings its own beside those of the library.
    let added: BTreeSet<_> = ["http", "metrics"].map(str::to_owned).into_iter().collect();
    assert_eq!(ids(&services), &of_library(ComponentKind::Service) | &added);
    assert_eq!(ids(&list("components")), &ids(&operations) | &ids(&services));
    for line in operations.lines() {
        let (_, text) = line.split_once(" operation  ").unwrap();
        assert!(text.len() > 10 && text.contains('.'), "{line}");
    }
    assert!(services.lines().iter().all(|line| line.contains(" service ") && line.contains("(feature ")), "{}", services.out);

    let objects = treering(["system", "operations", "--json"]).ok().objects();
    assert_eq!(objects.len(), operations.lines().len());
    for operation in &objects {
        assert_eq!((&operation["kind"], &operation["input"]["type"]), (&json!("operation"), &json!("object")), "{operation}");
        assert!(operation["output"].is_object() || operation["output"].is_boolean(), "{operation}");
    }
    let get = objects.iter().find(|operation| operation["id"] == "store.get").unwrap();
    assert_eq!(get["input"]["required"], json!(["store", "key"]));
}

#[test]
fn an_operation_is_called_with_json_and_gives_json() {
    let forest = Forest::empty();
    let done = |id: &str, input: &str| call(&forest, id, input, &["--json"]).ok().object();
    assert_eq!(done("stores.create", r#"{"name":"bank"}"#)["name"], "bank");
    assert_eq!(done("versions.save", "{}")["version"], 1);
    let sets = r#"{"encoding":"utf8","operations":[{"op":"set","store":"bank","key":"alice","value":"64"}]}"#;
    assert_eq!(done("batch.apply", sets), json!({ "applied": 1 }));
    // What a call changed is in no version, and so was gone with its process.
    let get = r#"{"store":"bank","key":"alice","encoding":"utf8"}"#;
    assert_eq!(done("store.get", get)["found"], false);
    forest.apply("bank", &[crate::run::set("alice", "64"), crate::run::save()]).ok();
    let text = call(&forest, "store.get", get, &[]).ok().out;
    assert!(text.starts_with("{\n  ") && text.ends_with("\n}\n"), "{text}");
    let expected = json!({ "key": "alice", "found": true, "value": "64", "version": null, "set_at": 2 });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    let dir = forest.dir();
    let fed = treering_fed(["system", "call", "store.get", "-", dir.to_str().unwrap(), "--json"], get).ok();
    assert_eq!(fed.object(), expected);
    let left_out = crate::run::finish(crate::run::command().args(["system", "call", "stores.list"]).env("TREERING_DIR", &dir));
    assert!(left_out.ok().out.contains("\"bank\""));
}

#[test]
fn a_call_that_is_wrong_says_where_and_what_is_right() {
    let forest = Forest::chain();
    let refused = |id: &str, input: &str, reason: &str| {
        let ran = call(&forest, id, input, &["--json"]);
        assert_eq!((ran.err.as_str(), ran.out.as_str()), (format!("error: {reason}\n").as_str(), ""));
        ran.fails("");
    };
    refused("stores.lst", "{}", "there is no operation \"stores.lst\"; did you mean \"stores.list\"?");
    refused("frobnicate", "{}", "there is no operation \"frobnicate\"; system.components lists those there are");
    refused(
        "store.get",
        r#"{"store":"#,
        "the input of store.get is not JSON; `treering system operations --json` shows what operations take\n  because: EOF while parsing a value at line 1 column 9",
    );
    refused("store.get", r#"{"store":"bank","key":5}"#, "store.get: key: invalid type: integer `5`, expected a string");
    refused(
        "store.get",
        r#"{"store":"bank","kee":"61"}"#,
        "store.get: kee: unknown field `kee`, expected one of `store`, `key`, `version`, `encoding`",
    );
    refused("store.get", r#"{"store":"bank"}"#, "store.get: the input cannot be taken: missing field `key`");
    refused(
        "store.get",
        r#"{"store":"bank","key":"alic"}"#,
        "store.get: key: it is not hex (Invalid character 'l' at position 1); give two hex digits a byte, or set `encoding` to \"utf8\" or \"base64\"",
    );
    refused("store.get", r#"{"store":"bonk","key":"61"}"#, "there is no store \"bonk\"; there are: bank, gov");
    refused("versions.get", r#"{"version":9}"#, "there is no version 9 of all stores; the oldest one kept is 1, the newest 3");
    refused("versions.get", "5", "versions.get: the input cannot be taken: invalid type: integer `5`, expected struct VersionOrNewest");
}

#[test]
fn a_call_makes_no_database() {
    let forest = Forest::empty();
    let nowhere = forest.beside("treees");
    let ran = treering(["system", "call", "stores.list", "{}", nowhere.to_str().unwrap()]);
    ran.fails(&format!("there is no treering database in {}; make one with `treering init ", nowhere.display()));
    assert!(!nowhere.exists());
    treering(["system", "call", "stores.list"]).fails("no database was named: give its folder DIR, or set TREERING_DIR");
    assert_eq!(treering(["system", "call"]).code, Some(2));
}
