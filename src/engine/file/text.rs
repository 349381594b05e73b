//! Bytes as text: printable ASCII stands for itself, a backslash is `\\`, every other byte is `\x` and two lowercase hexadecimal digits.
//!
//! Every byte string has exactly one text, so that [`to_bytes`] is the inverse of [`to_text`] and refuses anything else.

/// The text of these bytes.
pub(super) fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                text.push_str("\\x");
                text.extend([byte >> 4, byte & 0xf].into_iter().filter_map(|digit| char::from_digit(u32::from(digit), 16)));
            }
        }
    }
    text
}

/// The bytes of this text; an error says what is no text of bytes.
pub(super) fn to_bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Ok(bytes),
            [b'\\', b'\\', rest @ ..] => {
                bytes.push(b'\\');
                rest
            }
            [b'\\', b'x', high, low, rest @ ..] => {
                bytes.push(escaped(*high, *low).ok_or_else(|| format!("{text:?} has an escape that is never written"))?);
                rest
            }
            [byte @ b' '..=b'~', rest @ ..] if *byte != b'\\' => {
                bytes.push(*byte);
                rest
            }
            _ => return Err(format!("{text:?} has a character that is never written plainly")),
        };
    }
}

/// The byte of two digits, when it is one that must be escaped.
fn escaped(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
    (!(b' '..=b'~').contains(&byte)).then_some(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_readable() {
        assert_eq!(to_text(b"balance/\x00\xffalice \"a\" 'b' \\"), r#"balance/\x00\xffalice "a" 'b' \\"#);
        assert_eq!(to_bytes(r"\x00\\x00").unwrap(), b"\0\\x00");
    }

    #[test]
    fn what_is_never_written_is_refused() {
        for text in ["\\", "\\x", "\\x0", "\\xFF", "\\x61", "\\n", "\n", "é", "\\xg0", "\\x 0", "a\\"] {
            assert!(to_bytes(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_is_the_inverse_of_writing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(to_bytes(&to_text(&bytes)), Ok(bytes));
        }

        #[test]
        fn writing_is_the_inverse_of_reading(text in r"([ -~]|\\x[0-9a-f]{2}|\\\\){0,20}") {
            if let Ok(bytes) = to_bytes(&text) {
                prop_assert_eq!(to_text(&bytes), text);
            }
        }
    }
}
