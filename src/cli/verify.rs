//! `verify`: checks a proof against a root hash, with nothing but the two.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use treering::proofs::{Evidence, Hash, HashFunction, MultiStoreProof, Proof};

use super::error::CliError;
use super::input::Input;
use super::notation::{Notation, NotationArg, grouped};
use super::output::Output;
use super::proof_form::ProofForm;

/// Checks a proof against a root hash, or against an app hash. Needs no database.
///
/// With --value the proof must show that the key has this value, without it that the key is absent. The exit code is 0 only when the
/// proof shows that under this hash. A proof that was made with --app takes --app-hash and --store.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering verify --root \"$(treering root trees)\" \\
    --proof oak.proof --key oak --value '200 rings' --utf8
  treering verify --root \"$(treering root trees)\" \\
    --proof elm.proof --key elm --utf8 --format ics23
  treering verify --app-hash \"$(treering app-hash chain)\" \\
    --store bank --proof alice.proof --key alice --value 64 --utf8")]
pub(crate) struct Args {
    /// The root hash that is trusted, 64 hex digits.
    #[arg(long, value_name = "HEX", required_unless_present = "app_hash", conflicts_with = "app_hash")]
    root: Option<String>,
    /// The app hash that is trusted, 64 hex digits: for proofs in two steps.
    #[arg(long, value_name = "HEX", requires = "store")]
    app_hash: Option<String>,
    /// The store that the key must be in, with --app-hash.
    #[arg(long, value_name = "NAME", requires = "app_hash", conflicts_with = "root")]
    store: Option<String>,
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
    #[serde(flatten)]
    app: Option<App>,
    /// The number of the leaf from 0; of an absent key, the number that it would have.
    index: u64,
    /// Leaves in the tree.
    size: u64,
}

/// Of a proof in two steps.
#[derive(Serialize)]
struct App {
    store: String,
    app_hash: Hash,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (keys, values) = (args.notation.keys(), args.notation.values());
    let trusted = args.trusted()?;
    let key = keys.read_word("--key", &args.key)?;
    let value = args.value.as_deref().map(|word| values.read_word("--value", word)).transpose()?;
    let input = Input::open(&args.proof)?;
    let (evidence, root, app) = match trusted {
        Trusted::Root(root) => (args.format.read::<Proof>(input)?.verify(args.hash, &root, &key)?, root, None),
        Trusted::App(app) => {
            let proof = args.format.read::<MultiStoreProof>(input)?;
            (proof.verify(args.hash, &app.app_hash, &app.store, &key)?, proof.store.root, Some(app))
        }
    };
    let (kind, index) = check_claim(&evidence, value.as_deref(), values)?;
    output.print(&Verified {
        valid: true,
        kind,
        key: keys.write("the key", &key)?,
        value: value.map(|value| values.write("the value", &value)).transpose()?,
        root,
        app,
        index,
        size: evidence.tree_size(),
    })
}

/// The hash that is trusted.
enum Trusted {
    Root(Hash),
    App(App),
}

impl Args {
    fn trusted(&self) -> Result<Trusted, CliError> {
        match (&self.app_hash, &self.store, &self.root) {
            (Some(word), Some(store), _) => Ok(Trusted::App(App { store: store.clone(), app_hash: read_hash(&APP_HASH, word)? })),
            (_, _, Some(word)) => read_hash(&ROOT, word).map(Trusted::Root),
            // The parser lets nothing else through.
            _ => Err(CliError::Options("give --root HEX, or --app-hash HEX and --store NAME".to_owned())),
        }
    }
}

/// An option with a hash: what it takes, and the command that prints such.
struct HashOption {
    option: &'static str,
    what: &'static str,
    command: &'static str,
}

const ROOT: HashOption = HashOption { option: "--root", what: "a root hash", command: "root" };
const APP_HASH: HashOption = HashOption { option: "--app-hash", what: "an app hash", command: "app-hash" };

fn read_hash(&HashOption { option, what, command }: &HashOption, word: &str) -> Result<Hash, CliError> {
    let bytes = Notation::Hex.read(word).ok();
    let hash = bytes.and_then(|bytes| Hash::try_from(bytes.as_slice()).ok());
    hash.ok_or_else(|| CliError::Root { option, what, command, word: word.to_owned() })
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
        match &self.app {
            None => write!(f, " under the root {root}")?,
            Some(App { store, app_hash }) => write!(f, " in store {store} under the app hash {app_hash}")?,
        }
        write!(f, " (index {} of {} keys)", grouped(*index), grouped(*size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_32_bytes_of_hex() {
        let digits = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(read_hash(&ROOT, digits).unwrap(), HashFunction::Sha256.empty_root());
        assert_eq!(read_hash(&ROOT, &format!("0x{digits}")).unwrap(), HashFunction::Sha256.empty_root());
        assert!(read_hash(&ROOT, &digits[2..]).is_err());
        assert!(read_hash(&ROOT, "oak").is_err());
    }
}
