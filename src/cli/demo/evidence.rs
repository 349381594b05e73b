//! The steps of the demo that prove something, and try to prove what is false.

use treering::Snapshot;
use treering::proofs::{Evidence, Existence, ExistenceProof, Hash, HashFunction, Proof};

use super::genesis::address;
use super::narrator::Narrator;
use super::transfers::{LEAVING, RICHEST};
use super::wei::Wei;
use crate::cli::error::CliError;
use crate::cli::notation::grouped;

const FUNCTION: HashFunction = HashFunction::Sha256;

/// Proves the richest account's balance. Gives the proof and its length in bytes.
pub(super) fn prove_balance(snapshot: &Snapshot, narrator: &mut Narrator<'_>) -> Result<(ExistenceProof, usize), CliError> {
    narrator.step(&format!("A proof of the balance of {RICHEST}"))?;
    let account = address(RICHEST)?;
    let proof = snapshot.tree().prove(&account)?;
    let bytes = proof.to_bytes().map_err(CliError::ProofForm)?;
    narrator.say(&format!("{} bytes; whoever checks it needs nothing else but the root", grouped(bytes.len() as u64)))?;
    // From here on as on another machine: bytes and a root.
    let received = Proof::from_bytes(&bytes).map_err(CliError::ProofForm)?;
    match (received.verify(FUNCTION, &snapshot.root_hash(), &account)?, received) {
        (Evidence::Present(present), Proof::Existence(existence)) => {
            let (index, size) = (grouped(present.index()), grouped(present.tree_size()));
            narrator.holds(&format!("VALID: it has {}, as account {index} of {size}", Wei::of_value(present.value())?))?;
            Ok((existence, bytes.len()))
        }
        _ => Err(CliError::WrongAnswer("the account is there and was proven absent".to_owned())),
    }
}

/// Proves that the account that gave everything away is gone.
pub(super) fn prove_absence(snapshot: &Snapshot, narrator: &mut Narrator<'_>) -> Result<(), CliError> {
    narrator.step(&format!("A proof that there is no account {LEAVING} any more"))?;
    let account = address(LEAVING)?;
    let proof = snapshot.tree().prove(&account)?;
    match proof.verify(FUNCTION, &snapshot.root_hash(), &account)? {
        Evidence::Absent(absent) => {
            let neighbour = |side: Option<&[u8]>| side.map_or_else(|| "none".to_owned(), hex::encode);
            narrator.say(&format!("the account before it is {}", neighbour(absent.left().map(Existence::key))))?;
            narrator.say(&format!("the account after it is  {}", neighbour(absent.right().map(Existence::key))))?;
            narrator.holds("VALID: the two are adjacent, so nothing lies between them")
        }
        Evidence::Present(_) => Err(CliError::WrongAnswer("a removed account was proven present".to_owned())),
    }
}

/// Changes what the proof says in three ways, none of which may be believed.
pub(super) fn refuse_forgeries(snapshot: &Snapshot, honest: &ExistenceProof, narrator: &mut Narrator<'_>) -> Result<(), CliError> {
    narrator.step("Forgeries")?;
    let root = snapshot.root_hash();
    let rich = Wei::of_value(&honest.value)? + Wei::ether(1_000_000);
    let richer = ExistenceProof { value: rich.to_value(), ..honest.clone() };
    refuse(narrator, "a million ether more:", &root, richer)?;
    let older = ExistenceProof { version: honest.version - 1, ..honest.clone() };
    refuse(narrator, "one version older:", &root, older)?;
    let mut shorter = honest.clone();
    shorter.path.pop();
    refuse(narrator, "the top of the path cut off:", &root, shorter)
}

fn refuse(narrator: &mut Narrator<'_>, what: &str, root: &Hash, forged: ExistenceProof) -> Result<(), CliError> {
    let account = forged.key.clone();
    match Proof::Existence(forged).verify(FUNCTION, root, &account) {
        Ok(_) => Err(CliError::WrongAnswer(format!("a forged proof was accepted, {what}"))),
        Err(reason) => {
            narrator.say(&format!("{what:<29} REFUSED"))?;
            narrator.aside(&format!("  {reason}"))
        }
    }
}
