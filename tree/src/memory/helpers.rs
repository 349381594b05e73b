//! Several threads at work for one branch, each on subtrees of its own.
//!
//! The work is dealt out piece by piece, so that no thread waits for a slower one. Which thread does which piece changes only which slots
//! are taken; hashes, numbers and orphans are the same.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::Branch;

impl Branch {
    /// Does `work` to all `pieces`, over up to `threads` threads, of which this one is the first. Returns when all is done.
    ///
    /// Each piece stands for a subtree of this branch; `work` may read and change the nodes of that subtree and no others, and no two
    /// pieces may share a node (invariant 4 of the parent module). When the system refuses a thread, the others do its work.
    pub(crate) fn share_out<T: Send>(&mut self, threads: usize, pieces: &mut [T], work: impl Fn(&mut Self, &mut T) + Sync) {
        let threads = threads.min(pieces.len());
        let left = Mutex::new(pieces.iter_mut());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let run = |branch: &mut Self| {
            while let Some(piece) = next() {
                work(branch, piece);
            }
        };
        if threads < 2 {
            return run(self);
        }
        let run = &run;
        thread::scope(|scope| {
            let mut helpers = Vec::with_capacity(threads);
            for _ in 1..threads {
                let mut helper = self.helper();
                let work = move || {
                    run(&mut helper);
                    helper
                };
                helpers.extend(thread::Builder::new().spawn_scoped(scope, work));
            }
            run(self);
            for helper in helpers {
                match helper.join() {
                    Ok(helper) => self.absorb(helper),
                    Err(panic) => resume_unwind(panic),
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use treering_proofs::HashFunction;

    use super::*;
    use crate::{Budget, NoSource};

    #[test]
    fn what_a_helper_changes_its_branch_has_changed() {
        let mut branch = Branch::new(HashFunction::Sha256, Arc::new(NoSource), Budget::unlimited());
        let mut helper = branch.helper();
        helper.reserve_leaf(2).unwrap();
        assert!(branch.tick().is_some());
        helper.add_leaf(b"k", b"v");
        branch.absorb(helper);
        assert_eq!(branch.tick(), None);
    }
}
