//! Who calls, and what they may do.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody may do. Each role may do what those before it may.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read keys, versions and proofs.
    Read,
    /// Change keys and save versions.
    Write,
    /// Make, rename and delete stores, remove versions, start and stop services.
    Admin,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        })
    }
}

/// The roles of somebody.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Grants {
    /// The role for everything: all stores, those to come, and what concerns all stores together.
    pub everywhere: Option<Role>,
    /// The roles for single stores, by their names; a lower one than `everywhere` takes nothing away.
    pub stores: BTreeMap<String, Role>,
}

impl Grants {
    /// A role for everything.
    #[must_use]
    pub fn everywhere(role: Role) -> Self {
        Self { everywhere: Some(role), stores: BTreeMap::new() }
    }

    /// The same with a role for one store, in place of the one it had there.
    #[must_use]
    pub fn with_store(mut self, store: impl Into<String>, role: Role) -> Self {
        self.stores.insert(store.into(), role);
        self
    }

    /// Whether what needs `role` may be done with a store; `None`: with all of them. O(log stores).
    #[must_use]
    pub fn allows(&self, role: Role, store: Option<&str>) -> bool {
        let of_store = store.and_then(|store| self.stores.get(store).copied());
        self.everywhere.max(of_store) >= Some(role)
    }

    /// Whether what needs `role` may be done with some store.
    #[must_use]
    pub fn allows_somewhere(&self, role: Role) -> bool {
        self.allows(role, None) || self.stores.values().any(|granted| *granted >= role)
    }
}

/// Somebody who calls operations.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Principal {
    /// The name, which events and the audit trail have.
    pub name: String,
    /// The roles.
    pub grants: Grants,
}

impl Principal {
    /// A principal of a name, with roles.
    #[must_use]
    pub fn new(name: impl Into<String>, grants: Grants) -> Self {
        Self { name: name.into(), grants }
    }

    /// Whoever calls where access is open: named `anyone`, admin of everything.
    #[must_use]
    pub fn anyone() -> Self {
        Self::new("anyone", Grants::everywhere(Role::Admin))
    }

    /// The process itself: named `local`, admin of everything.
    #[must_use]
    pub fn local() -> Self {
        Self::new("local", Grants::everywhere(Role::Admin))
    }
}
