//! How keys and values are written: as hex, or as text with `--utf8`. Also dates and grouped numbers for people.

use std::fmt;

use clap::Args;

use super::error::CliError;

/// How keys and values are read and printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Notation {
    /// Lower hex; read in any case, with or without `0x`.
    Hex,
    /// UTF-8 text.
    Text,
}

/// The flags that choose the notations.
#[derive(Args)]
pub(crate) struct NotationArg {
    /// Keys and values are plain text instead of hex.
    #[arg(long)]
    utf8: bool,
    /// Values are plain text, keys stay hex.
    #[arg(long)]
    utf8_values: bool,
}

/// Why a word cannot be read, or bytes cannot be printed, in a notation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotationError {
    /// Half a byte too many.
    #[error("hex needs two digits a byte, and these are {digits} digits")]
    OddDigits {
        /// How many there are.
        digits: usize,
    },
    /// Something that is not a hex digit.
    #[error("{found:?} at character {position} is not a hex digit")]
    NotHex {
        /// What was found.
        found: char,
        /// Counted from 1.
        position: usize,
    },
    /// Bytes that are no text.
    #[error("it is not UTF-8 text: leave the option for text out to have it as hex")]
    NotText,
}

impl NotationArg {
    pub(crate) fn keys(&self) -> Notation {
        if self.utf8 { Notation::Text } else { Notation::Hex }
    }

    pub(crate) fn values(&self) -> Notation {
        if self.utf8 || self.utf8_values { Notation::Text } else { Notation::Hex }
    }
}

impl Notation {
    /// The bytes of a key or value.
    pub(crate) fn read(self, word: &str) -> Result<Vec<u8>, NotationError> {
        match self {
            Self::Text => Ok(word.as_bytes().to_vec()),
            Self::Hex => read_hex(word),
        }
    }

    /// [`Notation::read`] of a word of the command line; `what` names it in the error.
    pub(crate) fn read_word(self, what: &'static str, word: &str) -> Result<Vec<u8>, CliError> {
        self.read(word).map_err(|source| CliError::Word { what, word: word.to_owned(), hint: self.hint(), source })
    }

    /// The text form of bytes that came from the database; `what` names them in the error.
    pub(crate) fn write(self, what: &'static str, bytes: &[u8]) -> Result<String, CliError> {
        match self {
            Self::Hex => Ok(hex::encode(bytes)),
            Self::Text => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| CliError::Word {
                what,
                word: hex::encode(bytes),
                hint: "",
                source: NotationError::NotText,
            }),
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Hex => " (keys and values are hex, or text with --utf8)",
            Self::Text => "",
        }
    }
}

fn read_hex(word: &str) -> Result<Vec<u8>, NotationError> {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let skipped = word.len() - digits.len();
    let wrong = digits.chars().zip(skipped + 1..).find(|(found, _)| !found.is_ascii_hexdigit());
    if let Some((found, position)) = wrong {
        return Err(NotationError::NotHex { found, position });
    }
    hex::decode(digits).map_err(|_| NotationError::OddDigits { digits: digits.len() })
}

/// A number with its digits in groups of three.
pub(crate) fn grouped(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 version`, `2 versions`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

/// A name as a shell takes it: in quotes, unless it is plain.
pub(crate) fn shell_word(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if is_plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

/// Bytes in the unit that people read easily.
pub(crate) fn sized(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// A time in seconds since 1970 as a UTC date, such as `2026-11-23 05:13:09 UTC`.
#[derive(Clone, Copy)]
pub(crate) struct Utc(pub(crate) u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = date_of(days);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Counted in eras of 400 years that begin on the first of March, so that a leap day is the last day of its year.
fn date_of(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_TO_1970: u64 = 719_468;
    const DAYS_IN_ERA: u64 = 146_097;
    let days = days_since_1970 + DAYS_TO_1970;
    let (era, day_of_era) = (days / DAYS_IN_ERA, days % DAYS_IN_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_any_case_and_with_0x() {
        assert_eq!(Notation::Hex.read("00Ff"), Ok(vec![0, 255]));
        assert_eq!(Notation::Hex.read("0x00ff"), Ok(vec![0, 255]));
        assert_eq!(Notation::Hex.read(""), Ok(vec![]));
    }

    #[test]
    fn bad_hex_names_what_is_wrong() {
        assert_eq!(Notation::Hex.read("abc"), Err(NotationError::OddDigits { digits: 3 }));
        assert_eq!(Notation::Hex.read("0xaxb1"), Err(NotationError::NotHex { found: 'x', position: 4 }));
        assert_eq!(Notation::Hex.read("oak"), Err(NotationError::NotHex { found: 'o', position: 1 }));
        assert_eq!(Notation::Hex.read("aé"), Err(NotationError::NotHex { found: 'é', position: 2 }));
    }

    #[test]
    fn text_stays_as_it_is() {
        assert_eq!(Notation::Text.read("0x é"), Ok("0x é".as_bytes().to_vec()));
        assert!(Notation::Text.write("the value", &[0xff]).is_err());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0_u64), "0");
        assert_eq!(grouped(999_u64), "999");
        assert_eq!(grouped(72_009_990_u64), "72,009,990");
        assert_eq!(counted(1, "key"), "1 key");
        assert_eq!(counted(1_000, "key"), "1,000 keys");
    }

    #[test]
    fn names_are_quoted_where_a_shell_needs_it() {
        assert_eq!(shell_word("bank-2"), "bank-2");
        assert_eq!(shell_word("on file"), "'on file'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(Utc(0).to_string(), "1970-01-01 00:00:00 UTC");
        assert_eq!(Utc(951_782_400).to_string(), "2000-02-29 00:00:00 UTC");
        assert_eq!(Utc(1_795_410_789).to_string(), "2026-11-23 05:13:09 UTC");
        assert_eq!(Utc(4_107_542_399).to_string(), "2100-02-28 23:59:59 UTC");
        assert_eq!(Utc(4_107_542_400).to_string(), "2100-03-01 00:00:00 UTC");
    }
}
