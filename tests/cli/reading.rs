use std::process::Stdio;

use serde_json::json;

use crate::run::{Forest, command, save, set};

#[test]
fn get_prints_the_value_of_any_version() {
    let forest = Forest::planted();
    assert_eq!(forest.run("get", &["oak", "--utf8"]).ok().out, "201 rings\n");
    assert_eq!(forest.run("get", &["6f616b", "--version", "1"]).ok().out, "3230302072696e6773\n");
    let found = forest.run("get", &["ash", "--utf8", "--store", "forest", "--json"]).ok().object();
    assert_eq!(found, json!({"key": "ash", "value": "", "version": 3}));
}

#[test]
fn get_of_an_absent_key_fails_and_has_answers() {
    let forest = Forest::planted();
    let ran = forest.run("get", &["pine", "--utf8"]).fails("store `forest` has no key pine in version 3");
    assert_eq!(ran.out, "");
    assert_eq!(forest.run("has", &["pine", "--utf8"]).ok().out, "false\n");
    assert_eq!(forest.run("has", &["pine", "--utf8", "--version", "2"]).ok().out, "true\n");
    let answer = forest.run("has", &["oak", "--utf8", "--json"]).ok().object();
    assert_eq!(answer, json!({"key": "oak", "has": true, "version": 3}));
}

#[test]
fn scan_goes_through_a_range_in_both_directions() {
    let forest = Forest::empty();
    let mut lines: Vec<_> = ["a", "oak/1", "oak/2", "oak/3", "oal", "z"].iter().map(|key| set(key, "v")).collect();
    lines.push(save());
    forest.apply("forest", &lines).ok();
    let keys = |options: &[&str]| {
        let ran = forest.run("scan", &[options, &["--utf8"]].concat()).ok();
        ran.lines().iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[]), ["a", "oak/1", "oak/2", "oak/3", "oal", "z"]);
    assert_eq!(keys(&["--prefix", "oak/"]), ["oak/1", "oak/2", "oak/3"]);
    assert_eq!(keys(&["--prefix", "oak/", "--reverse", "--limit", "2"]), ["oak/3", "oak/2"]);
    assert_eq!(keys(&["--from", "oak/2", "--to", "z"]), ["oak/2", "oak/3", "oal"]);
    assert_eq!(keys(&["--prefix", "oak/", "--from", "oak/2"]), ["oak/2", "oak/3"]);
    assert_eq!(keys(&["--from", "z", "--to", "a"]), [""; 0]);
    assert_eq!(keys(&["--limit", "0"]), [""; 0]);
    assert_eq!(forest.run("scan", &["--to", "61", "--json"]).ok().out, "");
    assert_eq!(forest.run("scan", &["--to", "62", "--json"]).ok().objects(), [json!({"key": "61", "value": "76"})]);
}

#[test]
fn versions_and_root_tell_what_was_saved() {
    let forest = Forest::planted();
    let versions = forest.run("versions", &["--json"]).ok().objects();
    assert_eq!(versions.iter().map(|v| v["version"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(versions[0]["time"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(forest.run("versions", &["--version", "2", "--json"]).ok().object(), versions[1]);
    let root = forest.run("root", &["--version", "2", "--json"]).ok().object();
    assert_eq!(root["root"], versions[1]["root"]);
    assert_eq!(root["size"], 3);
    assert_eq!(forest.root(2), versions[1]["root"]);
    let text = forest.run("versions", &[]).ok();
    assert!(text.lines()[0].starts_with("version 1  root ") && text.lines()[0].ends_with(" UTC"), "{}", text.out);
}

#[test]
fn a_value_that_is_no_text_is_not_shown_as_text() {
    let forest = Forest::empty();
    let file = forest.write("operations.jsonl", "{\"op\":\"set\",\"key\":\"6f\",\"value\":\"ff\"}\n{\"op\":\"save\"}\n");
    forest.run("apply", &[file.to_str().unwrap(), "--store", "s"]).ok();
    forest.run("get", &["o", "--utf8"]).fails("the value `ff` cannot be taken");
    assert_eq!(forest.run("get", &["6f"]).ok().out, "ff\n");
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let forest = Forest::empty();
    let mut lines: Vec<_> = (0..5_000).map(|i| set(&format!("key {i}"), &"v".repeat(100))).collect();
    lines.push(save());
    forest.apply("s", &lines).ok();
    let mut child = command().arg("scan").arg(forest.dir()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
