//! The server, over real sockets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod access;
mod bad_input;
mod client;
mod documents;
mod limits;
mod node;
mod numbers;
mod proofs;
mod rest;
mod shutdown;
mod starting;
mod streams;
