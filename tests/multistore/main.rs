//! `MultiStore`: many stores saved together.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod app_hash;
mod stores;
mod versions;
