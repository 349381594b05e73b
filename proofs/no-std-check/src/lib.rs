//! Builds only if `treering-proofs`, with all its forms of a proof, does without `std`.
//!
//! Like `std` itself this defines the panic handler and, for a static library, the allocator. If any crate
//! below brings `std` in, there are two panic handlers, and the build stops with `found duplicate lang item
//! 'panic_impl'`. In the folder of this crate:
//!
//! ```text
//! cargo build --release                    must succeed
//! cargo build --release --features std     must fail
//! ```
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};

use treering_proofs::{Hash, HashFunction, MultiStoreProof, Proof, from_ics23, to_ics23};

const HEAP_LEN: usize = 1 << 20;

/// Memory that is handed out once and never again: enough for a check that is only built.
#[repr(align(16))]
struct Heap(core::cell::UnsafeCell<[u8; HEAP_LEN]>);

// SAFETY: parts of the heap are handed out without overlap, by an atomic counter.
unsafe impl Sync for Heap {}

static HEAP: Heap = Heap(core::cell::UnsafeCell::new([0; HEAP_LEN]));
static USED: AtomicUsize = AtomicUsize::new(0);

struct Bump;

// SAFETY: every allocation gets bytes of its own, aligned as asked up to the heap's own alignment.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let len = layout.size().next_multiple_of(16);
        let start = USED.fetch_add(len, Ordering::Relaxed);
        if layout.align() > 16 || start + len > HEAP_LEN {
            return core::ptr::null_mut();
        }
        HEAP.0.get().cast::<u8>().wrapping_add(start)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Uses each form, so that all of it is compiled and linked.
pub fn verify(root: &Hash, key: &[u8], bytes: &[u8]) -> bool {
    let own = Proof::from_bytes(bytes).ok();
    let Some(proof) = own.or_else(|| from_ics23(bytes).ok()) else {
        return false;
    };
    let two_steps = MultiStoreProof::from_bytes(bytes);
    to_ics23(HashFunction::Sha256, &proof).is_ok()
        && proof.verify(HashFunction::Sha256, root, key).is_ok()
        && two_steps.is_ok_and(|proof| proof.verify(HashFunction::Blake3, root, "store", key).is_ok())
}
