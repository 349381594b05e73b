//! The server as a service of a system.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::connection::Serving;
use super::connections::Connections;
use super::error::ServerError;
use super::metrics::{Metrics, MetricsService};
use super::shared::Shared;
use super::{listener, router, routes, tls};
use crate::system::{Authenticator, HttpConfig, Service, ServiceContext, ServiceError, SystemBuilder, Wake};

/// How often it is looked whether the server still accepts connections.
const LOOK: Duration = Duration::from_secs(1);
/// Threads for work aside, beyond one for each request that may be worked on: for what is answered without a permit.
const SPARE_THREADS: usize = 16;
/// How much of the time for stopping is left for the last steps.
const LAST_STEPS: Duration = Duration::from_millis(500);

/// The server. It listens from when it was made, and answers when its system was started.
pub struct HttpService {
    config: HttpConfig,
    stop_timeout: Duration,
    authenticator: Arc<Authenticator>,
    tls: Option<TlsAcceptor>,
    metrics: Arc<Metrics>,
    /// For the first run; further ones listen anew on the same address.
    listener: Mutex<Option<std::net::TcpListener>>,
    address: SocketAddr,
}

/// Gives a system that is being built its server, if the configuration has it on, and what counts. Gives the address that it listens on.
///
/// # Errors
/// As [`HttpService::bind`].
pub fn install(builder: SystemBuilder) -> Result<(SystemBuilder, Option<SocketAddr>), ServerError> {
    let metrics = Arc::new(Metrics::new());
    if !builder.configuration().features.is_on("http") {
        return Ok((builder, None));
    }
    let config = builder.configuration();
    let service = HttpService::bind(&config.http, Authenticator::from_config(config)?, config.services.stop_timeout, &metrics)?;
    let address = service.address();
    let counting = MetricsService(Arc::clone(&metrics));
    Ok((builder.observer(metrics).service(counting).service(service), Some(address)))
}

impl HttpService {
    /// Listens, and reads the files for TLS.
    ///
    /// # Errors
    /// [`ServerError::AddressInUse`], [`ServerError::Listen`], [`ServerError::Tls`].
    pub fn bind(
        config: &HttpConfig,
        authenticator: Authenticator,
        stop_timeout: Duration,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        let tls = tls::acceptor(config)?;
        let listener = listener::bind(config.address)?;
        let address = listener.local_addr().map_err(|source| ServerError::Listen { address: config.address, source })?;
        Ok(Self {
            config: config.clone(),
            stop_timeout,
            authenticator: Arc::new(authenticator),
            tls,
            metrics: Arc::clone(metrics),
            listener: Mutex::new(Some(listener)),
            address,
        })
    }

    /// The address that it listens on; with the port that the system chose, if the configuration has port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn runtime(&self) -> Result<Runtime, ServerError> {
        let mut builder = Builder::new_multi_thread();
        builder.thread_name("treering-http").max_blocking_threads(self.config.concurrency + SPARE_THREADS).enable_io().enable_time();
        builder.build().map_err(ServerError::Threads)
    }

    fn listener(&self) -> Result<std::net::TcpListener, ServerError> {
        // A listener is taken whole.
        let first = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or_else(|| listener::bind(self.address), Ok)
    }
}

impl Service for HttpService {
    fn id(&self) -> &'static str {
        "http"
    }

    fn description(&self) -> &'static str {
        "Answers requests over HTTP."
    }

    fn feature(&self) -> Option<&str> {
        Some("http")
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        let listener = self.listener()?;
        let runtime = self.runtime()?;
        let (stop, stopping) = watch::channel(false);
        let shared =
            Arc::new(Shared::new(context.system().clone(), Arc::clone(&self.authenticator), Arc::clone(&self.metrics), stopping.clone()));
        let serving = Serving { router: router::router(&shared, routes::all()), tls: self.tls.clone(), stopping };
        let connections = Connections::new();
        let entered = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let accepting = runtime.spawn(listener::accept(listener, serving, Arc::clone(&connections), self.config.max_connections));
        let looking = runtime.spawn(Arc::clone(&connections).keep_looking());
        drop(entered);
        let address = self.address.to_string();
        tracing::info!(address, tls = self.tls.is_some(), open = self.authenticator.is_open(), "listening");
        context.report(json!({ "address": address, "tls": self.tls.is_some(), "tokens": !self.authenticator.is_open() }));
        context.ready();
        while context.wait(LOOK) == Wake::Elapsed {
            if accepting.is_finished() || looking.is_finished() {
                return Err("the server stopped by itself".into());
            }
        }
        stop.send_replace(true);
        let deadline = Instant::now() + self.stop_timeout.saturating_sub(LAST_STEPS);
        let _ = runtime.block_on(accepting);
        if !runtime.block_on(connections.wait_until_none(deadline)) {
            tracing::warn!(connections = connections.count(), "not all requests were answered in the time for stopping");
            connections.end_all();
        }
        runtime.shutdown_timeout(LAST_STEPS / 2);
        Ok(())
    }
}
