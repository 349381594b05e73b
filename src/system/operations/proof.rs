//! Proofs of what versions of all stores say, and checking them.

mod make;
mod verify;

pub use make::{Ics23Proof, MadeProof, MakeProof, ProofOf};
pub use verify::{ProofClaim, Verdict, VerifyProof};
