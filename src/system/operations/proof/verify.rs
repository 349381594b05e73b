//! `proof.verify`: checks a proof against a hash that the caller trusts, with nothing else. The stores are not asked.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use treering_proofs::{Evidence, Hash, HashFunction, MultiStoreProof, Proof, StoreProof, from_ics23};

use super::super::bytes::Encoding;
use super::make::Ics23Proof;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// A proof, and what it must be a proof of.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofClaim {
    /// The app hash that is trusted, in hex: for a proof in two steps.
    #[serde(default)]
    pub app_hash: Option<String>,
    /// The root hash of a store that is trusted, in hex, instead: for a proof in one step.
    #[serde(default)]
    pub root_hash: Option<String>,
    /// The store that the key must be in; needed with `app_hash`.
    #[serde(default)]
    pub store: Option<String>,
    /// The key that the proof must be about.
    pub key: String,
    /// The value that it must have; if it is left out the answer says which it has.
    #[serde(default)]
    pub value: Option<String>,
    /// The proof, as `proof.make` gives it; with `root_hash` its part `proof` is enough.
    #[serde(default)]
    pub proof: Option<Value>,
    /// The proof in the form of ICS-23, instead.
    #[serde(default)]
    pub ics23: Option<Ics23Proof>,
    /// The hash function of the tree, `sha256` or `blake3`; that of these stores if it is left out.
    #[serde(default)]
    pub hash_function: Option<String>,
    /// How the key and values are written.
    #[serde(default)]
    pub encoding: Encoding,
}

/// What a proof shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Verdict {
    /// Whether it holds, and shows what was claimed. If not, nothing of what it says can be believed.
    pub valid: bool,
    /// Whether it shows that the key is there; false if it is not valid.
    pub found: bool,
    /// The value that it shows; null if the key is not there, or the proof is not valid.
    pub value: Option<String>,
    /// Why it is not valid; null if it is.
    pub reason: Option<String>,
}

/// `proof.verify`.
pub struct VerifyProof;

impl Operation for VerifyProof {
    type Input = ProofClaim;
    type Output = Verdict;
    const ID: &'static str = "proof.verify";
    const DESCRIPTION: &'static str = "Checks a proof against an app hash or a root hash that is trusted.";

    fn access(&self, _: &ProofClaim) -> Access {
        Access::granted(Role::Read)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: ProofClaim) -> Result<Verdict, OperationError> {
        let key = input.encoding.read("key", &input.key)?;
        let claimed = input.encoding.read_some("value", input.value.as_deref())?;
        let function = match &input.hash_function {
            Some(name) => name.parse::<HashFunction>().map_err(|error| OperationError::invalid_input("hash_function", error))?,
            None => system.store().hash_function()?,
        };
        let evidence = match verify(&input, function, &key)? {
            Ok(evidence) => evidence,
            Err(reason) => return Ok(refused(reason)),
        };
        let proven = match evidence {
            Evidence::Present(existence) => Some(existence.value().to_vec()),
            Evidence::Absent(_) => None,
        };
        if let Some(claimed) = claimed
            && proven.as_ref() != Some(&claimed)
        {
            let what = if proven.is_some() { "the key has another value" } else { "the key is not there" };
            return Ok(refused(format!("the proof shows that {what}")));
        }
        let found = proven.is_some();
        Ok(Verdict { valid: true, found, value: input.encoding.write_some("the value", proven)?, reason: None })
    }
}

fn refused(reason: String) -> Verdict {
    Verdict { valid: false, found: false, value: None, reason: Some(reason) }
}

/// What the proof shows, or why it shows nothing. The outer error is that of an input that makes no sense.
fn verify(input: &ProofClaim, function: HashFunction, key: &[u8]) -> Result<Result<Evidence, String>, OperationError> {
    match (&input.app_hash, &input.root_hash) {
        (Some(hash), None) => {
            let hash = read_hash("app_hash", hash)?;
            let needs_store =
                || OperationError::invalid_input("store", "it is needed with `app_hash`: name the store that the key must be in");
            let store = input.store.as_deref().ok_or_else(needs_store)?;
            let proof = match two_steps(input)? {
                Ok(proof) => proof,
                Err(reason) => return Ok(Err(reason)),
            };
            Ok(proof.verify(function_for(input, function), &hash, store, key).map_err(|error| error.to_string()))
        }
        (None, Some(hash)) => {
            let hash = read_hash("root_hash", hash)?;
            let proof = match one_step(input)? {
                Ok(proof) => proof,
                Err(reason) => return Ok(Err(reason)),
            };
            Ok(proof.verify(function_for(input, function), &hash, key).map_err(|error| error.to_string()))
        }
        _ => Err(OperationError::invalid_input(".", "give the hash that is trusted: either `app_hash` or `root_hash`")),
    }
}

/// ICS-23 has SHA-256 only.
fn function_for(input: &ProofClaim, function: HashFunction) -> HashFunction {
    if input.ics23.is_some() { HashFunction::Sha256 } else { function }
}

fn two_steps(input: &ProofClaim) -> Result<Result<MultiStoreProof, String>, OperationError> {
    match (&input.proof, &input.ics23) {
        (Some(proof), None) => read_proof(proof).map(Ok),
        (None, Some(form)) => {
            let needed = || OperationError::invalid_input("ics23.store", "it is needed with `app_hash`");
            let store = read_bytes("ics23.store", form.store.as_deref().ok_or_else(needed)?)?;
            let key = read_bytes("ics23.key", &form.key)?;
            let read = StoreProof::from_ics23(&store).and_then(|store| Ok(MultiStoreProof { store, proof: from_ics23(&key)? }));
            Ok(read.map_err(|error| error.to_string()))
        }
        _ => Err(one_of_two()),
    }
}

fn one_step(input: &ProofClaim) -> Result<Result<Proof, String>, OperationError> {
    match (&input.proof, &input.ics23) {
        (Some(proof), None) if proof.get("proof").is_some() => Ok(Ok(read_proof::<MultiStoreProof>(proof)?.proof)),
        (Some(proof), None) => read_proof(proof).map(Ok),
        (None, Some(form)) => Ok(from_ics23(&read_bytes("ics23.key", &form.key)?).map_err(|error| error.to_string())),
        _ => Err(one_of_two()),
    }
}

fn one_of_two() -> OperationError {
    OperationError::invalid_input(".", "give the proof: either `proof` or `ics23`")
}

fn read_proof<T: DeserializeOwned>(proof: &Value) -> Result<T, OperationError> {
    serde_path_to_error::deserialize(proof).map_err(|error| {
        let inner = error.path().to_string();
        let path = if inner == "." { "proof".to_owned() } else { format!("proof.{inner}") };
        OperationError::invalid_input(&path, error.into_inner())
    })
}

fn read_bytes(path: &str, text: &str) -> Result<Vec<u8>, OperationError> {
    // Proofs are in hex, whatever keys and values are in.
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
        .map_err(|error| OperationError::invalid_input(path, format!("it is not hex: {error}")))
}

fn read_hash(path: &str, text: &str) -> Result<Hash, OperationError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.parse().map_err(|_| OperationError::invalid_input(path, "it is not a hash: give 64 hex digits"))
}
