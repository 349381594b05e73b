//! `apply`: runs operations from JSON lines and saves versions where the lines say so.

use serde::Deserialize;
use treering::tree::{MAX_KEY_LEN, MAX_VALUE_LEN};
use treering::{Database, TreeStore};

use super::args::{DirAndFile, StoreArg, open_to_write};
use super::error::CliError;
use super::input::Input;
use super::notation::{Notation, NotationArg};
use super::output::{Output, note};
use super::progress::Progress;
use super::saved::Saved;

/// Runs operations from a file of JSON lines, and saves versions.
///
/// A line is one operation: {"op":"set","key":HEX,"value":HEX}, {"op":"delete","key":HEX} or {"op":"save"}. Each save makes one
/// durable version and prints it. A bad line stops with its number and the reason; what was saved before stays, what was not saved
/// is not kept. The store is made when it is new.
#[derive(clap::Args)]
#[command(
    override_usage = "treering apply [OPTIONS] [DIR] <FILE>",
    after_help = "\
Example:
  treering apply trees operations.jsonl --store forest
  printf '{\"op\":\"set\",\"key\":\"oak\",\"value\":\"200 rings\"}\\n{\"op\":\"save\"}\\n' | treering apply trees - --store forest --utf8"
)]
pub(crate) struct Args {
    #[command(flatten)]
    place: DirAndFile,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    notation: NotationArg,
}

/// Longer than any operation: hex takes two digits a byte, JSON may write a character of text in six bytes.
const MAX_LINE_LEN: u64 = 6 * (MAX_KEY_LEN as u64 + MAX_VALUE_LEN as u64) + 1024;

/// One line of the input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    op: Kind,
    key: Option<String>,
    value: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Set,
    Delete,
    Save,
}

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Operation {
    Set { key: Vec<u8>, value: Vec<u8> },
    Delete { key: Vec<u8> },
    Save,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (dir, file) = args.place.split()?;
    let mut input = Input::open(&file)?;
    let database = open_to_write(&dir)?;
    let mut work = Work { store: args.store.open_or_make(&database)?, saved: None, unsaved: 0 };
    apply(&mut input, args.notation.notation(), &mut work, output)?;
    if work.unsaved > 0 {
        note(&format!(
            "note: {} operations after the last save were not kept: end the input with {{\"op\":\"save\"}} to keep them",
            work.unsaved
        ));
    }
    close(work.store, database)
}

/// The store, and how far the work in it has come. Also what `import-csv` works with.
pub(crate) struct Work {
    pub(crate) store: TreeStore,
    /// The last version saved here.
    pub(crate) saved: Option<u64>,
    /// Operations since then.
    pub(crate) unsaved: u64,
}

impl Work {
    /// Saves a version and prints it at once, so that whoever reads the output knows what is durable.
    pub(crate) fn save(&mut self, progress: &Progress, output: &mut Output) -> Result<(), CliError> {
        let info = self.store.save_version()?;
        self.saved = Some(info.version);
        self.unsaved = 0;
        progress.pause(|| output.print(&Saved::from(&info)).and_then(|()| output.flush()))
    }

    /// The error for a bad line.
    pub(crate) fn bad_line(&self, file: &str, line: u64, reason: String) -> CliError {
        let kept = match self.saved {
            Some(version) => format!("what was saved up to version {version} stays, what came after was not kept"),
            None => "nothing was saved".to_owned(),
        };
        CliError::Line { file: file.to_owned(), line, reason, kept }
    }
}

/// Closes the store before the database that it belongs to.
pub(crate) fn close(store: TreeStore, database: Database) -> Result<(), CliError> {
    drop(store);
    Ok(database.close()?)
}

fn apply(input: &mut Input, notation: Notation, work: &mut Work, output: &mut Output) -> Result<(), CliError> {
    let progress = Progress::of_bytes(input.len());
    let mut line = Vec::new();
    let mut number = 0;
    while input.read_line(&mut line, MAX_LINE_LEN)? {
        number += 1;
        progress.advance(line.len() as u64 + 1);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let operation = parse(&line, notation).map_err(|reason| work.bad_line(input.name(), number, reason))?;
        let changed = match operation {
            Operation::Save => {
                work.save(&progress, output)?;
                continue;
            }
            Operation::Set { key, value } => work.store.set(&key, &value),
            Operation::Delete { key } => work.store.delete(&key).map(drop),
        };
        changed.map_err(|error| work.bad_line(input.name(), number, error.to_string()))?;
        work.unsaved += 1;
    }
    Ok(())
}

/// What a line asks for, or why that cannot be told.
fn parse(line: &[u8], notation: Notation) -> Result<Operation, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| without_line_number(&error))?;
    let read = |what: &str, text: Option<String>| {
        let text = text.ok_or_else(|| format!("the {what} is missing"))?;
        notation.read(&text).map_err(|error| format!("the {what} is wrong: {error}"))
    };
    match line {
        Line { op: Kind::Set, key, value } => Ok(Operation::Set { key: read("key", key)?, value: read("value", value)? }),
        Line { op: Kind::Delete, key, value: None } => Ok(Operation::Delete { key: read("key", key)? }),
        Line { op: Kind::Delete, .. } => Err("a delete has a key only, and here is a value".to_owned()),
        Line { op: Kind::Save, key: None, value: None } => Ok(Operation::Save),
        Line { op: Kind::Save, .. } => Err("a save has neither key nor value".to_owned()),
    }
}

/// The parser sees one line only and would always call it line 1.
fn without_line_number(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = text.strip_suffix(place.as_str()).unwrap_or(&text);
    format!("{reason} (column {})", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(line: &str) -> String {
        parse(line.as_bytes(), Notation::Hex).unwrap_err()
    }

    #[test]
    fn lines_are_operations() {
        let set = parse(br#"{"op":"set","key":"6f","value":""}"#, Notation::Hex);
        assert_eq!(set, Ok(Operation::Set { key: b"o".to_vec(), value: vec![] }));
        assert_eq!(parse(br#"{"key":"6f","op":"delete"}"#, Notation::Text), Ok(Operation::Delete { key: b"6f".to_vec() }));
        assert_eq!(parse(br#" {"op":"save"} "#, Notation::Hex), Ok(Operation::Save));
    }

    #[test]
    fn what_is_not_an_operation_is_refused_with_its_reason() {
        assert_eq!(reason(r#"{"op":"set","key":"6f"}"#), "the value is missing");
        assert_eq!(reason(r#"{"op":"delete"}"#), "the key is missing");
        assert_eq!(reason(r#"{"op":"delete","key":"6f","value":""}"#), "a delete has a key only, and here is a value");
        assert_eq!(reason(r#"{"op":"save","key":"6f"}"#), "a save has neither key nor value");
        assert_eq!(reason(r#"{"op":"set","key":"6g","value":""}"#), "the key is wrong: 'g' at character 2 is not a hex digit");
        assert!(reason(r#"{"op":"put","key":"6f","value":""}"#).starts_with("unknown variant `put`, expected one of"));
        assert!(reason(r#"{"op":"save","colour":1}"#).starts_with("unknown field `colour`"));
        assert!(reason(r#"{"op":"save","op":"save"}"#).starts_with("duplicate field `op`"));
        assert_eq!(reason(r#"{"op":"save""#), "EOF while parsing an object (column 12)");
        assert!(reason(r#"{"op":"save"}{"op":"save"}"#).starts_with("trailing characters"));
        assert!(reason("[]").ends_with(')'));
    }
}
