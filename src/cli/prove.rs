//! `prove`: shows that a key has a value, or that it is absent, in a form that anyone can check against a root hash.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use treering::proofs::{Hash, MultiStoreProof, Proof, prove_store};
use treering::{MultiStore, MultiVersion, Versioned};

use super::args::VersionArg;
use super::error::CliError;
use super::notation::{NotationArg, grouped};
use super::output::{Form, Output};
use super::place::DirAndKey;
use super::proof_form::ProofForm;

/// Proves that a key has its value, or that it is absent.
///
/// The proof is one against the root hash of the store, or with --app one in two steps against the app hash: the key in the store, and the
/// store among all.
///
/// Without --out the proof is printed: JSON as it is, borsh and ics23 as hex. With --json a record is printed whose field `proof` is
/// the hex of what --out writes. `treering verify` checks a proof and needs no database.
#[derive(clap::Args)]
#[command(
    override_usage = "treering prove [OPTIONS] [DIR] <KEY>",
    after_help = "\
With --app, --version is that of all stores, and ics23 is the protobuf message that IBC clients take: ibc.core.commitment.v1.MerkleProof \
of ibc-go, whose field 1 holds two cosmos.ics23.v1.CommitmentProof, first that of the key, then that of the store.
ICS-23 cannot prove an empty key or value, nor anything about an empty tree; json and borsh can.

Example:
  treering prove trees oak --utf8 --out oak.proof
  treering prove trees 6f616b --store forest --version 3 \\
    --format ics23 --out oak.proof
  treering prove chain alice --utf8 --store bank --app \\
    --format ics23 --out alice.proof"
)]
pub(crate) struct Args {
    #[command(flatten)]
    place: DirAndKey,
    #[command(flatten)]
    at: VersionArg,
    #[command(flatten)]
    notation: NotationArg,
    /// Proves against the app hash of all stores instead of the root hash of one.
    #[arg(long)]
    app: bool,
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
    #[serde(flatten)]
    app: Option<App>,
    format: &'static str,
    proof: String,
}

/// Of a proof in two steps.
#[derive(Serialize)]
struct App {
    store: String,
    app_hash: Hash,
}

/// What was asked for.
struct Made {
    proof: Proof,
    version: u64,
    root: Hash,
    app: Option<App>,
    bytes: Vec<u8>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let (place, word) = args.place.split()?;
    let (keys, values) = (args.notation.keys(), args.notation.values());
    let key = keys.read_word("KEY", &word)?;
    let stores = place.open_to_read()?;
    let made = if args.app { args.prove_in_all(&stores, &key)? } else { args.prove_in_one(&stores, &key)? };
    let (kind, value) = match &made.proof {
        Proof::Existence(existence) => ("existence", Some(values.write("the value", &existence.value)?)),
        Proof::Absence(_) => ("absence", None),
    };
    let Made { version, root, app, bytes, .. } = made;
    if let Some(path) = &args.out {
        fs::write(path, &bytes).map_err(|source| CliError::Write { path: path.display().to_string(), source })?;
    }
    let (key, format, proof) = (keys.write("the key", &key)?, args.format.name(), hex::encode(&bytes));
    let proven = Proven { kind, key, value, version, root, app, format, proof };
    match (output.form(), &args.out) {
        (Form::Text, None) => output.text(&args.format.show(&bytes)),
        (Form::Text, Some(path)) => {
            let size = grouped(bytes.len() as u64);
            output.text(&format!("{proven}\nwrote {}: {size} bytes, {}\n", path.display(), proven.format))
        }
        (Form::Json, _) => output.print(&proven),
    }
}

impl Args {
    fn prove_in_one(&self, stores: &MultiStore, key: &[u8]) -> Result<Made, CliError> {
        let snapshot = self.at.snapshot(stores)?;
        let proof = snapshot.prove(key)?;
        let bytes = self.format.encode(stores.hash_function()?, &proof)?;
        Ok(Made { proof, version: snapshot.version(), root: snapshot.root_hash(), app: None, bytes })
    }

    fn prove_in_all(&self, stores: &MultiStore, key: &[u8]) -> Result<Made, CliError> {
        let store = self.at.store_name(stores)?;
        if self.at.version.is_none() && stores.newest_version()?.is_none() {
            return Err(CliError::NoAppHash { dir: stores.path().to_owned() });
        }
        let (MultiVersion { version, app_hash, .. }, proof) = prove_together(stores, self.at.version, &store, key)?;
        let bytes = self.format.encode(stores.hash_function()?, &proof)?;
        Ok(Made { proof: proof.proof, version, root: proof.store.root, app: Some(App { store, app_hash }), bytes })
    }
}

/// The proof in two steps, in a version of all stores.
fn prove_together(
    stores: &MultiStore,
    version: Option<u64>,
    store: &str,
    key: &[u8],
) -> Result<(MultiVersion, MultiStoreProof), treering::Error> {
    let error = match stores.snapshot(version) {
        Ok(snapshot) => return Ok((snapshot.info().clone(), snapshot.prove(store, key)?)),
        Err(error) => error,
    };
    // Other stores of that version may be gone: deleted, or with the memory that they lay in. Their roots are enough.
    let Some(whole) = version.map_or_else(|| stores.newest_version(), |version| stores.version(version).map(Some))? else {
        return Err(error);
    };
    let Some(part) = whole.stores.iter().find(|part| part.name == store) else { return Err(error) };
    let snapshot = stores.get_store(store)?.snapshot(Some(part.version))?;
    let roots = whole.stores.iter().map(|part| (part.name.as_str(), part.root_hash));
    match prove_store(roots, store).filter(|step| step.root == snapshot.root_hash()) {
        Some(step) => Ok((whole, MultiStoreProof { store: step, proof: snapshot.prove(key)? })),
        None => Err(error),
    }
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, key, version, root, .. } = self;
        match &self.app {
            None => write!(f, "{kind} of {key} in version {version}, under the root {root}"),
            Some(App { store, app_hash }) => {
                write!(f, "{kind} of {key} in store {store} in version {version} of all stores, under the app hash {app_hash}")
            }
        }
    }
}
