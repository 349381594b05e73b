//! The system itself.

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;

use super::access::Access;
use super::audit::AuditLog;
use super::builder::SystemBuilder;
use super::component::ComponentKind;
use super::config::SystemConfig;
use super::context::OperationContext;
use super::error::SystemError;
use super::execution::{Execution, Observer};
use super::failure::OperationError;
use super::key_reads::KeyReads;
use super::operation::{ErasedOperation, Operation, Typed, access_caught, run_caught, tell_caught};
use super::prepared::PreparedVersions;
use super::registry::ComponentRegistry;
use super::status::{ServiceStatus, StartReport, StopReport};
use super::supervisor::Supervisor;
use crate::event::{EventBus, OperationExecuted, OperationFailed};
use crate::multistore::MultiStore;

/// A system. Cheap to clone: clones are the same. With the last of them the services are stopped, as by [`SystemService::stop`].
///
/// ```
/// use serde_json::json;
/// use treering::system::{OperationContext, Principal, SystemConfig, SystemService};
///
/// let system = SystemService::builder(SystemConfig::in_memory()).build()?;
/// system.start()?;
/// system.store().create_store("bank", None, &Default::default())?;
///
/// let context = OperationContext::new(Principal::local()).with_trace_id("block-7");
/// let answer = system.execute_operation(&context, "stores.list", json!({}))?;
/// assert_eq!(answer["stores"][0]["name"], "bank");
///
/// let error = system.execute_operation(&context, "store.list", json!({})).unwrap_err();
/// assert_eq!((error.code, &error.details["nearest"]), ("unknown_operation", &json!("stores.list")));
///
/// let report = system.stop();
/// assert!(report.abandoned.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SystemService {
    life: Arc<Life>,
}

/// Ends with the last handle.
struct Life {
    handle: SystemHandle,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.handle.stop_all();
    }
}

/// What operations and services see of the system: everything but its life, which they do not prolong. Cheap to clone.
#[derive(Clone)]
pub struct SystemHandle {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) configuration: SystemConfig,
    pub(super) store: MultiStore,
    pub(super) registry: ComponentRegistry,
    pub(super) operations: BTreeMap<&'static str, Arc<dyn ErasedOperation>>,
    pub(super) observers: Vec<Arc<dyn Observer>>,
    pub(super) audit: Option<Arc<AuditLog>>,
    pub(super) supervisor: Supervisor,
    pub(super) prepared: PreparedVersions,
    pub(super) key_reads: KeyReads,
    /// No operations are taken.
    pub(super) is_stopped: AtomicBool,
}

impl Deref for SystemService {
    type Target = SystemHandle;

    fn deref(&self) -> &SystemHandle {
        &self.life.handle
    }
}

impl SystemService {
    /// What to set before a system is built. It has all [operations](super::operations) and services of the library already.
    pub fn builder(configuration: SystemConfig) -> SystemBuilder {
        SystemBuilder::new(configuration)
    }

    pub(super) fn new(handle: SystemHandle) -> Self {
        Self { life: Arc::new(Life { handle }) }
    }

    /// Starts all services that are on, each after those that it depends on are ready, and takes operations. For a service that is not ready
    /// it waits for the time limit of the configuration. Starting again does nothing to what runs.
    ///
    /// # Errors
    /// [`SystemError::Thread`], [`SystemError::StillStopping`]. That a service fails is no error: it is tried again.
    pub fn start(&self) -> Result<StartReport, SystemError> {
        self.inner.is_stopped.store(false, Ordering::Relaxed);
        self.inner.supervisor.start(self, |id| self.feature_off(id).is_none())
    }

    /// Stops all services, each before those that it depends on, and then takes no more operations until it is started again. Each service
    /// has the time limit of the configuration. The stores stay open until the last handle of them is gone.
    #[must_use = "it names the services that did not stop"]
    pub fn stop(&self) -> StopReport {
        self.stop_all()
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

    /// How all services are, in the order of their ids.
    #[must_use]
    pub fn statuses(&self) -> Vec<ServiceStatus> {
        self.inner.supervisor.statuses()
    }

    /// How a service is.
    ///
    /// # Errors
    /// [`SystemError::UnknownService`].
    pub fn status(&self, id: &str) -> Result<ServiceStatus, SystemError> {
        self.statuses().into_iter().find(|status| status.id == id).ok_or_else(|| self.unknown_service(id))
    }

    /// Starts a service, and before it those that it depends on. Waits as [`SystemService::start`] does.
    ///
    /// # Errors
    /// [`SystemError::UnknownService`], [`SystemError::FeatureOff`], [`SystemError::StillStopping`], [`SystemError::Thread`].
    pub fn start_service(&self, id: &str) -> Result<StartReport, SystemError> {
        self.status(id)?;
        if let Some(feature) = self.feature_off(id) {
            return Err(SystemError::FeatureOff { id: id.to_owned(), feature });
        }
        let wanted = |other: &str| other == id || self.registry().dependents(other).contains(id);
        self.inner.supervisor.start(self, wanted)
    }

    /// Stops a service, and before it those that depend on it. Called on the thread of one of these it tells that one and does not wait
    /// for it.
    ///
    /// # Errors
    /// [`SystemError::UnknownService`].
    pub fn stop_service(&self, id: &str) -> Result<StopReport, SystemError> {
        self.status(id)?;
        let dependents = self.registry().dependents(id);
        let time = self.configuration().services.stop_timeout;
        Ok(self.inner.supervisor.stop(time, |other| other == id || dependents.contains(other)))
    }

    /// Runs the operation `id` with JSON.
    ///
    /// # Errors
    /// `unknown_operation`, `invalid_input`, `denied`, `deadline_exceeded`, `cancelled`, `feature_off`, `service_stopped`, `internal` when
    /// it panics, and those of the operation.
    pub fn execute_operation(&self, context: &OperationContext, id: &str, input: Value) -> Result<Value, OperationError> {
        let operation = self.inner.operations.get(id).ok_or_else(|| self.unknown_operation(id))?;
        operation.execute(self, context, input)
    }

    /// Runs an operation that the system has, typed: nothing is encoded.
    ///
    /// # Errors
    /// As [`Self::execute_operation`].
    pub fn run<O: Operation>(&self, context: &OperationContext, input: O::Input) -> Result<O::Output, OperationError> {
        let operation: &dyn Any = &**self.inner.operations.get(O::ID).ok_or_else(|| self.unknown_operation(O::ID))?;
        let Typed(operation) = operation.downcast_ref::<Typed<O>>().ok_or_else(|| self.unknown_operation(O::ID))?;
        self.execute_typed(operation, context, input)
    }

    /// The audit log; `None` if it is switched off, or nothing may be written.
    #[must_use]
    pub fn audit(&self) -> Option<&Arc<AuditLog>> {
        self.inner.audit.as_ref()
    }

    /// From where operations read keys, since the system was built.
    #[must_use]
    pub fn key_reads(&self) -> &KeyReads {
        &self.inner.key_reads
    }

    /// What is prepared between two calls.
    pub(super) fn prepared(&self) -> &PreparedVersions {
        &self.inner.prepared
    }

    pub(super) fn supervisor(&self) -> &Supervisor {
        &self.inner.supervisor
    }

    fn stop_all(&self) -> StopReport {
        let report = self.inner.supervisor.stop(self.configuration().services.stop_timeout, |_| true);
        self.inner.is_stopped.store(true, Ordering::Relaxed);
        self.inner.prepared.clear();
        report
    }

    /// The feature of a component, if it is off.
    fn feature_off(&self, id: &str) -> Option<String> {
        let feature = self.registry().get(id)?.feature.clone()?;
        (!self.configuration().features.is_on(&feature)).then_some(feature)
    }

    fn unknown_service(&self, id: &str) -> SystemError {
        let nearest = self.registry().nearest(ComponentKind::Service, id).map(str::to_owned);
        SystemError::UnknownService { id: id.to_owned(), nearest }
    }

    fn unknown_operation(&self, id: &str) -> OperationError {
        OperationError::unknown_operation(id, self.registry().nearest(ComponentKind::Operation, id))
    }

    /// What every call goes through.
    pub(super) fn execute_typed<O: Operation>(
        &self,
        operation: &O,
        context: &OperationContext,
        input: O::Input,
    ) -> Result<O::Output, OperationError> {
        self.accompany(operation, context, input, |input| run_caught(operation, self, context, input))
    }

    /// The same with something else to be done in place of the operation, such as giving its output piece by piece.
    pub(super) fn accompany<O: Operation, T>(
        &self,
        operation: &O,
        context: &OperationContext,
        input: O::Input,
        run: impl FnOnce(O::Input) -> Result<T, OperationError>,
    ) -> Result<T, OperationError> {
        let begun = Instant::now();
        let access = access_caught(operation, context, &input)?;
        let written = self.written(&access, &input)?;
        let permitted = access.check(&context.principal).and_then(|()| self.check_takes::<O>()).and_then(|()| context.check());
        let admitted = permitted.and_then(|()| self.admitted(O::ID, &access));
        let result = admitted.and_then(|()| run(input));
        let execution = Execution {
            operation: O::ID,
            context,
            access: &access,
            input: written.as_deref(),
            failure: result.as_ref().err(),
            duration: begun.elapsed(),
        };
        let told = tell_caught(&self.inner.observers, &execution);
        self.publish(&execution);
        told.and(result)
    }

    /// Lets pass what no observer stands against.
    fn admitted(&self, operation: &str, access: &Access) -> Result<(), OperationError> {
        self.inner.observers.iter().try_for_each(|observer| observer.admit(operation, access))
    }

    fn check_takes<O: Operation>(&self) -> Result<(), OperationError> {
        if self.inner.is_stopped.load(Ordering::Relaxed) {
            return Err(OperationError::service_stopped());
        }
        match O::FEATURE {
            Some(feature) if !self.configuration().features.is_on(feature) => Err(OperationError::feature_off(O::ID, feature)),
            _ => Ok(()),
        }
    }

    /// The input as canonical JSON, if somebody wants it.
    fn written(&self, access: &Access, input: &impl Serialize) -> Result<Option<Vec<u8>>, OperationError> {
        if !self.inner.observers.iter().any(|observer| observer.wants_input(access)) {
            return Ok(None);
        }
        serde_json::to_vec(input).map(Some).map_err(|error| OperationError::internal(format!("the input cannot be written: {error}")))
    }

    fn publish(&self, execution: &Execution<'_>) {
        let operation = || execution.operation.to_owned();
        let (principal, trace_id) = (|| execution.context.principal.name.clone(), || execution.context.trace_id.clone());
        let duration_us = u64::try_from(execution.duration.as_micros()).unwrap_or(u64::MAX);
        match execution.failure {
            None => self.events().publish_with(|| OperationExecuted {
                operation: operation(),
                principal: principal(),
                trace_id: trace_id(),
                duration_us,
            }),
            Some(failure) => self.events().publish_with(|| OperationFailed {
                operation: operation(),
                principal: principal(),
                trace_id: trace_id(),
                duration_us,
                code: failure.code.to_owned(),
            }),
        };
    }
}
