//! How many instructions do the verbs take? Counted, not timed: the same number on every run, so that a gate can hold a line.
//!
//! Each case runs in a process of its own under valgrind's callgrind, which counts between the beginning and the end of [`measured`]
//! only. The hash function is left out of all cases but `hash`, since it would be nine tenths of a save and hide what else changes;
//! valgrind knows no SHA instructions, so `hash` counts the portable code.
//!
//! `benches/instructions.json` has the figures that hold. More than 5 % above is a failure. `--record` writes new ones.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark: it may fail by panicking")]

#[expect(dead_code, reason = "not all of it is used here")]
#[path = "../src/workload.rs"]
mod workload;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use treering::engine::memory::MemoryBackend;
use treering::proofs::{Hash, HashFunction, Proof, preimage};
use treering::{CreateOptions, Database, OpenOptions, Tree};
use workload::{Config, Operation, Workload};

/// Where a tree of some height has its paths, and still quick under valgrind.
/// The table of shortcuts doubles at some 20,000 keys, which would be in the figure of whichever case came to it: 700 instructions an operation.
const KEYS: u64 = 18_000;
/// Operations, or keys.
const BATCH: u64 = 1_000;
/// How much more than recorded is too much, in thousandths.
const TOLERANCE: u64 = 50;

/// What the hash function's own functions have in their names.
const HASH_FUNCTION: &str = "sha2::";

/// Makes its input, then calls [`measured`] once.
type Case = fn(&mut Input);

const CASES: [(&str, Case); 7] =
    [("set", set), ("save", save), ("get", get), ("prove", prove), ("verify", verify), ("commit", commit), ("hash", hash)];

/// What is counted. Callgrind finds it by its name.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

/// A saved tree of [`KEYS`] keys and the block that comes next.
struct Input {
    workload: Workload,
    tree: Tree,
}

impl Input {
    fn new() -> Self {
        let mut workload = Workload::new(Config { keys: KEYS, batch: BATCH, ..Config::default() });
        let mut tree = Tree::new();
        while let Some(block) = workload.next_load_block() {
            apply(&mut tree, &block);
            let _ = tree.save().unwrap();
        }
        Self { workload, tree }
    }

    fn keys(&mut self) -> Vec<Vec<u8>> {
        self.workload.pick(BATCH).into_iter().map(|number| self.workload.key(number)).collect()
    }
}

fn apply(tree: &mut Tree, block: &[Operation]) {
    for Operation { key, value } in block {
        match value {
            Some(value) => drop(tree.set(key, value).unwrap()),
            None => assert!(tree.remove(key).unwrap()),
        }
    }
}

/// A block of 80 % updates, 15 % inserts and 5 % removals, in memory, nothing hashed.
fn set(input: &mut Input) {
    let block = input.workload.next_block();
    measured(&mut || apply(&mut input.tree, black_box(&block)));
}

/// Numbers and hashes what the block changed.
fn save(input: &mut Input) {
    let block = input.workload.next_block();
    apply(&mut input.tree, &block);
    measured(&mut || drop(black_box(input.tree.save().unwrap())));
}

fn get(input: &mut Input) {
    let keys = input.keys();
    measured(&mut || keys.iter().for_each(|key| assert!(black_box(input.tree.get(key).unwrap()).is_some())));
}

fn prove(input: &mut Input) {
    let keys = input.keys();
    measured(&mut || keys.iter().for_each(|key| drop(black_box(input.tree.prove(key).unwrap()))));
}

fn verify(input: &mut Input) {
    let (keys, root) = (input.keys(), input.tree.root_hash().unwrap());
    let proofs: Vec<Proof> = keys.iter().map(|key| input.tree.prove(key).unwrap()).collect();
    let holds = |(proof, key): (&Proof, &Vec<u8>)| proof.verify(HashFunction::Sha256, &root, key).unwrap().value().is_some();
    measured(&mut || assert!(proofs.iter().zip(&keys).all(holds)));
}

/// The whole way of a block through a store, to a backend in memory.
fn commit(input: &mut Input) {
    let backend = Arc::new(MemoryBackend::new());
    Database::create_on(&*backend, &CreateOptions::default()).unwrap();
    let database = Database::open_on(backend, &OpenOptions { hash_threads: 1, ..OpenOptions::default() }).unwrap();
    database.create_store("store").unwrap();
    let mut store = database.store("store").unwrap();
    for entry in &input.tree {
        let (key, value) = entry.unwrap();
        store.set(key, value).unwrap();
    }
    store.save_version().unwrap();
    let block = input.workload.next_block();
    let block: Vec<_> = block.iter().map(|Operation { key, value }| (key.as_slice(), value.as_deref())).collect();
    measured(&mut || {
        store.apply(&block).unwrap();
        black_box(store.save_version().unwrap());
    });
}

/// The hashes of inner nodes, the hash function itself included.
fn hash(_: &mut Input) {
    let (left, right) = (Hash::new([1; 32]), Hash::new([2; 32]));
    measured(&mut || {
        for size in 0..BATCH {
            black_box(preimage::inner_hash(HashFunction::Sha256, 10, black_box(size), 7, &left, &right));
        }
    });
}

/// What is recorded.
#[derive(Serialize, Deserialize)]
struct Record {
    /// Other compilers make other numbers.
    rustc: String,
    instructions: BTreeMap<String, u64>,
}

impl Record {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.json");

    fn read() -> Self {
        serde_json::from_str(&std::fs::read_to_string(Self::PATH).unwrap()).unwrap()
    }

    fn write(&self) {
        std::fs::write(Path::new(Self::PATH), serde_json::to_string_pretty(self).unwrap() + "\n").unwrap();
    }

    fn count() -> Self {
        let rustc = Command::new("rustc").arg("--version").output().unwrap();
        let rustc = String::from_utf8(rustc.stdout).unwrap().trim().to_owned();
        Self { rustc, instructions: CASES.iter().map(|(name, _)| ((*name).to_owned(), count(name))).collect() }
    }
}

/// Runs this program again, under valgrind, with one case.
fn count(case: &str) -> u64 {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*instructions*measured*", "--compress-strings=no"]);
    valgrind.arg(format!("--callgrind-out-file={}", file.path().display()));
    let output = valgrind.arg(std::env::current_exe().unwrap()).args(["--case", case]).output().expect("valgrind is installed");
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
    let counts = std::fs::read_to_string(file.path()).unwrap();
    let functions = of_functions(&counts);
    let is_counted = |function: &str| case == "hash" || !function.contains(HASH_FUNCTION);
    let counted = functions.iter().filter(|(function, _)| is_counted(function)).map(|(_, count)| count).sum();
    assert!(counted > 0, "{case}: callgrind did not find what to count");
    counted
}

/// The instructions of each function, without those that it calls, from a file of callgrind's.
fn of_functions(file: &str) -> BTreeMap<&str, u64> {
    let mut functions = BTreeMap::new();
    let (mut function, mut is_call) = ("", false);
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            function = name;
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            // Line number and count; behind `calls=` the count of what was called.
            let count: u64 = line.split(' ').nth(1).unwrap().parse().unwrap();
            *functions.entry(function).or_insert(0) += if std::mem::take(&mut is_call) { 0 } else { count };
        }
    }
    functions
}

/// Shows what changed, and whether all of it may.
fn compare(recorded: &Record, counted: &Record) -> bool {
    if recorded.rustc != counted.rustc {
        println!("recorded with {}, this is {}: figures may differ for that alone", recorded.rustc, counted.rustc);
    }
    println!("{:<8}{:>14}{:>14}{:>9}   instructions, {KEYS} keys, {BATCH} operations", "case", "recorded", "now", "");
    let mut holds = true;
    for (case, now) in &counted.instructions {
        let Some(before) = recorded.instructions.get(case) else {
            println!("{case:<8}{:>14}{now:>14}   not recorded: make instructions-record", "");
            holds = false;
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
        let percent = (*now as f64 / *before as f64 - 1.0) * 100.0;
        let worse = now * 1000 > before * (1000 + TOLERANCE);
        let better = now * (1000 + TOLERANCE) < before * 1000;
        let verdict = if worse {
            "WORSE"
        } else if better {
            "better: make instructions-record"
        } else {
            ""
        };
        println!("{case:<8}{before:>14}{now:>14}{percent:>+8.2}%   {verdict}");
        holds &= !worse;
    }
    holds
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--case", name] => {
            let (_, case) = CASES.iter().find(|(case, _)| case == name).unwrap();
            case(&mut Input::new());
            ExitCode::SUCCESS
        }
        ["--record"] => {
            let counted = Record::count();
            counted.write();
            println!("{}", serde_json::to_string_pretty(&counted).unwrap());
            ExitCode::SUCCESS
        }
        [] if compare(&Record::read(), &Record::count()) => ExitCode::SUCCESS,
        [] => {
            println!("more than {} % above what is recorded; if it must be so: make instructions-record", TOLERANCE / 10);
            ExitCode::FAILURE
        }
        _ => {
            println!("nothing, or --record");
            ExitCode::FAILURE
        }
    }
}
