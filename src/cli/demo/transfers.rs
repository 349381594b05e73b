//! The block of transfers in the demo, and the accounts in it.

use treering::TreeStore;

use super::genesis::address;
use super::wei::Wei;
use crate::cli::error::CliError;

/// The account with the most ether in the genesis block.
pub(super) const RICHEST: &str = "5abfec25f74cd88437631a7731906932776356f9";
/// An account that is not in the genesis block.
pub(super) const NEW: &str = "feedbeef00000000000000000000000000000000";
/// An account that gives away all that it has, and is removed.
pub(super) const LEAVING: &str = "ff7843c7010aa7e61519b762dfe49124a76b0e4e";

/// One line of the block.
pub(super) struct Transfer {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) amount: Amount,
    /// What is special about it.
    pub(super) remark: &'static str,
}

pub(super) enum Amount {
    Ether(u128),
    /// All there is; the account is removed.
    Everything,
}

pub(super) const TRANSFERS: [Transfer; 3] = [
    Transfer { from: RICHEST, to: NEW, amount: Amount::Ether(250_000), remark: ", a new account" },
    Transfer { from: "1937c5c515057553ccbd46d5866455ce66290284", to: RICHEST, amount: Amount::Ether(1_000), remark: "" },
    Transfer {
        from: LEAVING,
        to: "11172b278ddd44eea2fdf4cb1d16962391c453d9",
        amount: Amount::Everything,
        remark: ", all it has; it is removed",
    },
];

impl Transfer {
    /// Moves the ether in the store, without saving. Gives the amount.
    pub(super) fn make(&self, store: &mut TreeStore) -> Result<Wei, CliError> {
        let (from, to) = (address(self.from)?, address(self.to)?);
        let had = balance(store, &from)?;
        let amount = match self.amount {
            Amount::Ether(ether) => Wei::ether(ether),
            Amount::Everything => had,
        };
        let left = had.checked_sub(amount).ok_or_else(|| CliError::WrongAnswer(format!("{} has {had} only", self.from)))?;
        match self.amount {
            Amount::Ether(_) => store.set(&from, &left.to_value())?,
            Amount::Everything => drop(store.delete(&from)?),
        }
        store.set(&to, &(balance(store, &to)? + amount).to_value())?;
        Ok(amount)
    }
}

/// An account's balance; nothing when there is no such account.
fn balance(store: &TreeStore, account: &[u8]) -> Result<Wei, CliError> {
    store.get(account)?.map_or(Ok(Wei::default()), |value| Wei::of_value(&value))
}
