//! `proof.make`: the proof of what a version of all stores says about a key.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use treering_proofs::{HashFunction, Ics23Error, MultiStoreProof, Proof, to_ics23};

use super::super::bytes::Encoding;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// A key whose proof is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofOf {
    /// The store.
    pub store: String,
    /// The key.
    pub key: String,
    /// A version of all stores; the newest one if it is left out.
    #[serde(default)]
    pub version: Option<u64>,
    /// How keys and values are written; those inside of the proof are always in hex.
    #[serde(default)]
    pub encoding: Encoding,
}

/// A proof in the form of ICS-23, which light clients of the Cosmos SDK take.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ics23Proof {
    /// The `cosmos.ics23.v1.CommitmentProof` of the key under the store's root hash, in hex.
    pub key: String,
    /// That of the store under the app hash, in hex; not needed to check against a root hash.
    #[serde(default)]
    pub store: Option<String>,
}

/// What a version says about a key, with its proof.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct MadeProof {
    /// The store.
    pub store: String,
    /// The key.
    pub key: String,
    /// Whether it is there. If it is not, that is what is proven.
    pub found: bool,
    /// Its value; null where it is not there.
    pub value: Option<String>,
    /// The version of all stores.
    pub version: u64,
    /// The store's version in it.
    pub store_version: u64,
    /// The store's root hash, in hex.
    pub root_hash: String,
    /// The app hash, in hex: what must be known from elsewhere, and trusted.
    pub app_hash: String,
    /// Levels of inner nodes of the store's tree.
    pub height: u8,
    /// The hash function of the store's tree: `sha256` or `blake3`.
    pub hash_function: String,
    /// The proof in two steps: the key under the store's root hash, that under the app hash.
    pub proof: Value,
    /// The same in the form of ICS-23; null where that has no form for it.
    pub ics23: Option<Ics23Proof>,
    /// Why there is no such form; null if there is.
    pub ics23_missing: Option<String>,
}

/// `proof.make`.
pub struct MakeProof;

impl Operation for MakeProof {
    type Input = ProofOf;
    type Output = MadeProof;
    const ID: &'static str = "proof.make";
    const DESCRIPTION: &'static str = "Proves what a version of all stores says about a key, against its app hash.";

    fn access(&self, input: &ProofOf) -> Access {
        Access::store(Role::Read, &input.store)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: ProofOf) -> Result<MadeProof, OperationError> {
        let key = input.encoding.read("key", &input.key)?;
        let function = system.store().hash_function()?;
        let snapshot = system.store().snapshot(input.version)?;
        context.check()?;
        let proof = snapshot.prove(&input.store, &key)?;
        let of_store = snapshot.store(&input.store)?.info();
        let (ics23, ics23_missing) = match ics23(function, &proof) {
            Ok(form) => (Some(form), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let written =
            serde_json::to_value(&proof).map_err(|error| OperationError::internal(format!("the proof cannot be written: {error}")))?;
        let value = match proof.proof {
            Proof::Existence(existence) => Some(existence.value),
            Proof::Absence(_) => None,
        };
        Ok(MadeProof {
            found: value.is_some(),
            value: input.encoding.write_some("the value", value)?,
            version: snapshot.version(),
            store_version: of_store.version,
            root_hash: of_store.root_hash.to_string(),
            app_hash: snapshot.app_hash().to_string(),
            height: of_store.height,
            hash_function: function.to_string(),
            proof: written,
            ics23,
            ics23_missing,
            store: input.store,
            key: input.key,
        })
    }
}

fn ics23(function: HashFunction, proof: &MultiStoreProof) -> Result<Ics23Proof, Ics23Error> {
    let key = hex::encode(to_ics23(function, &proof.proof)?);
    Ok(Ics23Proof { key, store: Some(hex::encode(proof.store.to_ics23()?)) })
}
