//! `apply`: runs operations from JSON lines and saves versions where the lines say so.

use serde::Deserialize;
use treering::tree::{MAX_KEY_LEN, MAX_VALUE_LEN};

use super::args::StoreArg;
use super::error::CliError;
use super::input::Input;
use super::notation::{Notation, NotationArg, counted};
use super::output::{Output, note};
use super::place::DirAndFile;
use super::progress::Progress;
use super::queue;
use super::work::Work;

/// Runs operations from a file of JSON lines, and saves versions.
///
/// A line is one operation: {"op":"set","key":HEX,"value":HEX}, {"op":"delete","key":HEX} or {"op":"save"}. Each save makes one
/// durable version and prints it. A bad line stops with its number and the reason; what was saved before stays, what was not saved
/// is not kept.
///
/// Lines may name their stores: {"op":"set","store":"bank",...}. Then each save makes one version of all stores, changed or not, and
/// prints its app hash. Otherwise all lines are about one store, and a save is a version of it alone.
#[derive(clap::Args)]
#[command(
    override_usage = "treering apply [OPTIONS] [DIR] <FILE>",
    after_help = "\
Which stores a save is about:
  with --store NAME     that store alone, made when it is new
  lines name stores     all stores together
  lines name none       the only store there is, alone
With --store no line may name another store. Otherwise either all set and delete lines name a store that is there (`treering create` \
makes one), or none does. A save before any such line is about the only store alone, or about all together if there are several.

Example:
  printf '{\"op\":\"set\",\"store\":\"gov\",\"key\":\"01\",\"value\":\"64\"}\\n{\"op\":\"save\"}\\n' \\
    | treering apply chain -
  treering apply trees operations.jsonl --store forest
  printf '{\"op\":\"set\",\"key\":\"oak\",\"value\":\"200 rings\"}\\n{\"op\":\"save\"}\\n' \\
    | treering apply trees - --store forest --utf8"
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
    store: Option<String>,
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
    Change { store: Option<String>, operation: queue::Operation },
    Save,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (place, file) = args.place.split()?;
    let mut input = Input::open(&file)?;
    let mut work = Work::begin(&place, &args.store)?;
    apply(&mut input, &args.notation, &mut work, output)?;
    if work.unsaved() > 0 {
        let lost = counted(work.unsaved(), "operation");
        note(&format!("note: {lost} after the last save, not kept: end the input with {{\"op\":\"save\"}} to keep them"));
    }
    work.end()
}

fn apply(input: &mut Input, notation: &NotationArg, work: &mut Work, output: &mut Output) -> Result<(), CliError> {
    let progress = Progress::of_bytes(input.len());
    let mut line = Vec::new();
    let mut number = 0;
    while input.read_line(&mut line, MAX_LINE_LEN)? {
        number += 1;
        progress.advance(line.len() as u64 + 1);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let done = match parse(&line, notation.keys(), notation.values()) {
            Ok(Operation::Change { store, operation }) => work.change(store.as_deref(), operation)?,
            Ok(Operation::Save) => {
                work.save(&progress, output)?;
                Ok(())
            }
            Err(reason) => Err(reason),
        };
        done.map_err(|reason| work.bad_line(input.name(), number, reason))?;
    }
    Ok(())
}

/// What a line asks for, or why that cannot be told.
fn parse(line: &[u8], keys: Notation, values: Notation) -> Result<Operation, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| without_line_number(&error))?;
    let read = |what: &str, notation: Notation, text: Option<String>| {
        let text = text.ok_or_else(|| format!("the {what} is missing"))?;
        notation.read(&text).map_err(|error| format!("the {what} is wrong: {error}"))
    };
    let read_key = |key| read("key", keys, key);
    match line {
        Line { op: Kind::Set, store, key, value } => {
            Ok(Operation::Change { store, operation: (read_key(key)?, Some(read("value", values, value)?)) })
        }
        Line { op: Kind::Delete, store, key, value: None } => Ok(Operation::Change { store, operation: (read_key(key)?, None) }),
        Line { op: Kind::Delete, .. } => Err("a delete has a key only, and here is a value".to_owned()),
        Line { op: Kind::Save, key: None, value: None, store: None } => Ok(Operation::Save),
        Line { op: Kind::Save, store: Some(_), .. } => {
            Err("a save is about all stores; to save one alone, leave the stores out of all lines and give --store NAME".to_owned())
        }
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
        parse(line.as_bytes(), Notation::Hex, Notation::Hex).unwrap_err()
    }

    #[test]
    fn lines_are_operations() {
        let set = parse(br#"{"op":"set","key":"6f","value":""}"#, Notation::Hex, Notation::Hex);
        assert_eq!(set, Ok(Operation::Change { store: None, operation: (b"o".to_vec(), Some(vec![])) }));
        let delete = parse(br#"{"key":"6f","op":"delete","store":"bank"}"#, Notation::Text, Notation::Text);
        assert_eq!(delete, Ok(Operation::Change { store: Some("bank".to_owned()), operation: (b"6f".to_vec(), None) }));
        assert_eq!(parse(br#" {"op":"save"} "#, Notation::Hex, Notation::Hex), Ok(Operation::Save));
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
