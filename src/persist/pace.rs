//! How fast work in the background goes.
//!
//! Pruning has time. As long as versions are saved meanwhile, it rests after each step as long as the step took, and four times as long while
//! checkpoints are being written, so that commits find a processor and the disk free; otherwise it goes on at once. Blocks that come with
//! pauses leave it most of the time; those that never pause are followed more slowly than they come.
//!
//! Measured on two cores, blocks of 10,000 operations without a pause, alone and beside pruning in turn (`treering bench --beside`): half of them
//! took 1.13 times as long, one in a hundred 0.92 and 1.19 times in two runs; with rests as long as the steps 1.34, and 1.33 and 1.47
//! times; without rests 2 to 3 times, and four times and more.

use std::thread;
use std::time::{Duration, Instant};

use super::Disk;

/// For so long after a commit the next one is expected.
const BUSY: Duration = Duration::from_millis(500);
/// While checkpoints are being written, a rest is so many times as long as the step: all processors have work then.
const RESTS_WHILE_FLUSHING: u32 = 4;
/// No rest is longer, however long the step took.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// The pace of one piece of work, made of steps.
pub(super) struct Pace<'a> {
    disk: &'a Disk,
    commits: u64,
    last_commit: Option<Instant>,
    step: Instant,
}

impl<'a> Pace<'a> {
    /// The first step begins.
    pub(super) fn new(disk: &'a Disk) -> Self {
        Self { disk, commits: disk.state().next_commit, last_commit: None, step: Instant::now() }
    }

    /// A step is done: rests if commits are under way, then begins the next one.
    pub(super) fn rest(&mut self) {
        let commits = self.disk.state().next_commit;
        if commits != self.commits {
            (self.commits, self.last_commit) = (commits, Some(Instant::now()));
        }
        if self.last_commit.is_some_and(|last| last.elapsed() < BUSY) {
            let times = if self.disk.flusher.is_busy() { RESTS_WHILE_FLUSHING } else { 1 };
            thread::sleep((self.step.elapsed() * times).min(LONGEST_REST));
        }
        self.step = Instant::now();
    }
}
