//! Reading many keys at once.

use std::ops::ControlFlow;

use treering_tree::Resident;

use super::SharedStore;
use crate::error::Result;
use crate::store::tree_store::saved_version;

/// So many keys are looked up side by side: one waits for memory while the others go on.
const TOGETHER: usize = 64;

/// A key's value, and the saved version that set it: `None` for a change that is not saved yet.
pub(crate) type ValueSeen<'a> = (&'a [u8], Option<u64>);

impl SharedStore {
    /// What the working state says about keys, all at the same moment: for each its value, and the saved version that set it (`None` for a
    /// change that is not saved yet), as [`SharedStore::get_with_version`] does one by one. Quicker than that: keys are looked up side by
    /// side. Whoever changes the store waits only while what is in memory is copied. O(keys · log n).
    ///
    /// # Errors
    /// As [`Store::get`](crate::Store::get).
    pub fn get_many(&self, keys: &[impl AsRef<[u8]>]) -> Result<Vec<Option<(Vec<u8>, Option<u64>)>>> {
        let mut found = vec![None; keys.len()];
        self.get_each(keys, &mut |place, seen| {
            if let (Some(place), Some((value, set_at))) = (found.get_mut(place), seen) {
                *place = Some((value.to_vec(), set_at));
            }
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// The same given one by one, each with its place in `keys`, until `each` breaks off: first those that are in memory, while changes wait,
    /// then the others. `each` must not use the store.
    ///
    /// # Errors
    /// As [`SharedStore::get_many`].
    pub(crate) fn get_each(
        &self,
        keys: &[impl AsRef<[u8]>],
        each: &mut dyn FnMut(usize, Option<ValueSeen<'_>>) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut missing = Vec::new();
        let branch = self.core.look(|store| {
            for (group, first) in keys.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
                store.tree().prefetch(group.iter().map(AsRef::as_ref));
                for (key, place) in group.iter().zip(first..) {
                    let seen = match store.resident(key.as_ref()) {
                        Resident::Value(seen) => Some(seen),
                        Resident::Absent => None,
                        Resident::Unknown => {
                            missing.push((place, key));
                            continue;
                        }
                    };
                    if each(place, seen).is_break() {
                        return Ok(None);
                    }
                }
            }
            // What must be read from storage is read from a branch of the same state, while the store may change.
            Ok((!missing.is_empty()).then(|| store.branch()))
        })?;
        let Some(branch) = branch else { return Ok(()) };
        for (place, key) in missing {
            let found = branch.get_with_version(key.as_ref()).map_err(|error| self.core.told(error))?;
            if each(place, found.as_ref().map(|(value, version)| (&**value, saved_version(*version)))).is_break() {
                break;
            }
        }
        Ok(())
    }
}
