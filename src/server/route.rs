//! A route: where it is, what it is for, and who answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use schemars::{Schema, schema_for};

use super::answer;
use super::call::{Answer, Call, Renamed};
use crate::system::Operation;

/// The type of JSON.
pub(super) const JSON: &str = "application/json";

/// Answers a request.
pub(super) type Handler = Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// Who may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    /// Everyone, and it is answered however much else is worked on.
    Everyone,
    /// Who has a token, if tokens are needed.
    Known,
}

/// A route.
pub(super) struct Route {
    pub(super) method: Method,
    /// The path, with places in braces.
    pub(super) path: &'static str,
    pub(super) admission: Admission,
    pub(super) about: About,
    pub(super) handler: Handler,
}

/// What is known of a route, for the document that describes all.
pub(super) struct About {
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// What path, query and body make together.
    pub(super) input: Option<Schema>,
    /// What it gives in JSON.
    pub(super) output: Option<Schema>,
    /// The place of the path that is another field of the input than its name says.
    pub(super) renamed: Renamed,
    /// The type of what it gives.
    pub(super) content_type: &'static str,
    /// Another type that it can give.
    pub(super) also: Option<&'static str>,
    /// The status of success.
    pub(super) status: StatusCode,
}

/// No place has another name.
pub(super) const NOT_RENAMED: Renamed = ("", "");

impl About {
    /// What does not stand for an operation.
    pub(super) fn other(summary: &'static str, content_type: &'static str) -> Self {
        Self { summary, input: None, output: None, renamed: NOT_RENAMED, content_type, also: None, status: StatusCode::OK }
    }

    /// What stands for an operation.
    pub(super) fn operation<O: Operation>() -> Self {
        let (input, output) = (Some(schema_for!(O::Input)), Some(schema_for!(O::Output)));
        Self { input, output, ..Self::other(O::DESCRIPTION, JSON) }
    }
}

impl Route {
    /// A route that a function answers.
    pub(super) fn new<F: Future<Output = Answer> + Send + 'static>(
        method: Method,
        path: &'static str,
        about: About,
        handler: impl Fn(Call) -> F + Send + Sync + 'static,
    ) -> Self {
        Self { method, path, admission: Admission::Known, about, handler: Arc::new(move |call| Box::pin(handler(call))) }
    }

    /// A route that is an operation: its input is what path, query and body say, its output the answer.
    pub(super) fn operation<O: Operation<Input: Send>>(method: Method, path: &'static str) -> Self {
        Self::operation_as::<O>(method, path, StatusCode::OK, NOT_RENAMED)
    }

    /// The same with a status, and a place of the path that is another field.
    pub(super) fn operation_as<O: Operation<Input: Send>>(
        method: Method,
        path: &'static str,
        status: StatusCode,
        renamed: Renamed,
    ) -> Self {
        let about = About { renamed, status, ..About::operation::<O>() };
        Self::new(method, path, about, move |call| run::<O>(call, status, renamed))
    }

    /// The same for everyone.
    pub(super) fn for_everyone(self) -> Self {
        Self { admission: Admission::Everyone, ..self }
    }

    /// As it is written in documents and labels: `GET /v1/stores`.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

async fn run<O: Operation<Input: Send>>(mut call: Call, status: StatusCode, renamed: Renamed) -> Answer {
    let input = call.read_input::<O::Input>(renamed).await?;
    call.run_aside(move |system, context| Ok(answer::json(status, &system.run::<O>(context, input)?))).await
}
