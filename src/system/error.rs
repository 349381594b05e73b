//! What can be wrong with a system as a whole: with how it is put together, and with asking something of its services.

use std::path::PathBuf;

use serde_json::json;

use super::failure::{ErrorKind, OperationError};
use crate::config::ConfigError;
use crate::error::Error;

/// Why a system cannot be built, or a service not be started or stopped. A message names the component and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
    /// Two components have an id.
    #[error("there are two components {id:?}; give one of them another id")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// An id is not of the form that patterns can say.
    #[error("{id:?} cannot be a component's id: {why}")]
    BadId {
        /// The id.
        id: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A component depends on one that is not there.
    #[error("{id:?} depends on {dependency:?}, which is not there{}", hint(nearest.as_deref()))]
    UnknownDependency {
        /// The component.
        id: String,
        /// What it depends on.
        dependency: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A service depends on an operation, which does not run.
    #[error("{id:?} depends on {dependency:?}, which is an operation; services depend on services")]
    NoService {
        /// The service.
        id: String,
        /// What it depends on.
        dependency: String,
    },
    /// Components depend on each other in a circle.
    #[error("components depend on each other in a circle: {}; take one of these dependencies out", cycle.join(" -> "))]
    Cycle {
        /// The circle; its first component is the last one too.
        cycle: Vec<String>,
    },
    /// A component that is on depends on one that is off.
    #[error(
        "{id:?} depends on {dependency:?}, whose feature {feature:?} is off; set `{feature} = true` in [features], or switch {id:?} off"
    )]
    DependencyOff {
        /// The component.
        id: String,
        /// What it depends on.
        dependency: String,
        /// The feature.
        feature: String,
    },
    /// There is no such service.
    #[error("there is no service {id:?}{}", hint(nearest.as_deref()))]
    UnknownService {
        /// The id asked for.
        id: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// The service belongs to a feature that is off.
    #[error("{id:?} belongs to the feature {feature:?}, which is off; set `{feature} = true` in [features]")]
    FeatureOff {
        /// The service.
        id: String,
        /// The feature.
        feature: String,
    },
    /// The service was told to stop, and has not yet.
    #[error("{id:?} was told to stop and is still at it; start it when it has")]
    StillStopping {
        /// The service.
        id: String,
    },
    /// A thread could not be started.
    #[error("no thread could be started for {id:?}: {source}")]
    Thread {
        /// The service.
        id: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The configuration cannot be taken.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The stores could not be opened.
    #[error(transparent)]
    Store(#[from] Error),
    /// Nobody could ever be let in.
    #[error(
        "there are no tokens, which {address} needs; make one with `treering token new NAME --role read --file tokens.toml` and set `tokens = \"tokens.toml\"` in [access], or listen on 127.0.0.1 with mode \"auto\""
    )]
    NeedsTokens {
        /// The address.
        address: String,
    },
    /// The file of tokens cannot be used.
    #[error("the tokens in {path}: {what}", path = path.display())]
    Tokens {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(" (did you mean {nearest:?}?)")).unwrap_or_default()
}

impl From<SystemError> for OperationError {
    fn from(error: SystemError) -> Self {
        let message = error.to_string();
        match error {
            SystemError::Store(error) => error.into(),
            SystemError::FeatureOff { id, feature } => Self::feature_off(&id, &feature),
            SystemError::UnknownService { id, nearest } => {
                let details = json!({ "service": id, "nearest": nearest });
                Self::new(ErrorKind::NotFound, "unknown_service", message).with_details(details)
            }
            SystemError::StillStopping { id } => {
                Self::new(ErrorKind::Conflict, "still_stopping", message).with_details(json!({ "service": id }))
            }
            SystemError::Config(_) => Self::new(ErrorKind::BadInput, "config", message),
            _ => Self::internal(message),
        }
    }
}
