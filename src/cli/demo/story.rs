//! The steps of the demo that work on the database.

use std::path::Path;

use treering::proofs::Hash;
use treering::{CreateOptions, Database, Keep, OpenOptions, Snapshot, TreeStore, VersionInfo};

use super::genesis::{self, address};
use super::narrator::Narrator;
use super::transfers::{RICHEST, TRANSFERS};
use super::wei::Wei;
use crate::cli::error::CliError;
use crate::cli::notation::{counted, grouped};

const STORE: &str = "accounts";
/// Accounts in a version of the import.
const BATCH: usize = 1_000;
/// Versions that are left after pruning.
const KEPT: u64 = 2;

/// The roots that cosmos/iavl gives for the same operations, after the import and after the transfers.
const IAVL_ROOT_OF_GENESIS: &str = "697e66e7156c5fff92631993ce157733734fab14656d74ee5221981c067cd2f5";
const IAVL_ROOT_AFTER_TRANSFERS: &str = "839e5268fc8f99c867f96bb4a8d6487794b77b30f3fbaf9838eed7b80183d393";

/// The database of the story, while it is open.
pub(super) struct Story {
    database: Database,
    store: TreeStore,
}

impl Story {
    pub(super) fn begin(dir: &Path, narrator: &mut Narrator<'_>) -> Result<Self, CliError> {
        narrator.step("A new database on RocksDB, with one store")?;
        let database = Database::create(dir, &CreateOptions::default(), &OpenOptions::default())?;
        database.create_store(STORE)?;
        let store = database.store(STORE)?;
        narrator.say(&format!("{}, store `{STORE}`", dir.display()))?;
        Ok(Self { database, store })
    }

    /// A version, for reading.
    pub(super) fn at(&self, version: u64) -> Result<Snapshot, CliError> {
        Ok(self.database.snapshot(STORE, Some(version))?)
    }

    fn newest(&self) -> Result<Snapshot, CliError> {
        Ok(self.database.snapshot(STORE, None)?)
    }

    pub(super) fn import(&mut self, narrator: &mut Narrator<'_>) -> Result<VersionInfo, CliError> {
        let accounts = genesis::accounts()?;
        narrator.step(&format!(
            "Ethereum's genesis block: {} accounts, {} a version",
            grouped(accounts.len() as u64),
            grouped(BATCH as u64)
        ))?;
        let mut newest = None;
        for batch in accounts.chunks(BATCH) {
            for account in batch {
                self.store.set(&account.address, &account.balance.to_value())?;
            }
            let info = self.store.save_version()?;
            tell_version(narrator, &info)?;
            newest = Some(info);
        }
        let newest = newest.ok_or_else(|| CliError::WrongAnswer("there are no accounts".to_owned()))?;
        tell_iavl(narrator, newest.root_hash, IAVL_ROOT_OF_GENESIS)?;
        Ok(newest)
    }

    pub(super) fn add_up(&mut self, narrator: &mut Narrator<'_>) -> Result<Wei, CliError> {
        narrator.step("All balances, added up by walking the tree")?;
        let total = self.total()?;
        same("the total", &total.to_string(), &genesis::TOTAL.to_string())?;
        narrator.holds(&format!("{total}: the publicly known total"))?;
        Ok(total)
    }

    pub(super) fn transfer(&mut self, narrator: &mut Narrator<'_>, total: Wei) -> Result<VersionInfo, CliError> {
        narrator.step("A block of transfers, saved as one version")?;
        for transfer in &TRANSFERS {
            let amount = transfer.make(&mut self.store)?;
            let (from, to) = (shortened(transfer.from), shortened(transfer.to));
            narrator.say(&format!("{:>15}  from {from}.. to {to}..{}", amount.to_string(), transfer.remark))?;
        }
        let info = self.store.save_version()?;
        tell_version(narrator, &info)?;
        tell_iavl(narrator, info.root_hash, IAVL_ROOT_AFTER_TRANSFERS)?;
        same("the total after the transfers", &self.total()?.to_string(), &total.to_string())?;
        narrator.holds(&format!("still {total}, and another root: every change shows"))?;
        Ok(info)
    }

    pub(super) fn reopen(self, dir: &Path, narrator: &mut Narrator<'_>, newest: &VersionInfo) -> Result<Self, CliError> {
        narrator.step("The database closed, and opened again")?;
        self.end()?;
        let database = Database::open(dir, &OpenOptions::default())?;
        let store = database.store(STORE)?;
        let reopened = Self { database, store };
        let snapshot = reopened.newest()?;
        same("the root", &snapshot.root_hash().to_string(), &newest.root_hash.to_string())?;
        narrator.holds(&format!("version {}, root {}: as before", snapshot.version(), snapshot.root_hash()))?;
        drop(snapshot);
        Ok(reopened)
    }

    pub(super) fn look_back(&self, narrator: &mut Narrator<'_>, then: &VersionInfo, now: &VersionInfo) -> Result<(), CliError> {
        narrator.step(&format!("The history of account {RICHEST}"))?;
        let account = address(RICHEST)?;
        for info in [then, now] {
            let snapshot = self.at(info.version)?;
            let value = snapshot.tree().get(&account)?;
            let balance = value.map_or(Ok(Wei::default()), Wei::of_value)?;
            narrator.say(&format!("version {:>2}  {:>24}", info.version, balance.to_string()))?;
        }
        narrator.aside("Every kept version can be read and proven like the newest one.")
    }

    pub(super) fn prune(&mut self, narrator: &mut Narrator<'_>, newest: &VersionInfo) -> Result<(), CliError> {
        narrator.step(&format!("Old versions pruned; the newest {KEPT} stay"))?;
        let report = self.store.prune(&Keep::Last(KEPT))?;
        let (versions, nodes) = (counted(report.versions, "version"), counted(report.nodes, "node"));
        narrator.say(&format!("{versions} and {nodes} that only they used are gone"))?;
        same("the root", &self.newest()?.root_hash().to_string(), &newest.root_hash.to_string())?;
        let checked = self.database.check(&mut |_| {})?;
        narrator.holds(&format!(
            "{} nodes of {} versions read again, every hash recomputed: all well",
            grouped(checked.nodes),
            checked.versions
        ))
    }

    pub(super) fn end(self) -> Result<(), CliError> {
        drop(self.store);
        Ok(self.database.close()?)
    }

    fn total(&self) -> Result<Wei, CliError> {
        self.newest()?.tree().iter().map(|entry| Wei::of_value(entry?.1)).sum()
    }
}

/// As much of an address as tells it from others.
fn shortened(address: &str) -> &str {
    address.get(..12).unwrap_or(address)
}

fn tell_version(narrator: &mut Narrator<'_>, info: &VersionInfo) -> Result<(), CliError> {
    narrator.say(&format!("version {:>2}  {} accounts  root {}", info.version, grouped(info.size), info.root_hash))
}

fn tell_iavl(narrator: &mut Narrator<'_>, root: Hash, iavl: &str) -> Result<(), CliError> {
    same("the root", &root.to_string(), iavl)?;
    narrator.holds("the root that cosmos/iavl gives for the same operations")
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), CliError> {
    if found == expected { Ok(()) } else { Err(CliError::WrongAnswer(format!("{what} is {found}, it must be {expected}"))) }
}
