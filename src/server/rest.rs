//! The routes that are more than an operation.

pub(super) mod abci;
pub(super) mod events;
pub(super) mod explorer;
pub(super) mod health;
pub(super) mod keys;
pub(super) mod operations;
pub(super) mod stream;
pub(super) mod versions;
