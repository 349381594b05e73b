//! From a key straight to its leaf, for the newest saved state of a tree and those shortly before it.
//!
//! A walk down a tree of a million keys waits for some twenty places of memory in a row, a shortcut for two: the bucket of the key's hash,
//! and the leaf. Measured, 200,000 random gets of 1 M keys: 0.55 M a second by walks, 1.4 to 1.6 M with shortcuts; a block of 10,000
//! operations takes 0.3 ms longer, of 11. They take 16 to 35 bytes a key, counted in the budget, and go first when memory is short. What has
//! no shortcut is walked to, so any of them may be missing; absent keys never have one.
//!
//! The states of a tree, as they are saved one after another, form a *line*; each has its *tick*. A shortcut names the leaf and a tick from
//! which on the leaf has been in the tree.
//!
//! Invariants
//! 1. A shortcut's leaf is in the state `head`, the newest of the line: a save puts the shortcuts of new leaves, and takes out those of all
//!    keys that were set or removed, before any tree has the new tick. There is at most one shortcut for each hash, so one that is put
//!    replaces all that the hash could stand for.
//! 2. A leaf is in all states from its shortcut's tick to `head`: keys that come back get new leaves. So a tree of the line, whose tick lies in
//!    between, reaches it, and it is neither changed nor freed while that tree lives. Leaves of later ticks are not looked at.
//! 3. A tree has a tick only as long as it is just as it was saved, and one that is saved as the successor of another state than `head` has
//!    none: it left the line. A new line begins, without shortcuts, only in a memory that has no other branch.
//! 4. Slots change their places, and nodes are given up that branches still reach, only where there is one branch: `Memory::make_room`
//!    takes all shortcuts out first.
//!
//! Why relaxed loads would suffice for saves: whoever has a tree with a tick got it after that save, so it sees what the save wrote, or what
//! was written later. A reader's own shortcut (`Release`) may lead to a leaf that it has just read from storage, hence `Acquire`.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHasher;

use super::account::Account;
use super::arena::{Arena, Slot};
use crate::Budget;

/// Shortcuts of a bucket: as many as fit a cache line.
const WAYS: usize = 5;
/// With fewer keys no shortcuts are begun: the way down is short, and stays in the cache.
pub(crate) const LEAST_KEYS: usize = 64;
/// Buckets to begin with.
const LEAST_BUCKETS: u32 = 16;
/// Shortcuts for each bucket, in eighths, from which on there are twice as many buckets. By then a twentieth found no room.
const FULL: u64 = 31;
/// Buckets that are fetched ahead of those being written.
const PREFETCH: usize = 12;

/// A state of the line. The first one, of a memory without a save, is 0.
pub(crate) type Tick = u32;
/// Higher than that of any state.
const NO_TICK: Tick = Tick::MAX;

/// A leaf, and the hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) hash: u32,
    pub(crate) leaf: u32,
}

/// The hash by which a key is looked up. Keys chosen to have the same one take each other's shortcuts, nothing worse.
#[inline]
pub(crate) fn hash_of(key: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    #[expect(clippy::cast_possible_truncation, reason = "the half that is wanted")]
    let hash = hasher.finish() as u32;
    hash
}

/// Shortcuts whose hashes end alike. All parts are atomics, since readers look while a writer writes.
#[repr(C, align(64))]
struct Bucket {
    /// Tick (the upper half) and leaf.
    leaves: [AtomicU64; WAYS],
    hashes: [AtomicU32; WAYS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// In the place of a shortcut.
const NOTHING: u64 = (NO_TICK as u64) << 32;

impl Slot for Bucket {
    const VACANT: Self = Self { leaves: [const { AtomicU64::new(NOTHING) }; WAYS], hashes: [const { AtomicU32::new(0) }; WAYS] };
}

impl Bucket {
    /// The leaf for a hash, if it has been there since `tick` or longer.
    #[inline]
    fn find(&self, hash: u32, tick: Tick) -> Option<u32> {
        let mut ways = self.hashes.iter().zip(&self.leaves).filter(|(its, _)| its.load(Ordering::Relaxed) == hash);
        // A hash and a leaf may be of two shortcuts, one of them just being put; the caller compares keys.
        ways.find_map(|(_, leaf)| {
            let bits = leaf.load(Ordering::Acquire);
            #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
            let found = (((bits >> 32) as Tick) <= tick).then_some(bits as u32);
            found
        })
    }

    /// Takes out the shortcut of a hash; gives how many that were.
    fn take_out(&self, hash: u32) -> u32 {
        let mut count = 0;
        for (its, leaf) in self.hashes.iter().zip(&self.leaves) {
            if its.load(Ordering::Relaxed) == hash && leaf.load(Ordering::Relaxed) != NOTHING {
                leaf.store(NOTHING, Ordering::Release);
                count += 1;
            }
        }
        count
    }

    /// Puts a shortcut: in the place of that of the same hash, else where there is room, else in the place of another. Gives whether there is one
    /// more now.
    fn put(&self, hash: u32, bits: u64) -> bool {
        let mut free = None;
        for place in self.hashes.iter().zip(&self.leaves) {
            let (its, leaf) = place;
            if leaf.load(Ordering::Relaxed) == NOTHING {
                free = Some(place);
            } else if its.load(Ordering::Relaxed) == hash {
                leaf.store(bits, Ordering::Release);
                return false;
            }
        }
        let other = || self.hashes.iter().zip(&self.leaves).nth((hash >> 16) as usize % WAYS);
        if let Some((its, leaf)) = free.or_else(other) {
            // Nothing first: a reader must not take the old leaf for one of the new hash any longer than it compares keys.
            leaf.store(NOTHING, Ordering::Release);
            its.store(hash, Ordering::Release);
            leaf.store(bits, Ordering::Release);
        }
        free.is_some()
    }
}

/// See the module's documentation.
pub(crate) struct Shortcuts {
    buckets: Arena<Bucket>,
    /// How many buckets there are: none, or a power of two.
    count: AtomicU32,
    /// The newest state of the line.
    head: AtomicU32,
    /// Its own: what nodes take is counted without shortcuts.
    account: Arc<Account>,
    books: Mutex<Books>,
}

/// What only who writes needs.
#[derive(Default)]
struct Books {
    /// Shortcuts that are there.
    stored: u64,
    /// Whether there is no room for shortcuts.
    is_suspended: bool,
}

#[expect(unsafe_code, reason = "reads of arena slots; they are taken once, and given back by who has the whole memory")]
impl Shortcuts {
    pub(super) fn new(budget: &Arc<Budget>) -> Self {
        let account = Account::new(Arc::clone(budget));
        let (count, head) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { buckets: Arena::new(&account), count, head, account, books: Mutex::default() }
    }

    /// The counts are written last, so a panic elsewhere at worst has them count wrong.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn bucket(&self, number: u32) -> &Bucket {
        // SAFETY: numbers below `count` were taken; a bucket is not written but for its atomics.
        unsafe { self.buckets.get(number) }
    }

    /// The leaf where a key with this hash may be, in a state of the line.
    #[inline]
    pub(crate) fn find(&self, hash: u32, tick: Tick) -> Option<u32> {
        let mask = self.count.load(Ordering::Acquire).checked_sub(1)?;
        self.bucket(hash & mask).find(hash, tick)
    }

    /// Has the processor fetch what [`Shortcuts::find`] will look at.
    #[inline]
    pub(crate) fn prefetch(&self, hash: u32) {
        if let Some(mask) = self.count.load(Ordering::Acquire).checked_sub(1) {
            self.buckets.prefetch(hash & mask);
        }
    }

    /// Whether a state is the newest one of the line.
    #[inline]
    pub(crate) fn is_head(&self, tick: Tick) -> bool {
        self.head.load(Ordering::Relaxed) == tick
    }

    /// Puts a shortcut to a leaf that was walked to in a state of the line, unless somebody else is writing just now.
    pub(crate) fn offer(&self, found: Found, tick: Tick) {
        if !self.is_head(tick) {
            return;
        }
        let Ok(mut books) = self.books.try_lock() else { return };
        // A save may have come in between.
        if self.is_head(tick) {
            self.put(&mut books, found, tick);
        }
    }

    /// The state `before` was followed by another one, for which keys with the hashes `gone` were removed and leaves were `made`. Gives the tick
    /// of that state, if it is of the line. `is_alone`: whether the memory has no other branch.
    pub(super) fn follow(&self, before: Option<Tick>, gone: &[u32], made: &[Found], is_alone: bool) -> Option<Tick> {
        let mut books = self.books();
        let head = self.head.load(Ordering::Relaxed);
        let tick = head.checked_add(1).filter(|&tick| tick < NO_TICK)?;
        if before != Some(head) {
            if !is_alone {
                return None;
            }
            self.take_all_out(&mut books);
        }
        for &hash in gone {
            self.take_out(&mut books, hash);
        }
        // With shortcuts there, those of all that was made must follow; without, a small block need not begin them.
        let made = if self.count.load(Ordering::Relaxed) == 0 && made.len() < LEAST_KEYS { &[] } else { made };
        for (place, &found) in made.iter().enumerate() {
            if let Some(soon) = made.get(place + PREFETCH) {
                self.prefetch(soon.hash);
            }
            self.put(&mut books, found, tick);
        }
        self.head.store(tick, Ordering::Relaxed);
        Some(tick)
    }

    fn take_out(&self, books: &mut Books, hash: u32) {
        if let Some(mask) = self.count.load(Ordering::Relaxed).checked_sub(1) {
            books.stored -= u64::from(self.bucket(hash & mask).take_out(hash));
        }
    }

    fn put(&self, books: &mut Books, Found { hash, leaf }: Found, tick: Tick) {
        if !self.has_room(books) {
            return self.take_out(books, hash);
        }
        let mask = self.count.load(Ordering::Relaxed) - 1;
        books.stored += u64::from(self.bucket(hash & mask).put(hash, u64::from(tick) << 32 | u64::from(leaf)));
    }

    /// Whether a shortcut can be put: sees to more buckets when they are full.
    fn has_room(&self, books: &mut Books) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        if !books.is_suspended && books.stored * 8 >= u64::from(count) * FULL && self.account.budget().has_room() {
            self.grow(count);
        }
        !books.is_suspended && self.count.load(Ordering::Relaxed) > 0
    }

    /// Makes twice as many buckets, and moves what belongs into the new ones there.
    fn grow(&self, count: u32) {
        let more = count.max(LEAST_BUCKETS);
        if count.checked_add(more).is_none_or(|all| all > Bucket::CAPACITY) {
            return;
        }
        // Nothing is ever given back one by one, so the numbers are those behind the ones before.
        let mut taken = Vec::with_capacity(more as usize);
        self.buckets.take(more, &mut taken);
        debug_assert_eq!(taken.iter().min().copied(), Some(count));
        for number in 0..count {
            let (old, new) = (self.bucket(number), self.bucket(number + count));
            for (hash, leaf) in old.hashes.iter().zip(&old.leaves) {
                let (hash, bits) = (hash.load(Ordering::Relaxed), leaf.load(Ordering::Relaxed));
                if bits != NOTHING && hash & count != 0 {
                    new.put(hash, bits);
                    leaf.store(NOTHING, Ordering::Release);
                }
            }
        }
        self.count.store(count + more, Ordering::Release);
    }

    fn take_all_out(&self, books: &mut Books) {
        for number in 0..self.count.load(Ordering::Relaxed) {
            for leaf in &self.bucket(number).leaves {
                leaf.store(NOTHING, Ordering::Release);
            }
        }
        books.stored = 0;
    }

    /// Gives up all shortcuts and their memory; there are none until [`Shortcuts::resume`].
    pub(super) fn suspend(&mut self) {
        let count = std::mem::take(self.count.get_mut());
        let mut numbers: Vec<u32> = (0..count).collect();
        self.buckets.put_back(&mut numbers);
        self.buckets = Arena::new(&self.account);
        *self.books.get_mut().unwrap_or_else(PoisonError::into_inner) = Books { stored: 0, is_suspended: true };
    }

    /// From now on there may be shortcuts again.
    pub(super) fn resume(&mut self) {
        self.books.get_mut().unwrap_or_else(PoisonError::into_inner).is_suspended = false;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn shortcuts() -> Shortcuts {
        Shortcuts::new(&Budget::unlimited())
    }

    /// A line of random states against a map of each: what is found was put last, in a state at or before the reader's, and hardly anything
    /// gets lost.
    #[test]
    fn what_is_found_is_what_each_state_has() {
        let mut shortcuts = shortcuts();
        let mut random = 0x9E37_79B9_u32;
        let mut below = |n: u32| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) % n
        };
        let mut states = vec![HashMap::from([(7_u32, 7_u32)])];
        // Small blocks do not begin shortcuts.
        shortcuts.offer(Found { hash: 7, leaf: 7 }, 0);
        let mut tick = 0;
        for leaf in 0..200_u32 {
            let mut state = states.last().unwrap().clone();
            let gone: Vec<u32> = (0..below(20)).map(|_| below(3000).wrapping_mul(0x9E37_79B1)).collect();
            state.retain(|hash, _| !gone.contains(hash));
            let made = (0..below(60)).map(|place| Found { hash: below(3000).wrapping_mul(0x9E37_79B1), leaf: leaf * 100 + place });
            let mut made: Vec<Found> = made.collect();
            made.sort_by_key(|found| found.hash);
            made.dedup_by_key(|found| found.hash);
            state.extend(made.iter().map(|found| (found.hash, found.leaf)));
            tick = shortcuts.follow(Some(tick), &gone, &made, false).unwrap();
            states.push(state);
            assert_eq!(tick as usize + 1, states.len());
        }
        let newest = states.last().unwrap();
        let mut kept = 0;
        for (tick, state) in (0..).zip(&states) {
            for (hash, leaf) in state {
                if let Some(found) = shortcuts.find(*hash, tick) {
                    assert_eq!((Some(&found), &found), (newest.get(hash), leaf));
                    kept += usize::from(tick as usize + 1 == states.len());
                }
            }
        }
        assert!(kept * 20 > newest.len() * 18, "{kept} of {}", newest.len());
        let absent = (0..3000_u32).map(|n| n.wrapping_mul(0x9E37_79B1)).filter(|hash| !newest.contains_key(hash));
        assert_eq!(absent.filter(|&hash| shortcuts.find(hash, tick).is_some()).count(), 0);
        // Another line begins only for who is alone, and without shortcuts.
        assert_eq!(shortcuts.follow(Some(tick - 1), &[], &[], false), None);
        assert!(newest.keys().any(|&hash| shortcuts.find(hash, tick).is_some()));
        let anew = shortcuts.follow(None, &[], &[], true).unwrap();
        assert!(newest.keys().all(|&hash| shortcuts.find(hash, anew).is_none()));
        let held = shortcuts.account.held();
        assert!(held > 0);
        shortcuts.suspend();
        assert_eq!(shortcuts.account.held(), 0);
    }

    #[test]
    fn offers_count_for_the_newest_state_only() {
        let shortcuts = shortcuts();
        shortcuts.offer(Found { hash: 5, leaf: 50 }, 0);
        assert_eq!((shortcuts.find(5, 0), shortcuts.find(5, 1)), (Some(50), Some(50)));
        let tick = shortcuts.follow(Some(0), &[5], &[], false).unwrap();
        shortcuts.offer(Found { hash: 5, leaf: 50 }, 0);
        assert_eq!(shortcuts.find(5, tick), None);
        shortcuts.offer(Found { hash: 5, leaf: 51 }, tick);
        assert_eq!((shortcuts.find(5, 0), shortcuts.find(5, tick)), (None, Some(51)));
    }

    #[test]
    fn ticks_end() {
        let shortcuts = shortcuts();
        shortcuts.head.store(NO_TICK - 1, Ordering::Relaxed);
        assert_eq!(shortcuts.follow(Some(NO_TICK - 1), &[], &[Found { hash: 1, leaf: 1 }], true), None);
        assert_eq!(shortcuts.find(1, NO_TICK - 1), None);
    }
}
