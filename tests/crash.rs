//! The process is killed (SIGKILL) in the middle of saves: the last acknowledged version is there, hash-checked, with the right contents.
#![cfg(feature = "rocksdb")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::Numbers;
use treering::{Database, OpenOptions, Tree};

const BLOCK: u64 = 300;
const VERSIONS: u64 = 4000;

/// The operations of a version, as changes of a tree and as lines of `treering apply`.
fn block(version: u64, mut each: impl FnMut(&[u8], Option<&[u8]>)) {
    let mut numbers = Numbers(version);
    for _ in 0..BLOCK {
        let key = numbers.below(5000).to_be_bytes();
        if numbers.below(5) == 0 {
            each(&key, None);
        } else {
            each(&key, Some(&numbers.next().to_be_bytes().repeat(10)));
        }
    }
}

fn lines(version: u64) -> String {
    let mut text = String::new();
    block(version, |key, value| {
        let key = hex::encode(key);
        match value {
            Some(value) => writeln!(text, r#"{{"op":"set","key":"{key}","value":"{}"}}"#, hex::encode(value)),
            None => writeln!(text, r#"{{"op":"delete","key":"{key}"}}"#),
        }
        .unwrap();
    });
    text.push_str("{\"op\":\"save\"}\n");
    text
}

/// The tree after each version, computed without a database.
struct Expected {
    tree: Tree,
}

impl Expected {
    fn advance_to(&mut self, version: u64) {
        while self.tree.version() < version {
            block(self.tree.version() + 1, |key, value| {
                match value {
                    Some(value) => self.tree.set(key, value).unwrap(),
                    None => self.tree.remove(key).unwrap(),
                };
            });
            let _ = self.tree.save().unwrap();
        }
    }
}

/// Runs `treering apply` from the version after `from` on, kills it after a while, and gives the last version that it acknowledged.
fn apply_and_kill(folder: &std::path::Path, from: u64, after: Duration) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_treering"))
        .args(["apply", "--json", "--store", "s"])
        .arg(folder)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || {
        // Ends with a broken pipe when the process is killed.
        (from + 1..=from + VERSIONS).try_for_each(|version| input.write_all(lines(version).as_bytes()))
    });
    let output = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut acknowledged = from;
        for line in output.lines().map_while(Result::ok) {
            let saved: serde_json::Value = match serde_json::from_str(&line) {
                Ok(saved) => saved,
                Err(_) => break, // The last line may be cut off.
            };
            acknowledged = saved["version"].as_u64().unwrap();
        }
        acknowledged
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let _ = feeder.join().unwrap();
    reader.join().unwrap()
}

/// What `treering apply` acknowledged on its standard output last; `from` when nothing.
fn last_acknowledged(output: &[u8], from: u64) -> u64 {
    let lines = String::from_utf8_lossy(output);
    let saved = lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    saved.filter_map(|saved| saved["version"].as_u64()).max().unwrap_or(from)
}

#[cfg(unix)]
#[test]
fn what_was_acknowledged_survives_a_file_system_that_takes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(Database::create(&path, &treering::CreateOptions::default(), &OpenOptions::default()).unwrap());
    let (mut expected, mut newest) = (Expected { tree: Tree::new() }, 0);
    // No file may grow beyond so many kilobytes: RocksDB's log is refused in the middle of a write.
    for kilobytes in [300, 700, 1500] {
        let input = folder.path().join("operations");
        std::fs::write(&input, (newest + 1..newest + 60).map(lines).collect::<String>()).unwrap();
        let script = "trap '' XFSZ; ulimit -f \"$1\"; exec \"$2\" apply --json --store s \"$3\" \"$4\"";
        let ran = Command::new("bash")
            .args(["-c", script, "bash", &kilobytes.to_string(), env!("CARGO_BIN_EXE_treering")])
            .args([&path, &input])
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(!ran.status.success(), "{kilobytes}: 60 versions are more than that");
        // Who meets it first is a commit, or the flusher in the background, of which the next commit tells.
        assert!(
            message.contains("the storage engine failed")
                || message.contains("an earlier write failed (writing a checkpoint in the background: "),
            "{message}"
        );
        assert!(message.contains("File too large"), "{message}");
        let acknowledged = last_acknowledged(&ran.stdout, newest);

        let database = Database::open(&path, &OpenOptions::default()).unwrap();
        newest = database.store("s").map_or(0, |store| store.current_version());
        assert!(newest >= acknowledged, "version {acknowledged} was acknowledged, {newest} is there");
        expected.advance_to(newest);
        if newest > 0 {
            assert_eq!(Some(database.snapshot("s", None).unwrap().root_hash()), expected.tree.root_hash());
        }
        database.check(&mut |_| {}).unwrap();
    }
    assert!(newest > 3, "{newest}");
}

#[test]
fn the_last_acknowledged_version_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    drop(Database::create(&path, &treering::CreateOptions::default(), &OpenOptions::default()).unwrap());
    let seed = std::env::var("TREERING_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("TREERING_SEED={seed}");
    let mut numbers = Numbers(seed);
    let mut expected = Expected { tree: Tree::new() };
    let mut newest = 0;
    for round in 0..10 {
        let after = Duration::from_millis(40 + numbers.below(250));
        let acknowledged = apply_and_kill(&path, newest, after);
        let database = Database::open(&path, &OpenOptions::default()).unwrap();
        if database.store_names().is_empty() {
            continue; // Killed before the store was made.
        }
        let store = database.store("s").unwrap();
        newest = store.current_version();
        assert!(newest >= acknowledged, "round {round}: version {acknowledged} was acknowledged, {newest} is there");
        assert!(newest <= acknowledged + 2, "round {round}: far more is there than was acknowledged");
        expected.advance_to(newest);
        if newest > 0 {
            let snapshot = database.snapshot("s", None).unwrap();
            assert_eq!(Some(snapshot.root_hash()), expected.tree.root_hash(), "round {round}");
            assert!(snapshot.tree().iter().map(Result::unwrap).eq(expected.tree.iter().map(Result::unwrap)));
        }
        database.check(&mut |_| {}).unwrap();
    }
    assert!(newest > 10, "the kills came too early to show anything: version {newest}");
}
