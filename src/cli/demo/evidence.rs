//! The steps of the demo that prove something, and try to prove what is false.

use treering::proofs::{AbsenceProof, Evidence, Existence, ExistenceProof, Hash, HashFunction, Neighbours, Proof, VerifyError};
use treering::{Snapshot, Tree};

use super::genesis::address;
use super::narrator::Narrator;
use super::transfers::{LEAVING, RICHEST};
use super::wei::Wei;
use crate::cli::error::CliError;
use crate::cli::notation::grouped;

const FUNCTION: HashFunction = HashFunction::Sha256;

/// Proves the richest account's balance. Gives the length of the proof in bytes.
pub(super) fn prove_balance(snapshot: &Snapshot, narrator: &mut Narrator<'_>) -> Result<usize, CliError> {
    narrator.step(&format!("A proof of the balance of {RICHEST}"))?;
    let account = address(RICHEST)?;
    let proof = snapshot.tree().prove(&account)?;
    let bytes = proof.to_bytes().map_err(CliError::ProofForm)?;
    narrator.say(&format!("{} bytes; whoever checks it needs nothing else but the root", grouped(bytes.len() as u64)))?;
    // From here on as on another machine: bytes and a root.
    let received = Proof::from_bytes(&bytes).map_err(CliError::ProofForm)?;
    match received.verify(FUNCTION, &snapshot.root_hash(), &account)? {
        Evidence::Present(present) => {
            let (place, size) = (grouped(present.index() + 1), grouped(present.tree_size()));
            narrator.holds(&format!("VALID: it has {}, as account {place} of {size}", Wei::of_value(present.value())?))?;
            Ok(bytes.len())
        }
        Evidence::Absent(_) => Err(missing()),
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

/// Three things that are false, none of which may be believed.
pub(super) fn refuse_forgeries(snapshot: &Snapshot, older: &Snapshot, narrator: &mut Narrator<'_>) -> Result<(), CliError> {
    narrator.step("What is false is refused")?;
    let tree = snapshot.tree();
    let account = address(RICHEST)?;
    let Proof::Existence(honest) = tree.prove(&account)? else { return Err(missing()) };

    let rich = Wei::of_value(&honest.value)? + Wei::ether(1_000_000);
    let richer = ExistenceProof { value: rich.to_value(), ..honest.clone() };
    refuse(narrator, "the account has a million ether more", &snapshot.root_hash(), &richer.into())?;

    let place = tree.index_of(&account)?.map_err(|_| missing())?;
    let neighbours = Neighbours::Between { left: leaf_at(tree, place - 1)?, right: leaf_at(tree, place + 1)? };
    let gone = AbsenceProof { key: account, neighbours };
    refuse(narrator, "there is no such account, shown by the accounts around it", &snapshot.root_hash(), &gone.into())?;

    refuse(narrator, &format!("the account had that balance in version {}", older.version()), &older.root_hash(), &honest.into())
}

/// An honest proof of a leaf, by its place.
fn leaf_at(tree: &Tree, place: u64) -> Result<ExistenceProof, CliError> {
    let (key, _) = tree.get_by_index(place)?.ok_or_else(missing)?;
    match tree.prove(key)? {
        Proof::Existence(proof) => Ok(proof),
        Proof::Absence(_) => Err(missing()),
    }
}

fn missing() -> CliError {
    CliError::WrongAnswer("an account that is there was not found".to_owned())
}

fn refuse(narrator: &mut Narrator<'_>, claim: &str, root: &Hash, forged: &Proof) -> Result<(), CliError> {
    match forged.verify(FUNCTION, root, forged.key()) {
        Ok(_) => Err(CliError::WrongAnswer(format!("a forged proof was accepted: {claim}"))),
        Err(reason) => {
            narrator.say(&format!("\"{claim}\""))?;
            narrator.holds(&format!("  REFUSED: {}", in_short(&reason)))
        }
    }
}

/// The reason on one line: hashes are long, and their first digits differ already.
fn in_short(reason: &VerifyError) -> String {
    match reason {
        VerifyError::RootMismatch { expected, computed } => {
            format!("the proof leads to the root {:.8}.., the trusted one is {:.8}..", computed.to_string(), expected.to_string())
        }
        other => other.to_string(),
    }
}
