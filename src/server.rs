//! The system behind HTTP: REST and JSON under `/v1`, events, metrics, health, and pages for browsers.
//!
//! [`HttpService`] is a service of a system; [`install`] gives it to a system that is being built, with what counts. Everything it does
//! goes through the operations of the system, so that access, audit and errors are the same here as everywhere.
//!
//! Laws
//! 1. What is not answered in time, is too large, or too much at once is refused with an error that says so; nobody can make the server hold
//!    more than its limits.
//! 2. Work that may wait is done on threads for that, of which there are as many as requests may be worked on. On the threads that serve
//!    connections there is only what takes no longer than handing it over would.
//! 3. Stopping loses nothing. `/readyz` says no; then nobody is let in any more, and whoever is connected by then is served: what is asked
//!    within the next 0.3 s is answered, with `connection: close`. A request whose connection ends without an answer was not begun, and can
//!    be sent again elsewhere; only one that takes longer than the time for stopping is broken off. Elsewhere than on Linux, whoever connects
//!    in the moment in which listening ends may be reset without anything of the request having been read.
//!
//! ```text
//! accept -> connection (limits, TLS) -> router -> serve (id, access, permit, counting) -> operation -> answer
//! ```

mod answer;
mod browser;
mod call;
mod connection;
mod connections;
mod error;
mod failure;
mod input;
mod listener;
mod metrics;
mod openapi;
mod rest;
mod route;
mod router;
mod routes;
mod serve;
mod service;
mod shared;
mod tls;
mod watched;

pub use error::ServerError;
pub use metrics::Metrics;
pub use service::{HttpService, install};
