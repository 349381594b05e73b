use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::run::{Forest, command, save, set, set_in};

/// What an event is about: `bank 1`, or `all 1`.
fn told(event: &Value) -> String {
    let store = event["store"].as_str().unwrap_or("all");
    format!("{store} {}", event["version"])
}

#[test]
fn events_are_in_the_order_of_commits() {
    let forest = Forest::chain();
    forest.apply("gov", &[set("x", "1"), save()]).ok();
    forest.feed(&[set_in("bank", "y", "1"), save()]).ok();
    let events = forest.run("events", &["--json"]).ok().objects();
    let expected =
        ["bank 1", "gov 1", "all 1", "bank 2", "gov 2", "all 2", "bank 3", "gov 3", "all 3", "gov 4", "bank 4", "gov 5", "all 4"];
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected);
    let commits: Vec<u64> = events.iter().map(|event| event["commit"].as_u64().unwrap()).collect();
    assert_eq!(commits, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5, 5, 5]);
    let root = forest.run("root", &["--store", "bank", "--version", "2", "--json"]).ok().object();
    let time = events[3]["time"].as_u64().unwrap();
    let second = json!({"commit": 2, "topic": "store.version.saved", "store": "bank", "version": 2, "root_hash": root["root"],
        "size": root["size"], "height": root["height"], "time": time});
    assert_eq!(events[3], second);
    assert_eq!((&events[5]["topic"], &events[5]["app_hash"]), (&json!("multistore.version.saved"), &json!(forest.app_hash(2))));
    assert_eq!(events[5]["stores"][0]["root_hash"], root["root"]);

    let text = forest.run("events", &[]).ok();
    assert!(text.lines()[3].starts_with("commit 2  store bank  version 2  root "), "{}", text.out);
    assert!(text.lines()[5].starts_with("commit 2  all stores  version 2  app hash "), "{}", text.out);
}

#[test]
fn events_can_be_chosen() {
    let forest = Forest::chain();
    let events = |words: &[&str]| forest.run("events", &[words, &["--json"]].concat()).ok().objects().iter().map(told).collect::<Vec<_>>();
    assert_eq!(events(&["--store", "gov"]), ["gov 1", "gov 2", "gov 3"]);
    assert_eq!(events(&["--topics", "multistore.**"]), ["all 1", "all 2", "all 3"]);
    assert_eq!(events(&["--topics", "store.*.saved", "--from", "3"]), ["bank 3", "gov 3"]);
    assert_eq!(events(&["--from", "4"]), [""; 0]);
    forest.run("events", &["--store", "tax"]).fails("there is no store \"tax\"; there are: bank, gov");
    let usage = forest.run("events", &["--topics", "a..b"]);
    assert_eq!(usage.code, Some(2));
    assert!(usage.err.contains("has an empty segment"), "{}", usage.err);

    // What was removed is not told any more, what was saved in its place is.
    forest.run("prune", &["--to", "1"]).ok();
    forest.run("rollback", &["--to", "2"]).ok();
    forest.feed(&[set_in("bank", "z", "1"), save()]).ok();
    assert_eq!(events(&[]), ["bank 2", "gov 2", "all 2", "bank 3", "gov 3", "all 3"]);
    // After a rename the store's events have its new name.
    forest.run("rename", &["bank", "vault"]).ok();
    assert_eq!(events(&["--store", "vault"]), ["vault 2", "vault 3"]);
}

#[test]
fn operations_come_before_their_version_as_apply_takes_them() {
    let forest = Forest::chain();
    let lines = forest.run("events", &["--json", "--operations", "--utf8"]).ok().objects();
    let at = |index: usize| lines[index].clone();
    assert_eq!(at(0), json!({"op": "set", "store": "bank", "key": "alice", "value": "100"}));
    assert_eq!(told(&at(1)), "bank 1");
    assert_eq!(at(2), json!({"op": "set", "store": "gov", "key": "alice", "value": "votes"}));
    let deleted = lines.iter().find(|line| line["op"] == "delete").unwrap();
    assert_eq!(*deleted, json!({"op": "delete", "store": "bank", "key": "alice"}));

    // Done again elsewhere, they give the same app hashes.
    let copy = Forest::empty();
    copy.run("create", &["bank"]).ok();
    copy.run("create", &["gov"]).ok();
    let again: Vec<String> = lines
        .iter()
        .filter_map(|line| match line["topic"].as_str() {
            None => Some(line.to_string()),
            Some("multistore.version.saved") => Some(save()),
            Some(_) => None,
        })
        .collect();
    copy.feed(&again).ok();
    assert_eq!(copy.app_hash(3), forest.app_hash(3));
    let text = forest.run("events", &["--operations", "--store", "bank", "--utf8"]).ok();
    assert_eq!(text.lines()[0], "  set\talice\t100");
}

/// `events --follow`, its output line by line.
struct Follower {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Follower {
    fn start(forest: &Forest) -> Self {
        let mut command = command();
        command.arg("events").arg(forest.dir()).args(["--follow", "--interval", "20", "--json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        told(&serde_json::from_str(&line).unwrap())
    }

    fn take(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Ends it by reading no more of its output.
    fn end(self) {
        let Self { mut child, lines } = self;
        drop(lines);
        let began = Instant::now();
        let ended = loop {
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            if began.elapsed() > Duration::from_secs(20) {
                child.kill().unwrap();
                panic!("it goes on although nobody reads its output");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(matches!(ended.code(), Some(0 | 141)), "{ended:?}");
    }
}

#[test]
fn a_follower_sees_every_version_of_another_process_once_and_in_order() {
    let forest = Forest::chain();
    let mut follower = Follower::start(&forest);
    assert_eq!(follower.take(9).last().unwrap(), "all 3");
    // A writer that has the database open all the while.
    let mut writer = command().arg("apply").arg(forest.dir()).args(["-", "--json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = writer.stdin.take().unwrap();
    for version in 4..30 {
        writeln!(input, r#"{{"op":"set","store":"bank","key":"61","value":"{version:02}"}}"#).unwrap();
        writeln!(input, "{}", save()).unwrap();
        if version % 5 == 0 {
            assert_eq!(follower.next(), format!("bank {}", version - version % 5 - if version == 5 { 1 } else { 4 }));
            let rest = if version == 5 { 5 } else { 14 };
            assert_eq!(follower.take(rest).last().unwrap(), &format!("all {version}"));
        }
    }
    drop(input);
    assert!(writer.wait().unwrap().success());
    assert_eq!(follower.take(12).last().unwrap(), "all 29");
    // Numbers that are given again after a rollback are new versions.
    forest.run("rollback", &["--to", "28"]).ok();
    forest.feed(&[set_in("gov", "x", "1"), save()]).ok();
    assert_eq!(follower.take(3), ["bank 29", "gov 29", "all 29"]);
    follower.end();
}

#[test]
fn a_follower_of_a_database_with_one_store_ends_with_its_reader() {
    let forest = Forest::planted();
    let mut follower = Follower::start(&forest);
    assert_eq!(follower.take(3), ["forest 1", "forest 2", "forest 3"]);
    forest.apply("forest", &[save()]).ok();
    assert_eq!(follower.next(), "forest 4");
    follower.end();
}

#[test]
fn engines_that_cannot_be_read_beside_a_writer_are_not_followed() {
    let forest = Forest::chain();
    forest.run("create", &["pool", "--engine", "memory"]).ok();
    forest.run("create", &["tree", "--engine", "fjall"]).ok();
    forest.run("events", &["--follow"]).fails("--follow reads while another process writes, which the engine fjall does not allow");
    assert_eq!(forest.run("events", &["--json"]).ok().objects().len(), 9);
}
