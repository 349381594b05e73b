//! The keys of every table, with their defaults.

use crate::config::{Key, Kind, Preset, Scope};

/// A table of the configuration.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) keys: &'static [Key],
}

/// All tables, as they are in a commented file.
pub(super) const TABLES: [Table; 7] = [FEATURES, HTTP, ACCESS, AUDIT, PRUNER, CHECKER, SERVICES];

const fn key(name: &'static str, kind: Kind, default: Preset, meaning: &'static str) -> Key {
    Key { name, kind, default, meaning, scope: Scope::Database }
}

const fn switch(name: &'static str, default: bool, meaning: &'static str) -> Key {
    key(name, Kind::Boolean, Preset::Boolean(default), meaning)
}

const fn seconds(name: &'static str, default: u64, meaning: &'static str) -> Key {
    key(name, Kind::Duration { min: 1, max: MOST_SECONDS }, Preset::Number(default), meaning)
}

/// A hundred years: what is added to the time now can still be told.
const MOST_SECONDS: u64 = 100 * 365 * 86_400;

pub(super) const FEATURES: Table = Table {
    name: "features",
    meaning: "Which parts are on.",
    keys: &[
        switch("http", true, "The server."),
        switch("metrics", true, "Numbers for monitoring, at /metrics."),
        switch("pruner", true, "Removing versions that are not kept."),
        switch("checker", true, "Verifying stored hashes in the background."),
        switch("flusher", true, "Watching what is on its way to the disk, and waiting for it at the end."),
        switch("audit", true, "A trail of who changed what."),
    ],
};

pub(super) const HTTP: Table = Table {
    name: "http",
    meaning: "The server.",
    keys: &[
        key("address", Kind::Text("an address and a port, such as 127.0.0.1:7654"), Preset::Word("127.0.0.1:7654"), "Where it listens."),
        key("body_limit", Kind::Bytes { min: 1 << 10, max: 1 << 30 }, Preset::Number(32 << 20), "The largest request that it takes."),
        seconds("request_timeout", 30, "How long an answer may take."),
        key("concurrency", Kind::Count { min: 1, max: 1 << 16 }, Preset::Number(64), "Requests that it works on at the same time."),
        key("max_connections", Kind::Count { min: 1, max: 1 << 20 }, Preset::Number(1024), "Connections that it holds at the same time."),
        key(
            "cors",
            Kind::Text("an origin such as https://example.org, or * for any"),
            Preset::Unset("off"),
            "Pages of which other origin may ask it.",
        ),
        key("tls_certificate", Kind::Text("a file in PEM form"), Preset::Unset("none"), "The certificate, for TLS; needs tls_key."),
        key("tls_key", Kind::Text("a file in PEM form"), Preset::Unset("none"), "The certificate's private key."),
    ],
};

pub(super) const ACCESS: Table = Table {
    name: "access",
    meaning: "Who is let in.",
    keys: &[
        key(
            "mode",
            Kind::Choice(&["auto", "open", "tokens"]),
            Preset::Word("auto"),
            "Everyone may do everything (open); only who has a token, what it grants (tokens); or tokens if a file of them is given, else open, on an address of this machine only (auto).",
        ),
        key(
            "tokens",
            Kind::Text("a file of tokens; a relative path counts from the process's working folder"),
            Preset::Unset("none"),
            "The file of tokens; `treering token new` adds one.",
        ),
    ],
};

pub(super) const AUDIT: Table = Table {
    name: "audit",
    meaning: "The trail of who changed what.",
    keys: &[switch("reads", false, "Has reads too, not only what changes something or was denied.")],
};

pub(super) const PRUNER: Table = Table {
    name: "pruner",
    meaning: "Removing the versions that max_versions, version_ttl and keep_every do not keep.",
    keys: &[seconds("interval", 60, "Time from one look at what is to go to the next; saving a version looks too.")],
};

pub(super) const CHECKER: Table = Table {
    name: "checker",
    meaning: "Verifying stored hashes in the background.",
    keys: &[
        seconds("interval", 86_400, "Time from the end of one pass over everything to the next pass."),
        key(
            "nodes_per_second",
            Kind::Count { min: 1, max: 100_000_000 },
            Preset::Number(10_000),
            "How fast it goes; the rest is for others.",
        ),
    ],
};

pub(super) const SERVICES: Table = Table {
    name: "services",
    meaning: "How services are started and stopped.",
    keys: &[
        seconds("start_timeout", 30, "How long starting waits for a service to be ready before it goes on; the service goes on too."),
        seconds("stop_timeout", 10, "How long stopping waits for a service; one that takes longer is reported and left behind."),
        seconds("restart_first", 1, "Time from a service's failure to its restart; doubled with each failure that follows."),
        seconds("restart_most", 60, "The longest time from a failure to the restart."),
        seconds("restart_reset", 60, "A service that ran well for so long is restarted after `restart_first` again."),
    ],
};
