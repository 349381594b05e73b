//! The folders are the diagram in the README: dependencies point down only, and no file grows too long to read.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library, the lowest first. A module may use those before it.
const LAYERS: [&str; 9] = ["config", "engine", "error", "event", "persist", "store", "multistore", "conformance", "system"];
/// The modules that stand on the library's public interface: what they take from the crate is what `lib` exports, and the system.
const SERVER: [&str; 1] = ["server"];
/// The modules of the command line, which sees the library's public interface only.
const PROGRAM: [&str; 3] = ["main", "cli", "workload"];
/// Lines that are not tests.
const MAX_FILE_LINES: usize = 500;
/// The one file that names the crate `rocksdb`.
const ROCKSDB_FILE: &str = "src/engine/rocksdb.rs";

/// A source file: its path from the root of the workspace, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The module of the root package that it belongs to, such as `persist` for `src/persist/codec.rs`.
    fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap();
        inside.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// The lines before the unit tests.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().take_while(|line| *line != "#[cfg(test)]")
    }

    /// The code without comments.
    fn statements(&self) -> String {
        let statements = self.code().filter(|line| !line.trim_start().starts_with("//"));
        statements.collect::<Vec<_>>().join("\n")
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(".");
    let mut pending = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(path) = pending.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path: name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Whether `text` has `word` as an identifier of its own.
fn names(text: &str, word: &str) -> bool {
    let is_part = |neighbour: Option<char>| neighbour.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

/// The modules that the text takes from its own crate: `crate::a::..`, and those in the braces of `crate::{a::.., b}`.
fn modules_used(text: &str) -> Vec<&str> {
    let identifier = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let mut used = Vec::new();
    for (at, start) in text.match_indices("crate::") {
        let rest = &text[at + start.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            used.push(&rest[..identifier(rest)]);
            continue;
        };
        let (mut depth, mut item) = (0, 0);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    let name = list[item..at].trim_start();
                    used.push(&name[..identifier(name)]);
                    item = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    used
}

#[test]
fn the_scanner_sees_what_is_used() {
    assert_eq!(modules_used("use crate::persist::Codec;"), ["persist"]);
    assert_eq!(modules_used("use crate::{engine::{Batch, Key}, error::Error};"), ["engine", "error"]);
    assert_eq!(modules_used("let x = crate::store::open();"), ["store"]);
    assert!(names("use rocksdb::DB;", "rocksdb") && !names("my_rocksdb_file", "rocksdb"));
}

#[test]
fn every_module_has_its_place() {
    for source in sources("src") {
        let module = source.module();
        assert!(
            module == "lib" || LAYERS.contains(&module) || SERVER.contains(&module) || PROGRAM.contains(&module),
            "{}: `{module}` is no known layer; give it its place in LAYERS and in the README's picture",
            source.path
        );
    }
}

#[test]
fn dependencies_point_down() {
    let rank = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    for source in sources("src") {
        let Some(own) = rank(source.module()) else { continue };
        let statements = source.statements();
        for used in modules_used(&statements) {
            let is_below = rank(used).is_some_and(|used| used <= own);
            // Names that the crate's root re-exports from the crates below are written in capitals.
            let is_below = is_below || used.starts_with(char::is_uppercase);
            assert!(is_below, "{}: uses crate::{used}, which is not below `{}`", source.path, source.module());
        }
        for tool in ["clap", "indicatif", "csv"] {
            assert!(!names(&statements, tool), "{}: `{tool}` is for the command line", source.path);
        }
    }
}

/// The server knows the layers that `lib` makes public, and of the crate's root what is re-exported there.
#[test]
fn the_server_stands_on_the_public_interface() {
    const PUBLIC: [&str; 8] = ["config", "engine", "event", "proofs", "server", "system", "traits", "tree"];
    for source in sources("src").into_iter().filter(|source| SERVER.contains(&source.module())) {
        let statements = source.statements();
        for used in modules_used(&statements) {
            assert!(PUBLIC.contains(&used) || used.starts_with(char::is_uppercase), "{}: uses crate::{used}", source.path);
        }
    }
}

/// The system is for programs without an asynchronous runtime too.
#[test]
fn the_system_needs_no_server() {
    for source in sources("src").into_iter().filter(|source| LAYERS.contains(&source.module())) {
        for tool in ["tokio", "axum", "hyper"] {
            assert!(!names(&source.statements(), tool), "{}: `{tool}` is for the server", source.path);
        }
    }
}

#[test]
fn the_crate_rocksdb_is_named_in_one_file() {
    for source in ["src", "tree/src", "proofs/src"].into_iter().flat_map(sources).filter(|source| source.path != ROCKSDB_FILE) {
        // Our own module has the same name.
        let statements = source.statements().replace("engine::rocksdb::", "");
        assert!(!statements.contains("rocksdb::") && !statements.contains("use rocksdb"), "{}: names rocksdb", source.path);
        assert!(!names(&statements, "librocksdb_sys"), "{}: names librocksdb_sys", source.path);
    }
}

#[test]
fn the_crates_below_do_no_io() {
    for source in ["tree/src", "proofs/src"].into_iter().flat_map(sources) {
        for module in ["std::fs", "std::net", "std::process", "std::env"] {
            assert!(!source.statements().contains(module), "{}: uses {module}", source.path);
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for source in ["src", "tree/src", "proofs/src"].into_iter().flat_map(sources) {
        let lines = source.code().count();
        assert!(lines < MAX_FILE_LINES, "{}: {lines} lines; one noun a file", source.path);
    }
}
