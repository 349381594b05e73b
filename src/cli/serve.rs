//! `serve`: a system with its server, until a signal ends it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;
use tracing::Level;
use treering::MultiStore;
use treering::system::{StopReport, SystemConfig, SystemService};

use super::error::CliError;
use super::output::Output;

/// Runs the system: the stores behind HTTP, with services that look after them, until it gets SIGTERM or SIGINT.
///
/// What was begun then is answered before it ends. Changes that no version has by then are gone, as after every end of a process.
#[derive(clap::Args)]
#[command(after_help = "\
The database is made if it is not there. Without --config everything has its default; `treering config init` prints a file to begin with.
On an address of this machine everyone is let in; on others tokens are needed, which `treering token new` makes.

Example:
  treering serve trees              then open http://127.0.0.1:7654 in a browser
  treering config init > treering.toml
  treering serve --config treering.toml
  curl -X POST 127.0.0.1:7654/v1/stores \\
    -H 'content-type: application/json' -d '{\"name\":\"bank\"}'
  curl -X PUT '127.0.0.1:7654/v1/stores/bank/keys/alice?encoding=utf8' \\
    -H 'content-type: application/json' -d '{\"value\":\"64\"}'
  curl -X POST 127.0.0.1:7654/v1/versions")]
pub(crate) struct Args {
    #[command(flatten)]
    place: SystemPlace,
    /// Listens there instead of where the configuration says; with port 0 on a free one, which is printed.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = read_address)]
    address: Option<SocketAddr>,
    /// The form of what is logged, on standard error.
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogForm::Text)]
    log: LogForm,
    /// The least important of what is logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: Level,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

fn read_address(word: &str) -> Result<SocketAddr, &'static str> {
    word.parse().map_err(|_| "it must be an address and a port, such as 127.0.0.1:7654, [::1]:7654 or 0.0.0.0:7654")
}

/// Where a system is, and how it is set up.
#[derive(clap::Args)]
pub(crate) struct SystemPlace {
    /// Folder of the database; may be left out when --config or `TREERING_DIR` names it.
    dir: Option<PathBuf>,
    /// File with the configuration of the system, .toml or .json.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl SystemPlace {
    /// The configuration.
    pub(crate) fn config(&self) -> Result<SystemConfig, CliError> {
        let config = match (&self.config, &self.dir) {
            (Some(file), dir) => of_file(file, dir.as_deref())?,
            (None, Some(dir)) => SystemConfig::new(dir),
            (None, None) => SystemConfig::new(super::place::dir_of_environment()?),
        };
        super::place::check_folder(&config.stores.root_path)?;
        Ok(config)
    }

    /// Where no file says otherwise, new stores go to the engine that the database was made with.
    pub(crate) fn choose_engine(&self, stores: &MultiStore) -> Result<(), CliError> {
        if self.config.is_none() {
            stores.set_default_engine(&stores.home_engine()?)?;
        }
        Ok(())
    }
}

fn of_file(file: &Path, dir: Option<&Path>) -> Result<SystemConfig, CliError> {
    if !file.exists() {
        return Err(CliError::NoConfiguration { file: file.to_owned() });
    }
    let config = SystemConfig::from_file(file).map_err(treering::Error::from)?;
    match dir {
        Some(dir) if !super::place::is_same(dir, &config.stores.root_path) => {
            Err(CliError::OtherRoot { file: file.to_owned(), root: config.stores.root_path, dir: dir.to_owned() })
        }
        _ => Ok(config),
    }
}

/// What is printed when it serves.
#[derive(Serialize)]
struct Serving {
    database: PathBuf,
    address: Option<SocketAddr>,
    tls: bool,
    services: Vec<String>,
    waiting: Vec<String>,
}

impl fmt::Display for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        match self.address {
            Some(address) => write!(f, "serving {} at {scheme}://{address}", self.database.display())?,
            None => write!(f, "serving {}, without HTTP", self.database.display())?,
        }
        if !self.waiting.is_empty() {
            write!(f, "; not ready yet: {}", self.waiting.join(", "))?;
        }
        Ok(())
    }
}

/// What is printed when it does not any more.
#[derive(Serialize)]
struct Stopped {
    #[serde(flatten)]
    report: StopReport,
    /// The stores with changes that no version has.
    unsaved: Vec<String>,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")?;
        if !self.report.abandoned.is_empty() {
            write!(f, " without {}", self.report.abandoned.join(", "))?;
        }
        if !self.unsaved.is_empty() {
            write!(f, "; changes since the last version are gone in: {}", self.unsaved.join(", "))?;
        }
        Ok(())
    }
}

/// The stores with changes that no version has.
fn unsaved(stores: &MultiStore) -> Vec<String> {
    let names = stores.list_stores().into_iter().map(|listing| listing.name);
    names.filter(|name| stores.get_store(name).is_ok_and(|store| store.is_changed().unwrap_or_default())).collect()
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    start_logging(args.log, args.log_level);
    let mut config = args.place.config()?;
    if let Some(address) = args.address {
        config.http.address = address;
    }
    let database = config.stores.root_path.clone();
    let tls = config.http.tls_certificate.is_some();
    let signals = Signals::new()?;
    let (builder, address) = treering::server::install(SystemService::builder(config))?;
    let system = builder.build().map_err(CliError::of_system)?;
    args.place.choose_engine(system.store())?;
    let report = system.start()?;
    output.print(&Serving { database, address, tls, services: report.ready, waiting: report.waiting })?;
    output.flush()?;
    signals.wait();
    tracing::info!("stopping");
    let report = system.stop();
    let unsaved = unsaved(system.store());
    system.store().close_all()?;
    output.print(&Stopped { report, unsaved })
}

/// Logs go to standard error, since results go to standard output.
fn start_logging(form: LogForm, level: Level) {
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false);
    // Fails only when the process logs already.
    let _ = match form {
        LogForm::Text => builder.try_init(),
        LogForm::Json => builder.json().try_init(),
    };
}

/// Signals that end the process.
struct Signals {
    runtime: tokio::runtime::Runtime,
    #[cfg(unix)]
    kinds: [tokio::signal::unix::Signal; 2],
}

impl Signals {
    /// From now on they do not end the process by themselves.
    #[cfg(unix)]
    fn new() -> Result<Self, CliError> {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let kinds = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        drop(entered);
        Ok(Self { runtime, kinds })
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self, CliError> {
        Ok(Self { runtime: tokio::runtime::Builder::new_current_thread().enable_io().build()? })
    }

    /// Waits for one.
    #[cfg(unix)]
    fn wait(mut self) {
        let [terminate, interrupt] = &mut self.kinds;
        self.runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
    }

    #[cfg(not(unix))]
    fn wait(self) {
        let _ = self.runtime.block_on(tokio::signal::ctrl_c());
    }
}
