//! States of the database to read from, and why their numbers are kept in step.
//!
//! A compaction of the crate keeps what snapshots need from the *handle number* of the oldest one on, where it should be from its
//! *sequence number* on (`SnapshotList::oldest`). Handles count snapshots, sequence numbers count changes. So with more snapshots than
//! changes it drops what a snapshot still sees, and with fewer it keeps every old value and every removed key for ever. And once there
//! was a snapshot, it takes "none" for handle 0.
//!
//! Hence here:
//! 1. The handle of a snapshot is never above its sequence number: a state gets one snapshot, which all its readers share, and every
//!    write has changes.
//! 2. It is just below, where there was time: handles are spent on snapshots that are dropped at once, a few with each write and more
//!    while the thread has nothing else to do.
//! 3. There is a snapshot while there is a write, so that "none" does not occur.

use std::rc::Rc;

use rusty_leveldb::{DB, DBIterator, Status};

/// Opens iterators over one state. The crate does not export its snapshots' type, so a closure holds one.
pub(super) type View = Rc<dyn Fn(&mut DB) -> Result<DBIterator, Status>>;

/// The newest state, and the two numbers.
pub(super) struct Views {
    newest: Option<View>,
    /// The newest handle.
    handle: u64,
    /// The newest change.
    sequence: u64,
}

impl Views {
    /// Those of a database that was just opened and has no snapshots yet.
    pub(super) fn new(database: &mut DB) -> Self {
        let snapshot = database.get_snapshot();
        let sequence = snapshot.sequence();
        let newest: View = Rc::new(move |database| database.new_iter_at(snapshot.clone()));
        // A database without changes has nothing that could be dropped too early, but its handle is above; see `written`.
        Self { newest: Some(newest), handle: 1, sequence }
    }

    /// The newest state.
    pub(super) fn newest(&mut self, database: &mut DB) -> View {
        if let Some(newest) = &self.newest {
            return Rc::clone(newest);
        }
        let snapshot = database.get_snapshot();
        self.handle += 1;
        let newest: View = Rc::new(move |database| database.new_iter_at(snapshot.clone()));
        self.newest = Some(Rc::clone(&newest));
        newest
    }

    /// Spends up to `steps` handles; whether it had to. Then the newest state has to be asked for again.
    pub(super) fn catch_up(&mut self, database: &mut DB, steps: u64) -> bool {
        // One is left for the state to come.
        let behind = self.sequence.saturating_sub(self.handle + 1);
        let steps = steps.min(behind);
        for _ in 0..steps {
            drop(database.get_snapshot());
        }
        self.handle += steps;
        if steps > 0 {
            self.newest = None;
        }
        steps > 0
    }

    /// Makes sure of a snapshot of the state before a write, with a handle that has caught up by so many steps.
    pub(super) fn before_write(&mut self, database: &mut DB, steps: u64) {
        self.catch_up(database, steps);
        self.newest(database);
    }

    /// There is a new state after so many changes.
    pub(super) fn written(&mut self, changes: u64) {
        self.sequence += changes;
        self.newest = None;
    }
}
