//! A part of the system, described.

use schemars::Schema;
use serde::Serialize;

/// What a component is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ComponentKind {
    /// Something that is called by name.
    Operation,
    /// Something that runs in the background.
    Service,
}

/// A part of the system, as it is listed.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Component {
    /// Its name: words joined by dots, such as `store.get`.
    pub id: String,
    /// What it is.
    pub kind: ComponentKind,
    /// What it is for, in a sentence.
    pub description: String,
    /// The version of the program that has it.
    pub version: String,
    /// The JSON schema of what an operation takes.
    pub input: Option<Schema>,
    /// The JSON schema of what an operation gives.
    pub output: Option<Schema>,
    /// The ids of the components that it needs.
    pub dependencies: Vec<String>,
    /// The switch in `[features]` that it belongs to; `None`: it is always on.
    pub feature: Option<String>,
}
