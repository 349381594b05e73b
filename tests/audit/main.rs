//! The audit log: what has an entry and when, and that no entry, and no record beside a version, can be changed unseen.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/engine.rs"]
mod engine;

mod beside;
mod calls;
mod scene;
mod tampering;
mod writing;
