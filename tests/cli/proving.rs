use std::fs;

use crate::run::{Forest, Ran, save, set, treering, treering_fed};

/// `verify` of a file against a root.
fn verify(forest: &Forest, root: &str, file: &str, key: &str, more: &[&str]) -> Ran {
    let file = forest.beside(file);
    let words = ["verify", "--root", root, "--proof", file.to_str().unwrap(), "--key", key, "--utf8"];
    treering([&words[..], more].concat())
}

fn prove(forest: &Forest, key: &str, file: &str, more: &[&str]) -> Ran {
    let file = forest.beside(file);
    forest.run("prove", &[&[key, "--utf8", "--out", file.to_str().unwrap()][..], more].concat())
}

#[test]
fn a_proof_verifies_under_its_root_key_and_value_only() {
    let forest = Forest::planted();
    let (root, other) = (forest.root(3), forest.root(2));
    for format in ["json", "borsh", "ics23"] {
        prove(&forest, "oak", "oak.proof", &["--format", format]).ok();
        let verify =
            |root: &str, key: &str, more: &[&str]| verify(&forest, root, "oak.proof", key, &[more, &["--format", format]].concat());
        let valid = verify(&root, "oak", &["--value", "201 rings"]).ok();
        assert!(valid.out.starts_with("VALID: oak has the value 201 rings under the root "), "{}", valid.out);
        verify(&other, "oak", &["--value", "201 rings"]).fails("the proof does not hold");
        verify(&root, "oak", &["--value", "202 rings"]).fails("the key has the value 201 rings, not 202 rings");
        verify(&root, "ash", &["--value", "201 rings"]).fails("another key than the one asked for");
        verify(&root, "oak", &[]).fails("the key is present with the value 201 rings");
    }
}

#[test]
fn absence_is_proven_too() {
    let forest = Forest::planted();
    let root = forest.root(2);
    for (key, format) in [("elm", "json"), ("zelkova", "borsh"), ("maple", "ics23")] {
        // In ICS-23 form a neighbour with an empty value (ash) cannot be shown: maple lies between oak and ash.
        let made = prove(&forest, key, "absent.proof", &["--version", "2", "--format", format]);
        if format == "ics23" {
            made.fails("ICS-23 cannot prove a leaf with an empty value, also as a neighbour");
            continue;
        }
        made.ok();
        let absent = verify(&forest, &root, "absent.proof", key, &["--format", format]).ok();
        assert!(absent.out.starts_with(&format!("VALID: {key} is absent")), "{}", absent.out);
        verify(&forest, &root, "absent.proof", key, &["--format", format, "--value", "x"]).fails("the key is absent, so it does not have");
    }
    prove(&forest, "zelkova", "absent.proof", &["--version", "2", "--format", "ics23"]).ok();
    verify(&forest, &root, "absent.proof", "zelkova", &["--format", "ics23"]).ok();
}

#[test]
fn with_json_the_record_holds_the_proof_as_hex() {
    let forest = Forest::planted();
    let made = prove(&forest, "oak", "oak.proof", &["--format", "ics23", "--version", "1", "--json"]).ok().object();
    assert_eq!(made["kind"], "existence");
    assert_eq!(made["key"], "oak");
    assert_eq!(made["value"], "200 rings");
    assert_eq!(made["version"], 1);
    assert_eq!(made["root"], forest.root(1));
    assert_eq!(made["proof"], hex::encode(fs::read(forest.beside("oak.proof")).unwrap()));
    let absent = forest.run("prove", &["elm", "--utf8", "--json"]).ok().object();
    assert_eq!(absent["kind"], "absence");
    assert!(absent["value"].is_null());

    let checked = verify(&forest, &forest.root(1), "oak.proof", "oak", &["--value", "200 rings", "--format", "ics23", "--json"]);
    let checked = checked.ok().object();
    assert_eq!(checked["valid"], true);
    assert_eq!((&checked["index"], &checked["size"]), (&0.into(), &2.into()));
}

#[test]
fn a_printed_proof_can_be_piped_into_verify() {
    let forest = Forest::planted();
    let root = forest.root(3);
    for format in ["json", "borsh", "ics23"] {
        let proof = forest.run("prove", &["oak", "--utf8", "--format", format]).ok().out;
        let words = ["verify", "--root", &root, "--proof", "-", "--format", format, "--key", "oak", "--value", "201 rings", "--utf8"];
        treering_fed(words, &proof).ok();
    }
}

#[test]
fn a_proof_in_another_form_or_damaged_is_refused() {
    let forest = Forest::planted();
    let root = forest.root(3);
    prove(&forest, "oak", "oak.proof", &["--format", "borsh"]).ok();
    for format in ["json", "ics23"] {
        verify(&forest, &root, "oak.proof", "oak", &["--format", format]).fails(&format!("is not a proof in the form {format}"));
    }
    let proof = fs::read(forest.beside("oak.proof")).unwrap();
    fs::write(forest.beside("oak.proof"), &proof[..proof.len() - 1]).unwrap();
    verify(&forest, &root, "oak.proof", "oak", &["--format", "borsh"]).fails("is not a proof in the form borsh");
    fs::write(forest.beside("oak.proof"), b"").unwrap();
    verify(&forest, &root, "oak.proof", "oak", &["--format", "borsh"]).fails("there are no bytes");
    verify(&forest, &root, "no.proof", "oak", &[]).fails("no.proof cannot be read");
}

#[test]
fn ics23_cannot_prove_what_is_empty_and_the_own_forms_can() {
    let forest = Forest::planted();
    let root = forest.root(2);
    prove(&forest, "ash", "ash.proof", &["--version", "2", "--format", "ics23"]).fails("ICS-23 cannot prove a leaf with an empty value");
    prove(&forest, "ash", "ash.proof", &["--version", "2"]).ok();
    verify(&forest, &root, "ash.proof", "ash", &["--value", ""]).ok();
    verify(&forest, &root, "ash.proof", "ash", &[]).fails("the key is present");
    let file = forest.write("empty.jsonl", "{\"op\":\"set\",\"key\":\"\",\"value\":\"6f\"}\n{\"op\":\"save\"}\n");
    forest.run("apply", &[file.to_str().unwrap()]).ok();
    prove(&forest, "", "empty.proof", &["--format", "ics23"]).fails("ICS-23 cannot prove a leaf with an empty key");
    prove(&forest, "", "empty.proof", &["--format", "borsh"]).ok();
    verify(&forest, &forest.root(4), "empty.proof", "", &["--value", "o", "--format", "borsh"]).ok();
}

#[test]
fn trees_of_blake3_are_proven_in_the_own_forms() {
    let forest = Forest::made_with(&["--hash", "blake3"]);
    forest.apply("forest", &[set("oak", "1"), set("pine", "2"), save()]).ok();
    prove(&forest, "oak", "oak.proof", &["--format", "ics23"]).fails("ICS-23 proofs of these trees need sha256");
    prove(&forest, "oak", "oak.proof", &[]).ok();
    verify(&forest, &forest.root(1), "oak.proof", "oak", &["--value", "1", "--hash", "blake3"]).ok();
    verify(&forest, &forest.root(1), "oak.proof", "oak", &["--value", "1"]).fails("the proof does not hold");
    // The app hash is SHA-256 over the roots, whatever they are hashed with.
    forest.feed(&[crate::run::set_in("forest", "elm", "3"), save()]).ok();
    prove(&forest, "elm", "elm.proof", &["--app", "--format", "ics23"]).fails("ICS-23 proofs of these trees need sha256");
    prove(&forest, "elm", "elm.proof", &["--app"]).ok();
    let (file, hash) = (forest.beside("elm.proof"), forest.app_hash(2));
    let words =
        ["verify", "--app-hash", &hash, "--store", "forest", "--proof", file.to_str().unwrap(), "--key", "elm", "--utf8", "--value", "3"];
    treering([&words[..], &["--hash", "blake3"]].concat()).ok();
    treering(words).fails("the proof does not hold");
}
