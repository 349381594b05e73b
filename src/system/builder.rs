//! Putting a system together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::audit::{AuditLog, AuditOptions};
use super::component::{Component, ComponentKind};
use super::config::{Features, SystemConfig};
use super::error::SystemError;
use super::execution::Observer;
use super::key_reads::KeyReads;
use super::operation::{ErasedOperation, Operation, Typed};
use super::prepared::PreparedVersions;
use super::registry::ComponentRegistry;
use super::service::Service;
use super::supervisor::Supervisor;
use super::system_service::{Inner, SystemHandle, SystemService};
use super::{operations, services};
use crate::error::Error;
use crate::multistore::MultiStore;

/// The feature that the audit log is.
const AUDIT: &str = "audit";

/// What to set before a system is built. It has the [operations](super::operations) and services of the library already.
#[must_use = "nothing happens until `build`"]
pub struct SystemBuilder {
    configuration: SystemConfig,
    store: Option<MultiStore>,
    operations: Vec<Arc<dyn ErasedOperation>>,
    services: Vec<Arc<dyn Service>>,
    observers: Vec<Arc<dyn Observer>>,
}

impl SystemBuilder {
    pub(super) fn new(configuration: SystemConfig) -> Self {
        let builder = Self { configuration, store: None, operations: Vec::new(), services: Vec::new(), observers: Vec::new() };
        services::builtin(operations::builtin(builder))
    }

    /// The configuration that the system will have.
    #[must_use]
    pub fn configuration(&self) -> &SystemConfig {
        &self.configuration
    }

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

    /// Builds the system: checks that its parts fit together, then opens the stores, or makes them if there are none, unless they were
    /// given. Operations are answered from now on; services run after [`SystemService::start`].
    ///
    /// # Errors
    /// [`SystemError::DuplicateId`], [`SystemError::BadId`], [`SystemError::UnknownDependency`], [`SystemError::NoService`],
    /// [`SystemError::Cycle`], [`SystemError::DependencyOff`], [`SystemError::Config`] for a feature that nothing belongs to;
    /// [`SystemError::Store`] as [`MultiStoreBuilder::open_or_create`](crate::MultiStoreBuilder::open_or_create).
    pub fn build(self) -> Result<SystemService, SystemError> {
        let Self { configuration, store, operations, services, mut observers } = self;
        let registry = registry(&operations, &services)?;
        let order = registry.start_order()?;
        check_features(&registry, &configuration.features)?;
        let operations: BTreeMap<_, _> = operations.into_iter().map(|operation| (operation.id(), operation)).collect();
        let supervisor = Supervisor::new(in_order(services, &order, &configuration.features));
        let store = match store {
            Some(store) => store,
            None => MultiStore::builder(configuration.stores.clone()).open_or_create()?,
        };
        let audit = open_audit(&configuration, &store)?;
        // First of all: what it does not take, nobody else is told.
        observers.splice(..0, audit.iter().map(|audit| Arc::clone(audit) as Arc<dyn Observer>));
        let is_stopped = AtomicBool::new(false);
        let (prepared, key_reads) = (PreparedVersions::default(), KeyReads::default());
        let inner = Inner { configuration, store, registry, operations, observers, audit, supervisor, prepared, key_reads, is_stopped };
        Ok(SystemService::new(SystemHandle { inner: Arc::new(inner) }))
    }
}

/// The audit log, unless it is switched off. Where nothing may be written there is none: nothing can be done that it would tell of.
fn open_audit(configuration: &SystemConfig, store: &MultiStore) -> Result<Option<Arc<AuditLog>>, SystemError> {
    if !configuration.features.is_on(AUDIT) {
        return Ok(None);
    }
    match AuditLog::open(store, AuditOptions { reads: configuration.audit.reads }) {
        Ok(log) => Ok(Some(log)),
        Err(Error::ReadOnly) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

fn registry(operations: &[Arc<dyn ErasedOperation>], services: &[Arc<dyn Service>]) -> Result<ComponentRegistry, SystemError> {
    let mut registry = ComponentRegistry::new();
    operations.iter().try_for_each(|operation| registry.register(operation.component()))?;
    services.iter().try_for_each(|service| registry.register(component(&**service)))?;
    Ok(registry)
}

fn component(service: &dyn Service) -> Component {
    Component {
        id: service.id().to_owned(),
        kind: ComponentKind::Service,
        description: service.description().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        input: None,
        output: None,
        dependencies: service.dependencies(),
        feature: service.feature().map(str::to_owned),
    }
}

/// Every feature that is named is one of some component, and no component that is on depends on one that is off.
fn check_features(registry: &ComponentRegistry, features: &Features) -> Result<(), SystemError> {
    features.check(registry.all().filter_map(|component| component.feature.as_deref()))?;
    let off = |component: &Component| component.feature.clone().filter(|feature| !features.is_on(feature));
    for component in registry.all().filter(|component| off(component).is_none()) {
        for dependency in &component.dependencies {
            if let Some(feature) = registry.get(dependency).and_then(off) {
                return Err(SystemError::DependencyOff { id: component.id.clone(), dependency: dependency.clone(), feature });
            }
        }
    }
    Ok(())
}

/// Services in their order of start, each with its feature if that is off.
fn in_order(services: Vec<Arc<dyn Service>>, order: &[String], features: &Features) -> Vec<(Arc<dyn Service>, Option<String>)> {
    let mut by_id: BTreeMap<String, Arc<dyn Service>> = services.into_iter().map(|service| (service.id().to_owned(), service)).collect();
    let off = |service: &Arc<dyn Service>| service.feature().filter(|feature| !features.is_on(feature)).map(str::to_owned);
    let ordered = order.iter().filter_map(|id| by_id.remove(id));
    ordered.map(|service| (Arc::clone(&service), off(&service))).collect()
}
