//! Any bytes as a file of the engine of files: opening gives an error, or just the state that a decoder written for this says, and only
//! with a right checksum. What was written and then changed in one byte gives an error, or what was written.
//!
//! Input: the format (one byte), what the bytes are (one byte), the bytes: a whole file; a Borsh file without its checksum; or changes to
//! write, of which one byte is changed then.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use treering::Order;
use treering::engine::file::{FileBackend, Format};
use treering::engine::{Access, Backend, Batch, Durability, Keyspace};

#[path = "file_engine/naive.rs"]
mod naive;
mod scratch;

use naive::{Change, State};
use scratch::scratch;

const FILES: [&str; 3] = ["base", "changes", "changes-unsynced"];

/// An empty database of files.
fn empty(name: &str, format: Format) -> PathBuf {
    let folder = scratch("file_engine").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("format.json"), format!("{{\"format\":1,\"encoding\":\"{format}\"}}")).unwrap();
    folder
}

fn file(folder: &Path, number: u64, name: &str, format: Format) -> PathBuf {
    folder.join(format!("{number:020}")).join(format!("{name}.{format}"))
}

/// What opening the folder gives.
fn open(folder: &Path) -> Option<State> {
    let backend = match FileBackend::open(folder, Access::ReadOnly, None) {
        Ok(backend) => backend,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let mut state = State::new();
    for keyspace in Keyspace::ALL {
        for pair in backend.scan(keyspace, &[], None, Order::Ascending) {
            let (key, value) = pair.unwrap();
            assert_eq!(backend.get(keyspace, &key).unwrap().as_ref(), Some(&value));
            state.insert((keyspace, key), value);
        }
    }
    Some(state)
}

fuzz_target!(|bytes: &[u8]| {
    let [format, what, bytes @ ..] = bytes else { return };
    let format = if format % 2 == 0 { Format::Json } else { Format::Borsh };
    match what % 4 {
        0 | 1 => any_file(bytes, FILES[usize::from(what / 4) % 3], format),
        2 => any_file(&[&crc32fast::hash(bytes).to_le_bytes(), bytes].concat(), FILES[usize::from(what / 4) % 3], Format::Borsh),
        _ => changed_byte(bytes, format),
    }
});

/// One file, of these bytes.
fn any_file(bytes: &[u8], name: &str, format: Format) {
    let folder = empty("any", format);
    let path = file(&folder, 1, name, format);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    let expected = naive::decode(bytes, format).map(|changes| naive::state(&changes));
    let found = open(&folder);
    // An unsynced file that cannot be read counts as not written.
    let unreadable = (name == "changes-unsynced").then(State::new);
    assert_eq!(found, expected.clone().or(unreadable));
    let Some(state) = expected else { return };
    // The state can be written in both formats, and read back.
    for format in [Format::Json, Format::Borsh] {
        let folder = empty("again", format);
        let mut batch = Batch::new();
        for ((keyspace, key), value) in &state {
            batch.put(*keyspace, key, value);
        }
        let backend = FileBackend::open(&folder, Access::ReadWrite, None).unwrap();
        backend.write(&batch, Durability::Buffered).unwrap();
        drop(backend);
        assert_eq!(open(&folder).as_ref(), Some(&state));
    }
}

/// Batches as the engine writes them, then one byte of one file changed.
fn changed_byte(bytes: &[u8], format: Format) {
    let [which, place, flip, bytes @ ..] = bytes else { return };
    let mut batches: Vec<Vec<Change>> = bytes.split(|byte| *byte == 0xff).take(4).map(naive::changes_of).collect();
    batches.retain(|batch| !batch.is_empty());
    if batches.is_empty() {
        return;
    }
    let folder = empty("changed", format);
    let backend = FileBackend::open(&folder, Access::ReadWrite, None).unwrap();
    let mut states = vec![State::new()];
    for (number, changes) in batches.iter().enumerate() {
        backend.write(&naive::batch(changes), Durability::Buffered).unwrap();
        states.push(naive::state(&batches[..=number].concat()));
    }
    drop(backend);
    let written = states.last().unwrap();
    assert_eq!(open(&folder).as_ref(), Some(written));

    let which = usize::from(*which) % batches.len();
    let path = file(&folder, which as u64 + 1, "changes-unsynced", format);
    let mut text = fs::read(&path).unwrap();
    let place = usize::from(*place) * text.len() / 256;
    text[place] ^= flip;
    // As if it had been synced: then it is damage.
    let as_synced = file(&folder, which as u64 + 1, "changes", format);
    fs::write(&path, &text).unwrap();
    let found = open(&folder);
    assert!(
        found.as_ref() == Some(written) || found.as_ref() == Some(&states[which]),
        "an unsynced batch counts, or all from it on do not"
    );
    fs::rename(&path, &as_synced).unwrap();
    let found = open(&folder);
    assert!(found.is_none() || found.as_ref() == Some(written), "a changed byte of a synced batch is told");
}
