//! `MultiStore`: many stores saved together.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod app_hash;
mod faults;

mod stores;
mod test_engine;
mod versions;
