//! Amounts of ether, counted in wei (10^-18 ether).

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use crate::cli::error::CliError;
use crate::cli::notation::grouped;

/// An amount in wei. Kept in the database as decimal text, shown as ether.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Wei(pub(super) u128);

const WEI_IN_ETHER: u128 = 1_000_000_000_000_000_000;

impl Wei {
    pub(super) const fn ether(ether: u128) -> Self {
        Self(ether * WEI_IN_ETHER)
    }

    pub(super) fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Reads the value of an account.
    pub(super) fn of_value(value: &[u8]) -> Result<Self, CliError> {
        let number = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
        number.map(Self).ok_or_else(|| CliError::WrongAnswer(format!("the balance {:?} is not a number", String::from_utf8_lossy(value))))
    }

    /// The value of an account.
    pub(super) fn to_value(self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }
}

impl Add for Wei {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sum for Wei {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ether, wei) = (self.0 / WEI_IN_ETHER, self.0 % WEI_IN_ETHER);
        let digits = format!("{wei:018}");
        let fraction = digits.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        f.pad(&format!("{}{point}{fraction} ether", grouped(ether)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_as_ether_without_trailing_zeros() {
        assert_eq!(Wei(72_009_990_499_480_000_000_000_000).to_string(), "72,009,990.49948 ether");
        assert_eq!(Wei::ether(1_000).to_string(), "1,000 ether");
        assert_eq!(Wei(1).to_string(), "0.000000000000000001 ether");
    }

    #[test]
    fn values_come_back() {
        assert_eq!(Wei::of_value(&Wei::ether(7).to_value()).unwrap(), Wei::ether(7));
        assert!(Wei::of_value(b"7 ether").is_err());
    }
}
