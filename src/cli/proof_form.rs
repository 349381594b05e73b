//! The forms in which a proof is written to a file and read from one.

use std::error::Error;

use clap::ValueEnum;
use treering::proofs::limits::MAX_PROOF_LEN;
use treering::proofs::{HashFunction, MultiStoreProof, Proof, from_ics23, to_ics23};

use super::error::CliError;
use super::input::Input;
use super::merkle_proof;

/// A form of a proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum ProofForm {
    /// Our own claims as JSON text.
    #[default]
    Json,
    /// The same claims in bytes, short and with one encoding only.
    Borsh,
    /// Protobuf: `cosmos.ics23.v1.CommitmentProof`, byte for byte that of cosmos/iavl; with two steps a `MerkleProof` of ibc-go.
    Ics23,
}

/// A proof in one step or in two.
pub(crate) trait Formed: Sized {
    fn to_json(&self) -> serde_json::Result<Vec<u8>>;
    fn to_borsh(&self) -> Result<Vec<u8>, CliError>;
    fn to_ics23(&self, function: HashFunction) -> Result<Vec<u8>, CliError>;
    /// Reads bytes of a form.
    fn read(form: ProofForm, bytes: &[u8]) -> Result<Self, Box<dyn Error + Send + Sync>>;
}

impl Formed for Proof {
    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }

    fn to_borsh(&self) -> Result<Vec<u8>, CliError> {
        self.to_bytes().map_err(CliError::ProofForm)
    }

    fn to_ics23(&self, function: HashFunction) -> Result<Vec<u8>, CliError> {
        to_ics23(function, self).map_err(CliError::NoIcs23Form)
    }

    fn read(form: ProofForm, bytes: &[u8]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(match form {
            ProofForm::Json => serde_json::from_slice(bytes)?,
            ProofForm::Borsh => Self::from_bytes(bytes)?,
            ProofForm::Ics23 => from_ics23(bytes)?,
        })
    }
}

impl Formed for MultiStoreProof {
    fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
    }

    fn to_borsh(&self) -> Result<Vec<u8>, CliError> {
        self.to_bytes().map_err(CliError::ProofForm)
    }

    fn to_ics23(&self, function: HashFunction) -> Result<Vec<u8>, CliError> {
        merkle_proof::encode(function, self).map_err(CliError::NoIcs23Form)
    }

    fn read(form: ProofForm, bytes: &[u8]) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(match form {
            ProofForm::Json => serde_json::from_slice(bytes)?,
            ProofForm::Borsh => Self::from_bytes(bytes)?,
            ProofForm::Ics23 => merkle_proof::decode(bytes)?,
        })
    }
}

/// More than the longest proof takes as JSON, which needs more room than any other form.
const MAX_FILE_LEN: u64 = 4 * MAX_PROOF_LEN as u64;

impl ProofForm {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Borsh => "borsh",
            Self::Ics23 => "ics23",
        }
    }

    /// The proof as the bytes of a file.
    pub(crate) fn encode(self, function: HashFunction, proof: &impl Formed) -> Result<Vec<u8>, CliError> {
        match self {
            Self::Borsh => proof.to_borsh(),
            Self::Ics23 => proof.to_ics23(function),
            Self::Json => {
                let mut text = proof.to_json().map_err(std::io::Error::from)?;
                text.push(b'\n');
                Ok(text)
            }
        }
    }

    /// How the proof is shown where bytes cannot be: JSON as it is, the others as hex.
    pub(crate) fn show(self, bytes: &[u8]) -> String {
        match self {
            Self::Json => String::from_utf8_lossy(bytes).into_owned(),
            Self::Borsh | Self::Ics23 => format!("{}\n", hex::encode(bytes)),
        }
    }

    /// Reads a file that [`encode`](Self::encode) or [`show`](Self::show) made.
    pub(crate) fn read<T: Formed>(self, input: Input) -> Result<T, CliError> {
        let path = input.name().to_owned();
        let bytes = input.read_all(MAX_FILE_LEN)?;
        let bytes = if self == Self::Json { bytes } else { without_hex(bytes) };
        T::read(self, &bytes).map_err(|source| CliError::NotAProof { path, format: self.name(), source })
    }
}

/// The bytes that a hex text stands for. No proof consists of hex digits only, so there is nothing to mistake for it.
fn without_hex(bytes: Vec<u8>) -> Vec<u8> {
    hex::decode(bytes.trim_ascii()).unwrap_or(bytes)
}
