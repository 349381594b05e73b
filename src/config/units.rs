//! Bytes and durations as people write them: `64 MiB`, `12h`.
//!
//! ```text
//! amount = digits [spaces] [unit]              no sign, no fraction; without a unit: bytes, or seconds
//! bytes  : B, KiB MiB GiB TiB PiB EiB (powers of 1024), kB MB GB TB PB EB (powers of 1000), in any case
//! seconds: s sec second(s), min minute(s), h hour(s), d day(s), w week(s)
//! ```

/// Names of a unit and how much it is.
type Unit = (&'static [&'static str], u64);

/// In what bytes are written, the largest first.
const SHOWN_BYTES: [(&str, u64); 7] =
    [("EiB", 1 << 60), ("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

const BYTES: [Unit; 13] = [
    (&["", "b"], 1),
    (&["kib"], 1 << 10),
    (&["mib"], 1 << 20),
    (&["gib"], 1 << 30),
    (&["tib"], 1 << 40),
    (&["pib"], 1 << 50),
    (&["eib"], 1 << 60),
    (&["kb"], 1_000),
    (&["mb"], 1_000_000),
    (&["gb"], 1_000_000_000),
    (&["tb"], 1_000_000_000_000),
    (&["pb"], 1_000_000_000_000_000),
    (&["eb"], 1_000_000_000_000_000_000),
];

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const DURATIONS: [Unit; 5] = [
    (&["", "s", "sec", "second", "seconds"], 1),
    (&["min", "minute", "minutes"], MINUTE),
    (&["h", "hour", "hours"], HOUR),
    (&["d", "day", "days"], DAY),
    (&["w", "week", "weeks"], 7 * DAY),
];

/// Why a text is no amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoAmount {
    /// It is not a number with a unit.
    Unreadable,
    /// It is one, of more than 64 bits.
    TooLarge,
}

/// The bytes that a text such as `64 MiB` means.
pub(super) fn parse_bytes(text: &str) -> Result<u64, NoAmount> {
    parse(text, &BYTES)
}

/// The seconds that a text such as `30 days` means.
pub(super) fn parse_seconds(text: &str) -> Result<u64, NoAmount> {
    parse(text, &DURATIONS)
}

fn parse(text: &str, units: &[Unit]) -> Result<u64, NoAmount> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(NoAmount::Unreadable);
    }
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, size) = units.iter().find(|(names, _)| names.contains(&unit.as_str())).ok_or(NoAmount::Unreadable)?;
    // Nothing but digits, so the only error left is one too many of them.
    let number: u64 = number.parse().map_err(|_| NoAmount::TooLarge)?;
    number.checked_mul(*size).ok_or(NoAmount::TooLarge)
}

/// Bytes in the largest unit that gives a whole number: `1 GiB`, `1500 B`.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    let unit = SHOWN_BYTES.iter().find(|(_, size)| bytes != 0 && bytes.is_multiple_of(*size));
    let (name, size) = unit.unwrap_or(&("B", 1));
    format!("{} {name}", bytes / size)
}

/// Seconds in the largest unit that gives a whole number: `30 days`, `1 day`, `12 h`, `90 s`.
#[must_use]
pub fn format_seconds(seconds: u64) -> String {
    match seconds {
        DAY => "1 day".to_owned(),
        _ if seconds != 0 && seconds.is_multiple_of(DAY) => format!("{} days", seconds / DAY),
        _ if seconds != 0 && seconds.is_multiple_of(HOUR) => format!("{} h", seconds / HOUR),
        _ if seconds != 0 && seconds.is_multiple_of(MINUTE) => format!("{} min", seconds / MINUTE),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let bytes = [
            ("64 MiB", 64 << 20),
            ("1GiB", 1 << 30),
            ("512 KB", 512_000),
            ("512 kib", 512 << 10),
            (" 7 ", 7),
            ("7B", 7),
            ("15 EiB", 15 << 60),
        ];
        for (text, expected) in bytes {
            assert_eq!(parse_bytes(text), Ok(expected), "{text}");
        }
        let seconds =
            [("30 days", 30 * 86_400), ("12h", 43_200), ("90s", 90), ("90", 90), ("2 weeks", 14 * 86_400), ("5 MIN", 300), ("1 d", 86_400)];
        for (text, expected) in seconds {
            assert_eq!(parse_seconds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", " ", "big", "-1", "+1", "1.5 GiB", "1e3", "0x10", "MiB", "1 MiB 2", "1 Mi", "64M", "1_000", "٣", "1\u{a0}h x"] {
            assert_eq!(parse_bytes(text), Err(NoAmount::Unreadable), "{text}");
        }
        for text in ["", "1 month", "1h30", "1 m", "-1 s", "10 MiB"] {
            assert_eq!(parse_seconds(text), Err(NoAmount::Unreadable), "{text}");
        }
        for text in ["16 EiB", "18446744073709551616", "99999999999999999999 B"] {
            assert_eq!(parse_bytes(text), Err(NoAmount::TooLarge), "{text}");
        }
        assert_eq!(parse_seconds("213503982334602 days"), Err(NoAmount::TooLarge));
        assert_eq!(parse_bytes("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn amounts_are_shown_in_the_largest_whole_unit() {
        let bytes = [
            (0, "0 B"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1 << 30, "1 GiB"),
            (3 << 29, "1536 MiB"),
            (u64::MAX, "18446744073709551615 B"),
        ];
        for (amount, expected) in bytes {
            assert_eq!(format_bytes(amount), expected);
        }
        for (amount, expected) in [(0, "0 s"), (90, "90 s"), (120, "2 min"), (3600, "1 h"), (86_400, "1 day"), (2_592_000, "30 days")] {
            assert_eq!(format_seconds(amount), expected);
        }
    }

    /// Numbers that are whole in some unit, beside any.
    fn amounts() -> impl Strategy<Value = u64> {
        let whole = (0_u64..2000, proptest::sample::select(vec![1, 60, 1 << 10, 3600, 86_400, 1 << 20, 1 << 30, 1 << 40, 1 << 50]));
        prop_oneof![any::<u64>(), whole.prop_map(|(count, unit)| count * unit)]
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(amount in amounts()) {
            prop_assert_eq!(parse_bytes(&format_bytes(amount)), Ok(amount));
            prop_assert_eq!(parse_seconds(&format_seconds(amount)), Ok(amount));
            prop_assert_eq!(parse_bytes(&format_bytes(amount).replace(' ', "").to_lowercase()), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            let _ = (parse_bytes(&text), parse_seconds(&text));
        }
    }
}
