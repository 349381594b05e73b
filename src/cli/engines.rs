//! `engines` and `config`: what can be chosen, and what can be set.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use treering::config::{Config, KeyDescription, MultiStoreConfig, Value};
use treering::engine::{Capabilities, Registry};
use treering::system::SystemConfig;

use super::error::CliError;
use super::output::{Form, Output};

/// Lists the storage engines that stores can lie on, and what each can do.
#[derive(Args)]
#[command(after_help = "\
Transactions, versions, ranges and proofs are alike on all of them. Where an engine cannot be read beside a writer, commands that \
only read fail while another process writes.

Example:
  treering engines
  treering engines --json")]
pub(crate) struct EnginesArgs {}

/// Lists every setting with its type, default, allowed values and meaning.
///
/// Settings are given in a file with --config, those of scope store also with `treering create --set`.
#[derive(Args)]
#[command(
    after_help = "\
Example:
  treering config
  treering config --engine rocksdb --json
  treering config --example toml > settings.toml    for: treering init --config
  treering config init > treering.toml              for: treering serve --config",
    args_conflicts_with_subcommands = true
)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: Option<ConfigCommand>,
    /// Only the settings of this engine.
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Prints a whole configuration file with the default of every setting instead.
    #[arg(long, value_name = "FORM", value_enum, conflicts_with = "engine")]
    example: Option<FileForm>,
}

#[derive(Subcommand)]
enum ConfigCommand {
    Init(InitArgs),
}

/// Prints a whole configuration file of a system, with what every setting does, to begin with.
#[derive(Args)]
#[command(after_help = "\
Example:
  treering config init --out treering.toml
  treering serve --config treering.toml")]
struct InitArgs {
    /// Writes it there, where nothing may be yet, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FileForm {
    Toml,
    Json,
}

#[derive(Serialize)]
struct Line {
    engine: String,
    #[serde(flatten)]
    capabilities: Capabilities,
    /// Whether it can be read while another process writes.
    read_beside_writer: bool,
}

pub(crate) fn engines(_: &EnginesArgs, output: &mut Output) -> Result<(), CliError> {
    let registry = Registry::with_compiled_in();
    for name in registry.names() {
        let engine = registry.get(name).map_err(treering::Error::from)?;
        let (capabilities, read_beside_writer) = (engine.capabilities(), engine.can_be_read_beside_writer());
        output.print(&Line { engine: name.to_owned(), capabilities, read_beside_writer })?;
    }
    Ok(())
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beside = if self.read_beside_writer { ", reading beside a writer" } else { "" };
        write!(f, "{:<8}  {}{beside}", self.engine, self.capabilities)
    }
}

pub(crate) fn config(args: &ConfigArgs, output: &mut Output) -> Result<(), CliError> {
    if let Some(ConfigCommand::Init(init)) = &args.command {
        return init.run(output);
    }
    let registry = Registry::with_compiled_in();
    match args.example {
        Some(FileForm::Toml) => return output.text(&toml_example(&registry)),
        Some(FileForm::Json) => return output.text(&json_example(&registry)?),
        None => {}
    }
    if let Some(name) = &args.engine {
        registry.get(name).map_err(treering::Error::from)?;
    }
    let is_wanted = |key: &KeyDescription| args.engine.is_none() || key.engine.is_none() || key.engine == args.engine;
    let mut heading = None;
    for key in registry.describe_keys().iter().filter(|key| is_wanted(key)) {
        if output.form() == Form::Json {
            output.json(key)?;
            continue;
        }
        let of = key.engine.as_ref().map_or_else(|| "all engines".to_owned(), |engine| format!("engine {engine}"));
        if heading.as_ref() != Some(&of) {
            let gap = if heading.is_some() { "\n" } else { "" };
            output.text(&format!("{gap}{of}\n"))?;
            heading = Some(of);
        }
        output.text(&in_words(key))?;
    }
    Ok(())
}

impl InitArgs {
    fn run(&self, output: &mut Output) -> Result<(), CliError> {
        let text = SystemConfig::commented();
        let Some(path) = &self.out else { return output.text(&text) };
        let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CliError::FileExists { path: path.clone() },
            _ => CliError::Write { path: path.display().to_string(), source },
        })
    }
}

fn in_words(key: &KeyDescription) -> String {
    let KeyDescription { key, kind, default, allowed, meaning, scope, .. } = key;
    format!("\n  {key}  ({kind}, default {default}; scope {scope})\n    {meaning}\n    Allowed: {allowed}.\n")
}

/// What the example file in JSON says: every key of every engine, with its default.
fn example(registry: &Registry) -> MultiStoreConfig {
    let empty = MultiStoreConfig::new("trees");
    registry.names().into_iter().fold(empty, |config, engine| config.with_engine_config(engine, defaults(registry, engine)))
}

/// Every key that an engine has.
fn keys<'k>(all: &'k [KeyDescription], engine: &'k str) -> impl Iterator<Item = &'k KeyDescription> {
    all.iter().filter(move |key| key.engine.as_deref().is_none_or(|of| of == engine))
}

fn defaults(registry: &Registry, engine: &str) -> Config {
    keys(&registry.describe_keys(), engine).map(|key| (key.key, Value::from_argument(&key.default))).collect()
}

fn json_example(registry: &Registry) -> Result<String, CliError> {
    Ok(example(registry).to_json().map_err(treering::Error::from)?)
}

fn toml_example(registry: &Registry) -> String {
    let head = "# Where the stores lie. A relative path counts from the working folder.
rootPath = \"trees\"
# The engine of a new database, and of new stores that name none.
defaultEngine = \"rocksdb\"
";
    let all = registry.describe_keys();
    let section = |engine: &str| {
        let lines: String = keys(&all, engine).map(toml_lines).collect();
        format!("\n[engineConfigs.{engine}]\n{lines}")
    };
    let sections: String = registry.names().into_iter().map(section).collect();
    format!("{head}{sections}")
}

/// A key with its default, and its meaning above it.
fn toml_lines(key: &KeyDescription) -> String {
    let value = match Value::from_argument(&key.default) {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        _ => format!("{:?}", key.default),
    };
    format!("# {}\n{} = {value}\n", key.meaning, key.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_are_the_defaults_of_everything() {
        let registry = Registry::with_compiled_in();
        let defaults = registry.check(&MultiStoreConfig::new("trees")).unwrap();
        for read in [MultiStoreConfig::from_toml(&toml_example(&registry)), MultiStoreConfig::from_json(&json_example(&registry).unwrap())]
        {
            let read = read.unwrap();
            assert_eq!(read.engine_configs.len(), registry.names().len());
            assert_eq!(registry.check(&read).unwrap(), defaults);
        }
    }
}
