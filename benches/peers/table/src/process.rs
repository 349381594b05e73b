//! Building and running the programs.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::arguments::Arguments;
use serde_json::Value;

use crate::line::Line;
use crate::stores::{Origin, StoreFacts};

/// Nodes in the cache of cosmos/iavl: with fewer it is slower still (a node takes about a kilobyte).
const IAVL_CACHE: &str = "3000000";

/// Where things are; the script `run` knows and says it.
pub(crate) struct Places {
    treering: PathBuf,
    target: PathBuf,
    /// The folder of this workspace.
    pub(crate) peers: PathBuf,
}

impl Places {
    pub(crate) fn from_environment() -> Result<Self, String> {
        let path = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("{name} is not set: start benches/peers/run"));
        Ok(Self { treering: path("TREERING")?, target: path("CARGO_TARGET_DIR")?, peers: path("PEERS_DIR")? })
    }
}

/// A program that can be run.
pub(crate) struct Program {
    path: PathBuf,
    origin: Origin,
}

impl Program {
    /// The program of a store, or why there is none. Those of this workspace must have been built.
    pub(crate) fn find(facts: &StoreFacts, places: &Places, built: &Built) -> Result<Self, String> {
        let path = match facts.origin {
            Origin::Treering { .. } => places.treering.clone(),
            Origin::Peer { binary, .. } => built.find(binary)?,
            Origin::Go => build_go(places)?,
        };
        Ok(Self { path, origin: facts.origin })
    }

    /// Measures a new store; its database is removed afterwards.
    pub(crate) fn run(&self, arguments: &Arguments, blocks: u64, folder: &Path) -> Result<Line, String> {
        let dir = folder.join("database");
        // What the run before left to write must not be this one's burden.
        let _ = Command::new("sync").status();
        let mut command = Command::new(&self.path);
        self.words(&mut command, arguments, blocks).arg(dir.as_os_str());
        let output = command.stdin(Stdio::null()).output().map_err(|error| format!("it could not be started: {error}"))?;
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(|error| format!("its database could not be removed: {error}"))?;
        }
        Line::parse(&printed(output)?)
    }

    /// The command line up to the folder, which comes last.
    fn words<'a>(&self, command: &'a mut Command, arguments: &Arguments, blocks: u64) -> &'a mut Command {
        let Arguments { n, batch, gets, proofs, cache_mib, .. } = arguments;
        let sizes = [("n", *n), ("batch", *batch), ("blocks", blocks), ("gets", *gets), ("proofs", *proofs)];
        let dash = if matches!(self.origin, Origin::Go) { "-" } else { "--" };
        if !matches!(self.origin, Origin::Peer { .. }) {
            command.arg("bench");
        }
        for (name, size) in sizes {
            command.arg(format!("{dash}{name}")).arg(size.to_string());
        }
        match self.origin {
            Origin::Treering { checkpoint_interval } => {
                command.args(["--json", "--checkpoint-interval", &checkpoint_interval.to_string()]);
                if let Some(mib) = cache_mib {
                    command.args(["--cache-size", &mib.to_string()]);
                }
            }
            Origin::Peer { .. } => {
                if let Some(mib) = cache_mib {
                    command.args(["--cache-mib", &mib.to_string()]);
                }
            }
            Origin::Go => {
                command.args(["-db", "goleveldb", "-sync", "-cache", IAVL_CACHE]);
            }
        }
        command.arg(format!("{dash}dir"))
    }
}

/// The programs of this workspace that could be built.
pub(crate) struct Built {
    programs: BTreeMap<String, PathBuf>,
    complaint: String,
}

impl Built {
    /// Builds all that are wanted with one command, so that what they share (RocksDB!) is compiled once.
    pub(crate) fn new(wanted: &[&StoreFacts], places: &Places) -> Result<Self, String> {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--release", "--locked", "--keep-going", "--message-format=json-render-diagnostics"])
            .current_dir(&places.peers);
        let mut packages = 0;
        for facts in wanted {
            if let Origin::Peer { package, binary } = facts.origin {
                eprintln!("building {binary}");
                cargo.args(["--package", package]);
                packages += 1;
            }
        }
        if packages == 0 {
            return Ok(Self { programs: BTreeMap::new(), complaint: String::new() });
        }
        let output = cargo.stdin(Stdio::null()).output().map_err(|error| format!("cargo: {error}"))?;
        let programs = String::from_utf8_lossy(&output.stdout).lines().filter_map(program_of).collect();
        Ok(Self { programs, complaint: complaint(&output) })
    }

    fn find(&self, binary: &str) -> Result<PathBuf, String> {
        self.programs.get(binary).cloned().ok_or_else(|| format!("it could not be built: {}", self.complaint))
    }
}

/// Name and place of the program that a message of cargo is about.
fn program_of(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let (name, path) = (message.get("target")?.get("name")?.as_str()?, message.get("executable")?.as_str()?);
    Some((name.to_owned(), path.into()))
}

fn build_go(places: &Places) -> Result<PathBuf, String> {
    if Command::new("go").arg("version").output().is_err() {
        return Err("Go is not installed".to_owned());
    }
    let path = places.target.join("peer-iavl");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&path).arg(".").current_dir(places.peers.join("iavl"));
    eprintln!("building cosmos/iavl");
    let output = go.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    printed(output).map_err(|reason| format!("it could not be built: {reason}"))?;
    Ok(path)
}

/// What a program printed, if it succeeded; else the first thing that it complained about.
fn printed(output: Output) -> Result<String, String> {
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|error| error.to_string());
    }
    Err(format!("{}, {}", output.status, complaint(&output)))
}

fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{text}");
    }
    text.lines().find(|line| line.starts_with("error")).or(text.lines().last()).unwrap_or("it said nothing").to_owned()
}
