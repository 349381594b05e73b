//! A growing table of slots addressed by `u32`, which never move.
//!
//! Invariants
//! 1. Every slot below `len` that is not in a gap holds a valid `T`: a live value or a vacated one.
//! 2. A slot number is in one place only: in a gap, in the free list, in a caller's pool of vacant numbers, or in use.
//! 3. Chunk `k` holds `BASE << k` slots; a chunk is made once and freed with the arena, so a `&T` stays good while its slot is in use.
//!    Slots are handed out from the front, so the part of a chunk that was never needed is address space only, no memory.
//! 4. Blocks of [`BLOCK`] slots, all of them free, can be given back to the system: they are gaps then, and their memory holds no values.
//!
//! This file and those beside it are the only ones with `unsafe`. Measured reason (PEERS in the benchmarks): with reference-counted nodes
//! a block of 10,000 operations on 1 M keys takes 77 ms, with an arena 15 to 25 ms, since copying a node touches nothing else.

#![expect(unsafe_code, reason = "slots are handed out by number; see the measured reason above")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::account::Account;

/// Slots in the first chunk, as a power of two; each further chunk doubles.
const BASE_BITS: u32 = 12;
/// Enough for every number below [`CAPACITY`].
const CHUNKS: usize = 19;
/// How many slots an arena can have: two bits of a 32-bit link name the kind of node.
pub(crate) const CAPACITY: u32 = 1 << 30;

/// Chunks of this size on are aligned for huge pages.
const HUGE_PAGE: usize = 2 << 20;
/// Slots that are given back to the system together, as a power of two. A block lies in one chunk, unless it is the first.
const BLOCK_BITS: u32 = 14;
const BLOCK: u32 = 1 << BLOCK_BITS;

/// What an arena can hold.
pub(crate) trait Slot: Sized {
    /// A value that owns no memory, for slots not in use.
    const VACANT: Self;
    /// How many slots there can be.
    const CAPACITY: u32 = CAPACITY;

    /// Gives up what the slot holds. What is left must own no memory, and need not be [`Slot::VACANT`] in what is not read of such slots.
    fn vacate(&mut self) {
        *self = Self::VACANT;
    }
}

#[derive(Default)]
struct Vacancies {
    free: Vec<u32>,
    /// Slots from here on were never handed out.
    len: u32,
    /// Slots below `len` that were given back to the system.
    gaps: Vec<Range<u32>>,
}

impl Vacancies {
    /// Up to `count` slots that hold no value: of a gap, or else never used.
    fn next_unused(&mut self, count: u32, capacity: u32) -> Range<u32> {
        let Some(gap) = self.gaps.last_mut() else {
            let start = self.len;
            self.len = start.saturating_add(count).min(capacity);
            return start..self.len;
        };
        let start = gap.start;
        gap.start = gap.end.min(start.saturating_add(count));
        let taken = start..gap.start;
        if gap.start == gap.end {
            self.gaps.pop();
        }
        taken
    }
}

/// See the module's documentation.
pub(crate) struct Arena<T: Slot> {
    chunks: [AtomicPtr<UnsafeCell<T>>; CHUNKS],
    vacancies: Mutex<Vacancies>,
    account: Arc<Account>,
}

// SAFETY: an arena owns its values, and hands out `&T` and `&mut T` only under the contracts of `get` and `get_mut`.
unsafe impl<T: Slot + Send> Send for Arena<T> {}
// SAFETY: as above; shared access gives `&T` (hence `T: Sync`) and, through `write`, moves values in (hence `T: Send`).
unsafe impl<T: Slot + Send + Sync> Sync for Arena<T> {}

/// The chunk and the place in it of slot `id`.
#[inline]
fn place(id: u32) -> (usize, usize) {
    let position = id + (1 << BASE_BITS);
    let top = position.ilog2();
    ((top - BASE_BITS) as usize, (position ^ (1 << top)) as usize)
}

/// Has the processor fetch bytes that will be needed soon.
#[inline]
pub(super) fn prefetch(start: *const u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..bytes).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (start, bytes);
}

/// Slots being moved to the front of an arena. Dropped without [`Arena::end_packing`], the vacant ones of these are never used again.
pub(crate) struct Packing {
    /// Slots from here on move.
    bound: u32,
    /// Vacant slots before it.
    targets: Vec<u32>,
    /// Slots moved away from.
    vacated: Vec<u32>,
}

/// Bytes of so many slots.
fn bytes<T>(slots: usize) -> u64 {
    (slots * size_of::<T>()) as u64
}

/// The block that slot `id` lies in. The first one is shorter and spans chunks.
fn block(id: u32) -> u32 {
    (id + (1 << BASE_BITS)) >> BLOCK_BITS
}

/// The slots that hold a value, live or vacated.
fn valid(vacancies: &Vacancies) -> impl Iterator<Item = u32> + use<> {
    let mut gaps = vacancies.gaps.clone();
    gaps.sort_unstable_by_key(|gap| gap.start);
    let starts: Vec<u32> = std::iter::once(0).chain(gaps.iter().map(|gap| gap.end)).collect();
    let ends: Vec<u32> = gaps.iter().map(|gap| gap.start).chain([vacancies.len]).collect();
    starts.into_iter().zip(ends).flat_map(|(start, end)| start..end)
}

/// Gives whole pages back to the system; what is read of them later is zeros. Gives whether the system took them.
fn give_back(start: *mut u8, bytes: u64) -> bool {
    #[cfg(target_os = "linux")]
    {
        let Ok(bytes) = usize::try_from(bytes) else { return false };
        // SAFETY: the caller's range is its own memory, in which no value is live.
        unsafe { rustix::mm::madvise(start.cast(), bytes, rustix::mm::Advice::LinuxDontNeed) }.is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (start, bytes);
        false
    }
}

impl<T: Slot> Arena<T> {
    /// An empty arena, whose slots in use or in a pool are counted in `account`.
    pub(crate) fn new(account: &Arc<Account>) -> Self {
        let chunks = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
        Self { chunks, vacancies: Mutex::default(), account: Arc::clone(account) }
    }

    /// No code that holds this lock can leave the lists half changed, so a panic elsewhere does not spoil them.
    fn vacancies(&self) -> MutexGuard<'_, Vacancies> {
        self.vacancies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves up to `count` vacant slot numbers into `pool`, growing the arena when none are free. Gives none when it is full.
    pub(crate) fn take(&self, count: u32, pool: &mut Vec<u32>) {
        let mut vacancies = self.vacancies();
        let reused = vacancies.free.len().min(count as usize);
        let kept = vacancies.free.len() - reused;
        pool.extend(vacancies.free.drain(kept..));
        if reused > 0 {
            return self.account.add(bytes::<T>(reused));
        }
        let unused = vacancies.next_unused(count, T::CAPACITY);
        self.account.add(bytes::<T>(unused.len()));
        // Handed out from the back, so that numbers, and with them addresses, ascend.
        for id in unused.rev() {
            self.make_chunk_of(id);
            let slot = self.pointer(id);
            // SAFETY: the chunk of `id` exists, and nobody else knows this number: it came from a gap or from behind `len`, under the lock.
            unsafe { slot.write(T::VACANT) };
            pool.push(id);
        }
    }

    /// Gives vacant slot numbers back.
    pub(crate) fn put_back(&self, pool: &mut Vec<u32>) {
        self.account.sub(bytes::<T>(pool.len()));
        self.vacancies().free.append(pool);
    }

    /// Slots in use or in a pool.
    pub(crate) fn in_use(&self) -> u32 {
        let vacancies = self.vacancies();
        let gaps: usize = vacancies.gaps.iter().map(ExactSizeIterator::len).sum();
        u32::try_from(vacancies.len as usize - vacancies.free.len() - gaps).unwrap_or(u32::MAX)
    }

    /// Bytes of the slots in use or in a pool.
    #[cfg(test)]
    pub(crate) fn slot_bytes(&self) -> u64 {
        u64::from(self.in_use()) * size_of::<T>() as u64
    }

    /// Shows the slots one by one, vacant ones too, in the order in which they lie in memory.
    pub(crate) fn for_each(&mut self, mut show: impl FnMut(u32, &T)) {
        for id in valid(self.vacancies.get_mut().unwrap_or_else(PoisonError::into_inner)) {
            // SAFETY: the slot is valid (invariant 1), and `&mut self` rules out writers.
            show(id, unsafe { &*self.pointer(id) });
        }
    }

    /// Bytes that are resident though nothing lies there: vacant slots, and the end of a huge page behind the last slot.
    pub(crate) fn idle_bytes(&self) -> u64 {
        let vacancies = self.vacancies();
        bytes::<T>(vacancies.free.len()) + Self::untouched_tail(vacancies.len)
    }

    /// Gives up to `most` bytes back to the system, as far as whole blocks of slots are vacant. Gives how many bytes were given back.
    /// O(vacant slots).
    pub(crate) fn trim(&self, most: u64) -> u64 {
        let mut vacancies = self.vacancies();
        let most = usize::try_from(most / bytes::<T>(1)).unwrap_or(usize::MAX);
        if most < BLOCK as usize || vacancies.free.len() < BLOCK as usize {
            return 0;
        }
        bytes::<T>(self.release_blocks(&mut vacancies, most))
    }

    /// Begins to move slots to the front.
    pub(crate) fn begin_packing(&mut self) -> Packing {
        let vacancies = self.vacancies.get_mut().unwrap_or_else(PoisonError::into_inner);
        let vacant = vacancies.free.len() + vacancies.gaps.iter().map(ExactSizeIterator::len).sum::<usize>();
        let in_use = u32::try_from(vacancies.len as usize - vacant).unwrap_or(vacancies.len);
        // What is left behind the bound shall be whole blocks.
        let bound = (in_use + (1 << BASE_BITS)).next_multiple_of(BLOCK) - (1 << BASE_BITS);
        let targets = vacancies.free.extract_if(.., |id| *id < bound).collect();
        Packing { bound, targets, vacated: Vec::new() }
    }

    /// Moves what is in slot `id` further to the front if it lies behind the bound; gives where it is then. Whoever names the slot is to be told.
    pub(crate) fn pack(&mut self, id: u32, packing: &mut Packing) -> u32 {
        if id < packing.bound {
            return id;
        }
        let Some(target) = packing.targets.pop() else { return id };
        // SAFETY: both slots are valid (invariant 1) and not the same, since only one of them is vacant; `&mut self` rules out everyone else.
        let (from, to) = unsafe { (&mut *self.pointer(id), &mut *self.pointer(target)) };
        *to = std::mem::replace(from, T::VACANT);
        packing.vacated.push(id);
        target
    }

    /// Ends the moving of slots. As many were vacated as were filled, so the account stays as it is.
    pub(crate) fn end_packing(&mut self, packing: Packing) {
        let vacancies = self.vacancies.get_mut().unwrap_or_else(PoisonError::into_inner);
        vacancies.free.extend(packing.vacated);
        vacancies.free.extend(packing.targets);
    }

    /// Gives up to `most` slots back to the system. Gives how many these were.
    fn release_blocks(&self, vacancies: &mut Vacancies, most: usize) -> usize {
        let mut free = vec![0u32; block(vacancies.len) as usize + 1];
        for &id in &vacancies.free {
            if let Some(count) = free.get_mut(block(id) as usize) {
                *count += 1;
            }
        }
        let mut released = 0;
        for (number, count) in (0..).zip(&mut free) {
            let Some(start) = u32::checked_sub(number << BLOCK_BITS, 1 << BASE_BITS) else { continue };
            if *count == BLOCK && released + BLOCK as usize <= most && self.release(start) {
                vacancies.gaps.push(start..start + BLOCK);
                released += BLOCK as usize;
                *count = u32::MAX;
            }
        }
        let count_of = |id: u32| free.get(block(id) as usize).copied().unwrap_or_default();
        vacancies.free.retain(|&id| count_of(id) != u32::MAX);
        vacancies.free.shrink_to(2 * vacancies.free.len());
        released
    }

    /// Gives the memory of the block that starts with slot `start` back. All its slots are in the free list, whose lock the caller holds.
    fn release(&self, start: u32) -> bool {
        let (chunk, _) = place(start);
        let is_aligned = Self::layout(chunk).size() >= HUGE_PAGE;
        is_aligned && give_back(self.pointer(start).cast(), bytes::<T>(BLOCK as usize))
    }

    /// Bytes behind the last slot in use that are resident with it, since the pages are huge.
    fn untouched_tail(len: u32) -> u64 {
        let Some(last) = len.checked_sub(1) else { return 0 };
        let (chunk, offset) = place(last);
        let (size, used) = (Self::layout(chunk).size() as u64, bytes::<T>(offset + 1));
        if size < HUGE_PAGE as u64 { 0 } else { used.next_multiple_of(HUGE_PAGE as u64).min(size) - used }
    }

    /// The value in slot `id`.
    ///
    /// # Safety
    /// `id` came from [`Arena::take`], and while the reference lives nobody writes the slot.
    #[inline]
    pub(crate) unsafe fn get(&self, id: u32) -> &T {
        // SAFETY: the slot exists and is valid (invariant 1); the caller rules out writers.
        unsafe { &*self.pointer(id) }
    }

    /// The value in slot `id`, to change.
    ///
    /// # Safety
    /// `id` came from [`Arena::take`], and while the reference lives nobody else reads or writes the slot.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "interior mutability; exclusiveness is the caller's contract")]
    pub(crate) unsafe fn get_mut(&self, id: u32) -> &mut T {
        // SAFETY: the slot exists and is valid (invariant 1); the caller rules out everyone else.
        unsafe { &mut *self.pointer(id) }
    }

    /// Has the processor fetch a slot that will be needed soon; `id` came from [`Arena::take`].
    #[inline]
    pub(crate) fn prefetch(&self, id: u32) {
        prefetch(self.pointer(id).cast(), size_of::<T>());
    }

    #[inline]
    fn pointer(&self, id: u32) -> *mut T {
        let (chunk, offset) = place(id);
        debug_assert!(chunk < CHUNKS);
        // SAFETY: `id < CAPACITY` gives `chunk < CHUNKS`. The offset lies inside the chunk by construction; a number is handed out
        // (under the lock, with the chunk made) before anyone can ask for its slot.
        unsafe {
            let start = self.chunks.get_unchecked(chunk).load(Ordering::Acquire);
            UnsafeCell::raw_get(start.add(offset))
        }
    }

    fn make_chunk_of(&self, id: u32) {
        let (chunk, _) = place(id);
        let Some(start) = self.chunks.get(chunk) else { return };
        if !start.load(Ordering::Acquire).is_null() {
            return;
        }
        let layout = Self::layout(chunk);
        // SAFETY: the layout has a size: slots are no zero-sized types and a chunk has at least one.
        let memory = unsafe { alloc(layout) };
        if memory.is_null() {
            handle_alloc_error(layout);
        }
        Self::ask_for_huge_pages(memory, layout.size());
        start.store(memory.cast(), Ordering::Release);
    }

    /// A walk touches a page a node, far more than the processor keeps translations for: with pages of 2 MiB a block takes half the time.
    fn ask_for_huge_pages(memory: *mut u8, bytes: usize) {
        #[cfg(target_os = "linux")]
        if bytes >= HUGE_PAGE {
            // SAFETY: the range is the chunk just allocated; the advice changes no contents. Where it is not taken, all works as well.
            let _ = unsafe { rustix::mm::madvise(memory.cast(), bytes, rustix::mm::Advice::LinuxHugepage) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (memory, bytes);
    }

    fn layout(chunk: usize) -> Layout {
        let slots = 1usize << (chunk + BASE_BITS as usize);
        let layout = Layout::array::<UnsafeCell<T>>(slots);
        let aligned = layout.and_then(|layout| if layout.size() < HUGE_PAGE { Ok(layout) } else { layout.align_to(HUGE_PAGE) });
        let Ok(layout) = aligned else { unreachable!("2^30 slots of at most 128 bytes fit an address space of 64 bits") };
        layout
    }
}

impl<T: Slot> Drop for Arena<T> {
    fn drop(&mut self) {
        for id in valid(self.vacancies.get_mut().unwrap_or_else(PoisonError::into_inner)).take_while(|_| std::mem::needs_drop::<T>()) {
            // SAFETY: the slot is valid (invariant 1), and `&mut self` rules out every other use.
            unsafe { ptr::drop_in_place(self.pointer(id)) };
        }
        for (chunk, start) in self.chunks.iter_mut().enumerate() {
            let memory = *start.get_mut();
            if !memory.is_null() {
                // SAFETY: made in `make_chunk_of` with this layout, and freed once.
                unsafe { dealloc(memory.cast(), Self::layout(chunk)) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Budget;

    impl Slot for Option<Box<u32>> {
        const VACANT: Self = None;
    }

    #[test]
    fn places_fill_chunks_without_gaps() {
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(4095), (0, 4095));
        assert_eq!(place(4096), (1, 0));
        assert_eq!(place(4096 + 8191), (1, 8191));
        assert_eq!(place(4096 + 8192), (2, 0));
        assert!(place(CAPACITY - 1).0 < CHUNKS);
    }

    #[test]
    fn values_survive_growth_and_are_dropped_with_the_arena() {
        let arena = Arena::<Option<Box<u32>>>::new(&Account::new(Budget::unlimited()));
        let mut pool = Vec::new();
        let mut ids = Vec::new();
        for n in 0..20_000u32 {
            if pool.is_empty() {
                arena.take(100, &mut pool);
            }
            let id = pool.pop().unwrap();
            // SAFETY: fresh from `take`.
            unsafe { *arena.get_mut(id) = Some(Box::new(n)) };
            ids.push(id);
        }
        for (n, &id) in (0..).zip(&ids) {
            // SAFETY: no writer.
            assert_eq!(**unsafe { arena.get(id) }.as_ref().unwrap(), n);
        }
        arena.put_back(&mut pool);
        assert_eq!(arena.in_use(), 20_000);
    }
    /// A slot of 128 bytes that owns memory, so that chunks are large and a value dropped twice or never shows.
    struct Fat(Option<Box<u32>>, #[expect(dead_code, reason = "makes it fat")] [u64; 15]);

    impl Slot for Fat {
        const VACANT: Self = Self(None, [7; 15]);
    }

    #[test]
    fn blocks_that_nobody_wants_go_back_to_the_system_and_come_again() {
        const SLOTS: u32 = 100_000;
        let account = Account::new(Budget::unlimited());
        let mut arena = Arena::<Fat>::new(&account);
        let mut ids = Vec::new();
        while ids.len() < SLOTS as usize {
            arena.take(SLOTS - u32::try_from(ids.len()).unwrap(), &mut ids);
        }
        for &id in &ids {
            // SAFETY: fresh from `take`.
            *unsafe { arena.get_mut(id) } = Fat(Some(Box::new(id)), [0; 15]);
        }
        assert_eq!(account.held(), u64::from(SLOTS) * 128);
        let (kept, mut given): (Vec<u32>, Vec<u32>) = ids.iter().partition(|&&id| id % 50_000 == 0);
        for &id in &given {
            // SAFETY: used by this thread only.
            unsafe { arena.get_mut(id) }.vacate();
        }
        arena.put_back(&mut given);
        assert_eq!(arena.trim(u64::from(BLOCK) * 128 - 1), 0, "less than a block is not given back");
        let given_back = arena.trim(u64::MAX);
        if cfg!(target_os = "linux") {
            // Of the six blocks that were touched, the first is in small chunks, one has slot 50,000, and the last one has an end never used.
            assert_eq!(given_back, 4 * u64::from(BLOCK) * 128);
            assert!(arena.idle_bytes() < 3 * u64::from(BLOCK) * 128);
        }
        assert_eq!((arena.in_use(), account.held()), (2, 256));
        let mut shown = 0;
        arena.for_each(|_, fat| shown += u32::from(fat.0.is_some()));
        assert_eq!(shown, 2);
        let mut again = Vec::new();
        while again.len() < (SLOTS - 2) as usize {
            arena.take(1000, &mut again);
        }
        again.extend(&kept);
        again.sort_unstable();
        again.dedup();
        assert!(again.len() >= SLOTS as usize, "every number is given once");
        for &id in &again {
            // SAFETY: used by this thread only.
            let slot = unsafe { arena.get_mut(id) };
            match &slot.0 {
                Some(value) => assert_eq!(**value, id),
                None => slot.0 = Some(Box::new(id)),
            }
        }
    }
}
