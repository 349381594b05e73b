//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::metrics::Metrics;
use crate::system::{Authenticator, HttpConfig, SystemHandle};

/// Readers of events at a time: every event goes through all of their queues.
const MOST_STREAMS: usize = 256;

/// What all requests share.
pub(super) struct Shared {
    pub(super) system: SystemHandle,
    pub(super) authenticator: Arc<Authenticator>,
    /// One for each request that may be worked on.
    pub(super) permits: Arc<Semaphore>,
    /// One for each reader of events that there may be.
    pub(super) streams: Arc<Semaphore>,
    pub(super) request_timeout: Duration,
    pub(super) body_limit: usize,
    /// Pages of which other origin may ask.
    pub(super) cors: Option<String>,
    /// Only this machine is listened to, and everyone on it may do everything.
    pub(super) is_private: bool,
    /// Becomes true when the server is to stop.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) metrics: Arc<Metrics>,
}

impl Shared {
    pub(super) fn new(
        system: SystemHandle,
        authenticator: Arc<Authenticator>,
        metrics: Arc<Metrics>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let HttpConfig { concurrency, request_timeout, body_limit, cors, address, .. } = system.configuration().http.clone();
        let is_private = authenticator.is_open() && address.ip().is_loopback();
        let permits = Arc::new(Semaphore::new(concurrency));
        let streams = Arc::new(Semaphore::new(MOST_STREAMS));
        Self { system, authenticator, permits, streams, request_timeout, body_limit, cors, is_private, stopping, metrics }
    }

    /// Whether the server is to stop.
    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}
