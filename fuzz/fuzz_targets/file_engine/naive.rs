//! The files of the engine, read without its code, after their description.

use std::collections::BTreeMap;

use serde_json::Value;
use treering::engine::file::Format;
use treering::engine::{Batch, Keyspace};

/// What a database of files holds.
pub(crate) type State = BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>;

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(Keyspace, Vec<u8>, Vec<u8>),
    Delete(Keyspace, Vec<u8>),
    DeleteRange(Keyspace, Vec<u8>, Vec<u8>),
}

/// The state after changes of nothing.
pub(crate) fn state(changes: &[Change]) -> State {
    let mut state = State::new();
    for change in changes {
        match change.clone() {
            Change::Put(keyspace, key, value) => drop(state.insert((keyspace, key), value)),
            Change::Delete(keyspace, key) => drop(state.remove(&(keyspace, key))),
            Change::DeleteRange(keyspace, from, to) => state.retain(|(space, key), _| *space != keyspace || *key < from || *key >= to),
        }
    }
    state
}

pub(crate) fn batch(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for change in changes {
        match change {
            Change::Put(keyspace, key, value) => batch.put(*keyspace, key, value),
            Change::Delete(keyspace, key) => batch.delete(*keyspace, key),
            Change::DeleteRange(keyspace, from, to) => batch.delete_range(*keyspace, from, to),
        }
    }
    batch
}

/// Changes that bytes stand for: each takes its kind, its keyspace, and one or two short texts.
pub(crate) fn changes_of(bytes: &[u8]) -> Vec<Change> {
    let mut bytes = bytes.iter().copied();
    let mut changes = Vec::new();
    while let (Some(kind), Some(keyspace)) = (bytes.next(), bytes.next()) {
        let keyspace = Keyspace::ALL[usize::from(keyspace) % Keyspace::ALL.len()];
        let mut text = || {
            let length = bytes.next().unwrap_or(0) % 8;
            bytes.by_ref().take(length.into()).collect::<Vec<u8>>()
        };
        changes.push(match kind % 3 {
            0 => Change::Put(keyspace, text(), text()),
            1 => Change::Delete(keyspace, text()),
            _ => Change::DeleteRange(keyspace, text(), text()),
        });
    }
    changes
}

/// The changes of a file, if it is whole.
pub(crate) fn decode(bytes: &[u8], format: Format) -> Option<Vec<Change>> {
    match format {
        Format::Borsh => {
            let (checksum, body) = bytes.split_first_chunk()?;
            let mut rest = body;
            let changes = from_borsh(&mut rest)?;
            (rest.is_empty() && u32::from_le_bytes(*checksum) == crc32fast::hash(body)).then_some(changes)
        }
        Format::Json => from_json(bytes),
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn length(bytes: &mut &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?) as usize)
}

fn text(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = length(bytes)?;
    take(bytes, length).map(<[u8]>::to_vec)
}

fn from_borsh(bytes: &mut &[u8]) -> Option<Vec<Change>> {
    let count = length(bytes)?;
    let mut changes = Vec::new();
    for _ in 0..count {
        let kind = take(bytes, 1)?[0];
        let keyspace = *Keyspace::ALL.get(usize::from(take(bytes, 1)?[0]))?;
        changes.push(match kind {
            0 => Change::Put(keyspace, text(bytes)?, text(bytes)?),
            1 => Change::Delete(keyspace, text(bytes)?),
            2 => Change::DeleteRange(keyspace, text(bytes)?, text(bytes)?),
            _ => return None,
        });
    }
    Some(changes)
}

fn to_borsh(changes: &[Change]) -> Vec<u8> {
    let mut bytes = u32::try_from(changes.len()).unwrap().to_le_bytes().to_vec();
    for change in changes {
        let (kind, keyspace, texts) = match change {
            Change::Put(keyspace, key, value) => (0, keyspace, vec![key, value]),
            Change::Delete(keyspace, key) => (1, keyspace, vec![key]),
            Change::DeleteRange(keyspace, from, to) => (2, keyspace, vec![from, to]),
        };
        let number = Keyspace::ALL.iter().position(|other| other == keyspace).unwrap();
        bytes.extend([kind, u8::try_from(number).unwrap()]);
        for text in texts {
            bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
            bytes.extend(text);
        }
    }
    bytes
}

fn from_json(bytes: &[u8]) -> Option<Vec<Change>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let [checksum, changes] = fields(&document, ["crc32", "changes"])?;
    let changes: Vec<Change> = changes.as_array()?.iter().map(one_from_json).collect::<Option<_>>()?;
    let is_right = u32::from_str_radix(checksum.as_str()?, 16).ok()? == crc32fast::hash(&to_borsh(&changes));
    // A name that is given twice is refused, which `Value` does not tell.
    (is_right && names(&document) == colons(bytes)).then_some(changes)
}

fn one_from_json(change: &Value) -> Option<Change> {
    let (kind, change) = change.as_object().filter(|change| change.len() == 1)?.iter().next()?;
    let keyspace = |name: &Value| Keyspace::ALL.into_iter().find(|keyspace| Some(keyspace.name()) == name.as_str());
    let text = |text: &Value| unescape(text.as_str()?);
    Some(match kind.as_str() {
        "put" => {
            let [space, key, value] = fields(change, ["keyspace", "key", "value"])?;
            Change::Put(keyspace(space)?, text(key)?, text(value)?)
        }
        "delete" => {
            let [space, key] = fields(change, ["keyspace", "key"])?;
            Change::Delete(keyspace(space)?, text(key)?)
        }
        "delete_range" => {
            let [space, from, to] = fields(change, ["keyspace", "from", "to"])?;
            Change::DeleteRange(keyspace(space)?, text(from)?, text(to)?)
        }
        _ => return None,
    })
}

/// The fields of an object that has just these, or of a list that has them without names, which is read too.
fn fields<'a, const N: usize>(value: &'a Value, names: [&str; N]) -> Option<[&'a Value; N]> {
    let found: Vec<&Value> = match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(object) if object.len() == N => names.iter().map(|name| object.get(*name)).collect::<Option<_>>()?,
        _ => return None,
    };
    found.try_into().ok()
}

/// How many names the objects in a value have.
fn names(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.iter().map(names).sum(),
        Value::Object(object) => object.len() + object.values().map(names).sum::<usize>(),
        _ => 0,
    }
}

/// How many names are written: each has a colon behind it, outside of texts.
fn colons(json: &[u8]) -> usize {
    let (mut count, mut is_text, mut bytes) = (0, false, json.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if is_text => drop(bytes.next()),
            b'"' => is_text = !is_text,
            b':' if !is_text => count += 1,
            _ => {}
        }
    }
    count
}

/// Printable characters are themselves, `\\` is a backslash, every other byte is `\x` and two digits.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\\\\") {
            bytes.push(b'\\');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\\x") {
            let digits = after.get(..2).filter(|digits| digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')))?;
            let byte = u8::from_str_radix(digits, 16).ok().filter(|byte| !(b' '..=b'~').contains(byte))?;
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(u8::try_from(first).ok().filter(|byte| (b' '..=b'~').contains(byte) && *byte != b'\\')?);
            rest = &rest[1..];
        }
    }
    Some(bytes)
}
