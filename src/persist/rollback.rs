//! Making an older version the newest one, in one atomic batch.
//!
//! Node keys start with the version that made the node, so what newer versions made is one range. What they stopped using comes back by
//! dropping their orphan records. The index is put right for every key that they touched: by their logs if all are there, else by
//! comparing it with the tree.

use std::collections::BTreeSet;

use treering_tree::{NodeKey, Order, Tree};

use super::commit::seconds_now;
use super::keys::{self, StoreId};
use super::log::{self, Operation};
use super::records::{self, VersionRecord};
use super::{Disk, StoreState, pins};
use crate::engine::{Batch, Keyspace};
use crate::error::{Error, Result};

impl Disk {
    /// Removes all versions of a store above `version`, which becomes the newest.
    pub(crate) fn rollback(&self, name: &str, version: u64) -> Result<()> {
        self.writable()?;
        let mut state = self.state();
        let store = state.id_of(name)?;
        let counts = self.pins.lock();
        let record = self.version(name, store, version)?;
        let held: Vec<u64> = pins::held(&counts, store).into_iter().filter(|&held| held > version).collect();
        if !held.is_empty() {
            return Err(Error::Pinned { store: name.to_owned(), versions: held });
        }
        let removed: Vec<(u64, VersionRecord)> = self.versions(store)?.into_iter().filter(|&(other, _)| other > version).collect();
        if removed.is_empty() {
            return Ok(());
        }

        let mut batch = Batch::new();
        let tree = self.tree(store, Some((version, record)))?;
        self.put_index_back(&mut batch, store, version, &removed, &tree)?;
        batch.delete_range(Keyspace::Nodes, keys::node(store, NodeKey::new(version + 1, 0)), keys::nodes(store).1);
        let (from, to) = keys::orphans_between(store, version + 1, u64::MAX);
        batch.delete_range(Keyspace::Orphans, from, to);
        let numbers = removed.iter().map(|&(version, _)| version).collect();
        for &version in &removed {
            self.put_removal(&mut batch, store, version, &numbers)?;
        }
        // The rollback is a commit of its own, so that numbers only grow and the newest commit tells how things stand.
        let number = state.next_commit;
        let newest = Some((version, record));
        let mut commit = self.commit_record(&state, seconds_now(), name, newest);
        for store in &mut commit.stores {
            store.made_here = false;
        }
        let (at, record) = commit.encode(number);
        batch.put(Keyspace::Commits, at, record);
        self.write(&batch)?;

        state.next_commit += 1;
        state.stores.insert(name.to_owned(), StoreState { id: store, registered: true, newest });
        Ok(())
    }

    fn put_index_back(&self, batch: &mut Batch, store: StoreId, version: u64, removed: &[(u64, VersionRecord)], tree: &Tree) -> Result<()> {
        for key in self.touched_keys(store, version, removed, tree)? {
            let at = keys::latest(store, &key);
            match tree.get_with_version(&key)? {
                Some((value, set_in)) => {
                    let (at, record) = records::encode_latest(store, &key, set_in, value);
                    batch.put(Keyspace::Latest, at, record);
                }
                None => batch.delete(Keyspace::Latest, at),
            }
        }
        Ok(())
    }

    /// All keys whose index record may differ from what the tree says.
    fn touched_keys(&self, store: StoreId, version: u64, removed: &[(u64, VersionRecord)], tree: &Tree) -> Result<BTreeSet<Vec<u8>>> {
        let mut touched = BTreeSet::new();
        for (&(version, record), expected) in removed.iter().zip(version + 1..) {
            let at = keys::log(record.commit, store);
            let log = self.backend.get(Keyspace::Log, &at)?;
            let Some(log) = log.filter(|_| version == expected) else { return self.all_keys(store, tree) };
            log::replay(&at, &log, |operation| {
                let (Operation::Set(key, _) | Operation::Delete(key)) = operation;
                touched.insert(key.to_vec());
            })?;
        }
        Ok(touched)
    }

    /// The keys of the index and of the tree: when versions in between were pruned, their logs are gone.
    fn all_keys(&self, store: StoreId, tree: &Tree) -> Result<BTreeSet<Vec<u8>>> {
        let mut all = BTreeSet::new();
        for entry in tree {
            all.insert(entry?.0.to_vec());
        }
        let (from, to) = keys::all_latest(store);
        for pair in self.backend.scan(Keyspace::Latest, &from, Some(&to), Order::Ascending) {
            let (at, _) = pair?;
            all.insert(keys::user_key(&at).unwrap_or_default().to_vec());
        }
        Ok(all)
    }
}
