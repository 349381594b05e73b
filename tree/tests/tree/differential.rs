//! Random operations on cosmos/iavl itself and on this tree: root, size, height and proof bytes must be the same.
//!
//! The oracle is a small Go program (tests/iavl-oracle of the repository), built when the test runs. Without Go, or without its modules,
//! the test is skipped and says so. `TREERING_DIFFERENTIAL_OPS=1000000` makes the long run.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use treering_proofs::{ExistenceProof, HashFunction, Neighbours, Proof, ics23};
use treering_tree::{Options, Tree};

use crate::source::{hard_key, seed};
use crate::workload::SplitMix64;

/// Operations on one tree; the oracle keeps every version in memory, so long runs take several trees.
const OPS_PER_TREE: u64 = 100_000;
const INITIAL_VERSIONS: [u64; 5] = [1, 2, 1000, 1 << 40, 1 << 60];
/// Versions back to which proofs are asked for.
const SNAPSHOTS: usize = 8;

fn say(text: &str) {
    // Past the test harness, which keeps what a passing test prints to itself.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The program, or `None` when it can't be had here.
fn build_oracle() -> Option<PathBuf> {
    let sources = PathBuf::from("../tests/iavl-oracle");
    let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("iavl-oracle");
    let go = |arguments: &[&str]| Command::new("go").args(arguments).current_dir(&sources).output();
    let Ok(modules) = go(&["mod", "download"]) else {
        say("skipped: Go is not installed, so there is no cosmos/iavl to compare with");
        return None;
    };
    if !modules.status.success() {
        say(&format!("skipped: the modules of cosmos/iavl can't be had: {}", String::from_utf8_lossy(&modules.stderr)));
        return None;
    }
    let built = go(&["build", "-o", program.to_str().unwrap(), "."]).unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

/// A running oracle. Lines are written by a thread of their own: it and this test would wait for each other's pipes for ever.
struct Oracle {
    process: Child,
    lines: Option<Sender<String>>,
    answers: BufReader<ChildStdout>,
    writer: Option<thread::JoinHandle<()>>,
}

impl Oracle {
    fn start(program: &PathBuf, initial_version: u64) -> Self {
        let mut process = Command::new(program)
            .args(["-initial-version", &initial_version.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = BufWriter::new(process.stdin.take().unwrap());
        let answers = BufReader::new(process.stdout.take().unwrap());
        let (lines, receiver) = channel::<String>();
        let writer = thread::spawn(move || {
            while let Ok(line) = receiver.recv() {
                writeln!(input, "{line}").unwrap();
                while let Ok(line) = receiver.try_recv() {
                    writeln!(input, "{line}").unwrap();
                }
                input.flush().unwrap();
            }
        });
        Self { process, lines: Some(lines), answers, writer: Some(writer) }
    }

    fn tell(&self, line: String) {
        self.lines.as_ref().unwrap().send(line).unwrap();
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn stop(mut self) {
        drop(self.lines.take());
        self.writer.take().unwrap().join().unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

#[derive(Default, Debug)]
struct Figures {
    operations: u64,
    versions: u64,
    proofs: u64,
    /// See [`ics23_lacks`].
    proofs_that_ics23_lacks: u64,
    largest_tree: u64,
}

struct Run {
    oracle: Oracle,
    tree: Tree,
    rng: SplitMix64,
    keys: u64,
    snapshots: Vec<Tree>,
    figures: Figures,
}

impl Run {
    fn change(&mut self) {
        let key = hard_key(self.rng.below(self.keys));
        self.figures.operations += 1;
        if self.rng.below(10) < 3 {
            self.oracle.tell(format!(r#"{{"op":"delete","key":"{}"}}"#, hex::encode(&key)));
            self.tree.remove(&key).unwrap();
        } else {
            let mut value = self.rng.next().to_be_bytes().repeat(usize::try_from(self.rng.below(6)).unwrap());
            value.extend((self.rng.below(200) != 0).then_some(1));
            self.oracle.tell(format!(r#"{{"op":"set","key":"{}","value":"{}"}}"#, hex::encode(&key), hex::encode(&value)));
            self.tree.set(&key, &value).unwrap();
        }
    }

    fn save(&mut self) {
        self.oracle.tell(r#"{"op":"save"}"#.to_owned());
        let saved = self.tree.save().unwrap();
        let answer = self.oracle.answer();
        assert_eq!(answer["version"].as_u64(), Some(saved.version));
        assert_eq!(answer["root"].as_str(), Some(saved.root_hash.to_string().as_str()), "version {}", saved.version);
        assert_eq!(answer["size"].as_u64(), Some(self.tree.size()));
        assert_eq!(answer["height"].as_u64(), Some(u64::from(self.tree.height())));
        self.figures.versions += 1;
        self.figures.largest_tree = self.figures.largest_tree.max(self.tree.size());
        if self.snapshots.len() == SNAPSHOTS {
            self.snapshots.remove(0);
        }
        self.snapshots.push(self.tree.clone());
    }

    fn prove(&mut self) {
        let key = hard_key(self.rng.below(self.keys));
        let place = usize::try_from(self.rng.below(self.snapshots.len() as u64)).unwrap();
        let snapshot = &self.snapshots[place];
        let version = snapshot.version();
        let proof = snapshot.prove(&key).unwrap();
        assert!(proof.verify(HashFunction::Sha256, &snapshot.root_hash().unwrap(), &key).is_ok());
        self.oracle.tell(format!(r#"{{"op":"prove","key":"{}","version":{version}}}"#, hex::encode(&key)));
        let answer = self.oracle.answer();
        match ics23::to_ics23(HashFunction::Sha256, &proof) {
            Ok(bytes) => {
                assert_eq!(answer["proof"].as_str(), Some(hex::encode(bytes).as_str()), "key {key:?} version {version}: {answer}");
                self.figures.proofs += 1;
            }
            Err(error) => {
                assert!(ics23_lacks(&proof), "{error}: {proof:?}");
                self.figures.proofs_that_ics23_lacks += 1;
            }
        }
    }
}

/// Whether ICS-23 has no such proof: not of an empty tree, nor with an empty key or value, nor with numbers beyond its limit for a prefix.
fn ics23_lacks(proof: &Proof) -> bool {
    let in_leaf = |leaf: &ExistenceProof| {
        leaf.key.is_empty() || leaf.value.is_empty() || leaf.path.iter().any(|step| step.version >= 1 << 48 && step.size >= 64)
    };
    match proof {
        Proof::Existence(leaf) => in_leaf(leaf),
        Proof::Absence(absence) => match &absence.neighbours {
            Neighbours::EmptyTree => true,
            Neighbours::BeforeFirst(leaf) | Neighbours::AfterLast(leaf) => in_leaf(leaf) || absence.key.is_empty(),
            Neighbours::Between { left, right } => in_leaf(left) || in_leaf(right),
        },
    }
}

fn compare(program: &PathBuf, seed: u64, operations: u64) -> Figures {
    let mut rng = SplitMix64(seed);
    let initial_version = INITIAL_VERSIONS[usize::try_from(seed % INITIAL_VERSIONS.len() as u64).unwrap()];
    let keys = [20, 300, 4000, 60_000][usize::try_from(rng.below(4)).unwrap()];
    let tree = Tree::with_options(Options { initial_version, ..Options::default() }).unwrap();
    let oracle = Oracle::start(program, initial_version);
    let mut run = Run { oracle, tree, rng, keys, snapshots: Vec::new(), figures: Figures::default() };
    while run.figures.operations < operations {
        let most = [3, 40, 500][usize::try_from(run.rng.below(3)).unwrap()];
        for _ in 0..run.rng.below(most) {
            run.change();
        }
        run.save();
        for _ in 0..run.rng.below(8) {
            run.prove();
        }
    }
    run.oracle.stop();
    run.figures
}

#[test]
fn roots_and_proofs_are_those_of_iavl_itself() {
    let Some(program) = build_oracle() else { return };
    let wanted = std::env::var("TREERING_DIFFERENTIAL_OPS").ok().map_or(20_000, |text| text.parse().unwrap());
    let start = Instant::now();
    let mut total = Figures::default();
    let mut seed = seed(13);
    let first = seed;
    while total.operations < wanted {
        let part = compare(&program, seed, OPS_PER_TREE.min(wanted / INITIAL_VERSIONS.len() as u64));
        total.operations += part.operations;
        total.versions += part.versions;
        total.proofs += part.proofs;
        total.proofs_that_ics23_lacks += part.proofs_that_ics23_lacks;
        total.largest_tree = total.largest_tree.max(part.largest_tree);
        seed += 1;
    }
    say(&format!("no difference to cosmos/iavl: {total:?}, {} trees, {:.1?}", seed - first, start.elapsed()));
}
