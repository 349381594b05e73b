//! The operations of a system through JSON: against models, with exact errors, and every input and output against its own JSON schema.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![expect(clippy::needless_pass_by_value, reason = "inputs are written where they are given")]

mod api;
mod errors;
mod history;
mod many;
mod model;
mod paging;
mod prepared;
mod proofs;
mod schema;
mod stores;
mod unloaded;
mod waiting;
