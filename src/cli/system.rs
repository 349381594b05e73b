//! `system`: the parts of a system, and its operations, without a server.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use treering::MultiStore;
use treering::system::{Component, ComponentKind, OperationContext, SystemService};

use super::error::CliError;
use super::output::{Form, Output};
use super::serve::SystemPlace;

/// Shows the parts of a system, and calls its operations.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering system operations
  treering system call stores.list '{}' trees
  treering system call versions.list '{\"limit\":5}' trees --json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Lists operations and services.
    Components,
    /// Lists operations, with --json also the schemas of what they take and give.
    Operations,
    /// Lists what runs in the background.
    Services,
    Call(CallArgs),
}

/// Runs an operation, and prints what it gives as JSON.
#[derive(clap::Args)]
#[command(after_help = "\
It runs in this process, with the rights of whoever runs the program. Where another process has the database open, call it through that \
one's server: POST /v1/operations/ID.

Example:
  treering system call stores.create '{\"name\":\"bank\"}' trees
  treering system call store.get \\
    '{\"store\":\"bank\",\"key\":\"alice\",\"version\":3,\"encoding\":\"utf8\"}' trees
  echo '{\"limit\":5}' | treering system call versions.list - trees --json")]
struct CallArgs {
    /// The operation; `treering system operations` lists them.
    id: String,
    /// What it takes, as JSON; `-` reads it from standard input.
    #[arg(default_value = "{}")]
    input: String,
    #[command(flatten)]
    place: SystemPlace,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Line(Component);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Component { id, kind, description, feature, .. } = &self.0;
        let kind = match kind {
            ComponentKind::Operation => "operation",
            ComponentKind::Service => "service",
        };
        write!(f, "{id:<20} {kind:<9}  {description}")?;
        feature.as_ref().map_or(Ok(()), |feature| write!(f, " (feature {feature})"))
    }
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    match &args.command {
        Command::Components => list(None, output),
        Command::Operations => list(Some(ComponentKind::Operation), output),
        Command::Services => list(Some(ComponentKind::Service), output),
        Command::Call(call) => execute(call, output),
    }
}

/// The parts are the same whatever the configuration, so a system in memory has them. Its server does not listen.
fn list(kind: Option<ComponentKind>, output: &mut Output) -> Result<(), CliError> {
    let mut config = treering::system::SystemConfig::in_memory();
    config.http.address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let (builder, _) = treering::server::install(SystemService::builder(config))?;
    let system = builder.build()?;
    let components = system.registry().all().filter(|component| kind.is_none_or(|kind| kind == component.kind));
    components.cloned().try_for_each(|component| output.print(&Line(component)))
}

fn execute(call: &CallArgs, output: &mut Output) -> Result<(), CliError> {
    let text = match call.input.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).map_err(|source| CliError::Read { path: "standard input".to_owned(), source })?,
        text => text.to_owned(),
    };
    let input: Value = serde_json::from_str(&text).map_err(|source| CliError::InputNotJson { id: call.id.clone(), source })?;
    let config = call.place.config()?;
    // A server makes its database, a call does not: a folder that was mistyped stays away.
    let stores = MultiStore::builder(config.stores.clone()).open().map_err(|error| CliError::of_system(error.into()))?;
    call.place.choose_engine(&stores)?;
    let system = SystemService::builder(config).store(stores).build()?;
    let answered = system.execute_operation(&OperationContext::local(), &call.id, input);
    let closed = system.store().close_all();
    let answer = answered.map_err(|error| CliError::of_call(&call.id, error))?;
    closed?;
    match output.form() {
        Form::Json => output.json(&answer),
        Form::Text => output.text(&format!("{answer:#}\n")),
    }
}
