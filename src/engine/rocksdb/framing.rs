//! Looks over the framing of RocksDB's own log files (manifest and write-ahead log) before RocksDB reads them.
//!
//! RocksDB 11.8 loops for ever when a bit flip turns a record's type into that of a recycled log after the file's first record (its
//! reader gives the record up without moving on). Logs are never recycled here, so such a type is damage in any place.
//!
//! ```text
//! file   = block*                                    32 KiB each, the last one shorter
//! record = crc (4 bytes) || length (2, little endian) || type (1) || payload      never across blocks
//! ```

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::engine::BackendError;

const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;
/// Recycled full, first, middle and last records; recycled time stamp sizes; recycled predecessor information.
const RECYCLED_TYPES: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// Fails when a log file in `folder` would make RocksDB loop. Reads them once: O(bytes not yet flushed).
pub(super) fn check(folder: &Path) -> Result<(), BackendError> {
    let listing = |error: io::Error| BackendError::new(format!("reading folder {}", folder.display()), error);
    for entry in fs::read_dir(folder).map_err(listing)? {
        let path = entry.map_err(listing)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("MANIFEST-") || path.extension().is_some_and(|kind| kind == "log") {
            let failed = |error: io::Error| BackendError::new(format!("checking {}", path.display()), error);
            File::open(&path).and_then(check_file).map_err(failed)?;
        }
    }
    Ok(())
}

fn check_file(mut file: impl Read) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    let mut start = 0;
    loop {
        let length = read_up_to(&mut file, &mut block)?;
        let Some(filled) = block.get(..length).filter(|filled| !filled.is_empty()) else { return Ok(()) };
        if let Some(place) = recycled_record(filled) {
            let what = format!("the record at byte {} has a type that is never written: the file is damaged", start + place);
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        start += length;
    }
}

fn read_up_to(file: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Where a record of a recycled type begins. What cannot be followed any further is left to RocksDB, which refuses it or takes it for
/// the torn end of the last write.
fn recycled_record(block: &[u8]) -> Option<usize> {
    let mut place = 0;
    while let Some(&[_, _, _, _, low, high, kind]) = block.get(place..).and_then(|rest| rest.first_chunk::<HEADER>()) {
        if RECYCLED_TYPES.contains(&kind) {
            return Some(place);
        }
        let length = usize::from(u16::from_le_bytes([low, high]));
        if kind == 0 && length == 0 {
            return None;
        }
        place += HEADER + length;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_le_bytes();
        [&[1, 2, 3, 4][..], &length, &[kind], payload].concat()
    }

    #[test]
    fn recycled_types_are_found_at_any_record_and_in_any_block() {
        let sound = [record(1, b"one"), record(1, b""), record(2, &[5; 100])].concat();
        assert!(check_file(sound.as_slice()).is_ok());
        let mut long = sound.clone();
        long.resize(BLOCK, 0);
        long.extend(&sound);
        assert!(check_file(long.as_slice()).is_ok());
        for kind in RECYCLED_TYPES {
            let damaged = [sound.clone(), record(kind, b"x")].concat();
            assert!(check_file(damaged.as_slice()).is_err());
            let damaged = [long.clone(), record(kind, b"x")].concat();
            assert!(check_file(damaged.as_slice()).unwrap_err().to_string().contains(&(BLOCK + sound.len()).to_string()));
        }
    }
}
