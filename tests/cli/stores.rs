use serde_json::json;

use crate::run::{Forest, save, set, set_in, treering};

const EMPTY_ROOT: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn stores_are_made_listed_renamed_and_deleted() {
    let forest = Forest::empty();
    assert_eq!(forest.run("stores", &[]).ok().out, "no stores yet: `treering create DIR NAME` makes one\n");
    assert_eq!(forest.run("stores", &["--json"]).ok().out, "");
    let made = forest.run("create", &["bank", "--json"]).ok().object();
    assert_eq!(made, json!({"store": "bank", "engine": "rocksdb"}));
    let made = forest.run("create", &["pool", "--engine", "memory", "--set", "max_versions=5", "--set", "version_ttl=2 days"]).ok();
    assert_eq!(made.out, "made the empty store pool on memory\n");
    assert!(made.err.contains("memory keeps nothing on the disk"), "{}", made.err);

    let listed = forest.run("stores", &["--json"]).ok().objects();
    let line = |name, engine, keeps| json!({"name": name, "engine": engine, "version": null, "root": null, "size": 0, "height": 0, "versions": 0, "keeps": keeps});
    assert_eq!(listed, [line("bank", "rocksdb", json!({})), line("pool", "memory", json!({"max_versions": 5, "version_ttl": 172_800}))]);
    let table = forest.run("stores", &[]).ok();
    assert_eq!(table.lines()[0].split_whitespace().collect::<Vec<_>>(), ["NAME", "ENGINE", "VERSION", "KEYS", "KEEPS", "ROOT"]);
    assert!(table.lines()[2].contains("none yet") && table.lines()[2].contains("newest 5 and those of 2 days"), "{}", table.out);

    let renamed = forest.run("rename", &["bank", "vault", "--json"]).ok().object();
    assert_eq!(renamed, json!({"from": "bank", "to": "vault"}));
    forest.run("delete", &["bank"]).fails("there is no store \"bank\"; there are: pool, vault");
    // A store without versions goes at once.
    assert_eq!(forest.run("delete", &["vault", "--json"]).ok().object(), json!({"store": "vault", "versions": 0}));
    assert_eq!(forest.run("stores", &[]).ok().lines().len(), 2);
}

#[test]
fn a_store_with_versions_is_deleted_only_with_yes() {
    let forest = Forest::chain();
    forest.run("delete", &["bank"]).fails("store \"bank\" has 3 versions (the newest is 3, with 1 key), which would be gone for good");
    assert_eq!(forest.run("stores", &[]).ok().lines().len(), 3);
    let deleted = forest.run("delete", &["bank", "--yes"]).ok();
    assert_eq!(deleted.out, "deleted the store bank with 3 versions\n");
    // What was saved with it keeps its app hash, but cannot be gone back to.
    assert_eq!(forest.run("versions", &["--json"]).ok().objects().len(), 3);
    forest.run("rollback", &["--to", "1"]).fails("version 1 of all stores has the store \"bank\", which was deleted since");
    // A proof of another store needs only the roots.
    forest.run("prove", &["alice", "--utf8", "--store", "gov", "--app", "--version", "1"]).ok();
    forest.run("check", &[]).ok();
    // One of the same name starts anew.
    forest.run("create", &["bank"]).ok();
    let saved = forest.feed(&[set_in("gov", "bob", "votes"), save()]).ok().object();
    assert_eq!((&saved["version"], &saved["stores"]["bank"]["root"]), (&json!(4), &json!(EMPTY_ROOT)));
}

#[test]
fn names_that_cannot_be_are_refused() {
    let forest = Forest::empty();
    let long = "n".repeat(129);
    for (name, why) in [
        ("", "it is empty"),
        (long.as_str(), "it is longer than 128 bytes"),
        ("a/b", "it has a path separator"),
        ("a\\b", "it has a path separator"),
        ("..", "names a folder"),
        ("a\nb", "a control character"),
    ] {
        forest.run("create", &[name]).fails(why);
        forest.run("create", &["there"]).ok();
        forest.run("rename", &["there", name]).fails(why);
        forest.run("delete", &["there"]).ok();
    }
    forest.run("create", &[&long[1..]]).ok();
    forest.run("create", &["Zürich 1"]).ok();
    assert_eq!(forest.run("stores", &["--json"]).ok().objects()[0]["name"], "Zürich 1");
}

#[test]
fn what_is_there_already_or_does_not_exist_is_named() {
    let forest = Forest::empty();
    forest.run("create", &["bank"]).ok();
    forest.run("create", &["gov"]).ok();
    forest.run("create", &["bank"]).fails("store \"bank\" is there already");
    forest.run("rename", &["gov", "bank"]).fails("store \"bank\" is there already");
    forest.run("rename", &["tax", "vat"]).fails("there is no store \"tax\"; there are: bank, gov");
    forest.run("create", &["tax", "--engine", "papyrus"]).fails("there is no engine \"papyrus\"");
    forest.run("create", &["tax", "--engine", "rocksbd"]).fails("(did you mean \"rocksdb\"?); there are ");
    forest.run("create", &["tax", "--set", "max_version=5"]).fails("there is no such key (did you mean \"max_versions\"?)");
    forest.run("create", &["tax", "--set", "max_versions=many"]).fails("found the text \"many\"; allowed are numbers from 1");
    forest.run("create", &["tax", "--set", "max_versions=0"]).fails("found the number 0; allowed are numbers from 1");
    forest
        .run("create", &["tax", "--set", "cache_size=1 GiB"])
        .fails("it holds for the whole database, as engineConfigs.rocksdb.cache_size");
    forest.run("create", &["tax", "--set", "keep_every=2", "--set", "keep_every=3"]).fails("--set keep_every is there twice");
    let usage = forest.run("create", &["tax", "--set", "keep_every"]);
    assert_eq!(usage.code, Some(2));
    assert!(usage.err.contains("it must be KEY=VALUE, such as max_versions=100"), "{}", usage.err);
    assert_eq!(forest.run("stores", &["--json"]).ok().objects().len(), 2);
    treering(["create"]).fails("the NAME is missing");
    treering(["rename", "bank"]).fails("the TO is missing");
    treering(["rename"]).fails("the FROM is missing");
    treering(["create", "bank"]).fails("give its folder DIR, or set TREERING_DIR");
}

#[test]
fn the_folder_of_stores_may_come_from_the_environment() {
    let forest = Forest::empty();
    let run = |words: &[&str]| crate::run::finish(crate::run::command().env("TREERING_DIR", forest.dir()).args(words)).ok();
    run(&["create", "bank"]);
    run(&["rename", "bank", "vault"]);
    assert_eq!(run(&["stores", "--json"]).object()["name"], "vault");
    run(&["delete", "vault"]);
}

#[test]
fn old_versions_go_by_themselves_where_a_store_says_so() {
    let forest = Forest::empty();
    forest.run("create", &["log", "--set", "max_versions=2"]).ok();
    for count in 1..=4 {
        forest.apply("log", &[set("key", &count.to_string()), save()]).ok();
    }
    let left = forest.run("versions", &["--store", "log", "--json"]).ok().objects();
    assert_eq!(left.iter().map(|saved| saved["version"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4]);
    // Of all stores together too; the others keep theirs.
    forest.run("create", &["bank"]).ok();
    let lines = (0..3).flat_map(|count| [set_in("bank", "key", &count.to_string()), save()]);
    forest.feed(&lines.collect::<Vec<_>>()).ok();
    let count = |words: &[&str]| forest.run("versions", words).ok().out.matches("version ").count();
    assert_eq!((count(&[]), count(&["--store", "log"]), count(&["--store", "bank"])), (2, 2, 3));
    forest.run("check", &[]).ok();
}
