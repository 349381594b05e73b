//! Numbers for monitoring, in the text form of `OpenMetrics`, which Prometheus reads.

mod labels;
mod latency;
mod service;
mod state;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use crate::system::{Execution, Observer, OperationError, SystemHandle};
use state::State;

pub(super) use service::MetricsService;

use labels::{CodeLabel, OperationLabel, RouteLabel, RouteStatus};
use latency::Latency;

/// The type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RouteStatus, Counter>,
    request_seconds: Family<RouteLabel, Latency>,
    operation_seconds: Family<OperationLabel, Latency>,
    operation_errors: Family<CodeLabel, Counter>,
    errors: Family<CodeLabel, Counter>,
    denied: Family<CodeLabel, Counter>,
    /// Versions of all stores that were saved while somebody counted.
    commits: Counter,
    state: State,
    /// What no route answers.
    pub(super) nowhere: RouteMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("treering");
        let requests = Family::default();
        let request_seconds = Family::<_, Latency>::default();
        let metrics = Self {
            nowhere: RouteMetrics::new(&requests, &request_seconds, "none"),
            requests,
            request_seconds,
            operation_seconds: Family::<_, Latency>::default(),
            operation_errors: Family::default(),
            errors: Family::default(),
            denied: Family::default(),
            commits: Counter::default(),
            state: State::default(),
            registry: Mutex::default(),
        };
        registry.register("http_requests", "Requests answered, by route and class of status", metrics.requests.clone());
        let help = "Time from a request's head to its answer's, by route";
        registry.register_with_unit("http_request", help, Unit::Seconds, metrics.request_seconds.clone());
        let help = "Time that operations took, by operation";
        registry.register_with_unit("operation", help, Unit::Seconds, metrics.operation_seconds.clone());
        registry.register("operation_errors", "Operations that failed, by code", metrics.operation_errors.clone());
        registry.register("errors", "Requests that were answered with an error, by code", metrics.errors.clone());
        registry.register("denied", "Requests that were not let in or not allowed, by code", metrics.denied.clone());
        registry.register("commits", "Versions of all stores that were saved since the start", metrics.commits.clone());
        metrics.state.register(&mut registry);
        *metrics.registry() = registry;
        metrics
    }

    /// Metrics are registered by single calls.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request that failed.
    pub(super) fn failed(&self, code: &'static str) {
        self.errors.get_or_create(&CodeLabel { code }).inc();
        if matches!(code, "unauthenticated" | "denied" | "foreign_page") {
            self.denied.get_or_create(&CodeLabel { code }).inc();
        }
    }

    /// What is counted of a route.
    pub(super) fn route(&self, name: &str) -> RouteMetrics {
        RouteMetrics::new(&self.requests, &self.request_seconds, name)
    }

    /// All numbers as text. What a closed or damaged store cannot tell stays as it was.
    pub(super) fn text(&self, system: &SystemHandle) -> Result<String, std::fmt::Error> {
        if let Err(error) = self.state.look(system) {
            tracing::warn!(%error, "the stores cannot tell their numbers");
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry())?;
        Ok(text)
    }
}

impl Observer for Metrics {
    fn executed(&self, execution: &Execution<'_>) -> Result<(), OperationError> {
        let label = OperationLabel { operation: execution.operation };
        self.operation_seconds.get_or_create(&label).observe(execution.duration);
        if let Some(failure) = execution.failure {
            self.operation_errors.get_or_create(&CodeLabel { code: failure.code }).inc();
        }
        Ok(())
    }
}

/// What is counted of a route.
pub(super) struct RouteMetrics {
    /// Its name.
    pub(super) route: String,
    /// By class of status, from 200 on.
    classes: [Counter; 4],
    seconds: Latency,
}

impl RouteMetrics {
    fn new(requests: &Family<RouteStatus, Counter>, seconds: &Family<RouteLabel, Latency>, route: &str) -> Self {
        let route = route.to_owned();
        let class = |status: &'static str| requests.get_or_create_owned(&RouteStatus { route: route.clone(), status });
        let classes = [class("2xx"), class("3xx"), class("4xx"), class("5xx")];
        Self { classes, seconds: seconds.get_or_create_owned(&RouteLabel { route: route.clone() }), route }
    }

    /// Counts an answer.
    pub(super) fn answered(&self, status: StatusCode, time: Duration) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2);
        if let Some(class) = self.classes.get(class) {
            class.inc();
        }
        self.seconds.observe(time);
    }
}
