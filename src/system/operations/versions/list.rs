//! `versions.list`, `versions.get`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::page;
use super::VersionInfo;
use crate::error::Error;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};

/// How many versions a page has if nothing is said.
const DEFAULT_LIMIT: u32 = 20;
/// How many it has at most.
const MOST: u32 = 1000;

/// Which versions to list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionPage {
    /// How many at most: 20 if it is left out, 1000 at most.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only versions before this one: `next` of the page before.
    #[serde(default)]
    pub before: Option<u64>,
}

/// Versions, the newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct VersionList {
    /// The versions.
    pub versions: Vec<VersionInfo>,
    /// The oldest version kept; null when none was saved.
    pub oldest: Option<u64>,
    /// The newest version; null when none was saved.
    pub newest: Option<u64>,
    /// The version that the working states are based on; 0 before the first.
    pub current: u64,
    /// What to give as `before` for the next page; null at the end.
    pub next: Option<u64>,
}

/// `versions.list`.
pub struct ListVersions;

impl Operation for ListVersions {
    type Input = VersionPage;
    type Output = VersionList;
    const ID: &'static str = "versions.list";
    const DESCRIPTION: &'static str = "Lists the versions of all stores that are kept, the newest first.";

    fn access(&self, _: &VersionPage) -> Access {
        Access::granted(Role::Read)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: VersionPage) -> Result<VersionList, OperationError> {
        let limit = page::limit(input.limit, DEFAULT_LIMIT, MOST)?;
        // One more tells whether there is another page.
        let mut versions = system.store().versions_below(input.before, limit + 1)?;
        let has_more = versions.len() > limit;
        versions.truncate(limit);
        let next = if has_more { versions.last().map(|version| version.version) } else { None };
        let window = system.store().version_window()?;
        Ok(VersionList {
            versions: versions.into_iter().map(|version| VersionInfo::seen_by(&context.principal, version)).collect(),
            oldest: window.map(|(oldest, _)| oldest),
            newest: window.map(|(_, newest)| newest),
            current: system.store().current_version()?,
            next,
        })
    }
}

/// A version, or the newest one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionOrNewest {
    /// The version; the newest one if it is left out.
    #[serde(default)]
    pub version: Option<u64>,
}

/// `versions.get`.
pub struct GetVersion;

impl Operation for GetVersion {
    type Input = VersionOrNewest;
    type Output = VersionInfo;
    const ID: &'static str = "versions.get";
    const DESCRIPTION: &'static str = "Gives a version of all stores: its app hash, its time, and the roots of the stores.";

    fn access(&self, _: &VersionOrNewest) -> Access {
        Access::granted(Role::Read)
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: VersionOrNewest) -> Result<VersionInfo, OperationError> {
        let none = || Error::NoMultiVersion { version: 0, edges: None, kept: "none was saved yet".to_owned() };
        let found = match input.version {
            Some(version) => system.store().version(version),
            None => system.store().newest_version().and_then(|newest| newest.ok_or_else(none)),
        };
        Ok(VersionInfo::seen_by(&context.principal, found?))
    }
}
