use serde_json::json;

use crate::run::{Forest, delete, save, set, treering, treering_fed};

#[test]
fn each_save_prints_version_root_size_and_height() {
    let forest = Forest::empty();
    let ran = forest.apply("forest", &[set("oak", "1"), save(), set("pine", "2"), save(), delete("oak"), delete("pine"), save()]).ok();
    let printed = ran.objects();
    assert_eq!(printed.len(), 3);
    assert_eq!(printed[1]["version"], 2);
    assert_eq!(printed[1]["size"], 2);
    assert_eq!(printed[1]["height"], 1);
    let empty_root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(printed[2], json!({"version": 3, "root": empty_root, "size": 0, "height": 0}));
}

#[test]
fn without_json_the_same_is_a_line_for_people() {
    let forest = Forest::empty();
    let file = forest.write("operations.jsonl", "{\"op\":\"set\",\"key\":\"6f616b\",\"value\":\"\"}\n\n{\"op\":\"save\"}\n");
    let ran = forest.run("apply", &[file.to_str().unwrap(), "--store", "forest"]).ok();
    assert!(ran.out.starts_with("version 1  root ") && ran.out.ends_with(" 1 key, height 0\n"), "{}", ran.out);
    assert_eq!(ran.err, "");
    assert_eq!(forest.run("get", &["oak", "--utf8"]).ok().out, "\n");
}

#[test]
fn later_runs_go_on_where_the_last_one_ended() {
    let forest = Forest::planted();
    let ran = forest.apply("forest", &[set("elm", "new"), save()]).ok();
    assert_eq!(ran.object()["version"], 4);
    // The only store need not be named.
    let file = forest.write("more.jsonl", r#"{"op":"save"}"#);
    assert_eq!(forest.run("apply", &[file.to_str().unwrap(), "--json"]).ok().object()["version"], 5);
}

#[test]
fn a_bad_line_stops_and_what_was_not_saved_is_not_kept() {
    let forest = Forest::empty();
    let lines = "{\"op\":\"set\",\"key\":\"01\",\"value\":\"aa\"}\n{\"op\":\"save\"}\n{\"op\":\"set\",\"key\":\"02\",\"value\":\"bb\"}\n{\"op\":\"set\",\"key\":\"0\",\"value\":\"\"}\n{\"op\":\"save\"}\n";
    let file = forest.write("operations.jsonl", lines);
    let ran = forest.run("apply", &[file.to_str().unwrap(), "--store", "forest", "--json"]);
    assert_eq!(ran.object()["version"], 1);
    let ran = ran.fails("operations.jsonl, line 4: the key is wrong: hex needs two digits a byte");
    assert!(ran.err.contains("version 1 stays"), "{}", ran.err);
    assert_eq!(forest.run("versions", &[]).ok().lines().len(), 1);
    assert_eq!(forest.run("scan", &[]).ok().out, "01\taa\n");
    // A new attempt starts from the saved state.
    assert_eq!(forest.apply("forest", &[save()]).ok().object()["version"], 2);
    assert_eq!(forest.run("has", &["02"]).ok().out, "false\n");
}

#[test]
fn what_follows_the_last_save_is_not_kept_and_that_is_said() {
    let forest = Forest::empty();
    let ran = forest.apply("forest", &[set("oak", "1"), save(), set("elm", "2"), delete("oak")]).ok();
    assert!(ran.err.contains("2 operations after the last save, not kept"), "{}", ran.err);
    assert_eq!(forest.run("scan", &["--utf8"]).ok().out, "oak\t1\n");
}

#[test]
fn initial_version_and_hash_function_are_chosen_when_the_database_is_made() {
    let forest = Forest::made_with(&["--initial-version", "100", "--hash", "blake3"]);
    let ran = forest.apply("forest", &[save()]).ok();
    let empty_root = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    assert_eq!(ran.object(), json!({"version": 100, "root": empty_root, "size": 0, "height": 0}));
}

#[test]
fn rows_of_a_csv_file_become_keys() {
    let forest = Forest::empty();
    let file = forest.write("trees.csv", "name,id,rings\n\"oak, old\",0x0a,200\npine,0b,80\nash,0C,\n");
    let path = file.to_str().unwrap();
    let options = ["--store", "ids", "--key-column", "id", "--value-column", "3", "--hex-keys", "--batch", "2", "--json"];
    let ran = forest.run("import-csv", &[&[path][..], &options[..]].concat()).ok();
    assert_eq!(ran.objects().iter().map(|saved| saved["size"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(forest.run("scan", &[]).ok().out, "0a\t323030\n0b\t3830\n0c\t\n");

    let ran = forest.run("import-csv", &[path, "--store", "names", "--json"]).ok();
    assert_eq!(ran.object()["size"], 3);
    assert_eq!(forest.run("get", &["oak, old", "--utf8", "--store", "names"]).ok().out, "0x0a\n");
}

#[test]
fn a_bad_row_is_named_and_what_was_saved_before_stays() {
    let forest = Forest::empty();
    let file = forest.write("trees.csv", "key,value\n01,a\n02,b\n03\n04,d\n");
    let path = file.to_str().unwrap();
    let ran = forest.run("import-csv", &[path, "--store", "s", "--batch", "1"]);
    ran.fails("trees.csv, line 4: the row has 1 fields, the header has 2; what was saved up to version 2 stays");
    let file = forest.write("other.csv", "key,value\n01,a\nxy,b\n");
    let ran = forest.run("import-csv", &[file.to_str().unwrap(), "--store", "t", "--hex-keys"]);
    ran.fails("other.csv, line 3: the key is wrong: 'x' at character 1 is not a hex digit; nothing was saved");
    forest.run("import-csv", &[path, "--store", "u", "--key-column", "id"]).fails("has no column `id`; its columns are key, value");
    forest.run("import-csv", &[path, "--store", "u", "--key-column", "3"]).fails("has no column `3`");
    treering_fed(["import-csv", forest.dir().to_str().unwrap(), "-", "--store", "u"], "")
        .fails("standard input, line 1: it is empty; it must name the columns");
    // Where nothing was saved no store is left behind.
    forest.run("root", &["--store", "u"]).fails("there are: s");
}

#[test]
fn the_folder_may_come_from_the_environment() {
    let forest = Forest::planted();
    let run = |words: &[&str]| crate::run::finish(crate::run::command().env("TREERING_DIR", forest.dir()).args(words));
    assert_eq!(run(&["get", "oak", "--utf8"]).ok().out, "201 rings\n");
    assert_eq!(run(&["get", "--utf8", "oak", "--version", "1"]).ok().out, "200 rings\n");
    assert_eq!(run(&["root"]).ok().out, format!("{}\n", forest.root(3)));
    let file = forest.write("more.jsonl", r#"{"op":"save"}"#);
    assert_eq!(run(&["apply", file.to_str().unwrap(), "--json"]).ok().object()["version"], 4);
    // A folder that is named comes first.
    let other = Forest::empty();
    other.apply("forest", &[set("oak", "another"), save()]).ok();
    assert_eq!(run(&["get", other.dir().to_str().unwrap(), "oak", "--utf8"]).ok().out, "another\n");
    treering(["get", "oak"]).fails("give its folder DIR, or set TREERING_DIR");
}

#[test]
fn standard_input_is_a_file_too() {
    let forest = Forest::empty();
    let dir = forest.dir();
    let words = ["import-csv", dir.to_str().unwrap(), "-", "--store", "s"];
    treering_fed(words, "key,value\noak,1\n").ok();
    assert_eq!(forest.run("scan", &["--utf8"]).ok().out, "oak\t1\n");
}
