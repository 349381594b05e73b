//! CRC-32C (Castagnoli), masked as LevelDB stores it.

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// What LevelDB adds, so that a checksum over checksums is no special value.
const MASK: u32 = 0xa282_ead8;
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "the loop ends at 256; evaluated by the compiler")]
        {
            table[byte as usize] = crc;
        }
        byte += 1;
    }
    table
}

/// The masked checksum of these parts, one after the other.
pub(super) fn masked(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().copied().flatten() {
        let [low, ..] = crc.to_le_bytes();
        crc = (crc >> 8) ^ TABLE.get(usize::from(low ^ byte)).copied().unwrap_or_default();
    }
    (!crc).rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_checksums() {
        let unmasked = |bytes: &[u8]| masked(&[bytes]).wrapping_sub(MASK).rotate_left(15);
        assert_eq!(unmasked(b"123456789"), 0xe306_9283);
        assert_eq!(unmasked(&[0; 32]), 0x8a91_36aa);
        assert_eq!(unmasked(b""), 0);
        assert_eq!(masked(&[b"1234", b"", b"56789"]), masked(&[b"123456789"]));
    }
}
