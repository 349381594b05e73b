//! What can be asked of a system, typed; and the same in JSON.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::access::Access;
use super::component::{Component, ComponentKind};
use super::context::OperationContext;
use super::execution::{Execution, Observer};
use super::failure::OperationError;
use super::system_service::SystemHandle;

/// Something that can be asked of a system by name.
///
/// Inputs have `#[serde(deny_unknown_fields)]`, so that a misspelt field is an error and not ignored. They are also written, for the
/// audit trail, in a form that does not hang on how the caller wrote them.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use treering::system::{Access, Operation, OperationContext, OperationError, Role, SystemHandle};
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Greeting {
///     name: String,
/// }
///
/// struct Greet;
///
/// impl Operation for Greet {
///     type Input = Greeting;
///     type Output = String;
///     const ID: &'static str = "example.greet";
///     const DESCRIPTION: &'static str = "Greets somebody.";
///
///     fn access(&self, _: &Greeting) -> Access {
///         Access::granted(Role::Read)
///     }
///
///     fn run(&self, _: &SystemHandle, _: &OperationContext, input: Greeting) -> Result<String, OperationError> {
///         Ok(format!("Hello {}", input.name))
///     }
/// }
/// ```
pub trait Operation: Send + Sync + 'static {
    /// What it takes.
    type Input: Serialize + DeserializeOwned + JsonSchema;
    /// What it gives.
    type Output: Serialize + JsonSchema;
    /// Its name, such as `store.get`.
    const ID: &'static str;
    /// What it does, in a sentence.
    const DESCRIPTION: &'static str;
    /// The switch in `[features]` that it belongs to; `None`: it is always on.
    const FEATURE: Option<&'static str> = None;
    /// The ids of components that must be there and on for it.
    const DEPENDENCIES: &'static [&'static str] = &[];

    /// What a call with this input needs to be allowed. Asked before every run.
    fn access(&self, input: &Self::Input) -> Access;

    /// Does it. Called on the caller's thread, by many at once.
    ///
    /// # Errors
    /// As the operation says.
    fn run(&self, system: &SystemHandle, context: &OperationContext, input: Self::Input) -> Result<Self::Output, OperationError>;
}

/// An operation whose types are forgotten: JSON in, JSON out.
pub(super) trait ErasedOperation: Any + Send + Sync {
    /// Its name.
    fn id(&self) -> &'static str;

    /// How it is listed.
    fn component(&self) -> Component;

    /// Runs it with JSON, under the system's rules.
    fn execute(&self, system: &SystemHandle, context: &OperationContext, input: Value) -> Result<Value, OperationError>;
}

/// An operation, to be erased.
pub(super) struct Typed<O>(pub(super) O);

impl<O: Operation> ErasedOperation for Typed<O> {
    fn id(&self) -> &'static str {
        O::ID
    }

    fn component(&self) -> Component {
        Component {
            id: O::ID.to_owned(),
            kind: ComponentKind::Operation,
            description: O::DESCRIPTION.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            input: Some(schema_for!(O::Input)),
            output: Some(schema_for!(O::Output)),
            dependencies: O::DEPENDENCIES.iter().map(|id| (*id).to_owned()).collect(),
            feature: O::FEATURE.map(str::to_owned),
        }
    }

    fn execute(&self, system: &SystemHandle, context: &OperationContext, input: Value) -> Result<Value, OperationError> {
        let input = parse(input)?;
        let output = system.execute_typed(&self.0, context, input)?;
        serde_json::to_value(output).map_err(|error| OperationError::internal(format!("the output of {:?}: {error}", O::ID)))
    }
}

/// Reads an input; an error says where it is wrong.
fn parse<T: DeserializeOwned>(input: Value) -> Result<T, OperationError> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        OperationError::invalid_input(&path, error.into_inner())
    })
}

/// What a call needs; a panic of the operation is an error.
pub(super) fn access_caught<O: Operation>(operation: &O, context: &OperationContext, input: &O::Input) -> Result<Access, OperationError> {
    catch_unwind(AssertUnwindSafe(|| operation.access(input))).map_err(|_| panicked(O::ID, context))
}

/// Runs an operation; a panic of it is an error.
pub(super) fn run_caught<O: Operation>(
    operation: &O,
    system: &SystemHandle,
    context: &OperationContext,
    input: O::Input,
) -> Result<O::Output, OperationError> {
    // What an operation changes lies behind locks of the library, which stay whole when a holder panics.
    let caught = catch_unwind(AssertUnwindSafe(|| operation.run(system, context, input)));
    caught.unwrap_or_else(|_| Err(panicked(O::ID, context)))
}

/// Tells all observers of a call, until one refuses; a panic of one is an error.
pub(super) fn tell_caught(observers: &[Arc<dyn Observer>], execution: &Execution<'_>) -> Result<(), OperationError> {
    let tell = || observers.iter().try_for_each(|observer| observer.executed(execution));
    catch_unwind(AssertUnwindSafe(tell)).unwrap_or_else(|_| Err(panicked(execution.operation, execution.context)))
}

fn panicked(operation: &str, context: &OperationContext) -> OperationError {
    tracing::error!(operation, trace_id = context.trace_id, "an operation panicked");
    let trace_id = &context.trace_id;
    OperationError::internal(format!(
        "{operation:?} failed unexpectedly in the call {trace_id:?}; please report it, with the log around it"
    ))
}
