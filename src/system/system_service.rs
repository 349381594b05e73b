//! The system itself.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::access::Access;
use super::component::ComponentKind;
use super::config::SystemConfig;
use super::context::OperationContext;
use super::error::SystemError;
use super::execution::{Execution, Observer};
use super::failure::OperationError;
use super::operation::{ErasedOperation, Operation, Typed, run_caught};
use super::operations;
use super::registry::ComponentRegistry;
use super::service::Service;
use super::supervisor::Supervisor;
use crate::event::EventBus;
use crate::multistore::MultiStore;

/// A system. Cheap to clone: clones are the same; with the last of them its services are stopped.
#[derive(Clone)]
pub struct SystemService {
    handle: SystemHandle,
}

/// What operations and services see of the system: everything but its life. Cheap to clone.
#[derive(Clone)]
pub struct SystemHandle {
    inner: Arc<Inner>,
}

struct Inner {
    configuration: SystemConfig,
    store: MultiStore,
    registry: ComponentRegistry,
    operations: BTreeMap<String, Arc<dyn ErasedOperation>>,
    observers: Vec<Arc<dyn Observer>>,
    supervisor: Supervisor,
}

/// What to set before a system is built.
#[must_use = "nothing happens until `build`"]
pub struct SystemBuilder {
    configuration: SystemConfig,
    store: Option<MultiStore>,
    operations: Vec<Arc<dyn ErasedOperation>>,
    services: Vec<Arc<dyn Service>>,
    observers: Vec<Arc<dyn Observer>>,
}

impl SystemService {
    /// What to set before a system is built. It has all [operations] already.
    pub fn builder(configuration: SystemConfig) -> SystemBuilder {
        let builder = SystemBuilder { configuration, store: None, operations: Vec::new(), services: Vec::new(), observers: Vec::new() };
        operations::builtin(builder)
    }
}

impl Deref for SystemService {
    type Target = SystemHandle;

    fn deref(&self) -> &SystemHandle {
        &self.handle
    }
}

impl SystemBuilder {
    /// Adds an operation.
    pub fn operation(mut self, operation: impl Operation) -> Self {
        self.operations.push(Arc::new(Typed(operation)));
        self
    }

    /// Adds a service.
    pub fn service(mut self, service: impl Service) -> Self {
        self.services.push(Arc::new(service));
        self
    }

    /// Adds somebody who is told of every call. They are told in the order in which they were added.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// Uses stores that are open already, instead of opening those of the configuration.
    pub fn store(mut self, store: MultiStore) -> Self {
        self.store = Some(store);
        self
    }

    /// Builds the system. Nothing runs yet.
    ///
    /// # Errors
    /// [`SystemError::DuplicateId`], [`SystemError::BadId`], [`SystemError::UnknownDependency`], [`SystemError::Cycle`].
    pub fn build(self) -> Result<SystemService, SystemError> {
        let mut registry = ComponentRegistry::new();
        let mut operations = BTreeMap::new();
        for operation in self.operations {
            let component = operation.component();
            operations.insert(component.id.clone(), operation);
            registry.register(component)?;
        }
        registry.start_order()?;
        let opened = || MultiStore::builder(self.configuration.stores.clone()).open_or_create();
        let store = self.store.map_or_else(opened, Ok)?;
        let inner = Inner {
            configuration: self.configuration,
            store,
            registry,
            operations,
            observers: self.observers,
            supervisor: Supervisor::default(),
        };
        Ok(SystemService { handle: SystemHandle { inner: Arc::new(inner) } })
    }
}

impl SystemHandle {
    /// The stores.
    #[must_use]
    pub fn store(&self) -> &MultiStore {
        &self.inner.store
    }

    /// The configuration that it was built with.
    #[must_use]
    pub fn configuration(&self) -> &SystemConfig {
        &self.inner.configuration
    }

    /// All components.
    #[must_use]
    pub fn registry(&self) -> &ComponentRegistry {
        &self.inner.registry
    }

    /// Where what happens is told: the bus of the stores.
    #[must_use]
    pub fn events(&self) -> &EventBus {
        self.inner.store.events()
    }

    pub(super) fn supervisor(&self) -> &Supervisor {
        &self.inner.supervisor
    }

    /// Runs the operation `id` with JSON.
    ///
    /// # Errors
    /// `unknown_operation`, `invalid_input`, `denied`, `deadline_exceeded`, `cancelled`, and those of the operation.
    pub fn execute_operation(&self, context: &OperationContext, id: &str, input: Value) -> Result<Value, OperationError> {
        let operation = self.inner.operations.get(id).ok_or_else(|| self.unknown(id))?;
        operation.execute(self, context, input)
    }

    /// Runs an operation that the system has, typed: nothing is encoded.
    ///
    /// # Errors
    /// As [`Self::execute_operation`].
    pub fn run<O: Operation>(&self, context: &OperationContext, input: O::Input) -> Result<O::Output, OperationError> {
        let operation: &dyn Any = &**self.inner.operations.get(O::ID).ok_or_else(|| self.unknown(O::ID))?;
        let Typed(operation) = operation.downcast_ref::<Typed<O>>().ok_or_else(|| self.unknown(O::ID))?;
        self.execute_typed(operation, context, input)
    }

    fn unknown(&self, id: &str) -> OperationError {
        OperationError::unknown_operation(id, self.inner.registry.nearest(ComponentKind::Operation, id))
    }

    /// What every call goes through.
    pub(super) fn execute_typed<O: Operation>(
        &self,
        operation: &O,
        context: &OperationContext,
        input: O::Input,
    ) -> Result<O::Output, OperationError> {
        let begun = Instant::now();
        let access = operation.access(&input);
        let written = self.written(&access, &input)?;
        let granted = access.check(&context.principal).and_then(|()| context.check()).and_then(|()| self.admitted(O::ID, &access));
        let result = granted.and_then(|()| run_caught(operation, self, context, input));
        let execution = Execution {
            operation: O::ID,
            context,
            access: &access,
            input: written.as_deref(),
            failure: result.as_ref().err(),
            duration: begun.elapsed(),
        };
        let told = self.inner.observers.iter().try_for_each(|observer| observer.executed(&execution));
        told.and(result)
    }

    /// Lets pass what no observer stands against.
    fn admitted(&self, operation: &str, access: &Access) -> Result<(), OperationError> {
        self.inner.observers.iter().try_for_each(|observer| observer.admit(operation, access))
    }

    /// The input as canonical JSON, if somebody wants it.
    fn written(&self, access: &Access, input: &impl serde::Serialize) -> Result<Option<Vec<u8>>, OperationError> {
        if !self.inner.observers.iter().any(|observer| observer.wants_input(access)) {
            return Ok(None);
        }
        serde_json::to_vec(input).map(Some).map_err(|error| OperationError::internal(format!("the input cannot be written: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_runs_from_json_to_json_and_typed() {
        let system = SystemService::builder(SystemConfig::in_memory()).build().unwrap();
        system.store().create_store("bank", None, &crate::config::Config::default()).unwrap();
        let listed = system.execute_operation(&OperationContext::local(), "stores.list", json!({})).unwrap();
        assert_eq!(listed["stores"][0]["name"], "bank");
        let typed = system.run::<operations::ListStores>(&OperationContext::local(), operations::NoInput {}).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), listed);
        let error = system.execute_operation(&OperationContext::local(), "stores.list", json!({"x": 1})).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), ("invalid_input", "x: unknown field `x`, there are no fields"));
        let error = system.execute_operation(&OperationContext::local(), "store.list", json!({})).unwrap_err();
        assert_eq!(error.details["nearest"], "stores.list");
    }
}
