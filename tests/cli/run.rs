//! Runs the built binary.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What one command gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Asserts that it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "it failed: {}", self.err);
        self
    }

    /// Asserts that it failed as a refused wish does, and says `reason` on standard error.
    #[track_caller]
    pub(crate) fn fails(self, reason: &str) -> Self {
        assert_eq!(self.code, Some(1), "it should fail; it printed {}{}", self.out, self.err);
        assert!(self.err.contains(reason), "the reason should be {reason:?}, it is {}", self.err);
        assert!(self.err.starts_with("error: ") && !self.err.contains("panicked"), "{}", self.err);
        self
    }

    /// What it printed, line by line.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// What it printed, as JSON line by line.
    #[track_caller]
    pub(crate) fn objects(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one JSON object that it printed.
    #[track_caller]
    pub(crate) fn object(&self) -> Value {
        let mut objects = self.objects();
        assert_eq!(objects.len(), 1, "{}", self.out);
        objects.pop().unwrap()
    }
}

/// The built binary, without what the environment might say.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treering"));
    command.env_remove("TREERING_DIR").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn finish(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs `treering` with these words.
pub(crate) fn treering<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Ran {
    finish(command().args(words))
}

/// Runs `treering` with these words, and `input` on standard input.
pub(crate) fn treering_fed<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>, input: &str) -> Ran {
    let mut child = command().args(words).stdin(Stdio::piped()).spawn().unwrap();
    // A command that fails early does not read all of it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder with a database in it.
pub(crate) struct Forest {
    folder: TempDir,
}

impl Forest {
    /// An empty database.
    pub(crate) fn empty() -> Self {
        Self::made_with(&[])
    }

    /// An empty database made with further options of `init`.
    pub(crate) fn made_with(options: &[&str]) -> Self {
        let forest = Self { folder: tempfile::tempdir().unwrap() };
        forest.run("init", options).ok();
        forest
    }

    /// Three versions of a store `forest`: oak and pine; oak changed and ash new; pine gone.
    pub(crate) fn planted() -> Self {
        let forest = Self::empty();
        let lines = [
            set("oak", "200 rings"),
            set("pine", "80 rings"),
            save(),
            set("oak", "201 rings"),
            set("ash", ""),
            save(),
            delete("pine"),
            save(),
        ];
        forest.apply("forest", &lines).ok();
        forest
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("trees")
    }

    /// A path beside the database.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.beside(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command on the database.
    pub(crate) fn run(&self, name: &str, words: &[&str]) -> Ran {
        finish(command().arg(name).arg(self.dir()).args(words))
    }

    /// Runs `apply` with text lines on standard input.
    pub(crate) fn apply(&self, store: &str, lines: &[String]) -> Ran {
        let dir = self.dir();
        let words = [Path::new("apply"), &dir, Path::new("-"), Path::new("--utf8"), Path::new("--json"), Path::new("--store")];
        treering_fed(words.into_iter().map(Path::as_os_str).chain([OsStr::new(store)]), &lines.join("\n"))
    }

    /// Two stores, `bank` and `gov`, in three versions of both together: alice in both; bob in the bank; alice gone from it.
    pub(crate) fn chain() -> Self {
        let forest = Self::empty();
        forest.run("create", &["bank"]).ok();
        forest.run("create", &["gov"]).ok();
        let lines = [
            set_in("bank", "alice", "100"),
            set_in("gov", "alice", "votes"),
            save(),
            set_in("bank", "bob", "5"),
            save(),
            delete_in("bank", "alice"),
            save(),
        ];
        forest.feed(&lines).ok();
        forest
    }

    /// Runs `apply` without --store, with text lines on standard input.
    pub(crate) fn feed(&self, lines: &[String]) -> Ran {
        let dir = self.dir();
        treering_fed(["apply", dir.to_str().unwrap(), "-", "--utf8", "--json"], &lines.join("\n"))
    }

    /// The app hash of a version of all stores.
    pub(crate) fn app_hash(&self, version: u64) -> String {
        self.run("app-hash", &["--version", &version.to_string()]).ok().out.trim().to_owned()
    }

    /// The root of a version.
    pub(crate) fn root(&self, version: u64) -> String {
        self.run("root", &["--version", &version.to_string()]).ok().out.trim().to_owned()
    }
}

pub(crate) fn set(key: &str, value: &str) -> String {
    format!(r#"{{"op":"set","key":"{key}","value":"{value}"}}"#)
}

pub(crate) fn delete(key: &str) -> String {
    format!(r#"{{"op":"delete","key":"{key}"}}"#)
}

pub(crate) fn save() -> String {
    r#"{"op":"save"}"#.to_owned()
}

pub(crate) fn set_in(store: &str, key: &str, value: &str) -> String {
    format!(r#"{{"op":"set","store":"{store}","key":"{key}","value":"{value}"}}"#)
}

pub(crate) fn delete_in(store: &str, key: &str) -> String {
    format!(r#"{{"op":"delete","store":"{store}","key":"{key}"}}"#)
}
