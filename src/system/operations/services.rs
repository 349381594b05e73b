//! `services.list`, `services.start`, `services.stop`: what runs in the background.

use std::thread;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stores::NoInput;
use crate::system::{Access, Operation, OperationContext, OperationError, Role, ServiceStatus, StartReport, SystemHandle};

/// Services, in the order of their ids.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct ServiceList {
    /// The services.
    pub services: Vec<ServiceStatus>,
}

/// A service by its id.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceId {
    /// The id.
    pub id: String,
}

/// `services.list`.
pub struct ListServices;

impl Operation for ListServices {
    type Input = NoInput;
    type Output = ServiceList;
    const ID: &'static str = "services.list";
    const DESCRIPTION: &'static str = "Says how the services are.";

    fn access(&self, _: &NoInput) -> Access {
        Access::granted(Role::Read)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, _: NoInput) -> Result<ServiceList, OperationError> {
        Ok(ServiceList { services: system.statuses() })
    }
}

/// `services.start`.
pub struct StartService;

impl Operation for StartService {
    type Input = ServiceId;
    type Output = StartReport;
    const ID: &'static str = "services.start";
    const DESCRIPTION: &'static str = "Starts a service, and before it those that it depends on.";

    fn access(&self, _: &ServiceId) -> Access {
        Access::all(Role::Admin)
    }

    fn run(&self, system: &SystemHandle, _: &OperationContext, input: ServiceId) -> Result<StartReport, OperationError> {
        Ok(system.start_service(&input.id)?)
    }
}

/// What is being stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct StopStarted {
    /// The services that are told to stop, in no order: the one that was named and those that depend on it. `services.list` says when they
    /// have.
    pub stopping: Vec<String>,
}

/// `services.stop`.
pub struct StopService;

impl Operation for StopService {
    type Input = ServiceId;
    type Output = StopStarted;
    const ID: &'static str = "services.stop";
    const DESCRIPTION: &'static str = "Has a service stopped, and before it those that depend on it; does not wait for it.";

    fn access(&self, _: &ServiceId) -> Access {
        Access::all(Role::Admin)
    }

    /// A server that waited for its own end would answer this call last of all, so nothing is waited for.
    fn run(&self, system: &SystemHandle, _: &OperationContext, ServiceId { id }: ServiceId) -> Result<StopStarted, OperationError> {
        system.status(&id)?;
        let mut stopping = vec![id.clone()];
        stopping.extend(system.registry().dependents(&id));
        let system = system.clone();
        let started = thread::Builder::new().name("treering-stop".to_owned()).spawn(move || {
            // Both errors that there can be were ruled out above.
            let _ = system.stop_service(&id);
        });
        started.map_err(|error| OperationError::internal(format!("no thread could be started: {error}")))?;
        Ok(StopStarted { stopping })
    }
}
