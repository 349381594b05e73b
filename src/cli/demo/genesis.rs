//! The genesis allocation of Ethereum's main network, bundled with the program.

use crate::cli::error::CliError;

use super::wei::Wei;

/// Address (20 bytes, hex) and balance (wei, decimal) of every account, with a header. Facts, taken from the npm package
/// `@ethereumjs/genesis` 10.1.3 (MIT).
const GENESIS: &str = include_str!("../ethereum-genesis.csv");

/// The sum of all balances, as publicly known.
pub(super) const TOTAL: Wei = Wei(72_009_990_499_480_000_000_000_000);

/// An account with the ether that the first block gave it.
pub(super) struct Account {
    pub(super) address: Vec<u8>,
    pub(super) balance: Wei,
}

/// All accounts, sorted by address.
pub(super) fn accounts() -> Result<Vec<Account>, CliError> {
    GENESIS.lines().skip(1).map(account).collect()
}

/// The bytes of an address written as hex.
pub(super) fn address(digits: &str) -> Result<Vec<u8>, CliError> {
    hex::decode(digits).map_err(|_| CliError::WrongAnswer(format!("{digits} is not an address")))
}

fn account(line: &str) -> Result<Account, CliError> {
    let (digits, balance) = line.split_once(',').unwrap_or((line, ""));
    Ok(Account { address: address(digits)?, balance: Wei::of_value(balance.as_bytes())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_data_is_the_known_allocation() {
        let accounts = accounts().unwrap();
        assert_eq!(accounts.len(), 8_893);
        assert!(accounts.iter().all(|account| account.address.len() == 20));
        assert_eq!(accounts.iter().map(|account| account.balance).sum::<Wei>(), TOTAL);
    }
}
