//! `prove`: shows that a key has a value, or that it is absent, in a form that anyone can check against a root hash.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use treering::proofs::{Hash, Proof};

use super::args::{DirAndKey, VersionArg, open_to_read};
use super::error::CliError;
use super::notation::{NotationArg, grouped};
use super::output::{Form, Output};
use super::proof_form::ProofForm;

/// Proves that a key has its value, or that it is absent.
///
/// Without --out the proof is printed: JSON as it is, borsh and ics23 as hex. With --json a record is printed whose field `proof` is
/// the hex of what --out writes. `treering verify` checks a proof against a root hash and needs no database.
#[derive(clap::Args)]
#[command(
    override_usage = "treering prove [OPTIONS] [DIR] <KEY>",
    after_help = "\
ICS-23 cannot prove an empty key or value, nor anything about an empty tree; json and borsh can.

Example:
  treering prove trees oak --utf8 --out oak.proof
  treering prove trees 6f616b --store forest --version 3 --format ics23 --out oak.proof"
)]
pub(crate) struct Args {
    #[command(flatten)]
    place: DirAndKey,
    #[command(flatten)]
    at: VersionArg,
    #[command(flatten)]
    notation: NotationArg,
    /// The form of the proof.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    format: ProofForm,
    /// The file to write the proof to: JSON text, or the raw bytes of borsh and ics23.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Proven {
    kind: &'static str,
    key: String,
    value: Option<String>,
    version: u64,
    root: Hash,
    format: &'static str,
    proof: String,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (dir, word) = args.place.split()?;
    let (keys, values) = (args.notation.keys(), args.notation.values());
    let key = keys.read_word("KEY", &word)?;
    let database = open_to_read(&dir)?;
    let snapshot = args.at.snapshot(&database)?;
    let proof = snapshot.tree().prove(&key)?;
    let bytes = args.format.encode(database.hash_function(), &proof)?;
    let (kind, value) = match &proof {
        Proof::Existence(existence) => ("existence", Some(values.write("the value", &existence.value)?)),
        Proof::Absence(_) => ("absence", None),
    };
    if let Some(path) = &args.out {
        fs::write(path, &bytes).map_err(|source| CliError::Write { path: path.display().to_string(), source })?;
    }
    let proven = Proven {
        kind,
        key: keys.write("the key", &key)?,
        value,
        version: snapshot.version(),
        root: snapshot.root_hash(),
        format: args.format.name(),
        proof: hex::encode(&bytes),
    };
    match (output.form(), &args.out) {
        (Form::Text, None) => output.text(&args.format.show(&bytes)),
        (Form::Text, Some(path)) => {
            let size = grouped(bytes.len() as u64);
            output.text(&format!("{proven}\nwrote {}: {size} bytes, {}\n", path.display(), proven.format))
        }
        (Form::Json, _) => output.print(&proven),
    }
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in version {}, under the root {}", self.kind, self.key, self.version, self.root)
    }
}
