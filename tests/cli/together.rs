//! Versions of all stores together.

use serde_json::{Value, json};

use crate::run::{Forest, delete_in, save, set, set_in, treering, treering_fed};

fn golden() -> Value {
    serde_json::from_str(include_str!("../vectors/multistore.json")).unwrap()
}

#[test]
fn app_hashes_are_those_of_the_cosmos_sdk() {
    let golden = golden();
    let forest = Forest::empty();
    for store in golden["stores"].as_array().unwrap() {
        forest.run("create", &[store.as_str().unwrap()]).ok();
    }
    let mut lines = Vec::new();
    for version in golden["versions"].as_array().unwrap() {
        for group in version["ops"].as_array().unwrap() {
            for operation in group["ops"].as_array().unwrap() {
                lines.push(match operation[0].as_str().unwrap() {
                    "set" => json!({"op": "set", "store": group["name"], "key": operation[1], "value": operation[2]}).to_string(),
                    _ => json!({"op": "delete", "store": group["name"], "key": operation[1]}).to_string(),
                });
            }
        }
        lines.push(save());
    }
    let dir = forest.dir();
    let saved = treering_fed(["apply", dir.to_str().unwrap(), "-", "--json"], &lines.join("\n")).ok().objects();
    let hashes = |objects: &[Value]| objects.iter().map(|saved| saved["app_hash"].clone()).collect::<Vec<_>>();
    let expected = hashes(golden["versions"].as_array().unwrap());
    assert_eq!(hashes(&saved), expected);
    assert_eq!(hashes(&forest.run("versions", &["--json"]).ok().objects()), expected);
    assert_eq!(forest.app_hash(3), expected[2].as_str().unwrap());
    forest.run("check", &[]).ok();

    // The two steps of a proof are byte for byte those of the SDK.
    for proof in golden["proofs"].as_array().unwrap() {
        let (store, key, version) = (proof["store"].as_str().unwrap(), proof["key"].as_str().unwrap(), proof["version"].to_string());
        let made = forest.run("prove", &[key, "--store", store, "--app", "--version", &version, "--format", "ics23", "--json"]).ok();
        let steps = ["iavl_proof", "store_proof"].map(|step| hex::decode(proof[step].as_str().unwrap()).unwrap());
        assert_eq!(made.object()["proof"], hex::encode(merkle_proof(&steps)));
        assert_eq!(made.object()["app_hash"], proof["app_hash"]);
    }
}

/// `ibc.core.commitment.v1.MerkleProof`, written down a second time.
fn merkle_proof(steps: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for step in steps {
        bytes.push(0x0a);
        let mut len = step.len();
        while len >= 0x80 {
            bytes.push(u8::try_from(len & 0x7f).unwrap() | 0x80);
            len >>= 7;
        }
        bytes.push(u8::try_from(len).unwrap());
        bytes.extend_from_slice(step);
    }
    bytes
}

#[test]
fn a_save_is_a_version_of_all_stores_changed_or_not() {
    let forest = Forest::empty();
    forest.run("create", &["bank"]).ok();
    forest.run("create", &["gov"]).ok();
    // Also one before any other line.
    let saved = forest.feed(&[save(), set_in("bank", "alice", "1"), save()]).ok().objects();
    assert_eq!(saved.len(), 2);
    let root = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let empty = |version: u64| json!({"version": version, "root": root, "size": 0, "height": 0});
    assert_eq!(saved[0]["stores"], json!({"bank": empty(1), "gov": empty(1)}));
    assert_eq!((&saved[1]["version"], &saved[1]["stores"]["gov"]), (&json!(2), &empty(2)));
    assert_eq!(saved[1]["stores"]["bank"]["size"], 1);
    assert_eq!(saved[1].as_object().unwrap().keys().collect::<Vec<_>>(), ["app_hash", "stores", "version"]);
    assert_eq!(saved[1]["app_hash"], forest.app_hash(2));

    let whole = forest.run("app-hash", &["--json"]).ok().object();
    assert_eq!(whole, saved[1]);
    let text = forest.run("versions", &["--version", "2"]).ok();
    assert!(text.lines()[0].starts_with("version 2  app hash ") && text.lines()[0].ends_with(" UTC"), "{}", text.out);
    assert!(text.lines()[1].starts_with("  bank  root ") && text.lines()[1].ends_with(" 1 key, height 0"), "{}", text.out);
    // Each store has the same version.
    assert_eq!(forest.run("root", &["--store", "gov", "--json"]).ok().object()["version"], 2);
    assert_eq!(forest.run("get", &["alice", "--utf8", "--store", "bank"]).ok().out, "1\n");
}

#[test]
fn one_store_is_saved_alone_unless_its_lines_name_it() {
    let forest = Forest::empty();
    forest.run("create", &["bank"]).ok();
    let alone = forest.feed(&[set("a", "1"), save()]).ok().object();
    assert_eq!(alone.as_object().unwrap().keys().collect::<Vec<_>>(), ["height", "root", "size", "version"]);
    forest.run("app-hash", &[]).fails("has no version of all stores yet");
    let together = forest.feed(&[set_in("bank", "b", "1"), save()]).ok().object();
    assert_eq!((&together["version"], &together["stores"]["bank"]["size"]), (&json!(2), &json!(2)));
    assert_eq!(together["app_hash"], forest.app_hash(2));
    // From the next time on it has another number than the whole.
    forest.apply("bank", &[set("c", "1"), save(), set("d", "1"), save()]).ok();
    let own = forest.feed(&[set_in("bank", "e", "1"), save()]).ok().object();
    assert_eq!((&own["version"], &own["stores"]["bank"]["version"]), (&json!(3), &json!(5)));
    assert!(forest.run("versions", &["--version", "3"]).ok().out.ends_with(" 5 keys, height 3, its own version 5\n"));
    // A line may name the store that --store names.
    assert_eq!(forest.apply("bank", &[set_in("bank", "c", "1"), set("d", "2"), save()]).ok().object()["size"], 5);
}

#[test]
fn what_is_unclear_is_refused_with_its_line() {
    let forest = Forest::chain();
    let refused = |lines: &[String], reason: &str| {
        let ran = forest.feed(lines).fails(reason);
        assert!(ran.out.is_empty() && ran.err.contains("nothing was saved"), "{}{}", ran.out, ran.err);
    };
    refused(&[set("a", "1"), save()], "line 1: it names no store, and the database has several (bank, gov): name one in every line");
    refused(&[set_in("bank", "a", "1"), set("a", "1"), save()], "line 2: it names no store, and lines before name theirs");
    refused(
        &[set_in("bank", "a", "1"), set_in("tax", "a", "1"), save()],
        "line 2: there is no store \"tax\"; there are: bank, gov; `treering create ",
    );
    refused(&[delete_in("tax", "a"), save()], " tax` makes one");
    refused(&[r#"{"op":"save","store":"bank"}"#.to_owned()], "line 1: a save is about all stores");
    forest.apply("bank", &[set_in("gov", "a", "1"), save()]).fails("line 1: it names store \"gov\", but --store says \"bank\"");
    let saved = forest.feed(&[set_in("bank", "a", "1"), save(), set("b", "1"), save()]);
    assert_eq!(saved.objects().len(), 1);
    saved.fails("line 3: it names no store, and lines before name theirs: name the store in every line, or in none; what was saved up to version 4 stays");

    let one = Forest::planted();
    one.feed(&[set("a", "1"), set_in("forest", "a", "1"), save()])
        .fails("line 2: it names store \"forest\", and the lines before name none");
    Forest::empty().feed(&[set_in("bank", "a", "1"), save()]).fails("has no store yet: `treering create ");
    // Nothing of the refused lines was kept.
    assert_eq!(one.run("versions", &[]).ok().lines().len(), 3);
    one.run("get", &["a", "--utf8"]).fails("has no key a");
}

#[test]
fn what_follows_the_last_save_is_not_kept_in_any_store() {
    let forest = Forest::chain();
    let ran = forest.feed(&[set_in("bank", "x", "1"), set_in("gov", "x", "1")]).ok();
    assert!(ran.out.is_empty() && ran.err.contains("2 operations after the last save, not kept"), "{}", ran.err);
    assert_eq!(forest.run("has", &["x", "--utf8", "--store", "gov"]).ok().out, "false\n");
}

#[test]
fn all_stores_go_back_and_are_pruned_together() {
    let forest = Forest::chain();
    let hash = forest.app_hash(2);
    forest.run("rollback", &["--to", "2", "--store", "bank"]).fails("roll back all stores together");
    let back = forest.run("rollback", &["--to", "2", "--json"]).ok().object();
    assert_eq!((&back["version"], &back["app_hash"], &back["removed"]), (&json!(2), &json!(hash), &json!(1)));
    assert_eq!(forest.run("scan", &["--utf8", "--store", "bank"]).ok().out, "alice\t100\nbob\t5\n");
    assert_eq!(forest.feed(&[delete_in("bank", "alice"), save()]).ok().object()["version"], 3);

    let pruned = forest.run("prune", &["--keep", "2", "--json"]).ok().object();
    assert_eq!((&pruned["versions"], &pruned["deferred"]), (&json!(1), &json!([])));
    forest.run("app-hash", &["--version", "1"]).fails("there is no version 1 of all stores; the oldest one kept is 2, the newest 3");
    forest.run("rollback", &["--to", "1"]).fails("there is no version 1 of all stores");
    assert_eq!(forest.run("versions", &["--store", "bank", "--json"]).ok().objects().len(), 2);
    assert_eq!(forest.app_hash(2), hash);
    forest.run("check", &[]).ok();
}

#[test]
fn a_proof_in_two_steps_verifies_under_its_app_hash_store_key_and_value_only() {
    let forest = Forest::chain();
    let (hash, other) = (forest.app_hash(2), forest.app_hash(3));
    let file = forest.beside("alice.proof");
    let file = file.to_str().unwrap();
    for format in ["json", "borsh", "ics23"] {
        let made = forest
            .run("prove", &["alice", "--utf8", "--store", "bank", "--app", "--version", "2", "--format", format, "--out", file, "--json"])
            .ok()
            .object();
        assert_eq!((&made["version"], &made["store"], &made["app_hash"]), (&json!(2), &json!("bank"), &json!(hash)));
        assert_eq!(made["root"].as_str().unwrap(), forest.run("root", &["--store", "bank", "--version", "2"]).ok().out.trim());
        let verify = |hash: &str, store: &str, key: &str, more: &[&str]| {
            let words = ["verify", "--app-hash", hash, "--store", store, "--proof", file, "--key", key, "--utf8", "--format", format];
            treering([&words[..], more].concat())
        };
        let valid = verify(&hash, "bank", "alice", &["--value", "100"]).ok();
        assert!(valid.out.starts_with("VALID: alice has the value 100 in store bank under the app hash "), "{}", valid.out);
        verify(&other, "bank", "alice", &["--value", "100"]).fails("REFUSED: the proof does not hold");
        verify(&hash, "gov", "alice", &["--value", "100"]).fails("another store than the one asked for");
        verify(&hash, "bank", "bob", &["--value", "5"]).fails("another key than the one asked for");
        verify(&hash, "bank", "alice", &["--value", "101"]).fails("the key has the value 100, not 101");
        verify(&hash, "bank", "alice", &[]).fails("the key is present with the value 100");
        // It is no proof in one step.
        treering(["verify", "--root", &hash, "--proof", file, "--key", "alice", "--utf8", "--format", format])
            .fails("is not a proof in the form");
    }
    let absent = forest.run("prove", &["alice", "--utf8", "--store", "bank", "--app"]).ok().out;
    let words = ["verify", "--app-hash", &other, "--store", "bank", "--proof", "-", "--key", "alice", "--utf8", "--json"];
    let valid = treering_fed(words, &absent).ok().object();
    assert_eq!((&valid["kind"], &valid["store"], &valid["app_hash"]), (&json!("absence"), &json!("bank"), &json!(other)));
    treering(["verify", "--app-hash", "6f", "--store", "bank", "--proof", "x", "--key", "6f"])
        .fails("--app-hash `6f` is not an app hash: it must be 64 hex digits, as `treering app-hash` prints them");
    for words in [
        &["--app-hash", hash.as_str()][..],
        &[],
        &["--root", &hash, "--app-hash", &hash, "--store", "bank"],
        &["--root", &hash, "--store", "s"],
    ] {
        assert_eq!(treering([&["verify", "--proof", "x", "--key", "6f"][..], words].concat()).code, Some(2), "{words:?}");
    }
}

#[test]
fn stores_in_memory_are_part_of_the_app_hash_and_in_no_ones_way() {
    let forest = Forest::empty();
    forest.run("create", &["bank"]).ok();
    forest.run("create", &["pool", "--engine", "memory"]).ok();
    let saved = forest.feed(&[set_in("bank", "alice", "1"), set_in("pool", "tx", "1"), save()]).ok().object();
    assert_eq!(saved["stores"]["pool"]["size"], 1);
    // In another process it is empty; the rest is there.
    forest.run("root", &["--store", "pool"]).fails("no version");
    assert_eq!(forest.run("get", &["alice", "--utf8", "--store", "bank"]).ok().out, "1\n");
    forest.run("check", &[]).ok();
    assert!(forest.run("stats", &[]).ok().out.contains("memory:\n"));
    let file = forest.beside("alice.proof");
    forest.run("prove", &["alice", "--utf8", "--store", "bank", "--app", "--out", file.to_str().unwrap()]).ok();
    let hash = forest.app_hash(1);
    treering([
        "verify",
        "--app-hash",
        &hash,
        "--store",
        "bank",
        "--proof",
        file.to_str().unwrap(),
        "--key",
        "alice",
        "--value",
        "1",
        "--utf8",
    ])
    .ok();
}
