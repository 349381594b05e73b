//! Looks over LevelDB's log files (write-ahead log and manifest) before the crate reads them.
//!
//! The crate stops at the first record that it cannot read and takes what came before for all there is. For the torn end of the last
//! write that is right; for damage in the middle it would silently lose what was acknowledged, and from a manifest even delete the
//! tables that it did not read of.
//!
//! ```text
//! file   = block*                                    32 KiB each, the last one shorter; ends of under 7 bytes are filled with zeros
//! record = checksum (4 bytes) || length (2, little endian) || type (1) || payload      never across blocks
//! ```

use super::checksum;

const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;
/// Whole, first, middle and last parts of what was written.
const TYPES: std::ops::RangeInclusive<u8> = 1..=4;

/// What lies at a place of a file.
enum Record {
    /// A sound record; where it ends.
    Sound(usize),
    /// Nothing, or nothing sound.
    Unsound,
}

/// The file up to its torn end, if it has one; an error names damage that is no torn end.
pub(super) fn sound_part(file: &[u8]) -> Result<&[u8], String> {
    let mut place = 0;
    while place < file.len() {
        let left = BLOCK - place % BLOCK;
        if left < HEADER {
            place += left;
            continue;
        }
        match record_at(file, place) {
            Record::Sound(end) => place = end,
            Record::Unsound => {
                if let Some(sound) = sound_after(file, place) {
                    return Err(format!(
                        "the record at byte {place} is damaged, but the one at byte {sound} is sound: this is no torn end"
                    ));
                }
                return Ok(file.get(..place).unwrap_or(file));
            }
        }
    }
    Ok(file)
}

fn record_at(file: &[u8], place: usize) -> Record {
    let in_block = BLOCK - place % BLOCK;
    let rest = file.get(place..).unwrap_or_default();
    let rest = rest.get(..in_block).unwrap_or(rest);
    let Some((&[a, b, c, d, low, high, kind], payload)) = rest.split_first_chunk::<HEADER>() else { return Record::Unsound };
    let length = usize::from(u16::from_le_bytes([low, high]));
    match payload.get(..length) {
        Some(payload) if TYPES.contains(&kind) && checksum::masked(&[&[kind], payload]) == u32::from_le_bytes([a, b, c, d]) => {
            Record::Sound(place + HEADER + length)
        }
        _ => Record::Unsound,
    }
}

/// A sound record behind `place`: anywhere in its block, since the damage may be in a length, or where a later block begins.
fn sound_after(file: &[u8], place: usize) -> Option<usize> {
    let next_block = place - place % BLOCK + BLOCK;
    let here = place + 1..next_block.min(file.len());
    let later = (next_block..file.len()).step_by(BLOCK);
    here.chain(later).find(|place| matches!(record_at(file, *place), Record::Sound(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_le_bytes();
        [&checksum::masked(&[&[kind], payload]).to_le_bytes()[..], &length, &[kind], payload].concat()
    }

    /// Records over two blocks.
    fn log() -> Vec<u8> {
        let filled = BLOCK - 3 * HEADER - 30 - 3;
        [record(1, &[1; 30]), record(1, &vec![9; filled]), record(2, b""), vec![0; 3], record(4, b"end"), record(1, b"more")].concat()
    }

    #[test]
    fn a_torn_end_is_cut_off() {
        let log = log();
        assert_eq!(sound_part(&log).unwrap(), log);
        for length in (0..200).chain((200..log.len()).step_by(1009)).chain(log.len() - 60..log.len()) {
            let part = sound_part(&log[..length]).unwrap();
            assert!(part.len() <= length && log.starts_with(part));
            // Zeros where the file was made longer than what arrived.
            assert!(sound_part(&[part, &[0; 100]].concat()).unwrap().len() <= part.len() + HEADER);
        }
    }

    #[test]
    fn damage_in_the_middle_is_an_error() {
        let log = log();
        let last = log.len() - HEADER - 4;
        let zeros = BLOCK - 3..BLOCK;
        for place in
            (0..last).filter(|place| !zeros.contains(place)).filter(|place| *place < 100 || place % 5003 == 0 || *place > BLOCK - 50)
        {
            let mut damaged = log.clone();
            damaged[place] ^= 0x10;
            assert!(sound_part(&damaged).is_err(), "byte {place}");
        }
        let mut damaged = log.clone();
        damaged[last + HEADER] ^= 1;
        assert_eq!(sound_part(&damaged).unwrap(), &log[..last], "the last record may be a torn one");
    }
}
