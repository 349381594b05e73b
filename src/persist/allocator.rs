//! Memory that is free, but still the process's.
//!
//! What blocks and flushes need for a moment is freed in pieces between what stays, in the heaps of several threads, and glibc's allocator
//! keeps it all. With 2 M keys in a `cache_size` of 64 MiB that came to 70 MiB beside 150 in use.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two givings back. One takes some milliseconds.
const PAUSE: Duration = Duration::from_millis(200);

/// Gives free memory back to the system now and then.
#[derive(Default)]
pub(crate) struct FreeMemory {
    given_back: Mutex<Option<Instant>>,
}

impl FreeMemory {
    /// Gives back what is free, if that was not done just now. Does nothing with other allocators than glibc's.
    pub(crate) fn give_back(&self) {
        // Replaced whole, so a panic elsewhere leaves it whole.
        let mut given_back = self.given_back.lock().unwrap_or_else(PoisonError::into_inner);
        if given_back.is_none_or(|before| before.elapsed() >= PAUSE) {
            trim();
            *given_back = Some(Instant::now());
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no crate has a safe function for it")]
fn trim() {
    // SAFETY: it takes no pointer, may be called by any thread at any time, and changes nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
