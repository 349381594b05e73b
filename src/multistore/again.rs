//! Saving a version of the whole that is there already: after an older one was loaded.

use treering_proofs::{Hash, app_hash};

use super::databases::Databases;
use super::member::Member;
use super::versions::kept_edges;
use crate::error::{Error, Result};
use crate::persist::multi::MultiRecord;
use crate::store::{Locked, SavedAlready};

/// A version of the whole that is there, and is just what saving would give.
pub(super) struct Again {
    pub(super) record: MultiRecord,
    /// The root hash of each store that it has, under its name.
    pub(super) roots: Vec<(String, Hash)>,
    /// For each of all stores its version; `None` for those that it does not have.
    versions: Vec<Option<SavedAlready>>,
}

impl Again {
    /// Finds the version. Changes nothing.
    ///
    /// # Errors
    /// [`Error::NoMultiVersion`] when it was pruned, [`Error::MultiVersionExists`] when it is another one, [`Error::NoVersion`] when a store
    /// was pruned alone.
    pub(super) fn find(databases: &Databases, version: u64, members: &[(String, Member)], stores: &mut [Locked<'_>]) -> Result<Self> {
        let Some(record) = databases.home()?.disk().multi_version(version)? else {
            let kept = "it was pruned, so it cannot be saved again; load or roll back to one that is kept".to_owned();
            return Err(Error::NoMultiVersion { version, edges: kept_edges(databases.home()?)?, kept });
        };
        let mut roots = Vec::with_capacity(stores.len());
        let mut taking_part = Vec::with_capacity(stores.len());
        let mut is_same = true;
        for ((name, member), store) in members.iter().zip(&mut *stores) {
            let tree = store.store()?;
            let part = record.stores.iter().find(|part| part.place == member.place);
            // A version that is there already does not have the stores that were made since.
            taking_part.push(part.is_some() || !tree.is_untouched());
            if taking_part.last() == Some(&false) {
                continue;
            }
            let root = tree.working_hash()?;
            is_same &= part.is_some_and(|part| part.root_hash == root && tree.next_version().is_ok_and(|next| next == part.version));
            roots.push((name.clone(), root));
        }
        // The hash also holds which stores there are, and their names.
        let (found, saving) = (record.app_hash, app_hash(roots.iter().map(|(name, root)| (name.as_str(), *root))));
        if !is_same || saving != found {
            return Err(Error::MultiVersionExists { version, before: version.saturating_sub(1), found, saving });
        }
        let mut versions = Vec::with_capacity(stores.len());
        for (((name, _), store), takes_part) in members.iter().zip(stores).zip(taking_part) {
            let mut already = || store.store()?.saved_already().map_err(|error| error.about_store(name));
            versions.push(if takes_part { already()? } else { None });
        }
        Ok(Self { record, roots, versions })
    }

    /// Bases the working states on it.
    pub(super) fn load(self, stores: &mut [Locked<'_>]) -> Result<MultiRecord> {
        for (store, version) in stores.iter_mut().zip(self.versions) {
            if let Some(already) = version {
                store.store()?.load(already.version, already.record)?;
                store.is_saved();
            }
        }
        Ok(self.record)
    }
}
