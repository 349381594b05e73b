use std::path::Path;

use serde_json::{Value, json};
use treering::config::Config;
use treering::system::audit::{AuditLog, AuditOptions, Call};
use treering::system::{Grants, Role, TokenFile};
use treering::{Database, MultiStore, OpenOptions, Store};

use crate::run::{Forest, treering};

/// Stores in three versions, and an entry of the log after each.
fn audited(dir: &Path) {
    let stores = MultiStore::open(dir).unwrap();
    let log = AuditLog::open(&stores, AuditOptions::default()).unwrap();
    let bank = stores.create_store("bank", None, &Config::new()).unwrap();
    for (principal, value) in [("alice", b"1"), ("bobby", b"2"), ("alice", b"3")] {
        bank.set(b"key", value).unwrap();
        stores.save_version().unwrap();
        let call = Call {
            trace_id: "trace".to_owned(),
            principal: principal.to_owned(),
            operation: "versions.save".to_owned(),
            role: Role::Write,
            stores: (principal == "bobby").then(|| vec!["bank".to_owned()]),
            input_digest: Some("00".repeat(32)),
            result: "ok".to_owned(),
            duration: std::time::Duration::from_micros(1500),
        };
        log.record(call).unwrap();
    }
    log.close().unwrap();
}

fn numbers(objects: &[Value]) -> Vec<u64> {
    objects.iter().map(|entry| entry["number"].as_u64().unwrap()).collect()
}

/// Opens what the log is written to, as anyone can who may write its files.
fn log_of(dir: &Path) -> Database {
    let engine = treering::engine::Registry::with_compiled_in().get("rocksdb").unwrap();
    let settings = treering::config::Settings::check("rocksdb", &engine.keys(), &Config::new()).unwrap();
    let backend = engine.open(&dir.join("audit"), treering::engine::Access::ReadWrite, &settings).unwrap();
    Database::open_on(backend, &OpenOptions::default()).unwrap()
}

#[test]
fn list_prints_entries_in_both_orders_and_in_parts() {
    let forest = Forest::empty();
    audited(&forest.dir());
    let list = |words: &[&str]| {
        let dir = forest.dir();
        treering(["audit", "list", dir.to_str().unwrap()].into_iter().chain(words.iter().copied())).ok()
    };
    let text = list(&[]).out;
    assert_eq!(text.lines().count(), 3);
    let second = text.lines().nth(1).unwrap();
    assert!(second.starts_with("2: 20") && second.ends_with(" UTC, bobby: versions.save [bank] ok, 1500 us, trace trace"), "{second}");
    let entries = list(&["--json"]).objects();
    assert_eq!(numbers(&entries), [1, 2, 3]);
    assert_eq!((&entries[0]["principal"], &entries[0]["stores"], &entries[0]["role"]), (&json!("alice"), &Value::Null, &json!("write")));
    assert_eq!(entries[2]["saved"][0]["version"], 3);
    assert_eq!(numbers(&list(&["--json", "--newest"]).objects()), [3, 2, 1]);
    assert_eq!(numbers(&list(&["--json", "--newest", "--after", "3", "--limit", "1"]).objects()), [2]);
    assert_eq!(numbers(&list(&["--json", "--after", "1"]).objects()), [2, 3]);
    assert_eq!(list(&["--limit", "0"]).out, "");
}

#[test]
fn verify_says_that_all_is_well_or_what_is_wrong_and_where() {
    let forest = Forest::empty();
    audited(&forest.dir());
    let dir = forest.dir();
    let verify = |words: &[&str]| treering(["audit", "verify", dir.to_str().unwrap()].into_iter().chain(words.iter().copied()));
    let sound = verify(&["--json"]).ok().object();
    let root = sound["root"].as_str().unwrap().to_owned();
    assert_eq!(sound, json!({"ok": true, "entries": 3, "versions": 3, "records": 2, "root": root, "wrong": 0}));
    let expected = format!("all is well: 3 entries in 3 versions of the log, 2 records beside versions of all stores; root {root}\n");
    assert_eq!(verify(&["--root", &root]).ok().out, expected);
    let other = "ab".repeat(32);
    let ran = verify(&["--root", &other]);
    assert!(ran.out.starts_with(&format!("WRONG: the audit log: no version of it has the root {other}\nall is not well: ")), "{}", ran.out);
    ran.fails("was changed: 1 thing found");
    verify(&["--root", "12"])
        .fails("--root `12` is not a root of the audit log: it must be 64 hex digits, as `treering audit verify` prints them");

    let database = log_of(&dir);
    let mut log = database.store("audit").unwrap();
    let changed = String::from_utf8(log.get(&2u64.to_be_bytes()).unwrap().unwrap()).unwrap().replace("bobby", "alice");
    log.set(&2u64.to_be_bytes(), changed.as_bytes()).unwrap();
    log.save_version().unwrap();
    drop((log, database));
    let ran = verify(&[]);
    let lines = ran.lines();
    assert_eq!(lines[0], "WRONG: version 4 of the log: it adds no entry: it has 3, version 3 had 3");
    assert_eq!(lines[1], "WRONG: entry 2: it was added in version 2 of the log and changed in version 4");
    assert!(lines[2].starts_with("all is not well: 3 entries in 4 versions of the log, "), "{lines:?}");
    ran.fails("error: the audit log, or what stands beside the versions of all stores, was changed: 2 things found; compare with a copy of the folder");
    let objects = verify(&["--json"]).objects();
    assert_eq!(objects[1], json!({"place": "entry 2", "what": "it was added in version 2 of the log and changed in version 4"}));
    assert_eq!((&objects[2]["ok"], &objects[2]["wrong"]), (&json!(false), &json!(2)));
    // The stores themselves are as they were.
    forest.run("check", &[]).ok();
}

#[test]
fn a_log_that_is_gone_is_told_from_one_that_never_was() {
    let forest = Forest::planted();
    for command in ["list", "verify"] {
        treering(["audit", command, forest.dir().to_str().unwrap()]).fails("has no audit log: `treering serve` keeps one");
    }
    let forest = Forest::empty();
    audited(&forest.dir());
    std::fs::remove_dir_all(forest.dir().join("audit")).unwrap();
    let ran = treering(["audit", "verify", forest.dir().to_str().unwrap()]);
    let gone = "WRONG: the audit log: it is gone, but records beside versions 2 to 3 of all stores name it, the last with 2 entries";
    assert_eq!(ran.lines()[0], gone);
    ran.fails("1 thing found");
}

#[test]
fn a_token_is_printed_once_and_its_file_lets_it_in() {
    let forest = Forest::empty();
    let file = forest.beside("tokens.toml");
    let path = file.to_str().unwrap();
    let made = treering(["token", "new", "explorer", "--role", "read", "--file", path, "--json"]).ok().object();
    assert_eq!((&made["name"], &made["file"], &made["toml"]), (&json!("explorer"), &json!(path), &Value::Null));
    let ran = treering(["token", "new", "teller", "--role", "write", "--store", "bank", "--store", "fees", "--file", path]).ok();
    assert_eq!(ran.lines()[0], "the token of teller, which is printed this once:");
    assert_eq!(ran.lines()[3], format!("servers that have {path} as `tokens` in [access] let it in from their next start on"));
    let tokens = TokenFile::load(&file).unwrap();
    assert_eq!(tokens.authenticate(made["token"].as_str().unwrap()).unwrap().grants, Grants::everywhere(Role::Read));
    let teller = tokens.authenticate(ran.lines()[1]).unwrap();
    assert_eq!(
        (teller.name, teller.grants),
        ("teller".to_owned(), Grants::default().with_store("bank", Role::Write).with_store("fees", Role::Write))
    );
    assert!(!std::fs::read_to_string(&file).unwrap().contains(ran.lines()[1].strip_prefix("treering_").unwrap()));
    let ran = treering(["token", "new", "teller", "--role", "admin", "--file", path]);
    assert_eq!(ran.out, "");
    ran.fails("no token was made: there is a token \"teller\" already; remove it first, or take another name");

    let alone = treering(["token", "new", "root", "--role", "admin", "--json"]).ok().object();
    let parsed = TokenFile::parse(alone["toml"].as_str().unwrap()).unwrap();
    assert_eq!(parsed.authenticate(alone["token"].as_str().unwrap()).unwrap().name, "root");
    let text = treering(["token", "new", "root", "--role", "admin"]).ok().out;
    assert!(
        text.contains("\n\nwhat the file of tokens that [access] names needs for it:\n[[tokens]]\nname = \"root\"\nsha256 = \""),
        "{text}"
    );
    assert_eq!(treering(["token", "new", "x", "--role", "king"]).code, Some(2));
    treering(["token", "new", "", "--role", "read"]).fails("no token was made: a token needs a name");
    forest.write("tokens.toml", "token = 1");
    treering(["token", "new", "x", "--role", "read", "--file", path]).fails(&format!("the tokens in {path}: "));
}
