//! What can go wrong in a command, told so that one can act on it.

use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use treering::proofs::ics23::Ics23Error;
use treering::proofs::{CodecError, Hash, StoreProofError, VerifyError};
use treering::system::{OperationError, SystemError};
use treering::tree::TreeError;

use super::notation::NotationError;

/// Why a command failed. The text of a variant does not repeat that of its source.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The database, or the store in it.
    #[error(transparent)]
    Database(#[from] treering::Error),
    /// A tree, while it was read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The system cannot be put together or started, or a file of it, such as that of the tokens, cannot be used.
    #[error(transparent)]
    System(#[from] SystemError),
    /// An operation failed.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The server cannot be started.
    #[error(transparent)]
    Server(#[from] treering::server::ServerError),
    /// What an operation takes is not JSON.
    #[error("the input of {id} is not JSON; `treering system operations --json` shows what operations take")]
    InputNotJson {
        /// The operation.
        id: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// An operation does not take this.
    #[error("{id}: {error}")]
    Input {
        /// The operation.
        id: String,
        /// What is wrong, and where.
        error: Box<OperationError>,
    },
    /// Another process has the database.
    #[error(
        "another process has the database in {} open; stop it first, or, if it is `treering serve`, ask it over HTTP: POST /v1/operations/ID", dir.display()
    )]
    OpenInAnotherProcess {
        /// The database.
        dir: PathBuf,
    },
    /// The configuration file is not there.
    #[error("there is no file {}; `treering config init --out {}` makes one to begin with", file.display(), file.display())]
    NoConfiguration {
        /// The file.
        file: PathBuf,
    },
    /// A file stands where the database should be.
    #[error("{} is a file, and a database is a folder: name another", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// Nothing is written over.
    #[error("{} is there already, and is left as it is; remove it first, or choose another name", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },

    /// No folder, neither as a word nor in the environment.
    #[error("no database was named: give its folder DIR, or set TREERING_DIR")]
    NoDir,
    /// Neither word of `DIR KEY` or `DIR FILE`.
    #[error("the {what} is missing; --help shows an example")]
    MissingWord {
        /// What the missing word would be.
        what: &'static str,
    },
    /// Several stores, and none was named.
    #[error("the database has several stores ({names}): choose one with --store NAME")]
    WhichStore {
        /// The names there are.
        names: String,
    },
    /// No store at all.
    #[error("the database {dir} has no store yet: `treering create {dir} NAME` makes one, or `treering apply` with --store NAME", dir = dir.display())]
    NoStore {
        /// The database.
        dir: PathBuf,
    },
    /// A key or name on the command line that is not UTF-8.
    #[error("{what} {word:?} is not UTF-8 text{hint}")]
    NotText {
        /// What the word is.
        what: &'static str,
        /// The word.
        word: OsString,
        /// What to do.
        hint: &'static str,
    },
    /// The folder on the command line is not that of the configuration.
    #[error("{} has the rootPath {}, and DIR is {}: leave DIR out, or change the file", file.display(), root.display(), dir.display())]
    OtherRoot {
        /// The file.
        file: PathBuf,
        /// The folder in it.
        root: PathBuf,
        /// The folder on the command line.
        dir: PathBuf,
    },
    /// A home that would be gone with the process.
    #[error(
        "the engine {engine} keeps nothing on the disk, so a database cannot have its home there; single stores can: `treering create DIR NAME --engine {engine}`"
    )]
    HomeWouldBeGone {
        /// The engine.
        engine: String,
    },
    /// No version of all stores was saved.
    #[error("the database {} has no version of all stores yet: `treering apply` with lines that name their stores saves one", dir.display())]
    NoAppHash {
        /// The database.
        dir: PathBuf,
    },
    /// A store with versions is not deleted without a word.
    #[error("store {store:?} has {versions}, which would be gone for good: give --yes to delete it")]
    NeedsYes {
        /// The store.
        store: String,
        /// How many versions it has, in words.
        versions: String,
    },
    /// Following needs an engine that can be read while another process writes.
    #[error(
        "--follow reads while another process writes, which the engine {engine} does not allow: leave it out when nobody writes, or subscribe to events in the process that does (MultiStore::events)"
    )]
    CannotFollow {
        /// The engine.
        engine: String,
    },
    /// A key or value that is not what the notation wants.
    #[error("{what} `{word}` cannot be taken{hint}")]
    Word {
        /// Which word.
        what: &'static str,
        /// The word.
        word: String,
        /// A reminder of the notations, where it helps.
        hint: &'static str,
        /// What is wrong with it.
        source: NotationError,
    },
    /// A root hash on the command line that is none.
    #[error("{option} `{word}` is not {what}: it must be 64 hex digits, as `treering {command}` prints them")]
    Root {
        /// Which option.
        option: &'static str,
        /// What it should be.
        what: &'static str,
        /// The command that prints such hashes.
        command: &'static str,
        /// The word.
        word: String,
    },
    /// An option that makes no sense together with others.
    #[error("{0}")]
    Options(String),

    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{path} cannot be written")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    /// A line of an input file is wrong.
    #[error("{file}, line {line}: {reason}; {kept}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
        /// What of the lines before it was kept.
        kept: String,
    },
    /// The first line of a CSV file is not a header.
    #[error("{file}, line 1: {reason}; it must name the columns")]
    Header {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A column of a CSV file is not there.
    #[error("{file} has no column `{column}`; its columns are {columns}")]
    Column {
        /// The file.
        file: String,
        /// The column asked for.
        column: String,
        /// The columns there are.
        columns: String,
    },

    /// `get` of a key that is not there.
    #[error("store `{store}` has no key {key} in version {version}")]
    KeyAbsent {
        /// The key, in the notation asked for.
        key: String,
        /// The store.
        store: String,
        /// The version looked at.
        version: u64,
    },
    /// Nothing was ever entered.
    #[error(
        "the database {dir} has no audit log: `treering serve` keeps one, and so does SystemService, unless `audit = false` stands in [features]", dir = dir.display()
    )]
    NoAudit {
        /// The database.
        dir: PathBuf,
    },
    /// The audit log is not what it was.
    #[error("the audit log, or what stands beside the versions of all stores, was changed: {things}; compare with a copy of the folder")]
    Tampered {
        /// How many things are wrong, in words.
        things: String,
    },
    /// A token cannot be made.
    #[error("no token was made: {0}")]
    Token(String),
    /// More nodes than a picture can show.
    #[error("the tree has {nodes} nodes, more than the {limit} that are drawn whole: --depth N draws the upper N levels")]
    TooManyNodes {
        /// Nodes in the tree.
        nodes: u64,
        /// The limit.
        limit: u64,
    },

    /// A proof has no ICS-23 form.
    #[error("the key cannot be proven in ICS-23 form: choose --format json or borsh")]
    NoIcs23Form(#[source] Ics23Error),
    /// A proof cannot be written in our own form.
    #[error("the proof cannot be written")]
    ProofForm(#[source] CodecError),
    /// The bytes are no proof of the form.
    #[error("{path} is not a proof in the form {format}: choose the form that it was made in with --format json, borsh or ics23")]
    NotAProof {
        /// The file.
        path: String,
        /// The form.
        format: &'static str,
        /// What is wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The proof does not hold.
    #[error("REFUSED: the proof does not hold")]
    Refused(#[from] VerifyError),
    /// The proof in two steps does not hold.
    #[error("REFUSED: the proof does not hold")]
    RefusedStore(#[from] StoreProofError),
    /// The proof holds, but says another value.
    #[error("REFUSED: under this hash the key has the value {proven}, not {claimed}")]
    OtherValue {
        /// What the proof shows.
        proven: String,
        /// What was claimed.
        claimed: String,
    },
    /// The proof holds, but says that the key is absent.
    #[error("REFUSED: under this hash the key is absent, so it does not have the value {claimed}")]
    ProvenAbsent {
        /// What was claimed.
        claimed: String,
    },
    /// The proof holds, but says that the key is there.
    #[error("REFUSED: under this hash the key is present with the value {proven}; without --value its absence was to be shown")]
    ProvenPresent {
        /// What the proof shows.
        proven: String,
    },

    /// The benchmark or the demo found a wrong answer.
    #[error("a wrong answer: {0}")]
    WrongAnswer(String),
    /// The root after the benchmark's end is not the one before it was closed.
    #[error("after opening again the root is {found}, it was {expected}")]
    RootChanged {
        /// Before.
        expected: Hash,
        /// After.
        found: Hash,
    },
}

impl CliError {
    /// Why a system could not open its stores, for who can start and stop processes, but opens nothing read-only.
    pub(crate) fn of_system(error: SystemError) -> Self {
        match error {
            SystemError::Store(treering::Error::Locked { path }) => Self::OpenInAnotherProcess { dir: path },
            other => other.into(),
        }
    }

    /// Why an operation failed.
    pub(crate) fn of_call(id: &str, error: OperationError) -> Self {
        if error.code == "invalid_input" { Self::Input { id: id.to_owned(), error: Box::new(error) } } else { error.into() }
    }

    /// Whether the reader of our output went away, as `head` does: a reason to stop, but nothing to report.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Prints an error and what lies behind it on standard error.
pub(crate) fn report(error: &CliError) {
    let mut told = error.to_string();
    let mut text = format!("error: {told}\n");
    let mut source = error.source();
    while let Some(cause) = source {
        // Some errors show their source in their own text; what was said is not said again.
        let cause_text = cause.to_string();
        if !told.contains(&cause_text) {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "  because: {cause_text}");
        }
        told = cause_text;
        source = cause.source();
    }
    // Standard error may be closed; then there is nobody to tell.
    let _ = io::Write::write_all(&mut io::stderr(), text.as_bytes());
}
