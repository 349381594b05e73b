//! `stores` and `app-hash`: all stores at once.

use std::fmt;

use clap::Args;
use serde::Serialize;
use treering::config::{Retention, format_seconds};
use treering::proofs::Hash;
use treering::{StoreListing, Versioned};

use super::error::CliError;
use super::notation::grouped;
use super::output::{Form, Output};
use super::place::DirArg;
use super::saved::SavedTogether;

/// Lists the stores.
///
/// With their engines, newest versions, and which versions are kept.
#[derive(Args)]
#[command(after_help = "\
Example:
  treering stores chain")]
pub(crate) struct StoresArgs {
    #[command(flatten)]
    dir: DirArg,
}

/// Prints the app hash: the hash over the roots of all stores.
///
/// It is that of the Cosmos SDK. There is one for every version of all stores together.
#[derive(Args)]
#[command(after_help = "\
Example:
  treering app-hash chain
  treering app-hash chain --version 3 --json")]
pub(crate) struct AppHashArgs {
    #[command(flatten)]
    dir: DirArg,
    /// The version of all stores, the newest when left out.
    #[arg(long, value_name = "N")]
    version: Option<u64>,
}

/// A store and its newest version, if it has one.
#[derive(Serialize)]
struct Line {
    name: String,
    engine: String,
    version: Option<u64>,
    root: Option<Hash>,
    size: u64,
    height: u8,
    /// How many versions there are.
    versions: u64,
    keeps: Retention,
}

pub(crate) fn stores(args: &StoresArgs, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_read()?;
    let mut lines = Vec::new();
    for StoreListing { name, engine, retention } in stores.list_stores() {
        let versions = stores.get_store(&name)?.list_versions()?;
        let newest = versions.last();
        lines.push(Line {
            name,
            engine,
            version: newest.map(|newest| newest.version),
            root: newest.map(|newest| newest.root_hash),
            size: newest.map_or(0, |newest| newest.size),
            height: newest.map_or(0, |newest| newest.height),
            versions: versions.len() as u64,
            keeps: retention,
        });
    }
    match output.form() {
        Form::Json => lines.iter().try_for_each(|line| output.json(line)),
        Form::Text => output.text(&table(&lines)),
    }
}

fn table(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no stores yet: `treering create DIR NAME` makes one\n".to_owned();
    }
    let mut rows = vec![["NAME", "ENGINE", "VERSION", "KEYS", "KEEPS", "ROOT"].map(str::to_owned)];
    rows.extend(lines.iter().map(Line::row));
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let [name, engine, version, size, keeps, _] = [0, 1, 2, 3, 4, 5].map(width);
    let line = |[a, b, c, d, e, f]: &[String; 6]| {
        let line = format!("{a:name$}  {b:engine$}  {c:>version$}  {d:>size$}  {e:keeps$}  {f}");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

impl Line {
    fn row(&self) -> [String; 6] {
        let version = self.version.map_or_else(|| "none yet".to_owned(), |version| version.to_string());
        let root = self.root.map(|root| root.to_string()).unwrap_or_default();
        [self.name.clone(), self.engine.clone(), version, grouped(self.size), Keeps(self.keeps).to_string(), root]
    }
}

/// Which versions are kept, in words.
struct Keeps(Retention);

impl fmt::Display for Keeps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retention { max_versions, version_ttl, keep_every } = self.0;
        if self.0.keeps_everything() {
            return f.write_str("all versions");
        }
        let newest = max_versions.map(|count| format!("newest {}", grouped(count)));
        let young = version_ttl.map(|seconds| format!("those of {}", format_seconds(seconds)));
        let limits: Vec<_> = newest.into_iter().chain(young).collect();
        f.write_str(&limits.join(" and "))?;
        keep_every.map_or(Ok(()), |every| write!(f, ", every {}th", grouped(every)))
    }
}

pub(crate) fn app_hash(args: &AppHashArgs, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_read()?;
    let saved = match args.version {
        Some(version) => stores.version(version)?,
        None => stores.newest_version()?.ok_or_else(|| CliError::NoAppHash { dir: stores.path().to_owned() })?,
    };
    match output.form() {
        Form::Json => output.json(&SavedTogether::from(&saved)),
        Form::Text => output.text(&format!("{}\n", saved.app_hash)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_said_in_words() {
        let words = |max_versions, version_ttl, keep_every| Keeps(Retention { max_versions, version_ttl, keep_every }).to_string();
        assert_eq!(words(None, None, None), "all versions");
        assert_eq!(words(None, None, Some(10)), "all versions");
        assert_eq!(words(Some(1000), None, None), "newest 1,000");
        assert_eq!(words(Some(5), Some(172_800), Some(10)), "newest 5 and those of 2 days, every 10th");
    }
}
