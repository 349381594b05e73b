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
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use crate::engine::BackendError;

const BLOCK: u64 = 32 << 10;
const HEADER: usize = 7;
/// Bytes read at once: of long records only the headers are looked at, of short ones many lie in these.
const WINDOW: usize = 512;
/// Recycled full, first, middle and last records; recycled time stamp sizes; recycled predecessor information.
const RECYCLED_TYPES: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// Fails when a log file in `folder` would make RocksDB loop. Reads the headers of their records: O(bytes not yet flushed).
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

fn check_file(file: impl Read + Seek) -> io::Result<()> {
    let mut file = BufReader::with_capacity(WINDOW, file);
    let mut place = 0;
    while let Some([_, _, _, _, low, high, kind]) = header_at(&mut file, &mut place)? {
        if RECYCLED_TYPES.contains(&kind) {
            let what = format!("the record at byte {place} has a type that is never written: the file is damaged");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let length = u64::from(u16::from_le_bytes([low, high]));
        let record = HEADER as u64 + length;
        // What cannot be followed any further is left to RocksDB, which refuses it or takes it for the torn end of the last write.
        let is_filling = kind == 0 && length == 0;
        let left = BLOCK - place % BLOCK;
        let next = if is_filling { left } else { record.min(left) };
        skip(&mut file, next - HEADER as u64)?;
        place += next;
    }
    Ok(())
}

/// The header of the record at `place`, which is moved to the next block where this one has no room for any. `None` at the end.
fn header_at(file: &mut BufReader<impl Read + Seek>, place: &mut u64) -> io::Result<Option<[u8; HEADER]>> {
    let left = BLOCK - *place % BLOCK;
    if left < HEADER as u64 {
        skip(file, left)?;
        *place += left;
    }
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Ok(()) => Ok(Some(header)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn skip(file: &mut BufReader<impl Read + Seek>, bytes: u64) -> io::Result<()> {
    file.seek_relative(i64::try_from(bytes).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_le_bytes();
        [&[1, 2, 3, 4][..], &length, &[kind], payload].concat()
    }

    fn checked(bytes: &[u8]) -> io::Result<()> {
        check_file(io::Cursor::new(bytes))
    }

    #[test]
    fn recycled_types_are_found_at_any_record_and_in_any_block() {
        let block = usize::try_from(BLOCK).unwrap();
        let sound = [record(1, b"one"), record(1, b""), record(2, &[5; 100])].concat();
        checked(&sound).unwrap();
        let mut filled = sound.clone();
        filled.resize(block, 0);
        // A record up to the end of its block, and ones that leave room for no header, or for nothing but one.
        let ending = |left: usize| [record(1, &vec![7; block - HEADER - left]), vec![0; if left < HEADER { left } else { 0 }]].concat();
        for before in [vec![], sound.clone(), filled, ending(0), ending(1), ending(HEADER - 1), [ending(HEADER), record(1, b"")].concat()] {
            checked(&[before.clone(), sound.clone()].concat()).unwrap();
            for kind in RECYCLED_TYPES {
                let damaged = [before.clone(), sound.clone(), record(kind, b"x")].concat();
                let place = format!("byte {} ", before.len() + sound.len());
                assert!(checked(&damaged).unwrap_err().to_string().contains(&place), "{place}");
            }
        }
    }

    #[test]
    fn what_cannot_be_followed_is_left_to_rocksdb() {
        let sound = record(1, &[5; 100]);
        for length in 0..sound.len() {
            checked(&sound[..length]).unwrap();
        }
        // A length that leads out of the block: what follows is looked at from the next block on.
        let mut long = [&[1, 2, 3, 4, 255, 255, 1][..], &[RECYCLED_TYPES[0]; 1000]].concat();
        checked(&long).unwrap();
        long.resize(usize::try_from(BLOCK).unwrap(), 0);
        checked(&[long.clone(), sound].concat()).unwrap();
        assert!(checked(&[long, record(RECYCLED_TYPES[0], b"")].concat()).is_err());
    }
}
