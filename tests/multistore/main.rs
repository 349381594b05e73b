//! `MultiStore`: many stores saved together.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod again;
mod app_hash;
mod companions;
mod faults;
mod held_save;
mod model;
mod stores;
mod test_engine;
mod versions;
