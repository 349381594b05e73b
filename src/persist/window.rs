//! Which versions are kept, found by seeking.

use treering_tree::Order;

use super::keys::{self, StoreId};
use super::multi::MultiRecord;
use super::records::{Standing, VersionRecord};
use super::{Disk, scan_rows};
use crate::engine::Keyspace;
use crate::error::Result;

impl Disk {
    /// The newest kept version of a store that is not above `most`. O(log versions), and a step for each that is only kept for others.
    pub(crate) fn version_up_to(&self, store: StoreId, most: u64) -> Result<Option<(u64, VersionRecord)>> {
        let (from, to) = keys::versions_between(store, 0, most);
        for row in scan_rows(&*self.backend, &from, &to, Order::Descending) {
            let row = row?;
            if row.standing == Standing::Kept {
                return Ok(Some((row.version, row.record)));
            }
        }
        Ok(None)
    }

    /// The oldest and the newest kept version of a store.
    pub(crate) fn version_window(&self, store: StoreId) -> Result<Option<(u64, u64)>> {
        let edge = |order| self.version_scan(store, order).next().transpose();
        let (oldest, newest) = (edge(Order::Ascending)?, edge(Order::Descending)?);
        Ok(oldest.zip(newest).map(|((oldest, _), (newest, _))| (oldest, newest)))
    }

    /// The versions of the whole below a number, the newest first.
    pub(crate) fn multi_versions_below(&self, below: Option<u64>) -> impl Iterator<Item = Result<MultiRecord>> + '_ {
        let (from, mut to) = keys::multi_versions();
        if let Some(below) = below {
            to = keys::multi_version(below);
        }
        let scan = self.backend.scan(Keyspace::Commits, &from, Some(&to), Order::Descending);
        scan.map(|pair| pair.map_err(Into::into).and_then(|(at, record)| MultiRecord::decode(&at, &record)))
    }
}
