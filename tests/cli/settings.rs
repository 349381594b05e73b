use std::fs;

use serde_json::json;

use crate::run::{Forest, save, set, treering};

#[test]
fn engines_are_listed_with_what_they_can_do() {
    let engines = treering(["engines", "--json"]).ok().objects();
    let find = |name: &str| engines.iter().find(|engine| engine["engine"] == name).unwrap();
    let common = json!({"transactions": true, "versioning": true, "range_queries": true});
    for engine in &engines {
        for (field, value) in common.as_object().unwrap() {
            assert_eq!(engine[field], *value, "{engine}");
        }
    }
    assert_eq!((&find("memory")["persistence"], &find("memory")["read_beside_writer"]), (&json!(false), &json!(false)));
    assert_eq!((&find("rocksdb")["persistence"], &find("rocksdb")["read_beside_writer"]), (&json!(true), &json!(true)));
    assert_eq!(treering(["engines"]).ok().lines().len(), engines.len());
}

#[test]
fn every_setting_is_described() {
    let keys = treering(["config", "--json"]).ok().objects();
    let cache = keys.iter().find(|key| key["key"] == "cache_size").unwrap();
    assert_eq!(
        (&cache["engine"], &cache["type"], &cache["default"], &cache["scope"]),
        (&json!(null), &json!("bytes"), &json!("1 GiB"), &json!("database"))
    );
    for key in &keys {
        for field in ["key", "type", "default", "allowed", "meaning", "scope"] {
            assert!(!key[field].as_str().unwrap().is_empty(), "{key}");
        }
    }
    let of_rocksdb = treering(["config", "--engine", "rocksdb", "--json"]).ok().objects();
    assert!(of_rocksdb.iter().all(|key| key["engine"].is_null() || key["engine"] == "rocksdb"));
    assert!(of_rocksdb.iter().any(|key| key["key"] == "bloom_bits") && of_rocksdb.iter().any(|key| key["key"] == "cache_size"));
    let text = treering(["config"]).ok().out;
    assert!(keys.iter().all(|key| text.contains(&format!("\n  {}  (", key["key"].as_str().unwrap()))), "{text}");
    treering(["config", "--engine", "papyrus"]).fails("there is no engine \"papyrus\"");
}

#[test]
fn the_example_files_can_be_used_as_they_are() {
    for form in ["toml", "json"] {
        let forest = Forest::empty();
        let file = forest.write(&format!("example.{form}"), &treering(["config", "--example", form]).ok().out);
        let run = |words: &[&str]| {
            let file = ["--config", file.to_str().unwrap()];
            crate::run::finish(crate::run::command().current_dir(forest.beside("")).args(words).args(file))
        };
        // Its rootPath is the folder that the database is in.
        run(&["create", "bank"]).ok();
        assert_eq!(run(&["stores", "--json"]).ok().object()["name"], "bank");
        run(&["stores", "trees"]).ok();
        run(&["stores", "elsewhere"]).fails("has the rootPath trees, and DIR is elsewhere: leave DIR out, or change the file");
        run(&["init"]).fails("has a treering database already");
    }
}

#[test]
fn settings_come_from_a_file() {
    let forest = Forest::empty();
    let dir = forest.dir();
    let config = |more: &str| forest.write("settings.toml", &format!("rootPath = {:?}\n{more}", dir.to_str().unwrap()));
    let run =
        |file: &std::path::Path, name: &str, words: &[&str]| treering([&[name, "--config", file.to_str().unwrap()][..], words].concat());
    let file = config("defaultEngine = \"memory\"\n[engineConfigs.rocksdb]\nmax_versions = 7\ncache_size = \"16 MiB\"");
    assert_eq!(run(&file, "create", &["pool", "--json"]).ok().object()["engine"], "memory");
    run(&file, "create", &["bank", "--engine", "rocksdb"]).ok();
    assert_eq!(run(&file, "stores", &["--json"]).ok().objects()[0]["keeps"], json!({"max_versions": 7}));
    assert_eq!(forest.run("stores", &["--json"]).ok().objects()[0]["keeps"], json!({}));
    let file = config("[engineConfigs.rocksdb]\nread_only = true");
    run(&file, "create", &["tax"]).fails("the database was opened read-only");

    for (more, reason) in [
        ("colour = 1", "colour: there is no such key"),
        ("[engineConfigs.rocksdb]\ncache_sise = 1", "cache_sise: there is no such key (did you mean \"cache_size\"?)"),
        ("[engineConfigs.rocksdb]\ncache_size = 5", "allowed are bytes"),
        ("[engineConfigs.papyrus]", "there is no engine \"papyrus\""),
        ("defaultEngine = \"papyrus\"", "defaultEngine: there is no engine \"papyrus\""),
        ("defaultEngine = ", "line 2, column 17: this is not TOML"),
    ] {
        run(&config(more), "stores", &[]).fails(reason);
    }
    run(&forest.write("settings.yaml", ""), "stores", &[]).fails("must end with .json or .toml");
    run(&forest.write("empty.json", "{}"), "stores", &[]).fails("rootPath: found nothing; needed is the folder of all stores");
    run(&forest.beside("nowhere.toml"), "stores", &[]).fails("nowhere.toml");
}

#[test]
fn a_database_is_made_with_the_engine_of_the_file_or_of_the_option() {
    let forest = Forest::empty();
    let other = forest.beside("other");
    let file = forest.write("settings.json", &json!({"rootPath": other, "defaultEngine": "rocksdb"}).to_string());
    let made = treering(["init", "--config", file.to_str().unwrap(), "--json"]).ok().object();
    assert_eq!(made, json!({"database": other, "engine": "rocksdb", "hash": "sha256", "initial_version": 1}));
    let third = forest.beside("third");
    let third = third.to_str().unwrap();
    treering(["init", third, "--engine", "papyrus"]).fails("there is no engine \"papyrus\"");
    treering(["init", third, "--engine", "memory"]).fails("the engine memory keeps nothing on the disk");
    assert!(!std::path::Path::new(third).exists());
    treering(["init", third, "--engine", "rocksdb"]).ok();
}

/// Engines beside the home, those that were compiled in.
fn engines_on_disk() -> Vec<String> {
    let engines = treering(["engines", "--json"]).ok().objects();
    let field = |engine: &serde_json::Value, name: &str| engine.get(name).unwrap().clone();
    let on_disk = engines.iter().filter(|engine| field(engine, "persistence") == true);
    on_disk.map(|engine| field(engine, "engine").as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_command_works_with_stores_on_every_engine() {
    let mut app_hashes = Vec::new();
    for home in engines_on_disk() {
        let forest = Forest::made_with(&["--engine", &home]);
        assert_eq!(forest.run("create", &["bank", "--json"]).ok().object()["engine"], home.as_str());
        let mut lines = vec![crate::run::set_in("bank", "alice", "100")];
        for engine in engines_on_disk() {
            let name = format!("on {engine}");
            forest.run("create", &[&name, "--engine", &engine]).ok();
            lines.extend([crate::run::set_in(&name, "oak", "200 rings"), crate::run::set_in(&name, "pine", "80 rings")]);
        }
        lines.push(save());
        lines.extend(engines_on_disk().iter().map(|engine| crate::run::delete_in(&format!("on {engine}"), "pine")));
        lines.push(save());
        app_hashes.push(forest.feed(&lines).ok().objects()[1]["app_hash"].clone());
        for engine in engines_on_disk() {
            let name = format!("on {engine}");
            let run = |command: &str, words: &[&str]| forest.run(command, &[words, &["--store", &name]].concat()).ok();
            assert_eq!(run("get", &["oak", "--utf8"]).out, "200 rings\n");
            assert_eq!(run("has", &["pine", "--utf8"]).out, "false\n");
            assert_eq!(run("scan", &["--utf8", "--version", "1"]).lines().len(), 2);
            assert_eq!(run("versions", &["--json"]).objects().len(), 2);
            assert!(run("tree", &["--version", "1"]).out.contains("pine"));
            run("prove", &["oak", "--utf8"]);
            run("prove", &["oak", "--utf8", "--app"]);
            assert_eq!(run("events", &["--json"]).objects().len(), 2);
            forest.apply(&name, &[set("elm", "1"), save()]).ok();
            assert_eq!(run("root", &["--json"]).object()["version"], 3);
        }
        assert!(forest.run("check", &[]).ok().out.starts_with(&format!("all is well: {} stores", 1 + engines_on_disk().len())));
        forest.run("stats", &[]).ok();
        forest.run("rollback", &["--to", "1"]).ok();
        assert_eq!(
            forest.run("stores", &["--json"]).ok().objects().iter().filter(|store| store["version"] == 1).count(),
            1 + engines_on_disk().len()
        );
        forest.run("check", &[]).ok();
    }
    app_hashes.dedup();
    assert_eq!(app_hashes.len(), 1, "the app hash does not depend on the engines");
}

#[test]
fn a_folder_of_a_newer_format_is_refused() {
    let forest = Forest::planted();
    fs::write(forest.dir().join("treering.json"), r#"{"format":2,"home":"rocksdb"}"#).unwrap();
    for command in ["stores", "root", "check", "app-hash", "events"] {
        forest.run(command, &[]).fails("has format 2, this program knows formats up to 1; use a newer treering");
    }
    forest.run("create", &["bank"]).fails("use a newer treering");
    fs::write(forest.dir().join("treering.json"), r#"{"format":1,"home":"papyrus"}"#).unwrap();
    forest.run("stores", &[]).fails("there is no engine \"papyrus\"");
    fs::write(forest.dir().join("treering.json"), "{").unwrap();
    forest.run("stores", &[]).fails("the database is damaged");
}
