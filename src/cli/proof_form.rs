//! The forms in which a proof is written to a file and read from one.

use clap::ValueEnum;
use treering::proofs::limits::MAX_PROOF_LEN;
use treering::proofs::{HashFunction, Proof, from_ics23, to_ics23};

use super::error::CliError;
use super::input::Input;

/// A form of a proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum ProofForm {
    /// Our own claims as JSON text.
    #[default]
    Json,
    /// The same claims in bytes, short and with one encoding only.
    Borsh,
    /// The protobuf message `cosmos.ics23.v1.CommitmentProof`, byte for byte that of cosmos/iavl.
    Ics23,
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
    pub(crate) fn encode(self, function: HashFunction, proof: &Proof) -> Result<Vec<u8>, CliError> {
        match self {
            Self::Borsh => proof.to_bytes().map_err(CliError::ProofForm),
            Self::Ics23 => to_ics23(function, proof).map_err(CliError::NoIcs23Form),
            Self::Json => {
                let mut text = serde_json::to_vec_pretty(proof).map_err(std::io::Error::from)?;
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
    pub(crate) fn read(self, input: Input) -> Result<Proof, CliError> {
        let path = input.name().to_owned();
        let bytes = input.read_all(MAX_FILE_LEN)?;
        let proof = match self {
            Self::Json => serde_json::from_slice(&bytes).map_err(Into::into),
            Self::Borsh => Proof::from_bytes(&without_hex(bytes)).map_err(Into::into),
            Self::Ics23 => from_ics23(&without_hex(bytes)).map_err(Into::into),
        };
        proof.map_err(|source| CliError::NotAProof { path, format: self.name(), source })
    }
}

/// The bytes that a hex text stands for. No proof consists of hex digits only, so there is nothing to mistake for it.
fn without_hex(bytes: Vec<u8>) -> Vec<u8> {
    hex::decode(bytes.trim_ascii()).unwrap_or(bytes)
}
