//! `token new`: makes a token for a server's callers.

use std::fmt;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use treering::system::{Grants, Role, TokenFile};

use super::error::CliError;
use super::output::Output;

/// Makes tokens, which let callers of a server in.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering token new explorer --role read --file tokens.toml
  treering token new teller --role write --store bank --store fees")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(NewArgs),
}

/// Makes a token, and prints it: this once, since nothing keeps more of it than its hash.
///
/// The lines beside it belong into the file that the configuration names as `tokens` in [access]; with --file they are written there instead.
/// Servers read that file when they start. Whoever has the token sends it as `Authorization: Bearer TOKEN`.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering token new explorer --role read --file tokens.toml
  treering token new teller --role write --store bank --store fees")]
struct NewArgs {
    /// Who will have it; the audit log calls them so.
    name: String,
    /// What it allows: `admin` what `write` does, and `write` what `read` does.
    #[arg(long, value_name = "ROLE", value_enum)]
    role: RoleWord,
    /// A store that it is for, may be given several times; when left out, it is for everything.
    #[arg(long = "store", value_name = "NAME")]
    stores: Vec<String>,
    /// The file of tokens to add it to, made if it is not there.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleWord {
    Read,
    Write,
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Read => Self::Read,
            RoleWord::Write => Self::Write,
            RoleWord::Admin => Self::Admin,
        }
    }
}

/// A new token.
#[derive(Serialize)]
struct Made<'a> {
    name: &'a str,
    token: String,
    /// The lines for a file of tokens; null when they are in one.
    toml: Option<String>,
    /// The file that it was added to.
    file: Option<String>,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let Command::New(args) = &args.command;
    let NewArgs { name, role, stores, file } = args;
    let role = Role::from(*role);
    let grants = if stores.is_empty() {
        Grants::everywhere(role)
    } else {
        stores.iter().fold(Grants::default(), |grants, store| grants.with_store(store, role))
    };
    let mut tokens = match file {
        Some(path) if path.exists() => TokenFile::load(path)?,
        _ => TokenFile::default(),
    };
    let token = tokens.add(name, grants).map_err(CliError::Token)?;
    let toml = match file {
        Some(path) => {
            tokens.save(path)?;
            None
        }
        // It is the only one.
        None => Some(toml::to_string(&tokens).map_err(|error| CliError::Token(error.to_string()))?),
    };
    output.print(&Made { name, token, toml, file: file.as_ref().map(|path| path.display().to_string()) })
}

impl fmt::Display for Made<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, token, toml, file } = self;
        writeln!(f, "the token of {name}, which is printed this once:\n{token}\n")?;
        match (file, toml) {
            (Some(file), _) => write!(f, "servers that have {file} as `tokens` in [access] let it in from their next start on"),
            (None, toml) => {
                let lines = toml.as_deref().unwrap_or_default().trim_end();
                write!(f, "what the file of tokens that [access] names needs for it:\n{lines}")
            }
        }
    }
}
