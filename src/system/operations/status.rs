//! `system.status`, `system.components`, `system.stats`, `system.check`: the system itself.

use std::ops::ControlFlow;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use super::stores::NoInput;
use crate::error::Error;
use crate::event::Pattern;
use crate::persist::check::CheckSummary;
use crate::system::{Access, Component, ComponentKind, Operation, OperationContext, OperationError, Role, ServiceStatus, SystemHandle};

/// How the system stands.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct SystemStatus {
    /// The version of the program.
    pub program: String,
    /// The hash function of all stores.
    pub hash_function: String,
    /// The engine that has the records of all stores.
    pub home_engine: String,
    /// The engine of new stores for which none is named.
    pub default_engine: String,
    /// The number of stores.
    pub stores: u64,
    /// The newest version of all stores; null when none was saved.
    pub version: Option<u64>,
    /// Its app hash, in hex.
    pub app_hash: Option<String>,
    /// When it was saved, in seconds since 1970.
    pub time: Option<u64>,
    /// The version that the working states are based on; 0 before the first.
    pub current_version: u64,
    /// The services, in the order of their ids.
    pub services: Vec<ServiceStatus>,
}

/// `system.status`.
pub struct Status;

impl Operation for Status {
    type Input = NoInput;
    type Output = SystemStatus;
    const ID: &'static str = "system.status";
    const DESCRIPTION: &'static str = "Says how the system stands: its stores, their newest version, and its services.";

    fn access(&self, _: &NoInput) -> Access {
        Access::granted(Role::Read)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, _: NoInput) -> Result<SystemStatus, OperationError> {
        let store = system.store();
        let newest = store.newest_version()?;
        Ok(SystemStatus {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            hash_function: store.hash_function()?.to_string(),
            home_engine: store.home_engine()?,
            default_engine: store.default_engine(),
            stores: store.list_stores().len() as u64,
            version: newest.as_ref().map(|newest| newest.version),
            app_hash: newest.as_ref().map(|newest| newest.app_hash.to_string()),
            time: newest.as_ref().map(|newest| newest.time),
            current_version: store.current_version()?,
            services: system.statuses(),
        })
    }
}

/// Which components to list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentQuery {
    /// Only those of this kind.
    #[serde(default)]
    pub kind: Option<ComponentKind>,
    /// Only those whose ids match, such as `store.*`; `**` stands for all.
    #[serde(default)]
    pub pattern: Option<String>,
}

/// Components, in the order of their ids.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct ComponentList {
    /// The components.
    #[schemars(with = "Vec<ComponentSchema>")]
    pub components: Vec<Component>,
}

/// What [`Component`] looks like in JSON.
#[derive(JsonSchema)]
#[schemars(rename = "Component")]
#[expect(dead_code, reason = "only its schema is used")]
struct ComponentSchema {
    /// Its name: words joined by dots.
    id: String,
    /// What it is.
    kind: ComponentKind,
    /// What it is for, in a sentence.
    description: String,
    /// The version of the program that has it.
    version: String,
    /// The JSON schema of what an operation takes; null for a service.
    input: Option<Schema>,
    /// The JSON schema of what an operation gives; null for a service.
    output: Option<Schema>,
    /// The ids of the components that it needs.
    dependencies: Vec<String>,
    /// The switch in `[features]` that it belongs to; null: it is always on.
    feature: Option<String>,
}

/// `system.components`.
pub struct ListComponents;

impl Operation for ListComponents {
    type Input = ComponentQuery;
    type Output = ComponentList;
    const ID: &'static str = "system.components";
    const DESCRIPTION: &'static str = "Lists operations, with the JSON schemas of what they take and give, and services.";

    fn access(&self, _: &ComponentQuery) -> Access {
        Access::granted(Role::Read)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: ComponentQuery) -> Result<ComponentList, OperationError> {
        let pattern = input.pattern.as_deref().unwrap_or("**");
        let pattern: Pattern = pattern.parse().map_err(|error| OperationError::invalid_input("pattern", error))?;
        let matching = system.registry().matching(&pattern);
        let components = matching.filter(|component| input.kind.is_none_or(|kind| kind == component.kind)).cloned().collect();
        Ok(ComponentList { components })
    }
}

/// The records of the stores, by engine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Statistics {
    /// The engines.
    pub engines: Vec<EngineStatistics>,
}

/// The records on an engine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct EngineStatistics {
    /// The engine.
    pub engine: String,
    /// The kinds of records.
    pub kinds: Vec<KindStatistics>,
}

/// The records of a kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct KindStatistics {
    /// The kind: the keyspace, with `nodes: leaf` and `nodes: inner` told apart.
    pub kind: String,
    /// How many records.
    pub count: u64,
    /// Bytes of their keys and values, before compression.
    pub bytes: u64,
}

/// `system.stats`.
pub struct Stats;

impl Operation for Stats {
    type Input = NoInput;
    type Output = Statistics;
    const ID: &'static str = "system.stats";
    const DESCRIPTION: &'static str = "Counts all records, by engine and kind. It reads all of them, while everything else goes on.";

    fn access(&self, _: &NoInput) -> Access {
        Access::all(Role::Read)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, _: NoInput) -> Result<Statistics, OperationError> {
        let stats = system.store().stats_while(&mut || go_on(context))?;
        let stats = stats.map_or_else(|| Err(broken_off(context)), Ok)?;
        let engines = stats.into_iter().map(|(engine, kinds)| {
            let kinds = kinds.into_iter().map(|kind| KindStatistics { kind: kind.kind.to_owned(), count: kind.count, bytes: kind.bytes });
            EngineStatistics { engine, kinds: kinds.collect() }
        });
        Ok(Statistics { engines: engines.collect() })
    }
}

/// How to check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInput {
    /// Look through everything: beside the stored nodes also versions between checkpoints, the indexes, and the records of all stores. Saving
    /// waits meanwhile.
    #[serde(default)]
    pub thorough: bool,
}

/// What a check found to be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct CheckReport {
    /// Stores.
    pub stores: u64,
    /// Kept versions, of all stores together.
    pub versions: u64,
    /// Nodes, each counted once.
    pub nodes: u64,
    /// Hashes recomputed.
    pub hashes: u64,
    /// Records of the flat index, each equal to the tree's leaf; 0 if the check was not thorough.
    pub index_entries: u64,
}

/// `system.check`.
pub struct Check;

impl Operation for Check {
    type Input = CheckInput;
    type Output = CheckReport;
    const ID: &'static str = "system.check";
    const DESCRIPTION: &'static str =
        "Recomputes the hashes of all stored nodes. With `thorough` also all else that can be checked, while saving waits.";

    fn access(&self, _: &CheckInput) -> Access {
        Access::all(Role::Admin)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: CheckInput) -> Result<CheckReport, OperationError> {
        let summary = if input.thorough { check_all(system, context)? } else { verify_all(system, context)? };
        Ok(CheckReport {
            stores: summary.stores,
            versions: summary.versions,
            nodes: summary.nodes,
            hashes: summary.hashes,
            index_entries: summary.index_entries,
        })
    }
}

/// Whether the call is still wanted.
fn go_on(context: &OperationContext) -> ControlFlow<()> {
    if context.check().is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// Why a call was broken off.
fn broken_off(context: &OperationContext) -> OperationError {
    context.check().err().unwrap_or_else(OperationError::cancelled)
}

/// Checks all that can be checked.
fn check_all(system: &SystemHandle, context: &OperationContext) -> Result<CheckSummary, OperationError> {
    let checked = system.store().check_while(&mut |_| {}, &mut || go_on(context))?;
    checked.map_or_else(|| Err(broken_off(context)), Ok)
}

/// Verifies the stored nodes of all stores, while everything else goes on.
fn verify_all(system: &SystemHandle, context: &OperationContext) -> Result<CheckSummary, OperationError> {
    // After closing there is nothing to go through, which would look as if all were right.
    system.store().hash_function()?;
    let mut summary = CheckSummary::default();
    for listing in system.store().list_stores() {
        let verified = system.store().verify_store(&listing.name, &mut |_| go_on(context));
        context.check()?;
        match verified {
            // It was deleted since.
            Err(Error::NoStore { .. }) => {}
            verified => {
                let verified = verified?;
                summary.stores += verified.stores;
                summary.versions += verified.versions;
                summary.nodes += verified.nodes;
                summary.hashes += verified.hashes;
            }
        }
    }
    Ok(summary)
}
