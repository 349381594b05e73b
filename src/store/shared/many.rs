//! Reading many keys at once.

use std::ops::ControlFlow;

use treering_tree::Resident;

use super::{Core, SharedStore};
use crate::error::Result;
use crate::store::branch::Branch;
use crate::store::tree_store::saved_version;

/// So many keys are looked up side by side: one waits for memory while the others go on.
const TOGETHER: usize = 64;

/// A key's value, and the saved version that set it: `None` for a change that is not saved yet.
pub type FoundValue = (Vec<u8>, Option<u64>);

/// A key's value, lent, and the saved version that set it: `None` for a change that is not saved yet.
pub(crate) type ValueSeen<'a> = (&'a [u8], Option<u64>);

/// Takes what was found of a key, whose place among those asked for is given. Says whether to go on.
pub(crate) type TakeSeen<'a> = &'a mut dyn FnMut(usize, Option<ValueSeen<'_>>) -> ControlFlow<()>;

/// Keys about which nothing is known in memory, to be read from storage as of the moment when the others were.
pub(crate) struct Unread<'a, K> {
    branch: Branch,
    /// With their places among those asked for.
    keys: Vec<(usize, &'a K)>,
    core: &'a Core,
}

impl SharedStore {
    /// What the working state says about keys, all at the same moment: for each its value, and the saved version that set it (`None` for a
    /// change that is not saved yet), as [`SharedStore::get_with_version`] does one by one. Quicker than that: keys are looked up side by
    /// side. Whoever changes the store waits only while what is in memory is copied. O(keys · log n).
    ///
    /// # Errors
    /// As [`Store::get`](crate::Store::get).
    pub fn get_many(&self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Option<FoundValue>>> {
        let mut found = vec![None; keys.len()];
        let mut take = |place: usize, seen: Option<ValueSeen<'_>>| {
            if let (Some(place), Some((value, set_at))) = (found.get_mut(place), seen) {
                *place = Some((value.to_vec(), set_at));
            }
            ControlFlow::Continue(())
        };
        if let Some(unread) = self.get_resident(keys, &mut take)? {
            unread.read(&mut take)?;
        }
        Ok(found)
    }

    /// Gives what is in memory of keys one by one, while changes wait, and then what is left to be read from storage. `take` must not use the
    /// store; when it breaks off, nothing is left.
    ///
    /// # Errors
    /// [`Error::Closed`](crate::Error::Closed).
    pub(crate) fn get_resident<'a, K: AsRef<[u8]>>(&'a self, keys: &'a [K], take: TakeSeen<'_>) -> Result<Option<Unread<'a, K>>> {
        if let Some(found) = self.core.early_many(keys)? {
            for (place, found) in found.into_iter().enumerate() {
                if take(place, found.as_ref().map(|(value, version)| (&**value, Some(*version)))).is_break() {
                    break;
                }
            }
            return Ok(None);
        }
        let mut missing = Vec::new();
        let branch = self.core.look(|store| {
            for (group, first) in keys.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
                if group.len() > 1 {
                    store.tree().prefetch_reads(group.iter().map(AsRef::as_ref));
                }
                for (key, place) in group.iter().zip(first..) {
                    let seen = match store.resident(key.as_ref()) {
                        Resident::Value(seen) => Some(seen),
                        Resident::Absent => None,
                        Resident::Unknown => {
                            missing.push((place, key));
                            continue;
                        }
                    };
                    if take(place, seen).is_break() {
                        return Ok(None);
                    }
                }
            }
            Ok((!missing.is_empty()).then(|| store.branch()))
        })?;
        Ok(branch.map(|branch| Unread { branch, keys: missing, core: &self.core }))
    }
}

impl<K: AsRef<[u8]>> Unread<'_, K> {
    /// How many there are.
    #[cfg(feature = "system")]
    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    /// Reads them, while the store may change.
    ///
    /// # Errors
    /// As [`SharedStore::get_many`].
    pub(crate) fn read(self, take: TakeSeen<'_>) -> Result<()> {
        for (place, key) in self.keys {
            let found = self.branch.get_with_version(key.as_ref()).map_err(|error| self.core.told(error))?;
            if take(place, found.as_ref().map(|(value, version)| (&**value, saved_version(*version)))).is_break() {
                break;
            }
        }
        Ok(())
    }
}
