use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::run::{Forest, command, save, set, treering};

#[test]
fn a_folder_without_a_database_is_named() {
    let forest = Forest::empty();
    let nowhere = forest.beside("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    for words in
        [&["root", nowhere][..], &["get", nowhere, "6f"], &["check", nowhere], &["stats", nowhere], &["rollback", nowhere, "--to", "1"]]
    {
        treering(words).fails("there is no treering database in");
    }
    forest.run("init", &[]).fails("has a treering database already");
}

#[test]
fn words_that_are_missing_or_wrong_are_named() {
    let forest = Forest::planted();
    treering(["get"]).fails("the KEY is missing");
    treering(["apply"]).fails("the FILE is missing");
    treering(["root"]).fails("give its folder DIR, or set TREERING_DIR");
    forest.run("get", &["oak"]).fails("KEY `oak` cannot be taken (keys and values are hex, or text with --utf8)");
    forest.run("get", &["6f6"]).fails("hex needs two digits a byte");
    forest.run("scan", &["--from", "6x"]).fails("--from `6x`");
    let root = forest.root(1);
    let verify = |root: &str, key: &str| treering(["verify", "--root", root, "--proof", "x", "--key", key]);
    verify("6f", "6f").fails("--root `6f` is not a root hash");
    verify(&root, "zz").fails("--key `zz`");
    verify(&root, "6f").fails("x cannot be read");
    forest.run("apply", &["nowhere.jsonl"]).fails("nowhere.jsonl cannot be read");
    forest.run("prove", &["6f616b", "--out", "/nowhere/x"]).fails("/nowhere/x cannot be written");
}

#[test]
fn stores_and_versions_that_do_not_exist_are_named_with_those_that_do() {
    let forest = Forest::empty();
    forest.run("root", &[]).fails("has no store yet");
    forest.apply("forest", &[set("oak", "1"), save()]).ok();
    forest.run("root", &["--store", "desert"]).fails("there are: forest");
    forest.run("root", &["--version", "7"]).fails("no version 7");
    forest.run("rollback", &["--to", "7"]).fails("no version 7");
    forest.run("get", &["6f", "--version", "0"]).fails("no version 0");
    forest.apply("meadow", &[save()]).ok();
    forest.run("root", &[]).fails("the database has several stores (forest, meadow): choose one with --store NAME");
    forest.apply("", &[save()]).fails("cannot be a store's name");
}

#[test]
fn keys_and_values_over_the_limits_stop_at_their_line() {
    let forest = Forest::empty();
    let long = "k".repeat((64 << 10) + 1);
    forest.apply("s", &[set(&long[1..], ""), save(), set(&long, ""), save()]).fails("standard input, line 3: the key has 65537 bytes");
    let long = "v".repeat((16 << 20) + 1);
    forest.apply("s", &[set("k", &long[1..]), save(), set("k", &long), save()]).fails("line 3: the value has 16777217 bytes");
    assert_eq!(forest.run("versions", &[]).ok().lines().len(), 2);
}

#[test]
fn a_second_process_is_told_that_the_database_is_open() {
    let forest = Forest::planted();
    let mut first = command().arg("apply").arg(forest.dir()).args(["-", "--json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = first.stdin.take().unwrap();
    writeln!(input, "{}", save()).unwrap();
    // When the version is printed the database is open there.
    let mut printed = String::new();
    BufReader::new(first.stdout.take().unwrap()).read_line(&mut printed).unwrap();
    assert!(printed.contains("\"version\":4"), "{printed}");

    forest.apply("forest", &[save()]).fails("is open elsewhere");
    for (name, words) in [
        ("prune", &["--keep", "1"][..]),
        ("rollback", &["--to", "1"]),
        ("create", &["meadow"]),
        ("delete", &["forest", "--yes"]),
        ("rename", &["forest", "meadow"]),
        ("import-csv", &["nowhere.csv"]),
    ] {
        let ran = forest.run(name, words);
        ran.fails(if name == "import-csv" { "nowhere.csv cannot be read" } else { "is open elsewhere; close it there" });
    }
    // Reading needs no lock.
    assert_eq!(forest.run("get", &["oak", "--utf8", "--version", "3"]).ok().out, "201 rings\n");

    drop(input);
    assert!(first.wait().unwrap().success());
    assert_eq!(forest.apply("forest", &[save()]).ok().object()["version"], 5);
}

/// Every file of the database in turn, shortened or with bytes changed, and then as it was.
fn with_each_file_damaged(forest: &Forest, mut look: impl FnMut(&str)) {
    let mut folders = vec![forest.dir()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let whole = fs::read(&path).unwrap();
            let mut flipped = whole.clone();
            flipped.iter_mut().skip(3).step_by(97).for_each(|byte| *byte ^= 0x55);
            for damaged in [whole.split_at(whole.len() / 2).0, &flipped] {
                fs::write(&path, damaged).unwrap();
                look(path.file_name().unwrap().to_str().unwrap());
            }
            fs::write(&path, &whole).unwrap();
        }
    }
}

#[test]
fn a_damaged_database_is_an_error_and_never_a_wrong_answer() {
    let forest = Forest::planted();
    let root = forest.root(3);
    let mut refused = 0;
    with_each_file_damaged(&forest, |file| {
        for (command, words) in [("check", &[][..]), ("root", &["--version", "3"]), ("scan", &["--utf8"])] {
            let ran = forest.run(command, words);
            assert!(matches!(ran.code, Some(0 | 1)), "{file}: {:?} {}", ran.code, ran.err);
            assert!(!ran.err.contains("panicked"), "{file}: {}", ran.err);
            match (ran.code, command) {
                (Some(1), _) => refused += 1,
                (_, "root") => assert_eq!(ran.out.trim(), root, "{file}"),
                (_, "scan") => assert_eq!(ran.out, "ash\t\noak\t201 rings\n", "{file}"),
                _ => {}
            }
        }
    });
    assert!(refused > 0, "no damage was noticed");
    forest.run("check", &[]).ok();
}

#[test]
fn what_is_no_database_is_not_taken_for_one() {
    let forest = Forest::empty();
    let file = forest.write("file", "");
    let file = file.to_str().unwrap();
    for words in [&["init", file][..], &["root", file], &["serve", file], &["system", "call", "stores.list", "{}", file]] {
        treering(words).fails(&format!("error: {file} is a file, and a database is a folder: name another\n"));
    }
    let folder = forest.beside("full");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("letter.txt"), "dear").unwrap();
    treering(["init", folder.to_str().unwrap()]).fails("is not empty and has no treering database");
    let folder = forest.beside("zero");
    treering(["init", folder.to_str().unwrap(), "--initial-version", "0"]).fails("initial version 0 is not possible");
    assert!(!folder.exists());
}
