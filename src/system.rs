//! The library as a service: operations by name, services in the background, and who may do what.
//!
//! A [`SystemService`] stands on a [`MultiStore`](crate::MultiStore). It knows [operations](Operation), which anyone with a
//! [principal](Principal) that is allowed to calls by name with JSON, or typed; and [services](Service), which run on threads of their own
//! under a supervisor. What happens is told on the bus of the `MultiStore`. Nothing is global: a process can have many systems.
//!
//! Laws
//! 1. No operation runs before its [access](Access) is granted to the principal of its [context](OperationContext).
//! 2. Neither an operation nor a service can bring the system down: an error or a panic of one is an answer, or a restart, and others go on.
//! 3. A system that was built is whole: no two components have an id, every dependency is there, none depends on itself.
//!
//! ```text
//! execute_operation(context, id, JSON) -\
//! run::<Operation>(context, input)     --> access -> Operation::run -> observers -> event -> answer
//! start / stop -> supervisor -> a thread a Service, restarted when it fails
//! ```

mod access;
pub mod audit;
mod builder;
mod component;
mod config;
mod context;
mod error;
mod execution;
mod failure;
mod key_reads;
mod operation;
pub mod operations;
mod prepared;
mod principal;
mod registry;
mod service;
mod services;
mod status;
mod supervisor;
mod system_service;
mod tokens;

pub use access::{Access, Stores};
pub use builder::SystemBuilder;
pub use component::{Component, ComponentKind};
pub use config::{AccessConfig, AccessMode, AuditConfig, CheckerConfig, Features, HttpConfig, PrunerConfig, ServicesConfig, SystemConfig};
pub use context::{CancelToken, OperationContext, new_trace_id};
pub use error::SystemError;
pub use execution::{Execution, Observer};
pub use failure::{ErrorKind, OperationError};
pub use key_reads::KeyReads;
pub use operation::Operation;
pub use principal::{Grants, Principal, Role};
pub use registry::ComponentRegistry;
pub use service::{Service, ServiceContext, ServiceError, Wake};
pub use status::{ServiceState, ServiceStatus, StartReport, StopReport};
pub use system_service::{SystemHandle, SystemService};
pub use tokens::{Authenticator, TokenFile};
