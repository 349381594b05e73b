//! What the programs that measure other stores have in common: the workload, the clock, and the line of results.
//!
//! A program implements [`Store`] and calls [`main`]. Its command line is that of `treering bench`, and so are the names of its results
//! and what they mean. A wrong answer (a value, a proof, a root after opening) ends the program with an error.

mod arguments;
mod measure;
mod results;
mod run;
mod workload;

use std::error::Error;
use std::process::ExitCode;

pub use arguments::Arguments;
pub use workload::{Key, Operation};

/// The root hash of a version.
pub type Root = [u8; 32];

/// What may go wrong is told and ends the program, so its type is of no interest.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Whether a program makes proofs, and how many bytes one takes.
pub type ProofLength = Option<usize>;

/// A store that is measured.
pub trait Store: Sized {
    /// A proof that a key has a value.
    type Proof;

    /// Its name and version.
    const NAME: &'static str;
    /// The hash function, and which implementation.
    const HASH: &'static str;
    /// When a saved block is on the disk.
    const DURABILITY: &'static str;
    /// Whether `--cache-mib` means something to it.
    const HAS_CACHE: bool = false;

    /// Opens the store in the folder, or makes it.
    fn open(arguments: &Arguments) -> Outcome<Self>;

    /// Applies a block and saves it durably; the root after it.
    fn save(&mut self, operations: Vec<Operation>) -> Outcome<Root>;

    /// Reads the keys one after another and hands on what is there.
    fn get_all(&mut self, keys: &[Key], each: &mut dyn FnMut(usize, Option<&[u8]>)) -> Outcome<()>;

    /// Proves each key at the newest version.
    fn prove_all(&mut self, keys: &[Key]) -> Outcome<Vec<Self::Proof>>;

    /// Whether the proof shows that the key has this value under this root.
    fn verify(root: &Root, key: &Key, value: &[u8], proof: &Self::Proof) -> bool;

    /// Bytes of a proof.
    fn proof_length(proof: &Self::Proof) -> ProofLength;

    /// Whether a proof that the key is absent can be made and holds; `None` if the store has no such proofs.
    fn proves_absence(&mut self, root: &Root, key: &Key) -> Outcome<Option<bool>>;

    /// Reads everything in the order of the keys and counts it; `None` if the store cannot.
    fn scan(&mut self) -> Outcome<Option<u64>>;

    /// The root of the newest version.
    fn root(&mut self) -> Outcome<Root>;

    /// Closes the store.
    fn close(self) -> Outcome<()>;
}

/// Measures the store as the command line says and prints one line of JSON.
pub fn main<S: Store>() -> ExitCode {
    match line_of_results::<S>() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", S::NAME);
            ExitCode::FAILURE
        }
    }
}

fn line_of_results<S: Store>() -> Outcome<String> {
    let arguments = Arguments::parse(std::env::args().skip(1), S::HAS_CACHE)?;
    Ok(serde_json::to_string(&run::run::<S>(&arguments)?)?)
}
