//! `verify`: checks a proof against a root hash, with nothing but the two.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use treering::proofs::{Evidence, Hash, HashFunction};

use super::error::CliError;
use super::input::Input;
use super::notation::{Notation, NotationArg, grouped};
use super::output::Output;
use super::proof_form::ProofForm;

/// Checks a proof against a root hash. Needs no database.
///
/// With --value the proof must show that the key has this value, without it that the key is absent. The exit code is 0 only when the
/// proof shows that under this root.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering verify --root \"$(treering root trees)\" --proof oak.proof --key oak --value '200 rings' --utf8
  treering verify --root \"$(treering root trees)\" --proof elm.proof --key elm --utf8 --format ics23")]
pub(crate) struct Args {
    /// The root hash that is trusted, 64 hex digits.
    #[arg(long, value_name = "HEX")]
    root: String,
    /// The file with the proof, `-` for standard input; for borsh and ics23 its bytes or their hex.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// The key that the proof must be about.
    #[arg(long, value_name = "KEY")]
    key: String,
    /// The value that the key must have; left out when it must be absent.
    #[arg(long, value_name = "VALUE")]
    value: Option<String>,
    /// The form of the proof.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    format: ProofForm,
    /// The hash function of the database: sha256 or blake3.
    #[arg(long, value_name = "NAME", default_value_t)]
    hash: HashFunction,
    #[command(flatten)]
    notation: NotationArg,
}

#[derive(Serialize)]
struct Verified {
    valid: bool,
    kind: &'static str,
    key: String,
    value: Option<String>,
    root: Hash,
    /// The number of the leaf from 0; of an absent key, the number that it would have.
    index: u64,
    /// Leaves in the tree.
    size: u64,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (keys, values) = (args.notation.keys(), args.notation.values());
    let root = read_root(&args.root)?;
    let key = keys.read_word("--key", &args.key)?;
    let value = args.value.as_deref().map(|word| values.read_word("--value", word)).transpose()?;
    let proof = args.format.read(Input::open(&args.proof)?)?;
    let evidence = proof.verify(args.hash, &root, &key)?;
    let (kind, index) = check_claim(&evidence, value.as_deref(), values)?;
    output.print(&Verified {
        valid: true,
        kind,
        key: keys.write("the key", &key)?,
        value: value.map(|value| values.write("the value", &value)).transpose()?,
        root,
        index,
        size: evidence.tree_size(),
    })
}

fn read_root(word: &str) -> Result<Hash, CliError> {
    let bytes = Notation::Hex.read(word).ok();
    let hash = bytes.and_then(|bytes| Hash::try_from(bytes.as_slice()).ok());
    hash.ok_or_else(|| CliError::Root { word: word.to_owned() })
}

/// Whether what was proven is what was claimed: this value, or none. Gives the kind of the proof and the leaf's number.
fn check_claim(evidence: &Evidence, claimed: Option<&[u8]>, notation: Notation) -> Result<(&'static str, u64), CliError> {
    // A value that is not text is shown as hex also with --utf8: the verdict must not fail over it.
    let show = |bytes: &[u8]| notation.write("the value", bytes).unwrap_or_else(|_| format!("0x{}", hex::encode(bytes)));
    match (evidence, claimed) {
        (Evidence::Present(present), Some(value)) if present.value() == value => Ok(("existence", present.index())),
        (Evidence::Present(present), Some(value)) => Err(CliError::OtherValue { proven: show(present.value()), claimed: show(value) }),
        (Evidence::Present(present), None) => Err(CliError::ProvenPresent { proven: show(present.value()) }),
        (Evidence::Absent(absent), None) => Ok(("absence", absent.index())),
        (Evidence::Absent(_), Some(value)) => Err(CliError::ProvenAbsent { claimed: show(value) }),
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, root, index, size, .. } = self;
        match &self.value {
            Some(value) => write!(f, "VALID: {key} has the value {value}")?,
            None => write!(f, "VALID: {key} is absent")?,
        }
        write!(f, " under the root {root} (index {} of {} keys)", grouped(*index), grouped(*size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_32_bytes_of_hex() {
        let digits = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(read_root(digits).unwrap(), HashFunction::Sha256.empty_root());
        assert_eq!(read_root(&format!("0x{digits}")).unwrap(), HashFunction::Sha256.empty_root());
        assert!(read_root(&digits[2..]).is_err());
        assert!(read_root("oak").is_err());
    }
}
