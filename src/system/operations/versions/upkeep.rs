//! `versions.save`, `versions.load`, `versions.discard`, `versions.rollback`, `versions.prune`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::place;
use super::super::stores::{Done, NoInput};
use super::VersionInfo;
use crate::config::Retention;
use crate::persist::prune::Keep;
use crate::store::Versioned;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// `versions.save`.
pub struct SaveVersion;

impl Operation for SaveVersion {
    type Input = NoInput;
    type Output = VersionInfo;
    const ID: &'static str = "versions.save";
    const DESCRIPTION: &'static str = "Saves all stores as one version, atomically and durably.";

    fn access(&self, _: &NoInput) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, _: NoInput) -> Result<VersionInfo, OperationError> {
        let saved = system.store().save_version()?;
        Ok(VersionInfo::seen_by(&context.principal, saved))
    }
}

/// A version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionNumber {
    /// The version of all stores.
    pub version: u64,
}

/// `versions.load`.
pub struct LoadVersion;

impl Operation for LoadVersion {
    type Input = VersionNumber;
    type Output = VersionInfo;
    const ID: &'static str = "versions.load";
    const DESCRIPTION: &'static str = "Bases the working states of all stores on a version; changes that were not saved are forgotten.";

    fn access(&self, _: &VersionNumber) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: VersionNumber) -> Result<VersionInfo, OperationError> {
        system.store().load_version(input.version)?;
        version_info(system, context, input.version)
    }
}

/// `versions.discard`.
pub struct DiscardChanges;

impl Operation for DiscardChanges {
    type Input = NoInput;
    type Output = Done;
    const ID: &'static str = "versions.discard";
    const DESCRIPTION: &'static str = "Forgets the changes of all stores since they were saved or loaded.";

    fn access(&self, _: &NoInput) -> Access {
        Access::all(Role::Write)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, _: NoInput) -> Result<Done, OperationError> {
        // After closing there is nothing to go through, which would look like success.
        system.store().hash_function()?;
        for listing in system.store().list_stores() {
            place::store(system, &listing.name)?.discard_changes()?;
        }
        Ok(Done {})
    }
}

/// `versions.rollback`.
pub struct RollBack;

impl Operation for RollBack {
    type Input = VersionNumber;
    type Output = VersionInfo;
    const ID: &'static str = "versions.rollback";
    const DESCRIPTION: &'static str = "Makes a version the newest one: all newer versions are removed, for good.";

    fn access(&self, _: &VersionNumber) -> Access {
        Access::all(Role::Admin)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: VersionNumber) -> Result<VersionInfo, OperationError> {
        system.store().rollback_to(input.version)?;
        version_info(system, context, input.version)
    }
}

fn version_info(system: &SystemHandle, context: &OperationContext, version: u64) -> Result<VersionInfo, OperationError> {
    let version = system.store().version(version)?;
    Ok(VersionInfo::seen_by(&context.principal, version))
}

/// Which versions stay; the newest one does in any case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepVersions {
    /// The newest ones, this many.
    Last(u64),
    /// This one and all newer ones.
    From(u64),
    /// These.
    Only(BTreeSet<u64>),
    /// All but these.
    Without(BTreeSet<u64>),
    /// Those that a rule keeps.
    Retention(RetentionInput),
}

/// A rule for versions: one stays while it is one of the newest `max_versions` and younger than `version_ttl`, or a multiple of
/// `keep_every`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionInput {
    /// How many of the newest versions are kept; all if it is left out.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_versions: Option<u64>,
    /// Seconds after which a version goes; never if it is left out.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub version_ttl: Option<u64>,
    /// Versions with a multiple of this number stay.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub keep_every: Option<u64>,
}

/// Removing versions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneInput {
    /// Which versions stay.
    pub keep: KeepVersions,
}

/// What pruning did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct PruneOutput {
    /// Versions removed.
    pub versions: u64,
    /// Nodes removed.
    pub nodes: u64,
    /// Versions that were to go, but are being read. They go with the next pruning after that.
    pub deferred: Vec<u64>,
}

/// `versions.prune`.
pub struct PruneVersions;

impl Operation for PruneVersions {
    type Input = PruneInput;
    type Output = PruneOutput;
    const ID: &'static str = "versions.prune";
    const DESCRIPTION: &'static str = "Removes versions of all stores, and all that only they needed. Saving goes on meanwhile.";

    fn access(&self, _: &PruneInput) -> Access {
        Access::all(Role::Admin)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: PruneInput) -> Result<PruneOutput, OperationError> {
        let report = system.store().prune(&keep(input.keep)?)?;
        Ok(PruneOutput { versions: report.versions, nodes: report.nodes, deferred: report.deferred })
    }
}

fn keep(keep: KeepVersions) -> Result<Keep, OperationError> {
    Ok(match keep {
        KeepVersions::Last(count) => Keep::Last(count),
        KeepVersions::From(version) => Keep::From(version),
        KeepVersions::Only(versions) => Keep::Only(versions),
        KeepVersions::Without(versions) => Keep::Without(versions),
        KeepVersions::Retention(RetentionInput { max_versions, version_ttl, keep_every }) => {
            let all = [("max_versions", max_versions), ("version_ttl", version_ttl), ("keep_every", keep_every)];
            if let Some((field, _)) = all.into_iter().find(|(_, number)| *number == Some(0)) {
                let what = "0 is too little: it is at least 1, or left out";
                return Err(OperationError::invalid_input(&format!("keep.retention.{field}"), what));
            }
            Keep::Retained(Retention { max_versions, version_ttl, keep_every })
        }
    })
}
