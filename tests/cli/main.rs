//! The command line, driven from outside as a user's script would.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which fail by panicking")]

mod audit;
mod bad_input;
mod events;
mod help;
mod programs;
mod proving;
mod reading;
mod run;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod serving;
mod settings;
mod stores;
mod system;
mod together;
mod upkeep;
mod writing;
