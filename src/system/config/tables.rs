//! The tables as types.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::{ACCESS, AUDIT, CHECKER, FEATURES, HTTP, PRUNER, SERVICES, Table};
use crate::config::{Config, ConfigError, Settings, Value, join};

/// Which parts of the system are on. A feature that is not named is on, if a component that the builder was given belongs to it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Features {
    switches: BTreeMap<String, bool>,
}

impl Features {
    /// Whether a feature is on.
    #[must_use]
    pub fn is_on(&self, feature: &str) -> bool {
        self.switches.get(feature).copied().unwrap_or(true)
    }

    /// Switches a feature on or off.
    pub fn set(&mut self, feature: impl Into<String>, on: bool) {
        self.switches.insert(feature.into(), on);
    }

    /// The same with a feature on or off.
    #[must_use]
    pub fn with(mut self, feature: impl Into<String>, on: bool) -> Self {
        self.set(feature, on);
        self
    }

    /// What was written, and the features that the product has.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        let own = FEATURES.keys.iter().map(|key| key.name).filter(|name| !self.switches.contains_key(*name)).map(|name| (name, true));
        self.switches.iter().map(|(name, on)| (name.as_str(), *on)).chain(own)
    }

    pub(super) fn read(table: &Config) -> Result<Self, ConfigError> {
        let switches = table.iter().map(|(name, value)| match value {
            Value::Boolean(on) => Ok((name.to_owned(), *on)),
            other => {
                Err(ConfigError::WrongType { key: join(FEATURES.name, name), found: other.found(), allowed: "true and false".to_owned() })
            }
        });
        Ok(Self { switches: switches.collect::<Result<_, _>>()? })
    }

    /// Refuses features that neither the product nor a component has.
    pub(crate) fn check<'a>(&'a self, of_components: impl IntoIterator<Item = &'a str>) -> Result<(), ConfigError> {
        let known: BTreeSet<&str> = FEATURES.keys.iter().map(|key| key.name).chain(of_components).collect();
        match self.switches.keys().find(|name| !known.contains(name.as_str())) {
            Some(unknown) => Err(ConfigError::unknown_key(join(FEATURES.name, unknown), unknown, known)),
            None => Ok(()),
        }
    }
}

/// The server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpConfig {
    /// Where it listens.
    pub address: SocketAddr,
    /// Bytes of the largest request that it takes.
    pub body_limit: usize,
    /// How long an answer may take.
    pub request_timeout: Duration,
    /// Requests that it works on at the same time.
    pub concurrency: usize,
    /// Connections that it holds at the same time.
    pub max_connections: usize,
    /// Pages of which other origin may ask it; `*`: any, `None`: none.
    pub cors: Option<String>,
    /// A file with the certificate, in PEM form.
    pub tls_certificate: Option<PathBuf>,
    /// A file with the certificate's private key, in PEM form.
    pub tls_key: Option<PathBuf>,
}

/// Who is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessMode {
    /// Tokens if a file of them is given; else open, on a loopback address only.
    Auto,
    /// Everyone may do everything.
    Open,
    /// Who has a token may do what it grants.
    Tokens,
}

/// Who is let in, and by what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessConfig {
    /// Who is let in.
    pub mode: AccessMode,
    /// The file of tokens.
    pub tokens: Option<PathBuf>,
}

/// What the audit trail has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditConfig {
    /// Whether reads are in it.
    pub reads: bool,
}

/// Removing versions that are not kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrunerConfig {
    /// Time from one look to the next.
    pub interval: Duration,
}

/// Verifying hashes in the background.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckerConfig {
    /// Time from the end of one pass to the next pass.
    pub interval: Duration,
    /// How fast a pass goes. At least 1.
    pub nodes_per_second: u64,
}

/// How services are started and stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServicesConfig {
    /// How long starting waits for a service to be ready before it goes on.
    pub start_timeout: Duration,
    /// How long stopping waits for a service.
    pub stop_timeout: Duration,
    /// Time from a failure to the restart; doubled with each failure that follows.
    pub restart_first: Duration,
    /// The longest time from a failure to the restart.
    pub restart_most: Duration,
    /// After running well for so long, the next failure counts as the first.
    pub restart_reset: Duration,
}

impl HttpConfig {
    pub(super) fn read(table: &Settings) -> Result<Self, ConfigError> {
        let address = table.text("address").unwrap_or_default();
        let not_one = |_| ConfigError::Impossible {
            key: "http.address".to_owned(),
            found: format!("the text {address:?}"),
            allowed: "texts: an address and a port, such as 127.0.0.1:7654 or [::1]:7654".to_owned(),
        };
        let read = Self {
            address: address.parse().map_err(not_one)?,
            body_limit: count(table, "body_limit"),
            request_timeout: duration(table, "request_timeout"),
            concurrency: count(table, "concurrency"),
            max_connections: count(table, "max_connections"),
            cors: table.text("cors").map(str::to_owned),
            tls_certificate: table.text("tls_certificate").map(PathBuf::from),
            tls_key: table.text("tls_key").map(PathBuf::from),
        };
        match (&read.tls_certificate, &read.tls_key) {
            (Some(_), None) => Err(missing("http.tls_key", "the file of the certificate's private key, since tls_certificate is given")),
            (None, Some(_)) => Err(missing("http.tls_certificate", "the file of the certificate, since tls_key is given")),
            _ => Ok(read),
        }
    }
}

impl AccessConfig {
    pub(super) fn read(table: &Settings) -> Self {
        let mode = match table.word("mode") {
            Some("open") => AccessMode::Open,
            Some("tokens") => AccessMode::Tokens,
            _ => AccessMode::Auto,
        };
        Self { mode, tokens: table.text("tokens").map(PathBuf::from) }
    }
}

impl AuditConfig {
    pub(super) fn read(table: &Settings) -> Self {
        Self { reads: table.boolean("reads").unwrap_or_default() }
    }
}

impl PrunerConfig {
    pub(super) fn read(table: &Settings) -> Self {
        Self { interval: duration(table, "interval") }
    }
}

impl CheckerConfig {
    pub(super) fn read(table: &Settings) -> Self {
        Self { interval: duration(table, "interval"), nodes_per_second: table.number("nodes_per_second").unwrap_or_default() }
    }
}

impl ServicesConfig {
    pub(super) fn read(table: &Settings) -> Result<Self, ConfigError> {
        let read = Self {
            start_timeout: duration(table, "start_timeout"),
            stop_timeout: duration(table, "stop_timeout"),
            restart_first: duration(table, "restart_first"),
            restart_most: duration(table, "restart_most"),
            restart_reset: duration(table, "restart_reset"),
        };
        if read.restart_first > read.restart_most {
            let found = format!("{} s, which is more than restart_most", read.restart_first.as_secs());
            let allowed = format!("durations up to {} s", read.restart_most.as_secs());
            return Err(ConfigError::Impossible { key: "services.restart_first".to_owned(), found, allowed });
        }
        Ok(read)
    }
}

/// A table in which nothing is written.
fn untouched(table: &Table) -> Settings {
    // Nothing is checked, so nothing can be wrong.
    Settings::check_table(table.name, table.keys, &Config::new()).unwrap_or_default()
}

macro_rules! defaults_of_keys {
    ($($config:ident: $table:ident),*) => {
        $(
            impl Default for $config {
                fn default() -> Self {
                    Self::read(&untouched(&$table))
                }
            }
        )*
    };
}

defaults_of_keys!(AccessConfig: ACCESS, AuditConfig: AUDIT, PrunerConfig: PRUNER, CheckerConfig: CHECKER);

impl Default for HttpConfig {
    fn default() -> Self {
        Self::read(&untouched(&HTTP)).unwrap_or_else(|_| unreachable!("a test reads the defaults"))
    }
}

impl Default for ServicesConfig {
    fn default() -> Self {
        Self::read(&untouched(&SERVICES)).unwrap_or_else(|_| unreachable!("a test reads the defaults"))
    }
}

fn missing(key: &str, needed: &'static str) -> ConfigError {
    ConfigError::Missing { key: key.to_owned(), needed }
}

fn duration(table: &Settings, key: &str) -> Duration {
    Duration::from_secs(table.number(key).unwrap_or_default())
}

fn count(table: &Settings, key: &str) -> usize {
    usize::try_from(table.number(key).unwrap_or_default()).unwrap_or(usize::MAX)
}
