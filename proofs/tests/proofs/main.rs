//! What proofs must do, checked against golden vectors of the Go implementation, a naive tree, and the official
//! ICS-23 verifier. One binary, so that it links once.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]
#![expect(clippy::cast_possible_truncation, reason = "numbers in tests are small, or random")]

mod absence_is_of_adjacent_leaves;
mod every_byte_matters;
mod forged_proofs_are_rejected;
mod golden;
mod golden_ics23;
mod golden_stores;
mod honest_proofs_verify;
mod mutation;
mod naive_tree;
mod oracle;
mod own_forms;
